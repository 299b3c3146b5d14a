//! Which of librdkafka's properties an operator may set, and to what.

use rdkafka::{ClientConfig, error::KafkaError, types::RDKafkaConfRes};

use crate::setting::{Kind, Value, whole};

/// Parts of names whose values are never shown.
const SECRET: [&str; 8] = [
    "password",
    "secret",
    "key",
    "token",
    "credential",
    "jaas",
    "oauth",
    "sasl.username",
];

/// What the worker decides, under all of librdkafka's names for it, and why.
const OWNED: &[(&[&str], &str)] = &[
    (
        &["acks", "request.required.acks"],
        "is always 'all': with less, a committed event could be lost",
    ),
    (
        &["enable.idempotence", "enable.gapless.guarantee"],
        "is always true: exactly-once needs it",
    ),
    (
        &["transactional.id"],
        "is always the group's id with the shard's number: it is what fences an earlier owner",
    ),
    (
        &[
            "max.in.flight",
            "max.in.flight.requests.per.connection",
            "retries",
            "message.send.max.retries",
        ],
        "belongs to exactly-once: librdkafka chooses what keeps the order",
    ),
    (
        &["message.timeout.ms", "delivery.timeout.ms"],
        "belongs to exactly-once: a delivery ends with its transaction, see transaction.timeout.ms",
    ),
    (
        &["partitioner"],
        "is always murmur2_random, as in Java clients: events of one user must stay in one partition",
    ),
    (
        &["delivery.report.only.error"],
        "belongs to the worker: it counts deliveries itself",
    ),
    (
        &["group.id"],
        "is a setting of the worker: write it at the top of the file, outside of kafka",
    ),
    (
        &[
            "isolation.level",
            "auto.offset.reset",
            "enable.auto.commit",
            "auto.commit.enable",
            "auto.commit.interval.ms",
            "enable.auto.offset.store",
            "enable.partition.eof",
        ],
        "belongs to the worker: positions are kept in the cursors topic, not as offsets",
    ),
    (
        &[
            "partition.assignment.strategy",
            "group.protocol",
            "group.remote.assignor",
            "group.protocol.type",
        ],
        "belongs to the worker: it decides how workers divide the shards",
    ),
    (
        &["plugin.library.paths"],
        "is not possible: no code is loaded into the worker",
    ),
];

/// Judges one property without a network.
pub(super) fn judge(name: &str, value: &Value, text: &str) -> Result<(), String> {
    if let Some((_, why)) = OWNED.iter().find(|(names, _)| names.contains(&name)) {
        return Err((*why).to_owned());
    }
    if name == "transaction.timeout.ms" {
        let in_range = whole(10_000..=900_000)(text);
        in_range.map_err(|what| format!("{} {what}", value.shown(Kind::Int)))?;
    }
    let config = ClientConfig::from_iter([(name.to_owned(), text.to_owned())]);
    config
        .create_native_config()
        .map(drop)
        .map_err(|error| refusal(name, &error))
}

/// Whether the value of `name` must not be shown.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|part| name.contains(part))
}

/// librdkafka's words repeat the value, except in `error`'s second field, which only names the property.
fn refusal(name: &str, error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
            "librdkafka has no such property".to_owned()
        }
        KafkaError::ClientConfig(_, words, ..) if !is_secret(name) => {
            format!("librdkafka refuses it: {words}")
        }
        _ => "librdkafka refuses the value".to_owned(),
    }
}
