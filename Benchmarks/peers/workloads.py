"""The lines that the comparison sends, rendered beforehand so that senders cost next to nothing.

Every workload is a list of files, one a sender, and what a reader needs to know of them. Values come
from a seeded generator: two runs with the same seed send the same bytes.
"""
import os
import random

SECOND = 1_000_000_000
TSBS_FIELDS = [
    "usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait",
    "usage_irq", "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice",
]


class Workload:
    """Rendered lines: `files`, one a sender; `rows` and `points` in all of them together."""

    def __init__(self, name, directory, senders):
        self.name = name
        self.files = [os.path.join(directory, f"{name}-{index}.lines") for index in range(senders)]
        self.rows = 0
        self.points = 0
        self.bytes = 0

    def render(self, rows_of_sender):
        """Writes one file a sender; `rows_of_sender(index)` yields (bytes, rows, points)."""
        for index, path in enumerate(self.files):
            with open(path, "wb", buffering=1 << 20) as file:
                for lines, rows, points in rows_of_sender(index):
                    file.write(lines)
                    self.rows += rows
                    self.points += points
                    self.bytes += len(lines)
        return self


def gauges(random_source, count):
    """`count` spellings of a host metric's values: percentages, one-decimal gauges, counters."""
    kind = random_source.random()
    if kind < 0.3:
        return [b"%d" % random_source.randint(0, 100) for _ in range(count)]
    if kind < 0.7:
        level = random_source.uniform(1, 500)
        return [b"%.1f" % (level + random_source.gauss(0, level / 20)) for _ in range(count)]
    if kind < 0.9:
        start, step = random_source.randint(0, 10**9), random_source.randint(1, 5_000)
        return [b"%d" % (start + index * step) for index in range(count)]
    return [b"%.2f" % random_source.uniform(0, 100) for _ in range(count)]


def wide(directory, servers, fields, ticks, senders, end, seed):
    """`servers` hosts with `fields` float fields each, one row a second and host."""
    source = random.Random(seed)
    spellings = []
    for field in range(fields):
        values = gauges(source, 32)
        spellings.append([b"metric_%d=%s" % (field, value) for value in values])
    rows = [b",".join(column[tick % 32] for column in spellings) for tick in range(32)]
    start = end - ticks * SECOND

    def rows_of_sender(index):
        for tick in range(ticks):
            for server in range(index, servers, senders):
                row = rows[(tick + server * 7) % 32]
                line = b"node,server=server-%04d %s %d\n" % (server, row, start + tick * SECOND)
                yield line, 1, fields

    return Workload("wide", directory, senders).render(rows_of_sender)


def tsbs_tags(source, host):
    """The ten tags of a host of the cpu-only use case."""
    region = source.choice(["us-east-1", "us-west-1", "eu-west-1", "eu-central-1", "ap-southeast-1"])
    return (
        f"hostname=host_{host},region={region},datacenter={region}{source.choice('abc')},"
        f"rack={source.randint(0, 99)},os={source.choice(['Ubuntu16.10', 'Ubuntu15.10'])},"
        f"arch={source.choice(['x64', 'x86'])},team={source.choice(['SF', 'NYC', 'LON', 'CHI'])},"
        f"service={source.randint(0, 19)},service_version={source.randint(0, 1)},"
        f"service_environment={source.choice(['test', 'staging', 'production'])}"
    ).encode()


def tsbs(directory, hosts, ticks, senders, end, seed, interval=10):
    """The shape of TSBS' cpu-only use case: ten integer fields that walk between 0 and 100."""
    source = random.Random(seed)
    tags = [tsbs_tags(source, host) for host in range(hosts)]
    walks = []
    for _ in range(257):
        value, walk = source.randint(0, 100), []
        for _ in range(ticks):
            value = min(100, max(0, value + round(source.gauss(0, 1))))
            walk.append(value)
        walks.append(walk)
    forms = [
        b"cpu,%s " % tag + b",".join(b"%s=%%di" % name.encode() for name in TSBS_FIELDS) + b" %d\n"
        for tag in tags
    ]
    start = end - ticks * interval * SECOND

    def rows_of_sender(index):
        for tick in range(ticks):
            stamp = start + tick * interval * SECOND
            now = [walk[tick] for walk in walks] * 2
            for host in range(index, hosts, senders):
                at = host * 11 % 257
                yield forms[host] % (*now[at:at + 10], stamp), 1, 10

    return Workload("tsbs", directory, senders).render(rows_of_sender)


def narrow(directory, series, ticks, senders, end, seed, interval=10):
    """One field a line and four tags."""
    source = random.Random(seed)
    heads = [
        b"disk,host=host-%05d,device=sd%s,rack=r%02d,zone=z%d used=" % (
            number // 4, b"abcd"[number % 4:number % 4 + 1], number % 97, number % 5)
        for number in range(series)
    ]
    values = [b"%.1f" % source.uniform(0, 100) for _ in range(1009)]
    start = end - ticks * interval * SECOND

    def rows_of_sender(index):
        for tick in range(ticks):
            tail = b" %d\n" % (start + tick * interval * SECOND)
            for number in range(index, series, senders):
                yield heads[number] + values[(number * 31 + tick) % 1009] + tail, 1, 1

    return Workload("narrow", directory, senders).render(rows_of_sender)


def history(directory, servers, fields, seconds, senders, end, seed):
    """A few servers over the hot days, a row a second: what a dashboard looks at."""
    source = random.Random(seed)
    columns = [gauges(source, 3_600) for _ in range(fields)]
    rows = [
        b",".join(b"metric_%d=%s" % (field, columns[field][second]) for field in range(fields))
        for second in range(3_600)
    ]
    start = end - seconds * SECOND

    def rows_of_sender(index):
        for second in range(seconds):
            for server in range(index, servers, senders):
                row = rows[(second + server * 97) % 3_600]
                line = b"host,server=server-%04d %s %d\n" % (server, row, start + second * SECOND)
                yield line, 1, fields

    return Workload("history", directory, senders).render(rows_of_sender)
