CREATE TABLE signinattempts (
    uuid STRING,
    category STRING,
    country STRING,
    target_user ROW<uuid STRING, email STRING>,
    event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
    WATERMARK FOR event_time AS event_time - INTERVAL '10' MINUTE
) WITH (
    'connector' = 'kafka',
    'topic' = 'onepassword.signinattempts',
    'properties.bootstrap.servers' = 'localhost:9092',
    'properties.group.id' = 'flink',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = 'http://localhost:8081'
);

SELECT window_start, target_user.uuid, COUNT(*) AS failed
FROM TUMBLE(TABLE signinattempts, DESCRIPTOR(event_time), INTERVAL '1' HOUR)
WHERE category <> 'success'
GROUP BY window_start, window_end, target_user.uuid;
