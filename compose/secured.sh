#!/usr/bin/env bash
# Makes what the profile `secured` of docker-compose.kafka.yml needs, so that no secret is in the repository:
#
#   files    once: a certificate authority, the broker's certificate, and passwords, each in the volume of its only reader
#   users    at each start: Kafka's users with these passwords, and the connector's rights
set -euo pipefail
PATH=$PATH:/opt/kafka/bin
cd /run/secured

secret() {
    head -c 24 /dev/urandom | base64 | tr '+/' '-_'
}

files() {
    [ ! -e authority/made ] || return 0
    umask 077
    STORE=$(secret)
    export STORE
    key() {
        keytool "$1" -storetype PKCS12 -storepass:env STORE "${@:2}" 2>/dev/null
    }
    local ca=(-keystore authority/store.p12 -alias authority) broker=(-keystore broker/store.p12)
    local ec=(-keyalg EC -groupname secp256r1 -validity 365)
    key -genkeypair "${ca[@]}" "${ec[@]}" -dname CN=authority -ext bc:critical -ext ku:critical=keyCertSign
    key -exportcert "${ca[@]}" -rfc >authority/ca.pem
    key -genkeypair "${broker[@]}" -alias broker "${ec[@]}" -dname CN=kafka-secured
    key -certreq "${broker[@]}" -alias broker |
        key -gencert "${ca[@]}" -validity 365 -ext san=dns:kafka-secured -rfc >authority/broker.pem
    key -importcert "${broker[@]}" -alias authority -noprompt <authority/ca.pem
    key -importcert "${broker[@]}" -alias broker <authority/broker.pem
    echo "password=$STORE" >broker/store.properties
    chown -R appuser broker

    cp authority/ca.pem connector/
    secret >connector/password
    secret >authority/operator.token
    echo "sha256:$(tr -d '\n' <authority/operator.token | sha256sum | cut -d ' ' -f 1)" >connector/operator.hash
    chown -R 65532:65532 connector

    cp authority/ca.pem ui/
    secret >ui/password
    cat >ui/jaas.conf <<EOF
KafkaClient {
  org.apache.kafka.common.security.scram.ScramLoginModule required
  username="kafka-ui" password="$(cat ui/password)";
};
EOF
    chmod -R a+rX ui # the user of Kafka UI's image has no fixed number
    touch authority/made
}

users() {
    local kafka=(--bootstrap-server localhost:9092) name
    for name in onepassword:connector kafka-ui:ui; do
        kafka-configs.sh "${kafka[@]}" --alter --entity-type users --entity-name "${name%:*}" \
            --add-config "SCRAM-SHA-512=[password=$(cat "${name#*:}/password")]"
    done
    allow() {
        kafka-acls.sh "${kafka[@]}" --add --allow-principal User:onepassword "$@"
    }
    allow --topic onepassword. --resource-pattern-type prefixed \
        --operation Read --operation Write --operation Create --operation DescribeConfigs
    allow --group onepassword --operation Read
    allow --transactional-id onepassword. --resource-pattern-type prefixed --operation Write
}

"$1"
