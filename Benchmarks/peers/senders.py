"""Sends rendered lines over TCP as fast as the server takes them.

    python3 senders.py PORT ack|plain FILE

`ack` ends every piece with `#ack` and keeps at most `WINDOW` of them open, as an agent would.
"""
import socket
import sys

PIECE = 1 << 20
WINDOW = 8


def pieces(path):
    """The file in pieces of whole lines."""
    with open(path, "rb") as file:
        rest = b""
        while block := file.read(PIECE):
            end = block.rfind(b"\n") + 1
            yield rest + block[:end]
            rest = block[end:]
        if rest:
            yield rest


def main():
    port, mode, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    connection = socket.create_connection(("127.0.0.1", port))
    replies = connection.makefile("rb")
    opened = settled = rejected = 0

    def settle():
        nonlocal settled, rejected
        line = replies.readline()
        if not line.startswith(b"OK "):
            sys.exit(f"unexpected reply {line!r}")
        settled += 1
        rejected += int(line.split()[3])

    for piece in pieces(path):
        connection.sendall(piece)
        if mode == "ack":
            connection.sendall(b"#ack %d\n" % opened)
            opened += 1
            if opened - settled > WINDOW:
                settle()
    while settled < opened:
        settle()
    if rejected:
        sys.exit(f"{rejected} lines were rejected")
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(60)
    while connection.recv(65_536):
        pass


main()
