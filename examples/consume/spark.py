"""Writes sign-in attempts as files of JSON. Run it with spark-submit --packages
org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.1,org.apache.spark:spark-avro_2.13:4.0.1"""

import json
from urllib.request import urlopen

from pyspark.sql import SparkSession
from pyspark.sql.avro.functions import from_avro
from pyspark.sql.functions import coalesce, expr, lit, raise_error, when

subject = "http://localhost:8081/subjects/onepassword.signinattempts-value/versions"
numbers = json.load(urlopen(subject))
versions = [json.load(urlopen(f"{subject}/{number}")) for number in numbers]
reader = {"avroSchema": versions[-1]["schema"]}

spark = SparkSession.builder.getOrCreate()
records = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", "localhost:9092")
    .option("kafka.isolation.level", "read_committed")
    .option("subscribe", "onepassword.signinattempts")
    .option("startingOffsets", "earliest")
    .load()
)
# The value is a zero byte, the id of the schema that it was written with, and Avro.
written_with = expr("conv(hex(substring(value, 2, 4)), 16, 10)")
avro = expr("substring(value, 6, length(value) - 5)")
event = coalesce(
    *[when(written_with == each["id"], from_avro(avro, each["schema"], reader)) for each in versions],
    raise_error(lit("there is a new schema: start again")),
)
events = records.select(event.alias("event")).select("event.uuid", "event.timestamp", "event.category", "event.target_user")
query = (
    events.writeStream.format("json")
    .option("path", "signinattempts")
    .option("checkpointLocation", "checkpoint")
    .start()
)
query.awaitTermination()
