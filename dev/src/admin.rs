//! What tests need of a cluster beside reading: topics to make, to look at and to remove.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    admin::{
        AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
        TopicResult,
    },
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use tokio::task;

/// An administrator of one cluster.
pub struct Admin {
    bootstrap: String,
    client: AdminClient<DefaultClientContext>,
}

/// Why an administrator's request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The client or the connection failed.
    #[error("cannot {0}")]
    Client(&'static str, #[source] KafkaError),
    /// The broker refused.
    #[error("the broker refuses to {0}: {1}")]
    Refused(&'static str, RDKafkaErrorCode),
    /// There is no such topic.
    #[error("there is no topic {0}")]
    NoTopic(String),
}

/// The first and the next offset of a partition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Watermarks {
    /// The offset of the oldest record that is still there.
    pub low: i64,
    /// The offset that the next record will get, transactions' markers included.
    pub high: i64,
}

const TIMEOUT: Duration = Duration::from_secs(20);

// === impl Admin ===

impl Admin {
    /// An administrator of the cluster at `bootstrap`.
    ///
    /// # Errors
    ///
    /// When librdkafka cannot make a client.
    pub fn new(bootstrap: &str) -> Result<Self, AdminError> {
        let client = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .create()
            .map_err(|error| AdminError::Client("create a client", error))?;
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            client,
        })
    }

    /// Creates `topic` with settings of its own, such as `("cleanup.policy", "compact")`.
    ///
    /// # Errors
    ///
    /// When the broker refuses, for one because the topic exists.
    pub async fn create_topic(
        &self,
        topic: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<(), AdminError> {
        const WHAT: &str = "create a topic";
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let new = configs
            .iter()
            .fold(new, |new, (name, value)| new.set(name, value));
        let results = self.client.create_topics([&new], &options()).await;
        outcome(WHAT, results)
    }

    /// Deletes `topic`.
    ///
    /// # Errors
    ///
    /// When the broker refuses, for one because there is no such topic.
    pub async fn delete_topic(&self, topic: &str) -> Result<(), AdminError> {
        outcome(
            "delete a topic",
            self.client.delete_topics(&[topic], &options()).await,
        )
    }

    /// All settings of `topic`, the broker's defaults included.
    ///
    /// # Errors
    ///
    /// When the broker refuses, for one because there is no such topic.
    pub async fn topic_configs(&self, topic: &str) -> Result<BTreeMap<String, String>, AdminError> {
        const WHAT: &str = "describe a topic";
        let resource = ResourceSpecifier::Topic(topic);
        let results = self
            .client
            .describe_configs([&resource], &options())
            .await
            .map_err(|error| AdminError::Client(WHAT, error))?;
        let first = results
            .into_iter()
            .next()
            .ok_or_else(|| AdminError::NoTopic(topic.to_owned()))?;
        let described = first.map_err(|code| AdminError::Refused(WHAT, code))?;
        let entries = described.entries.into_iter();
        Ok(entries
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect())
    }

    /// Gives `topic` one setting, and takes its other ones away.
    ///
    /// # Errors
    ///
    /// When the broker refuses, for one because there is no such topic.
    pub async fn set_topic_config(
        &self,
        topic: &str,
        (name, value): (&str, &str),
    ) -> Result<(), AdminError> {
        const WHAT: &str = "configure a topic";
        let config = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(name, value);
        let results = self.client.alter_configs([&config], &options()).await;
        let results = results.map_err(|error| AdminError::Client(WHAT, error))?;
        match results.into_iter().next() {
            Some(Err((_, code))) => Err(AdminError::Refused(WHAT, code)),
            _ => Ok(()),
        }
    }

    /// How many partitions `topic` has; 0 when there is no such topic.
    ///
    /// # Errors
    ///
    /// When the cluster does not answer.
    pub async fn partitions(&self, topic: &str) -> Result<usize, AdminError> {
        let topic = topic.to_owned();
        self.ask("count partitions", move |consumer| {
            count_partitions(consumer, &topic)
        })
        .await
    }

    /// The names of all topics, internal ones included.
    ///
    /// # Errors
    ///
    /// When the cluster does not answer.
    pub async fn topics(&self) -> Result<Vec<String>, AdminError> {
        self.ask("list topics", |consumer| {
            let metadata = consumer.fetch_metadata(None, TIMEOUT)?;
            Ok(metadata
                .topics()
                .iter()
                .map(|topic| topic.name().to_owned())
                .collect())
        })
        .await
    }

    /// The watermarks of each partition of `topic`.
    ///
    /// # Errors
    ///
    /// When the cluster does not answer.
    pub async fn watermarks(&self, topic: &str) -> Result<Vec<Watermarks>, AdminError> {
        let topic = topic.to_owned();
        self.ask("ask for watermarks", move |consumer| {
            watermarks(consumer, &topic)
        })
        .await
    }

    /// Asks with a consumer on a thread, because librdkafka's call blocks.
    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        question: impl FnOnce(&BaseConsumer) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            // Without it librdkafka answers with the end of committed transactions.
            .set("isolation.level", "read_uncommitted");
        let asked = task::spawn_blocking(move || question(&config.create()?));
        let answer = asked
            .await
            .expect("a question neither panics nor is cancelled");
        answer.map_err(|error| AdminError::Client(what, error))
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Admin")
            .field("bootstrap", &self.bootstrap)
            .finish_non_exhaustive()
    }
}

/// The number of partitions of `topic`, 0 when there is no such topic. Blocks.
pub(crate) fn count_partitions(consumer: &BaseConsumer, topic: &str) -> Result<usize, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    Ok(metadata
        .topics()
        .iter()
        .map(|topic| topic.partitions().len())
        .sum())
}

/// The watermarks of `topic`, as the consumer's isolation level sees them. Blocks.
pub(crate) fn watermarks(
    consumer: &BaseConsumer,
    topic: &str,
) -> Result<Vec<Watermarks>, KafkaError> {
    let count = i32::try_from(count_partitions(consumer, topic)?).unwrap_or(i32::MAX);
    (0..count)
        .map(|partition| {
            let (low, high) = led(|| consumer.fetch_watermarks(topic, partition, TIMEOUT))?;
            Ok(Watermarks { low, high })
        })
        .collect()
}

/// Asks again while a partition has no leader: a topic just made is told before it is led.
fn led<T>(ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        match ask() {
            Err(error) if is_unled(&error) && Instant::now() < give_up => thread::yield_now(),
            answer => return answer,
        }
    }
}

fn is_unled(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition};
    let code = error.rdkafka_error_code();
    matches!(code, Some(LeaderNotAvailable | NotLeaderForPartition))
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(TIMEOUT))
        .request_timeout(Some(TIMEOUT))
}

fn outcome(
    what: &'static str,
    results: Result<Vec<TopicResult>, KafkaError>,
) -> Result<(), AdminError> {
    let results = results.map_err(|error| AdminError::Client(what, error))?;
    let mut failures = results.into_iter().filter_map(Result::err);
    failures
        .next()
        .map_or(Ok(()), |(_, code)| Err(AdminError::Refused(what, code)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Stack;

    #[tokio::test]
    async fn a_topic_is_made_looked_at_and_removed() {
        let stack = Stack::shared().await.unwrap();
        let admin = Admin::new(stack.bootstrap_servers()).unwrap();
        let topic = &format!("admin-{:08x}", fastrand::u32(..));
        admin
            .create_topic(topic, 3, &[("cleanup.policy", "compact")])
            .await
            .unwrap();

        assert_eq!(admin.partitions(topic).await.unwrap(), 3);
        let configs = admin.topic_configs(topic).await.unwrap();
        assert_eq!(configs["cleanup.policy"], "compact");
        let marks = admin.watermarks(topic).await.unwrap();
        assert_eq!(marks, vec![Watermarks { low: 0, high: 0 }; 3]);

        admin.delete_topic(topic).await.unwrap();
        while admin.topics().await.unwrap().contains(topic) {}
        let again = admin.delete_topic(topic).await.unwrap_err();
        assert!(matches!(again, AdminError::Refused(..)), "{again}");
    }
}
