"""DuckDB and ClickHouse (chdb) inside this process, for the questions that scan: no HTTP between, and
the answer stays in their own columns. Both use all cores. They are loaded from the lines of TSBS."""
import json
import os
import shutil

from workloads import TSBS_FIELDS

LABELS = ("hostname", "time", "hour")


def table_of(workload, path):
    """Writes the lines of TSBS as CSV: host, nanoseconds, ten integers."""
    with open(path, "w", buffering=1 << 20) as table:
        for file in workload.files:
            with open(file) as lines:
                for line in lines:
                    tags, fields, stamp = line.split(" ")
                    host = tags.split(",", 2)[1][len("hostname="):]
                    values = ",".join(
                        item[item.index("=") + 1:-1] for item in fields.split(","))
                    table.write(f"{host},{stamp[:-1]},{values}\n")
    return path


class DuckDB:
    """A table in memory."""

    name = "duckdb"

    def __init__(self, path, directory):
        import duckdb
        self.connection = duckdb.connect()
        columns = ", ".join(f"{field} BIGINT" for field in TSBS_FIELDS)
        self.connection.execute(f"CREATE TABLE cpu (hostname VARCHAR, time BIGINT, {columns})")
        self.connection.execute(f"COPY cpu FROM '{path}' (HEADER false)")

    def ask(self, query):
        return self.connection.execute(query).fetchnumpy()

    def values(self, query):
        for name, column in self.ask(query).items():
            if name not in LABELS:
                yield from (float(value) for value in column)

    def stop(self):
        self.connection.close()


class ClickHouse:
    """A MergeTree by host and time."""

    name = "clickhouse"

    def __init__(self, path, directory):
        from chdb import session
        self.directory = os.path.join(directory, "clickhouse")
        self.session = session.Session(self.directory)
        columns = ", ".join(f"{field} Int64" for field in TSBS_FIELDS)
        self.session.query(
            f"CREATE TABLE cpu (hostname LowCardinality(String), time Int64, {columns}) "
            "ENGINE = MergeTree ORDER BY (hostname, time)")
        self.session.query(f"INSERT INTO cpu SELECT * FROM file('{path}', 'CSV')")
        self.session.query("OPTIMIZE TABLE cpu FINAL")

    def ask(self, query):
        return self.session.query(query, "RowBinary").bytes()

    def values(self, query):
        rows = self.session.query(query, "JSONCompactColumns").bytes()
        names = self.session.query(f"DESCRIBE ({query})", "CSV").bytes().decode().splitlines()
        for name, column in zip(names, json.loads(rows)):
            if name.split(",")[0].strip('"') not in LABELS:
                yield from (float(value) for value in column)

    def stop(self):
        self.session.close()
        shutil.rmtree(self.directory, ignore_errors=True)
