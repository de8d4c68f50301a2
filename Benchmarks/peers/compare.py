#!/usr/bin/env python3
"""Varve and VictoriaMetrics on the same lines, in one run, on this machine; for the questions that
scan, DuckDB and ClickHouse too.

    Benchmarks/peers/compare.py .build/release/varve [--rounds 5] [--only wide,queries] [--scale 1]

Senders and servers share the machine. Lines are rendered beforehand; senders are given as many
processes as there are cores. A rate is points over the time from the first byte to the moment at
which the server has all of them (for Varve: acknowledged after fdatasync, and applied). Medians over
the rounds; CPU is the server's alone. Answers are compared, number by number, before they are timed.
DuckDB and ClickHouse (`pip install duckdb chdb`) answer inside this process, without HTTP.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import answers
import questions
import workloads
from databases import ClickHouse, DuckDB, table_of
from servers import Varve, VictoriaMetrics

HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = {"varve": 18_700, "victoria-metrics": 18_710}


def start(kind, options, directory):
    path = os.path.join(directory, kind)
    if kind == "varve":
        return Varve(options.varve, path, PORTS[kind])
    return VictoriaMetrics(options.victoria, path, PORTS[kind])


def ingest(server, workload):
    """Sends the workload; seconds and the server's CPU seconds until it has all points."""
    before, cpu = server.received(), server.cpu_seconds()
    begin = time.monotonic()
    senders = [
        subprocess.Popen([
            sys.executable, os.path.join(HERE, "senders.py"), str(server.lines), server.mode, path])
        for path in workload.files
    ]
    if any(sender.wait() for sender in senders):
        sys.exit(f"a sender of {workload.name} to {server.name} failed")
    deadline = time.monotonic() + 600
    while server.received() - before < workload.points:
        if time.monotonic() > deadline:
            sys.exit(f"{server.name} took {server.received() - before:,.0f} of {workload.points:,}")
        time.sleep(0.01)
    return time.monotonic() - begin, server.cpu_seconds() - cpu


def ingest_rounds(name, workload, options, directory, table):
    figures = {kind: [] for kind in PORTS}
    for _ in range(options.rounds):
        for kind in options.peers:
            server = start(kind, options, directory)
            seconds, cpu = ingest(server, workload)
            peak = server.peak_bytes()
            server.settle()
            stored = server.stored_bytes()
            server.stop()
            figures[kind].append((
                workload.points / seconds / 1e6, cpu / workload.points * 1e6, peak / 2**20,
                stored / workload.points))
    for kind in options.peers:
        rate, cpu, peak, stored = (statistics.median(column) for column in zip(*figures[kind]))
        table.append((name, kind, f"{rate:.2f} M points/s", f"{cpu:.3f} CPU s/M",
                      f"{peak:.0f} MiB at most", f"{stored:.2f} B/point on disk"))
        print("  ".join(table[-1]), flush=True)


def timed(server, requests, options):
    """Milliseconds of each request, warm: every one once before."""
    for request in requests:
        answer = server.ask(request)
    spent = []
    begin = time.monotonic()
    while len(spent) < options.requests and (time.monotonic() - begin < 15 or len(spent) < 5):
        request = requests[len(spent) % len(requests)]
        start = time.perf_counter()
        answer = server.ask(request)
        spent.append((time.perf_counter() - start) * 1000)
    spent.sort()
    return statistics.median(spent), spent[min(len(spent) - 1, len(spent) * 99 // 100)], answer


def rest(servers, seconds_max=180):
    """Waits until no server merges any more: less than a twentieth of a core for three seconds."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        before = [server.cpu_seconds() for server in servers]
        time.sleep(3)
        spent = [server.cpu_seconds() - was for server, was in zip(servers, before)]
        if max(spent) < 0.15:
            return
    print(f"after {seconds_max} s a server still works: read the queries' times with that in mind")


def ask(question, servers, options, table):
    """Compares the answers, then times them."""
    first = None
    for server in servers:
        if server.name not in question.requests:
            continue
        values = list(question.values(server))
        if first is None:
            first = values
        elif wrong := answers.difference(first, values):
            sys.exit(f"{question.title}: {server.name} answers differently: {wrong}")
        median, tail, answer = timed(server, question.requests[server.name], options)
        size = f"{len(answer):,} bytes" if isinstance(answer, bytes) else "columns in memory"
        table.append((question.title, server.name, f"{median:.2f} ms p50", f"{tail:.2f} ms p99",
                      f"{len(values):,} values", size))
        print("  ".join(table[-1]), flush=True)


def beside_ingest(servers, end, options, table):
    """Varve's dashboard while rows of 2,000 fields come in at about half the rate it can take."""
    for server in servers:
        if server.name != "varve":
            continue
        load = subprocess.Popen(
            [options.varve, "load", "--to", f"127.0.0.1:{server.lines}",
             "--http", f"127.0.0.1:{server.http}", "--servers", "100", "--metrics", "2000",
             "--interval", "15ms", "--duration", "40s"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(3)
        for question in questions.dashboard(end):
            median, tail, _ = timed(server, question.requests["varve"], options)
            table.append((f"{question.title}, beside ingest", server.name, f"{median:.2f} ms p50",
                          f"{tail:.2f} ms p99"))
            print("  ".join(table[-1]), flush=True)
        print(load.communicate()[0].strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("varve")
    parser.add_argument("--victoria", default=shutil.which("victoria-metrics") or "victoria-metrics")
    parser.add_argument("--peers", default="varve,victoria-metrics", type=lambda text: text.split(","))
    parser.add_argument("--databases", default="", type=lambda text: text.split(",") if text else [],
                        help="duckdb,clickhouse: asked the questions that scan")
    parser.add_argument(
        "--only", default="wide,tsbs,narrow,arrivals,queries,beside", type=lambda text: text.split(","))
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--requests", default=200, type=int)
    parser.add_argument("--scale", default=1.0, type=float, help="of the amount of data")
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument("--json", help="a file to write the table to as well")
    options = parser.parse_args()
    senders = os.cpu_count() or 1
    directory = tempfile.mkdtemp(prefix="varve-peers-")
    table = []
    end = (int(time.time()) // 7_200) * 7_200
    stamp = end * workloads.SECOND

    def scaled(count):
        return max(1, round(count * options.scale))

    def narrow(ticks):
        return workloads.narrow(directory, 50_000, scaled(ticks), senders, stamp, options.seed)

    ingests = [
        ("wide", "wide, 100 x 2,000", lambda: workloads.wide(
            directory, 100, 2_000, scaled(300), senders, stamp, options.seed)),
        ("tsbs", "TSBS cpu-only", lambda: workloads.tsbs(
            directory, 4_000, scaled(720), senders, stamp, options.seed)),
        ("narrow", "one field, 50,000 series of 400 points", lambda: narrow(400)),
        ("arrivals", "one field, 50,000 new series of 100 points", lambda: narrow(100)),
    ]
    try:
        for kind, name, render in ingests:
            if kind in options.only:
                ingest_rounds(name, render(), options, directory, table)
                shutil.rmtree(directory)
                os.makedirs(directory)
        if {"queries", "beside"} & set(options.only):
            history = workloads.history(
                directory, 4, 20, scaled(172_800), senders, stamp, options.seed)
            tsbs = workloads.tsbs(directory, 4_000, scaled(720), senders, stamp, options.seed)
            servers = [start(kind, options, directory) for kind in options.peers]
            for server in servers:
                ingest(server, history)
                ingest(server, tsbs)
                server.settle()
            rest(servers)
            if options.databases:
                rows = table_of(tsbs, os.path.join(directory, "tsbs.csv"))
                servers += [
                    {"duckdb": DuckDB, "clickhouse": ClickHouse}[kind](rows, directory)
                    for kind in options.databases]
            if "queries" in options.only:
                for question in questions.dashboard(end) + questions.tsbs(end, 4_000):
                    ask(question, servers, options, table)
            if "beside" in options.only:
                beside_ingest(servers, end, options, table)
            for server in servers:
                server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(table, file, indent=1)


main()
