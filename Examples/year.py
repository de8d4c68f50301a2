#!/usr/bin/env python3
"""Writes a year of a small fleet as line protocol: a row a minute of each server, five metrics.

    Examples/year.py --servers 10 > year.lp
    varve import year.lp --data /tmp/year
    varve serve --data /tmp/year --retention-rollup-minute 400d --retention-rollup-hour 3y

The same arguments give the same rows.
"""
import argparse
import datetime
import random
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=10)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--end", default="2026-11-26", help="the first day without rows, UTC")
    arguments = parser.parse_args()
    end = datetime.datetime.fromisoformat(arguments.end).replace(tzinfo=datetime.timezone.utc)
    last = int(end.timestamp())
    values = random.Random(1)
    state = [[50.0, 1_000, 20.0] for _ in range(arguments.servers)]
    for time in range(last - arguments.days * 86_400, last, 60):
        lines = []
        for server, (cpu, requests, temperature) in enumerate(state):
            cpu = min(100, max(0, cpu + values.uniform(-2, 2)))
            requests += values.randint(0, 50)
            temperature += values.uniform(-0.1, 0.1)
            state[server] = [cpu, requests, temperature]
            lines.append(
                f"node,server=srv-{server:02d} cpu={cpu:.1f},requests={requests}i,"
                f"temperature={temperature:.2f},latency={values.randint(200, 400)}i,up=true {time}\n"
            )
        sys.stdout.write("".join(lines))


if __name__ == "__main__":
    main()
