//! Which of librdkafka's properties an operator may set, and to what.

use std::path::Path;

use rdkafka::{ClientConfig, error::KafkaError, types::RDKafkaConfRes};

use crate::setting::{Kind, Value, Values, nearest, open, whole};

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

/// Files that clients read. Authorities may also be in a folder, or be looked for.
pub(super) const FILES: [&str; 6] = [
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.keystore.location",
    "ssl.crl.location",
    "https.ca.location",
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
        &["message.max.bytes"],
        "is what the dead-letter topic takes; topics have limits of their own",
    ),
    (
        &["transactional.id"],
        "is always the cursors topic's name with the shard's number: it is what fences an earlier owner",
    ),
    (
        &[
            "max.in.flight",
            "max.in.flight.requests.per.connection",
            "retries",
            "message.send.max.retries",
            "queuing.strategy",
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
        &["sasl.jaas.config"],
        "is for Java clients: write sasl.username and sasl.password instead",
    ),
    (
        &["plugin.library.paths"],
        "is not possible: no code is loaded into the worker",
    ),
];

/// Second names of what may be set, with the first, from librdkafka's CONFIGURATION.md.
const ALIASES: &[(&str, &str)] = &[
    ("bootstrap.servers", "metadata.broker.list"),
    ("compression.type", "compression.codec"),
    ("linger.ms", "queue.buffering.max.ms"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("sasl.mechanism", "sasl.mechanisms"),
    (
        "sasl.oauthbearer.client.credentials.client.id",
        "sasl.oauthbearer.client.id",
    ),
    (
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.client.secret",
    ),
];

/// What is set most often, to advise where a name is misspelt.
const COMMON: &[&str] = &[
    "batch.num.messages",
    "batch.size",
    "bootstrap.servers",
    "broker.address.family",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.level",
    "compression.type",
    "debug",
    "enable.ssl.certificate.verification",
    "group.instance.id",
    "heartbeat.interval.ms",
    "linger.ms",
    "max.poll.interval.ms",
    "metadata.max.age.ms",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "sasl.mechanism",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "socket.keepalive.enable",
    "socket.timeout.ms",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "statistics.interval.ms",
    "transaction.timeout.ms",
];

/// What the worker decides, by librdkafka's name, and why.
pub(super) fn owned() -> impl Iterator<Item = (&'static str, &'static str)> {
    OWNED
        .iter()
        .flat_map(|(names, why)| names.iter().map(move |name| (*name, *why)))
}

/// The one name of a property by which it is set: of two, rdkafka would set either last.
pub(super) fn first_name(name: &str) -> &str {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    alias.map_or(name, |(_, first)| first)
}

/// Judges one property without a network. Of one whose value could not be read, that is its name.
pub(super) fn judge(name: &str, value: &Value) -> Result<(), String> {
    // librdkafka takes a topic's property with this before its name, too.
    let bare = name.strip_prefix("topic.").unwrap_or(name);
    if let Some((_, why)) = OWNED.iter().find(|(names, _)| names.contains(&bare)) {
        return Err((*why).to_owned());
    }
    let text = value.text();
    if let ("transaction.timeout.ms", Some(text)) = (name, text) {
        let in_range = whole(10_000..=900_000)(text);
        in_range.map_err(|what| format!("{} {what}", value.shown(Kind::Int)))?;
    }
    let property = (name.to_owned(), text.unwrap_or_default().to_owned());
    match ClientConfig::from_iter([property]).create_native_config() {
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Err(unknown(name))
        }
        Err(error) if text.is_some() => Err(refusal(name, value, &error)),
        _ => Ok(()),
    }
}

/// Whether this machine has the file that a property names.
pub(super) fn found(name: &str, value: &Value, text: &str) -> Result<(), String> {
    let path = Path::new(text);
    if !FILES.contains(&name) || text == "probe" || path.is_dir() {
        return Ok(());
    }
    let opened = open(path).map(drop);
    opened.map_err(|what| format!("{} {what}", value.shown(Kind::String)))
}

/// Judges how a user signs in: without a mechanism librdkafka would take one that is not built in.
pub(super) fn sasl(values: &Values) -> Result<(), (&'static str, String)> {
    const OTHERS: &str = "write PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";
    let protocol = values.get("security.protocol").and_then(Value::text);
    let begins = |protocol: &str| protocol.to_lowercase().starts_with("sasl_");
    if !protocol.is_some_and(begins) {
        return Ok(());
    }
    let mut names = ["sasl.mechanism", "sasl.mechanisms"].into_iter();
    match names.find_map(|name| Some((name, values.get(name)?))) {
        None => Err(("sasl.mechanism", format!("is missing: {OTHERS}"))),
        Some((name, value)) if value.text() == Some("GSSAPI") => {
            Err((name, format!("GSSAPI (Kerberos) is not built in: {OTHERS}")))
        }
        Some(_) => Ok(()),
    }
}

/// Whether the value of `name` must not be shown.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|part| name.contains(part))
}

/// librdkafka's words may repeat the value: they are passed on only where it stands in plain sight.
fn refusal(name: &str, value: &Value, error: &KafkaError) -> String {
    let kind = if is_secret(name) {
        Kind::Password
    } else {
        Kind::String
    };
    match error {
        KafkaError::ClientConfig(_, words, ..) if value.is_plain(kind) => {
            format!("librdkafka refuses it: {}", words.trim())
        }
        _ => format!("librdkafka refuses {}", value.shown(kind)),
    }
}

fn unknown(name: &str) -> String {
    nearest(name, COMMON).map_or_else(
        || "librdkafka has no such property".to_owned(),
        |nearest| format!("librdkafka has no such property, the nearest common one is {nearest}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_sets_what_its_first_name_tells() {
        for (alias, first) in ALIASES {
            let value = match *alias {
                "compression.type" => "lz4",
                _ => "7",
            };
            let given = ((*alias).to_owned(), value.to_owned());
            let native = ClientConfig::from_iter([given]).create_native_config();
            assert_eq!(native.unwrap().get(first).unwrap(), value, "{alias}");
            assert_eq!(first_name(first), *first);
        }
    }

    #[test]
    fn what_is_owned_is_out_of_reach_by_every_name() {
        let value = Value::new("1".to_owned(), None);
        for (name, why) in owned() {
            for name in [name, &format!("topic.{name}")] {
                assert_eq!(judge(name, &value), Err(why.to_owned()), "{name}");
            }
        }
        let value = Value::new("1000".to_owned(), None);
        assert_eq!(judge("topic.metadata.refresh.interval.ms", &value), Ok(()));
    }
}
