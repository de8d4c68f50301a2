#!/usr/bin/env python3
"""The hourly report of a fleet, made with Spark from an export of Varve.

    varve export --data /var/lib/varve --format parquet --match node --out /lake/varve
    pip install pyspark                      # and Java 17: apt install openjdk-17-jre-headless
    python3 Examples/fleet_report.py /lake/varve/measurement=node --field cpu_user --tag server --out /lake/report

For each hour: how many servers reported and how many values came, the fleet's average, the median and the worst of
the servers' averages, and which server that was. Printed, and with --out written as Parquet by day.
"""
import argparse

from pyspark.sql import SparkSession, functions as F


def report(frame, field, tag):
    value = F.col(f"`{field}`")
    servers = (
        frame.where(value.isNotNull())
        .groupBy(F.date_trunc("hour", "timestamp").alias("hour"), F.col(f"`{tag}`").alias("server"))
        .agg(F.count(value).alias("values"), F.sum(value).alias("sum"), F.max(value).alias("max"))
        .withColumn("average", F.col("sum") / F.col("values"))
    )
    return (
        servers.groupBy("hour")
        .agg(
            F.count("server").alias("servers"),
            F.sum("values").alias("values"),
            (F.sum("sum") / F.sum("values")).alias("average"),
            F.expr("percentile_approx(average, 0.5, 10000)").alias("median_server"),
            F.max("average").alias("worst_average"),
            F.max_by("server", "average").alias("worst_server"),
            F.max("max").alias("peak"),
        )
        .orderBy("hour")
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="the folder of a measurement in an export")
    parser.add_argument("--field", default="cpu_user")
    parser.add_argument("--tag", default="server")
    parser.add_argument("--out", help="a folder to write the report into, by day")
    arguments = parser.parse_args()
    spark = (
        SparkSession.builder.appName("fleet report")
        .config("spark.sql.session.timeZone", "UTC")  # hours as the export's folders have them
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    table = report(spark.read.parquet(arguments.folder), arguments.field, arguments.tag)
    table.show(1000, truncate=False)
    if arguments.out:
        (
            table.withColumn("date", F.to_date("hour"))
            .repartition("date")
            .write.partitionBy("date")
            .mode("overwrite")
            .parquet(arguments.out)
        )
    spark.stop()


if __name__ == "__main__":
    main()
