#!/usr/bin/env python3
"""Reads an export with every reader of Parquet that is installed and compares with what the server answers.

    pip install pyarrow duckdb pandas polars chdb pyspark     # pyspark needs Java 17
    python3 Tests/ParquetReaders/read_exports.py --varve .build/release/varve --data DIR

Exports the data directory DIR into a folder of its own, serves DIR on --port (and the next one), and asks `varve query`
for count, sum, min and max of every numeric field. Each reader must say the same of the files, unchanged, from the
folder of the measurement. Exit status: 0 all agree, 1 one does not, 2 no reader is installed. Readers that are not
installed are named and left out, so this is no part of `swift test`.
"""
import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request


def unescape(text):
    return urllib.parse.unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def columns_of(path):
    """[(column, field, type)] as the notes of a file have them."""
    import pyarrow.parquet

    schema = pyarrow.parquet.ParquetFile(path).schema_arrow
    lines = schema.metadata[b"varve.columns"].decode().split("\n")
    result = []
    for name, line in zip(schema.names, lines):
        words = line.split(" ")
        if words[0] == "field" and words[1] in ("float", "integer", "unsigned"):
            result.append((name, unescape(words[2]), words[1]))
    return unescape(schema.metadata[b"varve.measurement"].decode()), result


# Each reader: (folder, columns) -> (rows, {column: (count, sum, min, max)})


def with_pyarrow(folder, columns):
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    table = ds.dataset(folder, partitioning="hive").to_table()
    result = {}
    for name in columns:
        values = table[name]
        bounds = pc.min_max(values)
        total = math.fsum(values.drop_null().to_pylist())
        result[name] = (pc.count(values).as_py(), total, bounds["min"].as_py(), bounds["max"].as_py())
    return table.num_rows, result


def sql(columns, quote):
    parts = ["count(*)"]
    for name in columns:
        q = quote + name.replace(quote, quote * 2) + quote
        parts += [f"count({q})", f"sum({q})", f"min({q})", f"max({q})"]
    return ", ".join(parts)


def from_row(row, columns):
    return row[0], {name: tuple(row[1 + 4 * i : 5 + 4 * i]) for i, name in enumerate(columns)}


def with_duckdb(folder, columns):
    import duckdb

    rows = duckdb.sql(
        f"select {sql(columns, chr(34))} from read_parquet('{folder}/*/*.parquet', hive_partitioning=true)"
    ).fetchall()
    return from_row(rows[0], columns)


def with_pandas(folder, columns):
    import pandas

    frame = pandas.read_parquet(folder)
    return len(frame), {
        name: (int(frame[name].count()), frame[name].sum(), frame[name].min(), frame[name].max()) for name in columns
    }


def with_polars(folder, columns):
    import polars

    frame = polars.scan_parquet(folder + "/*/*.parquet", hive_partitioning=True).collect()
    return frame.height, {
        name: (frame[name].count(), frame[name].sum(), frame[name].min(), frame[name].max()) for name in columns
    }


def with_clickhouse(folder, columns):
    import chdb

    answer = chdb.query(
        f"select {sql(columns, '`')} from file('{folder}/*/*.parquet', Parquet)"
        " settings output_format_json_quote_64bit_integers=0",
        "JSONCompact",
    )
    return from_row(json.loads(str(answer))["data"][0], columns)


def with_spark(folder, columns):
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    frame = spark.read.parquet(folder)
    frame.createOrReplaceTempView("t")
    row = spark.sql(f"select {sql(columns, '`')} from t").collect()[0]
    return from_row(list(row), columns)


READERS = [
    ("pyarrow", "pyarrow", with_pyarrow),
    ("DuckDB", "duckdb", with_duckdb),
    ("pandas", "pandas", with_pandas),
    ("Polars", "polars", with_polars),
    ("ClickHouse", "chdb", with_clickhouse),
    ("Spark", "pyspark", with_spark),
]


def asked(varve, url, measurement, field):
    """Count, sum, min and max over all series, as the server answers."""

    def quoted(name):
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

    expression = f"{quoted(measurement)}:{quoted(field)}"
    command = [varve, "query", expression, "--url", url, "--start", "0", "--end", "now"]
    command += ["--step", "36500d", "--agg", "count,sum,min,max", "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    count, total, low, high = 0, 0.0, None, None
    for series in answer["data"]["series"]:
        for n, s, a, b in zip(series["count"], series["sum"], series["min"], series["max"]):
            if not n:
                continue
            count += int(n)
            total += float(s)
            low = float(a) if low is None else min(low, float(a))
            high = float(b) if high is None else max(high, float(b))
    return count, total, low, high


def agrees(found, expected):
    if found[0] != expected[0]:
        return False
    if expected[0] == 0:
        return True
    # Sums depend on the order of adding.
    if not math.isclose(float(found[1]), expected[1], rel_tol=1e-9, abs_tol=1e-6):
        return False
    return float(found[2]) == expected[2] and float(found[3]) == expected[3]


def wait_until_ready(url, server):
    for _ in range(300):
        try:
            urllib.request.urlopen(url + "/-/ready", timeout=1)
            return
        except OSError:
            if server.poll() is not None:
                sys.exit("varve serve ended")
            time.sleep(0.2)
    sys.exit("varve serve is not ready")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--varve", default=".build/release/varve")
    parser.add_argument("--data", required=True, help="a data directory that no server uses")
    parser.add_argument("--port", type=int, default=18300)
    parser.add_argument("--columns", type=int, default=40, help="fields of a measurement at most")
    parser.add_argument("--timestamps", default="auto")
    parser.add_argument("--readers", help="names with commas between (default: all that are installed)")
    arguments = parser.parse_args()
    wanted = arguments.readers.lower().split(",") if arguments.readers else None
    readers = [r for r in READERS if importlib.util.find_spec(r[1]) and (not wanted or r[0].lower() in wanted)]
    for name, module, _ in READERS:
        if not importlib.util.find_spec(module):
            print(f"left out: {name} (pip install {module})")
    if not readers or not importlib.util.find_spec("pyarrow"):
        print("expected pyarrow and perhaps others to be installed")
        return 2
    url = f"http://127.0.0.1:{arguments.port}"
    failures = 0
    with tempfile.TemporaryDirectory() as out:
        export = [arguments.varve, "export", "--data", arguments.data, "--format", "parquet", "--out", out]
        subprocess.run(export + ["--timestamps", arguments.timestamps], check=True)
        manifest = json.load(open(os.path.join(out, "_manifest.json")))
        folders = {}
        for day in manifest["days"]:
            for file in day["files"]:
                folder = file["path"].split("/")[0]
                first, rows = folders.get(folder, (file["path"], 0))
                folders[folder] = (first, rows + file["rows"])
        serve = [arguments.varve, "serve", "--data", arguments.data, "--http", f"127.0.0.1:{arguments.port}"]
        serve += ["--line-tcp", f"127.0.0.1:{arguments.port + 1}"]
        server = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(url, server)
            for folder, (first, rows) in folders.items():
                measurement, columns = columns_of(os.path.join(out, first))
                columns = columns[: arguments.columns]
                expected = {c: asked(arguments.varve, url, measurement, field) for c, field, _ in columns}
                for name, _, read in readers:
                    begun = time.time()
                    try:
                        found_rows, found = read(os.path.join(out, folder), [c for c, _, _ in columns])
                    except Exception as error:  # a reader that cannot read is what is looked for
                        failures += 1
                        print(f"FAIL {folder} {name}: {str(error).splitlines()[0][:300]}")
                        continue
                    wrong = [c for c, _, _ in columns if not agrees(found[c], expected[c])]
                    if found_rows != rows or wrong:
                        failures += 1
                        print(f"FAIL {folder} {name}: {found_rows} rows, expected {rows}")
                        for c in wrong[:5]:
                            print(f"     {c}: {found[c]}, expected {expected[c]}")
                    else:
                        print(f"ok   {folder} {name}: {rows} rows, {len(columns)} columns, {time.time() - begun:.1f} s")
        finally:
            server.terminate()
            server.wait()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
