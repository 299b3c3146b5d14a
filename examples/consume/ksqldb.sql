SET 'processing.guarantee' = 'exactly_once_v2';
SET 'auto.offset.reset' = 'earliest';

CREATE STREAM signinattempts (who VARCHAR KEY) WITH (
    KAFKA_TOPIC = 'onepassword.signinattempts', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO'
);

CREATE TABLE failed AS
    SELECT who, COUNT(*) AS attempts
    FROM signinattempts WINDOW TUMBLING (SIZE 1 HOUR)
    WHERE category <> 'success'
    GROUP BY who;
