//! What the worker's file says about Kafka: librdkafka's properties, and the topics.

use std::{collections::BTreeMap, fmt};

use super::properties;
use crate::setting::{
    Fallback, Fault, Importance, Kind, Mistakes, Reader, Reported, Setting, Values, text,
};

/// librdkafka properties of the operator's. Its `Debug` form hides the values of secret ones.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

/// How the worker's topics are named and created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSettings {
    /// What every topic's name begins with.
    pub prefix: String,
    /// Partitions of each event topic.
    pub partitions: u32,
    /// Replication factor; -1: the broker's default.
    pub replication_factor: i32,
    /// How long event topics keep records, in milliseconds; -1: for ever.
    pub retention_ms: i64,
    /// Partitions of the cursors topic.
    pub shards: u32,
}

const BOOTSTRAP_SERVERS: Setting = Setting::new(
    "kafka.bootstrap.servers",
    Kind::List,
    Fallback::Required,
    "Addresses of brokers, each as `host:port`. Any other [property of \
     librdkafka](https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md) may stand beside it, except \
     those that exactly-once delivery needs for itself.",
)
.importance(Importance::High);

const PREFIX: Setting = Setting::new(
    "topics.prefix",
    Kind::String,
    Fallback::Value("onepassword"),
    "What the names of all topics begin with: `<prefix>.signinattempts`, `<prefix>.cursors` and so on. Transactional \
     ids begin with `<prefix>.cursors-`, or are `<prefix>.connectors`. Workers with another prefix begin from nothing.",
);

const PARTITIONS: Setting = Setting::new(
    "topics.partitions",
    Kind::Int,
    Fallback::Value("6"),
    "Partitions of each event topic that the worker creates.",
)
.within(1, 10_000);

const REPLICATION_FACTOR: Setting = Setting::new(
    "topics.replication.factor",
    Kind::Int,
    Fallback::Value("-1"),
    "Replication factor of the topics that the worker creates; -1 is the broker's default.",
)
.within(-1, 32_767);

const RETENTION_MS: Setting = Setting::new(
    "topics.retention.ms",
    Kind::Long,
    Fallback::Value("31536000000"),
    "How long event topics that the worker creates keep their events: one year by default, -1 is for ever. 1Password \
     hands out 120 days, and less retention would delete the oldest of these at once.",
)
.within(-1, i64::MAX);

const SHARDS: Setting = Setting::new(
    "topics.shards",
    Kind::Int,
    Fallback::Value("8"),
    "Partitions of `<prefix>.cursors`: at most so many workers have something to do. It is the same for all workers, and \
     cannot be changed later.",
)
.importance(Importance::Low)
.within(1, 1_000);

// === impl Properties ===

impl Properties {
    /// The ones that have to be named; the others are librdkafka's.
    pub const TABLE: &'static [Setting] = &[BOOTSTRAP_SERVERS];

    /// Reads what stands below `kafka`, under librdkafka's own names. librdkafka judges it, one property at a time
    /// and without a network; what exactly-once or the worker owns is refused.
    pub fn parse(values: &Values, mistakes: &mut Mistakes) -> Option<Self> {
        let count = mistakes.iter().count();
        let mut accepted = BTreeMap::new();
        for (name, value) in values.iter() {
            match (properties::judge(name, value), value.text()) {
                (Err(what), _) => mistakes.add(name, value.line, what),
                (Ok(()), Some(text)) => {
                    if let Err(what) = properties::found(name, value, text) {
                        mistakes.blame(Fault::Machine, name, value.line, what);
                    }
                    accepted.insert(name.to_owned(), text.to_owned());
                }
                (Ok(()), None) => {}
            }
        }
        let has_brokers = ["bootstrap.servers", "metadata.broker.list"]
            .iter()
            .any(|name| values.get(name).is_some());
        if !has_brokers {
            mistakes.add(
                "bootstrap.servers",
                values.line("bootstrap.servers"),
                "is missing: write the brokers' addresses, as host:port with commas between them",
            );
        }
        if let Err((name, what)) = properties::sasl(values) {
            mistakes.add(name, values.line(name), what);
        }
        let is_complete = values.iter().all(|(_, value)| value.text().is_some());
        (is_complete && mistakes.iter().count() == count).then_some(Self(accepted))
    }

    /// What cannot be set, by librdkafka's name, and why.
    pub fn owned() -> impl Iterator<Item = (&'static str, &'static str)> {
        properties::owned()
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name; secrets too.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().map(|(name, value)| {
            let value = if properties::is_secret(name) {
                "…"
            } else {
                value
            };
            (name, value)
        });
        f.debug_map().entries(shown).finish()
    }
}

impl FromIterator<(String, String)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

// === impl TopicSettings ===

impl TopicSettings {
    /// All that may be set.
    pub const TABLE: &'static [Setting] =
        &[PREFIX, PARTITIONS, REPLICATION_FACTOR, RETENTION_MS, SHARDS];

    /// Reads them; nothing where there is a mistake.
    pub fn parse(values: &Values, mistakes: &mut Mistakes) -> Option<Self> {
        Self::read(&mut Reader::new(values, mistakes)).ok()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Reported> {
        let prefix = reader.one(&PREFIX, prefix);
        let partitions = reader.one(&PARTITIONS, PARTITIONS.whole());
        let replication_factor = reader.one(&REPLICATION_FACTOR, replication_factor);
        let retention_ms = reader.one(&RETENTION_MS, retention);
        let shards = reader.one(&SHARDS, SHARDS.whole());
        Ok(Self {
            prefix: prefix?,
            partitions: partitions?,
            replication_factor: replication_factor?,
            retention_ms: retention_ms?,
            shards: shards?,
        })
    }
}

/// A topic's name has at most 249 characters (Kafka's `Topic.validate`); the longest ending needs 15 of them.
fn prefix(written: &str) -> Result<String, String> {
    let prefix = text(written)?;
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !prefix.chars().all(is_legal) {
        return Err(
            "cannot begin a topic's name: these have letters, digits, '.', '_' and '-'".to_owned(),
        );
    }
    if prefix.len() > 200 {
        return Err("is too long, 200 characters are the most".to_owned());
    }
    Ok(prefix)
}

fn replication_factor(text: &str) -> Result<i32, String> {
    match REPLICATION_FACTOR.whole()(text)? {
        0 => Err("replicas keep nothing: write -1 for the broker's default".to_owned()),
        factor => Ok(factor),
    }
}

fn retention(text: &str) -> Result<i64, String> {
    match RETENTION_MS.whole()(text)? {
        0 => Err("keeps nothing: write -1 to keep events for ever".to_owned()),
        millis => Ok(millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Reach;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs
            .iter()
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    }

    fn kafka(pairs: &[(&str, &str)]) -> Result<Properties, String> {
        let mut mistakes = Mistakes::new();
        let parsed = Properties::parse(&values(pairs), &mut mistakes);
        parsed.ok_or_else(|| mistakes.to_string())
    }

    fn topics(pairs: &[(&str, &str)]) -> Result<TopicSettings, String> {
        let mut mistakes = Mistakes::new();
        let parsed = TopicSettings::parse(&values(pairs), &mut mistakes);
        parsed.ok_or_else(|| mistakes.to_string())
    }

    #[test]
    fn any_property_of_librdkafka_passes() {
        let given = [
            ("bootstrap.servers", "a:1,b:2"),
            ("compression.type", "zstd"),
            ("debug", "broker,topic"),
            ("group.instance.id", "one"),
            ("linger.ms", "5"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.password", "hidden"),
            ("sasl.username", "me"),
            ("security.protocol", "sasl_ssl"),
            ("transaction.timeout.ms", "60000"),
        ];
        let properties = kafka(&given).unwrap();
        assert!(properties.iter().eq(given));
        assert!(!format!("{properties:?}").contains("hidden"));
    }

    #[test]
    fn every_mistake_is_told_and_no_secret() {
        let error = kafka(&[
            ("acks", "1"),
            ("linger.ms", "soon"),
            ("lingerms", "5"),
            ("sasl.jaas.config", "hidden"),
            ("sasl.oauthbearer.client.secret", "hid\0den"),
            ("transaction.timeout.ms", "5000"),
        ]);
        assert_eq!(
            error.unwrap_err(),
            "acks: is always 'all': with less, a committed event could be lost\n\
             linger.ms: librdkafka refuses it: Invalid value for configuration property \"queue.buffering.max.ms\"\n\
             lingerms: librdkafka has no such property, the nearest common one is linger.ms\n\
             sasl.jaas.config: is for Java clients: write sasl.username and sasl.password instead\n\
             sasl.oauthbearer.client.secret: librdkafka refuses the value\n\
             transaction.timeout.ms: 5000 is too small, 10000 is the least\n\
             bootstrap.servers: is missing: write the brokers' addresses, as host:port with commas between them"
        );
    }

    #[test]
    fn a_user_needs_a_mechanism_that_is_built_in() {
        let protocol = ("security.protocol", "SASL_SSL");
        let brokers = ("bootstrap.servers", "a");
        let missing = kafka(&[brokers, protocol]).unwrap_err();
        assert!(
            missing.starts_with("sasl.mechanism: is missing: write "),
            "{missing}"
        );
        let kerberos = kafka(&[brokers, protocol, ("sasl.mechanisms", "GSSAPI")]).unwrap_err();
        assert!(
            kerberos.starts_with("sasl.mechanisms: GSSAPI (Kerberos) is not built in"),
            "{kerberos}"
        );
        assert!(kafka(&[brokers, protocol, ("sasl.mechanism", "PLAIN")]).is_ok());
        assert!(kafka(&[brokers, ("security.protocol", "ssl")]).is_ok());
    }

    #[test]
    fn what_a_reference_leads_to_is_not_told() {
        let mut values = values(&[
            ("bootstrap.servers", "a"),
            ("linger.ms", "${env:CARGO_PKG_NAME}"),
            ("security.protocol", "${env:CARGO_PKG_NAME}"),
            ("transaction.timeout.ms", "${env:CARGO_PKG_NAME}"),
        ]);
        let mut mistakes = Mistakes::new();
        values.expand(&Reach::Everywhere, &mut mistakes);
        assert_eq!(Properties::parse(&values, &mut mistakes), None);
        assert_eq!(
            mistakes.to_string(),
            "linger.ms: librdkafka refuses the value of ${env:CARGO_PKG_NAME}\n\
             security.protocol: librdkafka refuses the value of ${env:CARGO_PKG_NAME}\n\
             transaction.timeout.ms: the value of ${env:CARGO_PKG_NAME} is no whole number"
        );
    }

    #[test]
    fn topics_have_defaults() {
        let defaults = TopicSettings {
            prefix: "onepassword".to_owned(),
            partitions: 6,
            replication_factor: -1,
            retention_ms: 31_536_000_000,
            shards: 8,
        };
        assert_eq!(topics(&[]), Ok(defaults));
    }

    #[test]
    fn topics_that_cannot_be_are_refused() {
        let error = topics(&[
            ("topics.prefix", "a b"),
            ("topics.partitions", "0"),
            ("topics.replication.factor", "0"),
            ("topics.retention.ms", "0"),
            ("topics.shards", "1001"),
        ]);
        assert_eq!(
            error.unwrap_err(),
            "topics.prefix: 'a b' cannot begin a topic's name: these have letters, digits, '.', '_' and '-'\n\
             topics.partitions: 0 is too small, 1 is the least\n\
             topics.replication.factor: 0 replicas keep nothing: write -1 for the broker's default\n\
             topics.retention.ms: 0 keeps nothing: write -1 to keep events for ever\n\
             topics.shards: 1001 is too large, 1000 is the most"
        );
    }
}
