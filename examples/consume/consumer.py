"""Prints each sign-in attempt as a line of JSON. Needs: pip install 'confluent-kafka[avro,schemaregistry]'"""

import json
import signal

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

decode = AvroDeserializer(SchemaRegistryClient({"url": "http://localhost:8081"}))
consumer = Consumer(
    {
        "bootstrap.servers": "localhost:9092",
        "group.id": "sign-ins",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.offset.store": False,
    }
)
consumer.subscribe(["onepassword.signinattempts"])
signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended as by Ctrl-C
try:
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        event = decode(message.value(), SerializationContext(message.topic(), MessageField.VALUE))
        print(json.dumps(event, default=str), flush=True)
        consumer.store_offsets(message)  # what is done is committed every five seconds, and at the end
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
