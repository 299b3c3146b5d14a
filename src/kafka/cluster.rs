//! How this worker's clients are configured: the operator's properties below, what exactly-once owns above.

use std::{sync::Mutex, time::Duration};

use rdkafka::{
    ClientConfig, ClientContext, Statistics,
    admin::AdminClient,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
};

use super::{
    Error, Operation, Properties, Purpose, Resource, Right, TopicSettings, error, murmur2,
    properties,
};

/// A Kafka cluster as this worker reaches it.
#[derive(Debug, Clone)]
pub struct Cluster {
    properties: Properties,
    batch_size: usize,
    group_id: String,
    topics: TopicSettings,
}

/// The context of clients that have no other.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    told: Mutex<Vec<String>>,
}

/// librdkafka's own default.
const DEFAULT_BATCH: usize = 1_000_000;
const SMALLEST_BATCH: usize = 16_384;
/// What a batch has beside its records, generously.
const BATCH_OVERHEAD: usize = 2_048;
/// So much of what librdkafka has to tell is remembered.
const REMEMBERED: usize = 8;
const SESSION_TIMEOUT_MS: u64 = 10_000;

// === impl Cluster ===

impl Cluster {
    /// A cluster reached with librdkafka's `properties` by the workers of `group_id`.
    #[must_use]
    pub fn new(properties: Properties, group_id: String, topics: TopicSettings) -> Self {
        let batch_size = properties
            .get("batch.size")
            .and_then(|size| size.parse().ok());
        Self {
            batch_size: batch_size.unwrap_or(DEFAULT_BATCH),
            properties,
            group_id,
            topics,
        }
    }

    /// The operator's properties.
    pub(super) const fn properties(&self) -> &Properties {
        &self.properties
    }

    /// The topics that the workers of this group use.
    #[must_use]
    pub const fn topics(&self) -> &TopicSettings {
        &self.topics
    }

    /// The shard that a connector belongs to.
    #[must_use]
    pub fn shard_of(&self, connector: &str) -> u32 {
        murmur2::partition(connector.as_bytes(), self.topics.shards)
    }

    /// How many bytes of records librdkafka puts into one batch; a larger record travels alone.
    #[must_use]
    pub const fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Keeps batches below what every event topic takes.
    pub fn limit_batches(&mut self, largest: usize) {
        let most = largest.saturating_sub(BATCH_OVERHEAD).max(SMALLEST_BATCH);
        self.batch_size = self.batch_size.min(most);
    }

    /// How long a worker may be silent before the group gives its shards away.
    #[must_use]
    pub fn session_timeout(&self) -> Duration {
        let millis = self
            .properties
            .get("session.timeout.ms")
            .and_then(|millis| millis.parse().ok());
        Duration::from_millis(millis.unwrap_or(SESSION_TIMEOUT_MS))
    }

    /// The right that this user needs for `operation`.
    pub(super) fn right(&self, resource: Resource, operation: Operation) -> Right {
        let rights = Right::of_worker(&self.topics, &self.group_id);
        let is_it = |right: &Right| (right.resource, right.operation) == (resource, operation);
        let right = rights.into_iter().find(is_it);
        right.expect("the list of rights has all that is done")
    }

    /// Sorts an error of a call outside any transaction, which does `operation` on topics.
    pub(super) fn refusal(&self, error: KafkaError, operation: Operation) -> Error {
        let (resource, operation) = match error::forbidden(&error) {
            None => return Error::outside(error),
            Some(Resource::Topic) => (Resource::Topic, operation),
            Some(Resource::Group) => (Resource::Group, Operation::Read),
            Some(Resource::TransactionalId) => (Resource::TransactionalId, Operation::Write),
        };
        Error::Forbidden(self.right(resource, operation))
    }

    /// The transactional id of a shard's producer. It is named for what it protects, a partition of the cursors topic, and
    /// not for the group: two groups with one prefix, as while a group is renamed, would not fence each other otherwise.
    pub(super) fn transactional_id(&self, shard: u32) -> String {
        format!("{}-{shard}", self.topics.cursors())
    }

    /// The configuration of a transactional producer. What is set here cannot be set by the operator.
    pub(super) fn producer(&self, id: &str) -> ClientConfig {
        let mut config = self.client(&[
            ("compression.type", "zstd"),
            ("linger.ms", "1"),
            ("queue.buffering.max.kbytes", "262144"),
            // What waits for its turn takes a third of the memory before it is librdkafka's.
            ("queue.buffering.max.messages", "3000"),
            ("transaction.timeout.ms", "30000"),
        ]);
        config
            .set("transactional.id", id)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set(
                "message.max.bytes",
                super::layout::LARGEST_RECORD.to_string(),
            )
            .set("batch.size", self.batch_size.to_string())
            .set("delivery.report.only.error", "true");
        config
    }

    /// The configuration of a producer without transactions.
    pub(super) fn publisher(&self) -> ClientConfig {
        let mut config = self.client(&[]);
        // Idempotence would keep the order, too; but a right that is missing for a while would end such a producer for ever.
        config
            .set("acks", "all")
            .set("max.in.flight.requests.per.connection", "1")
            .set("delivery.report.only.error", "true")
            .remove("transaction.timeout.ms");
        config
    }

    /// The consumer that joins the workers' group. It never reads a record.
    pub(super) fn member(&self) -> ClientConfig {
        let mut config = self.client(&[
            ("session.timeout.ms", "10000"),
            ("heartbeat.interval.ms", "3000"),
        ]);
        config
            .set("group.id", &self.group_id)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest");
        config
    }

    /// A consumer that reads partitions by hand to their ends, and only what was committed.
    pub(super) fn reader(&self) -> Result<BaseConsumer<Quiet>, KafkaError> {
        let mut config = self.reading();
        // The end of a partition is known only when a fetch comes back empty, and that waits for so long.
        config.set("fetch.wait.max.ms", "10");
        config.create_with_context(Quiet::default())
    }

    /// A consumer that only asks. It also tells of connections that are closed at once.
    pub(super) fn first_reader(&self) -> Result<BaseConsumer<Quiet>, KafkaError> {
        let mut config = self.reading();
        config
            .set("log.connection.close", "true")
            .set("allow.auto.create.topics", "false");
        config.create_with_context(Quiet::default())
    }

    /// A consumer that reads on and on.
    pub(super) fn follower(&self) -> Result<BaseConsumer<Quiet>, KafkaError> {
        self.reading().create_with_context(Quiet::default())
    }

    /// A consumer that reads parts of topics by hand. It is one of several, so that it fetches little at a time, which is a
    /// multiple of that when it is unpacked, and its queue is short. After each time that the queue was full librdkafka would
    /// let a second pass.
    pub(super) fn searcher(&self, purpose: Purpose) -> Result<BaseConsumer<Quiet>, KafkaError> {
        let mut config = self.reading();
        if purpose == Purpose::Looking {
            config.set("fetch.wait.max.ms", "10");
        }
        config
            .set("fetch.message.max.bytes", "131072")
            .set("queued.min.messages", "5000")
            .set("queued.max.messages.kbytes", "2048")
            .set("fetch.queue.backoff.ms", "1");
        config.create_with_context(Quiet::default())
    }

    fn reading(&self) -> ClientConfig {
        let mut config = self.client(&[]);
        config.remove("group.instance.id");
        // Only the leader knows the end of what is committed; a follower nearby may lag behind it.
        config.remove("client.rack");
        config
            .set("group.id", &self.group_id)
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest");
        config
    }

    /// The cluster's id. It blocks.
    ///
    /// # Errors
    ///
    /// When Kafka does not answer in `time`, or refuses.
    pub fn id(&self, time: Duration) -> Result<String, Error> {
        let reader = self.reader().map_err(Error::outside)?;
        let id = reader.client().fetch_cluster_id(time);
        id.ok_or(Error::Unavailable(KafkaError::MetadataFetch(
            Code::OperationTimedOut,
        )))
    }

    pub(super) fn admin(&self) -> KafkaResult<AdminClient<Quiet>> {
        self.client(&[]).create_with_context(Quiet::default())
    }

    fn client(&self, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "onepassword-kafka");
        for (name, value) in defaults.iter().copied().chain(self.properties.iter()) {
            config.set(properties::first_name(name), value);
        }
        config.set("log.connection.close", "false");
        // What the property `debug` asks for comes at this level, and nothing else.
        config.set_log_level(RDKafkaLogLevel::Debug);
        config
    }
}

// === impl Quiet ===

/// Sends what librdkafka has to say to the log; a connection that comes and goes is no error there.
macro_rules! quiet {
    ($context:ty) => {
        impl rdkafka::ClientContext for $context {
            fn log(&self, level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
                $crate::kafka::cluster::log(level, fac, message);
            }

            fn stats(&self, _: rdkafka::Statistics) {}

            fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
                tracing::debug!(%error, reason, "kafka");
            }
        }
    };
}
pub(super) use quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        log(level, fac, message);
        if let ("FAIL", Some((_, reason))) = (fac, message.split_once("]: ")) {
            self.hear(reason);
        }
    }

    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka");
        self.hear(reason);
    }
}

impl ConsumerContext for Quiet {}

impl Quiet {
    fn hear(&self, reason: &str) {
        let mut told = self.told.lock().expect("no holder of this lock panics");
        told.truncate(REMEMBERED - 1);
        told.insert(0, reason.to_owned());
    }

    /// What librdkafka has told of late, the last first.
    pub(super) fn told(&self) -> Vec<String> {
        let told = self.told.lock();
        told.expect("no holder of this lock panics").clone()
    }
}

pub(super) fn log(level: RDKafkaLogLevel, fac: &str, message: &str) {
    match level {
        // Each client is given all properties, and warns of those that are for the others.
        _ if fac == "CONFWARN" => tracing::debug!(target: "librdkafka", fac, "{message}"),
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => {
            tracing::warn!(target: "librdkafka", fac, "{message}");
        }
        RDKafkaLogLevel::Warning => tracing::info!(target: "librdkafka", fac, "{message}"),
        _ => tracing::debug!(target: "librdkafka", fac, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_secure_a_connection_is_compiled_in() {
        let native = ClientConfig::new().create_native_config().unwrap();
        let features = native.get("builtin.features").unwrap();
        for feature in [
            "ssl",
            "sasl_plain",
            "sasl_scram",
            "sasl_oauthbearer",
            "http,oidc",
            "zstd",
            "gzip",
        ] {
            assert!(features.contains(feature), "no {feature} in {features}");
        }
    }

    #[test]
    fn what_an_operator_sets_wins_by_each_of_its_names() {
        for (name, value) in [
            ("compression.codec", "lz4"),
            ("compression.type", "lz4"),
            ("linger.ms", "5"),
            ("queue.buffering.max.ms", "5"),
        ] {
            // Each configuration has an order of its own.
            for _ in 0..20 {
                let config = cluster([(name, value)]).producer("id");
                let native = config.create_native_config().unwrap();
                assert_eq!(native.get(name).unwrap(), value, "{name}");
            }
        }
    }

    #[test]
    fn what_the_worker_sets_wins_over_each_name_of_it() {
        let config = cluster([("max.partition.fetch.bytes", "7")]).reading();
        assert_eq!(config.get("fetch.message.max.bytes"), Some("7"));
        assert_eq!(config.get("max.partition.fetch.bytes"), None);
    }

    fn cluster<const N: usize>(properties: [(&str, &str); N]) -> Cluster {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let properties = properties.into_iter().map(owned).collect();
        let topics = TopicSettings {
            prefix: "p".to_owned(),
            partitions: 1,
            replication_factor: -1,
            retention_ms: -1,
            shards: 1,
        };
        Cluster::new(properties, "g".to_owned(), topics)
    }
}
