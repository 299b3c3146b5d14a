kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic onepassword.itemusages --from-beginning \
    --isolation-level read_committed --property print.timestamp=true --property print.key=true \
    --property print.headers=true --property print.value=false
