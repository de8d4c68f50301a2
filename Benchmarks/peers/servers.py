"""The programs that are compared, each started on a directory of its own and asked in its own words."""
import atexit
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

IDLE_SECONDS_MAX = 20
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A running program; `lines` and `http` are its ports on loopback."""

    def __init__(self, name, command, directory, lines, http):
        self.name, self.lines, self.http = name, lines, http
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        self.directory = directory
        self.log = open(os.path.join(directory, "..", f"{name}.log"), "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        atexit.register(self.process.kill)
        self.connection = None
        for _ in range(600):
            time.sleep(0.05)
            if self.process.poll() is not None:
                sys.exit(f"{name} did not start; see {self.log.name}")
            try:
                if self.is_ready():
                    return
            except OSError:
                pass
        sys.exit(f"{name} does not become ready")

    def get(self, path):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=600).read()

    def post(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method="POST")
        return urllib.request.urlopen(request, timeout=600).read()

    def metric(self, pattern):
        """The sum of a metric over its labels."""
        found = re.findall(rf"^{pattern} (\S+)$", self.get("/metrics").decode(), re.M)
        return sum(float(value) for value in found)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) * 1024

    def stored_bytes(self):
        """What the stored points take; not Varve's queue, which is kept for an hour to be rewound."""
        return sum(
            os.lstat(os.path.join(folder, name)).st_blocks * 512
            for folder, _, names in os.walk(self.directory)
            for name in names
            if not folder.startswith(os.path.join(self.directory, "queue"))
        )

    def ask(self, path):
        """One request over a connection that stays open; the whole answer, in chunks if it came so."""
        if self.connection and time.monotonic() - self.asked_at > IDLE_SECONDS_MAX:
            # VictoriaMetrics hangs up on a connection that was idle for a minute.
            self.connection.close()
            self.connection = None
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.http))
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked_at = time.monotonic()
        self.connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: identity\r\n\r\n".encode()
        )
        answer = bytearray()
        while b"\r\n\r\n" not in answer:
            answer += self.receive()
        head, _, rest = bytes(answer).partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            sys.exit(f"{self.name}: {path}\n{bytes(answer)[:600]}")
        body = bytearray(rest)
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        self.is_chunked = not length
        if length:
            while len(body) < int(length[1]):
                body += self.receive()
            return bytes(body)
        while not body.endswith(b"0\r\n\r\n"):
            body += self.receive()
        return bytes(body)

    def text(self, path):
        """The same answer, put together."""
        body = self.ask(path)
        if not self.is_chunked:
            return body
        whole, at = bytearray(), 0
        while size := int(body[at:(end := body.index(b"\r\n", at))], 16):
            whole += body[end + 2:end + 2 + size]
            at = end + 2 + size + 2
        return bytes(whole)

    def receive(self):
        piece = self.connection.recv(1 << 20)
        if not piece:
            sys.exit(f"{self.name} closed the connection")
        return piece

    def stop(self):
        if self.connection:
            self.connection.close()
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Varve(Server):
    mode = "ack"

    def __init__(self, binary, directory, port):
        super().__init__(
            "varve",
            [binary, "serve", "--data", directory, "--line-tcp", f"127.0.0.1:{port}",
             "--http", f"127.0.0.1:{port + 1}"],
            directory, port, port + 1,
        )

    def is_ready(self):
        return bool(self.get("/-/ready"))

    def received(self):
        """Points that an answer would show."""
        return self.metric(r"varve_applied_points_total\{[^}]*\}")

    def settle(self):
        self.post("/api/v1/admin/flush")

    @staticmethod
    def path(measurement, field, start, end, step="", agg="", tags=(), **more):
        items = [("measurement", measurement), ("field", field), ("start", start), ("end", end)]
        items += [("step", step)] if step else []
        items += [("agg", agg)] if agg else []
        items += [(f"tag.{key}", value) for key, value in tags] + list(more.items())
        return "/api/v1/range?" + urllib.parse.urlencode(items)


class VictoriaMetrics(Server):
    mode = "plain"

    def __init__(self, binary, directory, port):
        super().__init__(
            "victoria-metrics",
            [binary, f"-storageDataPath={directory}", f"-influxListenAddr=127.0.0.1:{port}",
             f"-httpListenAddr=127.0.0.1:{port + 1}", "-retentionPeriod=10y",
             "-search.latencyOffset=0s", "-search.maxUniqueTimeseries=10000000",
             "-search.maxSamplesPerQuery=2000000000", "-search.maxPointsPerTimeseries=1000000",
             "-influx.maxLineSize=4194304"],
            directory, port, port + 1,
        )

    def is_ready(self):
        return self.get("/health") == b"OK"

    def received(self):
        return self.metric(r'vm_rows_inserted_total\{type="influx"\}')

    def settle(self):
        self.get("/internal/force_flush")

    @staticmethod
    def path(expression, start, end, step):
        items = [("query", expression), ("start", start), ("end", end), ("step", step), ("nocache", 1)]
        return "/api/v1/query_range?" + urllib.parse.urlencode(items)

    @staticmethod
    def instant(expression, at):
        return "/api/v1/query?" + urllib.parse.urlencode(
            [("query", expression), ("time", at), ("nocache", 1)])

    @staticmethod
    def export(matcher, start, end):
        return "/api/v1/export?" + urllib.parse.urlencode(
            [("match[]", matcher), ("start", start), ("end", end)])
