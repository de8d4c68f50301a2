"""Reads the numbers out of an answer, whoever gave it, so that answers can be compared."""
import json
import math

from workloads import TSBS_FIELDS


def of_varve(body):
    """Every value of a range answer: aggregates of buckets or raw values, nulls left out."""
    if body.startswith(b"time,"):
        yield from of_table(body.decode(), TSBS_FIELDS)
        return
    for series in json.loads(body)["data"]["series"]:
        for name, column in series.items():
            if isinstance(column, list) and name != "timestamps":
                yield from (float(value) for value in column if value is not None)


def of_table(text, fields):
    """Every cell of the columns `fields` of a CSV answer."""
    head, *rows = text.splitlines()
    places = [place for place, name in enumerate(head.split(",")) if name in fields]
    for row in rows:
        cells = row.split(",")
        yield from (float(cells[place]) for place in places if cells[place])


def of_victoria_metrics(body):
    """Every value of a `query_range` or `query` answer."""
    for series in json.loads(body)["data"]["result"]:
        for _, value in series.get("values") or [series["value"]]:
            yield float(value)


def of_export(body, condition, limit):
    """All values of the rows of an export in which `condition` is above `limit`: VictoriaMetrics has
    no condition over several metrics, so that whoever asks filters."""
    hosts = {}
    for line in body.splitlines():
        series = json.loads(line)
        hosts.setdefault(series["metric"]["hostname"], {})[series["metric"]["__name__"]] = series
    for metrics in hosts.values():
        chosen = {
            stamp
            for stamp, value in zip(metrics[condition]["timestamps"], metrics[condition]["values"])
            if value > limit
        }
        for series in metrics.values():
            for stamp, value in zip(series["timestamps"], series["values"]):
                if stamp in chosen:
                    yield float(value)


def difference(one, other):
    """What tells two lots of numbers apart, in words; `None` when nothing does. Their order is of no
    account, and the ninth digit neither: VictoriaMetrics does not keep more."""
    one, other = sorted(one), sorted(other)
    if len(one) != len(other):
        return f"{len(one):,} numbers against {len(other):,}"
    if not one:
        return "no numbers at all"
    for left, right in zip(one, other):
        if not math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12):
            return f"{left!r} against {right!r}"
    return None
