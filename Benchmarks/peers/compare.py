#!/usr/bin/env python3
"""Varve and VictoriaMetrics on the same lines, in one run, on this machine.

    Benchmarks/peers/compare.py .build/release/varve [--rounds 5] [--only wide,queries] [--scale 1]

Senders and servers share the machine. Lines are rendered beforehand; senders are given as many
processes as there are cores. A rate is points over the time from the first byte to the moment at
which the server has all of them (for Varve: acknowledged after fdatasync, and applied). Medians over
the rounds; CPU is the server's alone. Answers are compared before they are timed.
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

import workloads
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


def timed(server, paths, options):
    """Milliseconds of each request, warm: every path once before."""
    for path in paths:
        answer = server.ask(path)
    spent = []
    begin = time.monotonic()
    while len(spent) < options.requests and (time.monotonic() - begin < 15 or len(spent) < 5):
        path = paths[len(spent) % len(paths)]
        start = time.perf_counter()
        answer = server.ask(path)
        spent.append((time.perf_counter() - start) * 1000)
    spent.sort()
    return statistics.median(spent), spent[min(len(spent) - 1, len(spent) * 99 // 100)], len(answer)


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


def query_rounds(name, servers, paths, options, table):
    for server in servers:
        median, tail, size = timed(server, paths[server.name], options)
        table.append((name, server.name, f"{median:.2f} ms p50", f"{tail:.2f} ms p99",
                      f"{size:,} bytes"))
        print("  ".join(table[-1]), flush=True)


def dashboard_queries(servers, end, options, table):
    """One server over the hot days, by minute."""
    start = end - 2 * 86_400
    fields = [f"metric_{index}" for index in range(20)]
    hosts = [f"server-{index:04d}" for index in range(4)]
    for count, title in ((1, "1 metric, 2 days by minute"), (20, "20 metrics, 2 days by minute")):
        chosen = ",".join(fields[:count])
        names = "|".join(f"host_{field}" for field in fields[:count])
        query_rounds(title, servers, {
            "varve": [
                Varve.path("host", chosen, start, end, "60s", "min,max,avg", [("server", host)])
                for host in hosts],
            "victoria-metrics": [
                VictoriaMetrics.path(
                    'aggr_over_time(("min_over_time","max_over_time","avg_over_time"),'
                    f'{{__name__=~"{names}",server="{host}"}}[1m]) keep_metric_names', start + 60, end, "60s")
                for host in hosts],
        }, options, table)


def tsbs_queries(servers, end, hosts, options, table):
    hour, two = end - 3_600, end - 7_200
    field = "usage_user"
    few = [f"host_{index * 37 % hosts}" for index in range(8)]
    five = ["usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait"]
    names = "|".join(f"cpu_{name}" for name in five)
    query_rounds("TSBS single-groupby-1-1-1", servers, {
        "varve": [Varve.path("cpu", field, hour, end, "60s", "max", [("hostname", host)])
                  for host in few],
        "victoria-metrics": [VictoriaMetrics.path(
            f'max_over_time(cpu_{field}{{hostname="{host}"}}[1m])', hour + 60, end, "60s")
            for host in few],
    }, options, table)
    query_rounds("TSBS single-groupby-5-8-1", servers, {
        "varve": [Varve.path("cpu", ",".join(five), hour, end, "60s", "max",
                             [("hostname", host) for host in few], group_by="none")],
        "victoria-metrics": [VictoriaMetrics.path(
            f'max(max_over_time({{__name__=~"{names}",hostname=~"{"|".join(few)}"}}[1m]) keep_metric_names) '
            'by (__name__)', hour + 60, end, "60s")],
    }, options, table)
    query_rounds("TSBS double-groupby-1", servers, {
        "varve": [Varve.path("cpu", field, two, end, "1h", "avg", group_by="hostname")],
        "victoria-metrics": [VictoriaMetrics.path(
            f"avg(avg_over_time(cpu_{field}[1h])) by (hostname)", two + 3_600, end, "1h")],
    }, options, table)
    query_rounds("TSBS lastpoint", servers, {
        "varve": [Varve.path("cpu", "*", two, end, newest=1)],
        "victoria-metrics": [VictoriaMetrics.instant(
            'last_over_time({__name__=~"cpu_.*"}[2h]) keep_metric_names', end)],
    }, options, table)
    query_rounds("TSBS high-cpu-all", servers, {
        "varve": [Varve.path("cpu", "*", hour, end, where="usage_user>90")],
        "victoria-metrics": [VictoriaMetrics.export(
            '{__name__=~"cpu_.*"}', hour, end)],
    }, options, table)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("varve")
    parser.add_argument("--victoria", default=shutil.which("victoria-metrics") or "victoria-metrics")
    parser.add_argument("--peers", default="varve,victoria-metrics", type=lambda text: text.split(","))
    parser.add_argument("--only", default="wide,tsbs,narrow,queries", type=lambda text: text.split(","))
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

    try:
        if "wide" in options.only:
            work = workloads.wide(directory, 100, 2_000, scaled(300), senders, stamp, options.seed)
            ingest_rounds("wide, 100 x 2,000", work, options, directory, table)
            shutil.rmtree(directory)
            os.makedirs(directory)
        if "tsbs" in options.only:
            work = workloads.tsbs(directory, 4_000, scaled(720), senders, stamp, options.seed)
            ingest_rounds("TSBS cpu-only", work, options, directory, table)
            shutil.rmtree(directory)
            os.makedirs(directory)
        if "narrow" in options.only:
            work = workloads.narrow(directory, 50_000, scaled(100), senders, stamp, options.seed)
            ingest_rounds("one field, 50,000 series", work, options, directory, table)
            shutil.rmtree(directory)
            os.makedirs(directory)
        if "queries" in options.only:
            history = workloads.history(
                directory, 4, 20, scaled(172_800), senders, stamp, options.seed)
            tsbs = workloads.tsbs(directory, 4_000, scaled(720), senders, stamp, options.seed)
            servers = [start(kind, options, directory) for kind in options.peers]
            for server in servers:
                ingest(server, history)
                ingest(server, tsbs)
                server.settle()
            rest(servers)
            dashboard_queries(servers, end, options, table)
            tsbs_queries(servers, end, 4_000, options, table)
            for server in servers:
                server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(table, file, indent=1)


main()
