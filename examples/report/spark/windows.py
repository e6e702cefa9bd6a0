"""The report's first try: the windows of liquidity in Spark's Structured Streaming.

    pip install pyspark==4.2.0                      # and Java 17 or later
    python windows.py --kafka localhost:9092

It reads `gemini-feed` and writes three records for each symbol and minute to `spark.out`: the ask
flow, the bid flow, and their ratio, in the form of `faust.out`. Spark downloads its Kafka connector
from Maven, unless `--jars` names a folder that has it.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

CONNECTOR = "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0"
FIELDS = "side STRING, price STRING, remaining STRING, symbol STRING, ts BIGINT, reason STRING"
"""Spark reads a number in quotation marks as null, so prices are text first."""
GRACE = "1 second"


def session(jars: str = "", cores: int = 1) -> Any:
    """Starts Spark in this process, with its Kafka connector."""
    from pyspark.sql import SparkSession

    files = ",".join(str(path) for path in sorted(Path(jars).glob("*.jar"))) if jars else ""
    connector = ("spark.jars", files) if files else ("spark.jars.packages", CONNECTOR)
    settings = {
        connector[0]: connector[1],
        "spark.sql.shuffle.partitions": str(cores),  # the default of 200 is for a cluster
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
    }
    builder = SparkSession.builder.master(f"local[{cores}]").appName("liquidity")
    for name, value in settings.items():
        builder = builder.config(name, value)
    found = builder.getOrCreate()
    found.sparkContext.setLogLevel("ERROR")
    return found


def changes(spark: Any, kafka: str, topic: str, **options: str) -> Any:
    """Returns the feed as a stream of symbol, side, flow (price × remaining) and time."""
    from pyspark.sql import functions as f

    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", kafka)
    for name, value in {"subscribe": topic, "startingOffsets": "earliest", **options}.items():
        source = source.option(name, value)
    record = f.from_json(f.col("value").cast("string"), FIELDS).alias("record")
    rows = source.load().select("timestamp", f.col("key").cast("string").alias("key"), record)
    placed = rows.where(f.coalesce("record.reason", f.lit("place")) != "initial")
    return placed.select(
        f.coalesce("record.symbol", "key").alias("symbol"),
        "record.side",
        (f.col("record.price").cast("double") * f.col("record.remaining").cast("double")).alias(
            "flow"
        ),
        f.coalesce(f.timestamp_millis("record.ts"), "timestamp").alias("at"),
    )


def windows(stream: Any) -> Any:
    """Returns the flows of each symbol and minute: symbol, window, bid, ask."""
    from pyspark.sql import functions as f

    def side(name: str) -> Any:
        return f.sum(f.when(f.col("side") == name, f.col("flow")).otherwise(0.0)).alias(name)

    minutes = stream.withWatermark("at", GRACE).groupBy("symbol", f.window("at", "60 seconds"))
    return minutes.agg(side("bid"), side("ask"))


def results(flows: Any) -> Any:
    """Returns the three records of each window as Kafka's `key` and `value`."""
    from pyspark.sql import functions as f

    def result(kind: str, value: Any) -> Any:
        end = f.unix_timestamp("window.end")
        return f.struct(f.lit(kind).alias("type"), value.alias("value"), end.alias("timestamp"))

    ratio = f.when((f.col("bid") > 0) & (f.col("ask") > 0), f.col("bid") / f.col("ask"))
    three = f.array(
        result("ask", f.col("ask")), result("bid", f.col("bid")), result("price_volume", ratio)
    )
    exploded = flows.select(f.col("symbol").alias("key"), f.explode(three).alias("result"))
    return exploded.select("key", f.to_json("result", {"ignoreNullFields": "false"}).alias("value"))


def main() -> None:
    """Runs until it is interrupted."""
    flags = argparse.ArgumentParser(description="Computes liquidity windows with Spark.")
    flags.add_argument("--kafka", default="localhost:9092", help="address of the broker")
    flags.add_argument("--feed", default="gemini-feed", help="topic to read")
    flags.add_argument("--out", default="spark.out", help="topic to write")
    flags.add_argument("--jars", default="", help="folder with the Kafka connector and its jars")
    flags.add_argument("--trigger", default="1 second", help="time from one batch to the next")
    given = flags.parse_args()
    spark = session(given.jars)
    with tempfile.TemporaryDirectory() as checkpoint:
        results(windows(changes(spark, given.kafka, given.feed))).writeStream.format(
            "kafka"
        ).option("kafka.bootstrap.servers", given.kafka).option("topic", given.out).option(
            "checkpointLocation", checkpoint
        ).outputMode("append").trigger(processingTime=given.trigger).start().awaitTermination()


if __name__ == "__main__":
    main()
