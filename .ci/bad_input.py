"""Bad input against the real binary: each case gets a clear verdict or error, its neighbours are
stored, nothing acknowledged is lost and the server lives on."""
import json, os, random, signal, socket, time, urllib.error, urllib.request

SECOND = 10**9


class Client:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.lines))
        self.socket.settimeout(60)
        self.reader = self.socket.makefile("rb")
        self.count = 0

    def send(self, data):
        """Sends lines and an #ack; the verdicts, and what the acknowledgement says."""
        self.count += 1
        name = b"n%d" % self.count
        self.socket.sendall(data + b"#ack " + name + b"\n")
        verdicts = []
        while True:
            line = self.reader.readline()
            assert line, f"the server hung up: {verdicts}"
            words = line.split()
            if words[0] in (b"OK", b"FAIL") and words[1] == name:
                return verdicts, words
            verdicts.append(line.decode().rstrip("\n"))


def refused(client, data, *words, column=None, accepted=0, rejected=1):
    """Expects one verdict that holds all `words` (in any case)."""
    verdicts, answer = client.send(data)
    assert answer[0] == b"OK", answer
    assert answer[2:] == [b"%d" % accepted, b"%d" % rejected], (data[:80], answer, verdicts)
    assert len(verdicts) == rejected, (data[:80], verdicts)
    text = " ".join(verdicts).lower()
    for word in words:
        assert word.lower() in text, (word, verdicts)
    if column is not None:
        assert verdicts[0].split()[2] == str(column), (column, verdicts)
    assert len(text) < 600 * rejected, "a verdict is short"


def status(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.http}{path}", timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def lines(server, base):
    client = Client(server)
    assert client.send(b"") == ([], [b"OK", b"n1", b"0", b"0"])
    good = b"bad,host=a ok=1i %d\n" % (base * SECOND)
    refused(client, good + b"bad,host=a\n" + b"bad,host=a ok=2i %d\n" % ((base + 1) * SECOND),
            "expected", accepted=2)
    refused(client, b"bad,host=a ok=x %d\n" % base, column=15)
    refused(client, b"bad,host=a,host=b ok=1i\n", "host")
    refused(client, b"bad,host= ok=1i\n")
    refused(client, b",host=a ok=1i\n", column=1)
    refused(client, b"bad,host=a ok=1i notatime\n")
    refused(client, b"bad,host=a s=\"open %d\n" % base, "string")
    # A type never changes silently: both are named.
    refused(client, b"bad,host=a ok=1.5 %d\n" % base, "float", "integer")
    refused(client, b"bad,host=a ok=\"text\" %d\n" % base, "string", "integer")
    for value in (b"NaN", b"nan", b"inf", b"-inf", b"+Inf", b"1e999"):
        refused(client, b"bad,host=a f=%s %d\n" % (value, base))
    refused(client, b"bad,host=a f=1 -1\n", "1970")
    ahead = (int(time.time()) + 660) * SECOND
    refused(client, b"bad,host=a f=1 %d\n" % ahead, "ahead")
    soon = (int(time.time()) + 540) * SECOND
    assert client.send(b"soon f=1 %d\n" % soon)[1][2] == b"1"
    refused(client, b"bad,host=a f=1 99999999999999999999999\n")
    # Beyond the limits: one line of 1 MiB and more, one of 100,000 fields.
    refused(client, b"bad,host=a s=\"" + b"x" * (1 << 20) + b"\"\n" + good, "bytes", accepted=1)
    refused(client, b"bad,host=a " + b",".join(b"f%d=1" % n for n in range(100_000)) + b" %d\n" % base,
            "fields")
    # Each fits a row, together they do not: one timestamp, one series, 99,000 fields.
    wide = [b"wide " + b",".join(b"%s%d=1" % (name, n) for n in range(count)) + b" %d\n" % base
            for name, count in ((b"f", 60_000), (b"g", 39_000))]
    assert client.send(b"".join(wide) + b"wide f0=2,g0=3 %d\n" % base)[1][2:] == [b"3", b"0"]
    # Words for us that make no sense.
    client.socket.sendall(b"#ack bad id!\n#precision fortnight\n")
    assert client.reader.readline().startswith(b"FAIL - #ack")
    assert client.reader.readline().startswith(b"FAIL - #precision")
    assert client.send(b"")[0] == []
    return client


def strangers(server):
    """Other protocols and noise: hung up on or refused, and never acknowledged."""
    with socket.create_connection(("127.0.0.1", server.lines)) as web:
        web.sendall(b"GET /metrics HTTP/1.1\r\nHost: varve\r\n\r\n")
        web.settimeout(10)
        assert web.recv(100) == b"", "an HTTP request on the line port is hung up on"
    noise = random.Random(1)
    for size in (1, 100, 65_536, 3 << 20):
        with socket.create_connection(("127.0.0.1", server.lines)) as stranger:
            try:
                stranger.sendall(noise.randbytes(size))
                stranger.shutdown(socket.SHUT_WR)
                stranger.settimeout(10)
                assert stranger.recv(1 << 16) == b"", "nobody asked for an answer"
            except ConnectionError:
                pass


def vanishing(server, base):
    """Clients that leave in a line, with and without a goodbye."""
    cut = socket.create_connection(("127.0.0.1", server.lines))
    cut.sendall(b"gone,host=a f=12")
    cut.shutdown(socket.SHUT_WR)
    cut.settimeout(10)
    assert cut.recv(100) == b""
    reset = socket.create_connection(("127.0.0.1", server.lines))
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    reset.sendall(b"gone,host=b f=1 %d\ngone,host=c f=34" % (base * SECOND))
    reset.close()
    deaf = socket.create_connection(("127.0.0.1", server.lines))
    deaf.setblocking(False)
    try:
        # Never reads a verdict: the server stops reading it and keeps no more than a few.
        deaf.sendall(b"#ack one\n")
        for _ in range(2_000):
            deaf.sendall(b"nonsense\n" * 1_000)
    except BlockingIOError:
        pass
    return deaf


def stalling(server):
    """A client that is silent inside a line for 30 s."""
    client = Client(server)
    client.send(b"")
    client.socket.sendall(b"stalled f=1")
    begin = time.monotonic()
    rest = client.reader.read()
    assert 25 < time.monotonic() - begin < 40
    assert rest.startswith(b"ERR 2 "), rest


def queries(server, base):
    cases = [
        (f"/api/v1/range?measurement=bad&start={base + 10}&end={base}", 400, "start"),
        ("/api/v1/range?measurement=bad&colour=red", 400, "colour"),
        ("/api/v1/range?measurement=bad&start=yesterday", 400, "start"),
        ("/api/v1/range?measurement=bad&start=0&end=now&step=1s", 400, "buckets"),
        ("/api/v1/range?measurement=bad&start=-1h&step=0s", 400, "step"),
        ("/api/v1/range?measurement=bad&start=-1h&agg=avg", 400, "agg"),
        ("/api/v1/range?measurement=bad&field=%FF&start=-1h", None, ""),
        ("/api/v1/range", 400, "measurement"),
        ("/nowhere", 404, "no such path"),
        ("/api/v1/admin/flush", 405, "POST"),
    ]
    for path, code, word in cases:
        found, body = status(server, path)
        assert found == code or code is None and found in (200, 400), (path, found, body)
        if code is not None:
            message = json.loads(body)
            assert message["status"] == "error" and word in message["error"], (path, message)
    found, body = status(server, "/api/v1/range?measurement=nobody&start=-1h")
    assert found == 200 and json.loads(body)["data"]["series"] == []


def check(server, base):
    def values(query):
        return json.loads(server.get("/api/v1/range?" + query))["data"]["series"]

    times = f"start={base - 10}&end={base + 10}"
    bad = values(f"measurement=bad&field=*&{times}")
    assert [(series["field"], series["values"]) for series in bad] == [("ok", [1, 2])], bad
    for name, value in (("f0", 2), ("g0", 3), ("f59999", 1), ("g38999", 1)):
        found = values(f"measurement=wide&field={name}&{times}")
        assert found[0]["values"] == [value], (name, found)
        counts = values(f"measurement=wide&field={name}&{times}&step=60s&agg=count")
        assert sum(counts[0]["count"]) == 1, counts
    gone = values(f"measurement=gone&field=f&{times}")
    assert [series["tags"] for series in gone] == [{"host": "b"}], gone
    ledger = json.loads(server.get("/api/v1/ledger"))
    assert ledger["data"]["balanced"] is True, ledger


def run(server, slow=False):
    base = int(time.time()) - 600
    client = lines(server, base)
    strangers(server)
    deaf = vanishing(server, base)
    if slow:
        stalling(server)
    queries(server, base)
    deadline = time.monotonic() + 10
    while not json.loads(server.get(f"/api/v1/range?measurement=gone&start={base}&end={base + 1}"
                                    ))["data"]["series"]:
        assert time.monotonic() < deadline, "a whole line of a client that vanished is stored"
        time.sleep(0.05)
    check(server, base)
    assert server.post("/api/v1/admin/flush") == 204
    check(server, base)
    assert client.send(b"alive f=1\n")[1][2:] == [b"1", b"0"]
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.start()
    check(server, base)
    deaf.close()
