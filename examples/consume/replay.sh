kafka-consumer-groups.sh --bootstrap-server localhost:9092 --group sign-ins --topic onepassword.signinattempts \
    --reset-offsets --to-datetime 2026-11-24T09:00:00.000Z --execute
