CREATE TABLE itemusages
(
    uuid String,
    timestamp DateTime64(6, 'UTC'),
    action LowCardinality(Nullable(String)),
    vault_uuid Nullable(String),
    item_uuid Nullable(String),
    user Tuple(
        uuid Nullable(String), name Nullable(String), email Nullable(String),
        user_type Nullable(String), user_account_uuid Nullable(String)
    ),
    extra Map(String, String)
)
ENGINE = MergeTree ORDER BY (timestamp, uuid);

CREATE TABLE itemusages_queue AS itemusages
ENGINE = Kafka
SETTINGS kafka_broker_list = 'localhost:9092',
         kafka_topic_list = 'onepassword.itemusages',
         kafka_group_name = 'clickhouse',
         kafka_format = 'AvroConfluent',
         format_avro_schema_registry_url = 'http://localhost:8081';

CREATE MATERIALIZED VIEW itemusages_reader TO itemusages AS SELECT * FROM itemusages_queue;
