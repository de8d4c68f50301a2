"""What the servers are asked: the same question in the words of each, over the same span of time."""
import answers
from servers import Varve, VictoriaMetrics
from workloads import SECOND, TSBS_FIELDS

# VictoriaMetrics' windows end at their stamp and hold it; Varve's begin there. A millisecond before
# the end of a minute both look at the same rows.
INSTANT = 0.001


class Question:
    """`requests` by name of a server, the first of them compared; `exported` says that
    VictoriaMetrics gives all rows and whoever asks filters."""

    def __init__(self, title, requests, exported=None):
        self.title, self.requests, self.exported = title, requests, exported

    def values(self, server):
        request = self.requests[server.name][0]
        if server.name == "varve":
            return answers.of_varve(server.text(request))
        if server.name != "victoria-metrics":
            return server.values(request)
        if self.exported:
            return answers.of_export(server.text(request), *self.exported)
        return answers.of_victoria_metrics(server.text(request))


def dashboard(end):
    """One server over the hot days, by minute."""
    start = end - 2 * 86_400
    fields = [f"metric_{index}" for index in range(20)]
    hosts = [f"server-{index:04d}" for index in range(4)]

    def question(title, count):
        names = "|".join(f"host_{field}" for field in fields[:count])
        return Question(title, {
            "varve": [
                Varve.path("host", ",".join(fields[:count]), start, end, "60s", "min,max,avg",
                           [("server", host)])
                for host in hosts],
            "victoria-metrics": [
                VictoriaMetrics.path(
                    'aggr_over_time(("min_over_time","max_over_time","avg_over_time"),'
                    f'{{__name__=~"{names}",server="{host}"}}[1m]) keep_metric_names',
                    start + 60 - INSTANT, end, "60s")
                for host in hosts],
        })

    return [question("1 metric, 2 days by minute", 1), question("20 metrics, 2 days by minute", 20)]


def tsbs(end, hosts):
    """Questions of TSBS' cpu-only use case."""
    hour, two = end - 3_600, end - 7_200
    field = "usage_user"
    few = [f"host_{index * 37 % hosts}" for index in range(8)]
    five = TSBS_FIELDS[:5]
    names = "|".join(f"cpu_{name}" for name in five)
    since_two, since_hour = two * SECOND, hour * SECOND
    columns = ", ".join(TSBS_FIELDS)
    newest = ", ".join(f"%s({name}, time) AS {name}" for name in TSBS_FIELDS)

    def scans(query):
        return {"duckdb": [query("arg_max", "//")], "clickhouse": [query("argMax", "DIV")]}

    return [
        Question("TSBS single-groupby-1-1-1", {
            "varve": [Varve.path("cpu", field, hour, end, "60s", "max", [("hostname", host)])
                      for host in few],
            "victoria-metrics": [VictoriaMetrics.path(
                f'max_over_time(cpu_{field}{{hostname="{host}"}}[1m])', hour + 60 - INSTANT, end, "60s")
                for host in few],
        }),
        Question("TSBS single-groupby-5-8-1", {
            "varve": [Varve.path("cpu", ",".join(five), hour, end, "60s", "max",
                                 [("hostname", host) for host in few], group_by="none")],
            "victoria-metrics": [VictoriaMetrics.path(
                f'max(max_over_time({{__name__=~"{names}",hostname=~"{"|".join(few)}"}}[1m]) '
                'keep_metric_names) by (__name__)', hour + 60 - INSTANT, end, "60s")],
        }),
        Question("TSBS double-groupby-1", {
            "varve": [Varve.path("cpu", field, two, end, "1h", "avg", group_by="hostname")],
            "victoria-metrics": [VictoriaMetrics.path(
                f"avg(avg_over_time(cpu_{field}[1h])) by (hostname)",
                two + 3_600 - INSTANT, end, "1h")],
        } | scans(lambda newest_of, divide: (
            f"SELECT hostname, time {divide} {3_600 * SECOND} AS hour, avg({field}) AS mean FROM cpu "
            f"WHERE time >= {since_two} GROUP BY hostname, hour"))),
        Question("TSBS lastpoint", {
            "varve": [Varve.path("cpu", "*", two, end, newest=1)],
            "victoria-metrics": [VictoriaMetrics.instant(
                'last_over_time({__name__=~"cpu_.*"}[2h]) keep_metric_names', end)],
        } | scans(lambda newest_of, divide: (
            f"SELECT hostname, {newest.replace('%s', newest_of)} FROM cpu GROUP BY hostname"))),
        Question("TSBS high-cpu-all", {
            # Varve stops at a million points unless it is told otherwise.
            "varve": [Varve.path("cpu", "*", hour, end, where=f"{field}>90", limit=10_000_000)],
            "victoria-metrics": [VictoriaMetrics.export('{__name__=~"cpu_.*"}', hour, end)],
        } | scans(lambda newest_of, divide: (
            f"SELECT hostname, time, {columns} FROM cpu WHERE {field} > 90 AND time >= {since_hour}")),
            exported=(f"cpu_{field}", 90)),
        Question("TSBS lastpoint, as CSV", {
            "varve": [Varve.path("cpu", "*", two, end, newest=1, format="csv")],
        }),
        Question("TSBS high-cpu-all, as CSV", {
            "varve": [Varve.path(
                "cpu", "*", hour, end, where=f"{field}>90", limit=10_000_000, format="csv")],
        }),
        Question("TSBS high-cpu-all, usage_user alone", {
            "varve": [Varve.path("cpu", field, hour, end, where=f"{field}>90", limit=10_000_000)],
            "victoria-metrics": [VictoriaMetrics.export(f"cpu_{field}", hour, end)],
        } | scans(lambda newest_of, divide: (
            f"SELECT hostname, time, {field} FROM cpu WHERE {field} > 90 AND time >= {since_hour}")),
            exported=(f"cpu_{field}", 90)),
    ]
