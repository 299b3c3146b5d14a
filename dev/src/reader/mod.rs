//! Reads what is in a topic, independently of the product: another consumer, another Avro decoder.
//!
//! [`read_topic`] returns all messages of a topic, [`Decoder`] turns their values into JSON, and [`check`] says of every
//! expected event whether it is there exactly once.

mod decoder;
mod report;

use std::{collections::HashSet, time::Duration};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};
use tokio::task;

use crate::admin::{Watermarks, watermarks};

pub use self::{
    decoder::{DecodeError, Decoder},
    report::{Report, check},
};

/// A record as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The partition it is in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its timestamp in milliseconds since 1970, if it has one.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; without one it is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers in their order; a header without a value has an empty one.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Which records of transactions are seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Isolation {
    /// Those of committed transactions, up to the first open one.
    Committed,
    /// All, also those of open and aborted transactions.
    Uncommitted,
}

/// Why a topic could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The client or the connection failed.
    #[error("cannot read {topic}")]
    Client {
        /// The topic.
        topic: String,
        /// The client's reason.
        source: KafkaError,
    },
    /// The broker has sent nothing for a long time.
    #[error("{topic} did not come to its end: nothing was read for {SILENCE:?}")]
    Stalled {
        /// The topic.
        topic: String,
    },
}

/// A reading under way.
struct Reading {
    consumer: BaseConsumer,
    /// Partitions that have not come to their end.
    open: HashSet<i32>,
    /// By partition, the end when the reading began.
    ends: Vec<i64>,
    messages: Vec<Message>,
}

/// Longer than any pause of a broker that is alive.
const SILENCE: Duration = Duration::from_secs(30);

// === impl Message ===

impl Message {
    /// The value of the first header that is called `name`, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value).ok()
    }

    fn copy(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| {
                    (
                        header.key.to_owned(),
                        header.value.unwrap_or_default().to_vec(),
                    )
                })
                .collect(),
        }
    }
}

// === impl Reading ===

impl Reading {
    fn begin(consumer: BaseConsumer, topic: &str) -> Result<Self, KafkaError> {
        let marks = watermarks(&consumer, topic)?;
        let mut assignment = TopicPartitionList::new();
        let mut open = HashSet::new();
        for (partition, Watermarks { low, high }) in (0..).zip(&marks) {
            if low < high {
                assignment.add_partition_offset(topic, partition, Offset::Offset(*low))?;
                open.insert(partition);
            }
        }
        consumer.assign(&assignment)?;
        let ends = marks.iter().map(|marks| marks.high).collect();
        Ok(Self {
            consumer,
            open,
            ends,
            messages: Vec::new(),
        })
    }

    /// Takes one message or notice; `Ok(false)` when none came in time.
    fn step(&mut self) -> Result<bool, KafkaError> {
        let message = match self.consumer.poll(SILENCE) {
            None => return Ok(false),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.open.remove(&partition);
                return Ok(true);
            }
            // librdkafka goes on by itself after a lost connection.
            Some(Err(error)) if is_passing(&error) => return Ok(true),
            Some(message) => Message::copy(&message?),
        };
        let end = usize::try_from(message.partition).map_or(0, |partition| self.ends[partition]);
        if message.offset + 1 >= end {
            self.open.remove(&message.partition);
        }
        if message.offset < end {
            self.messages.push(message);
        }
        Ok(true)
    }
}

/// All messages of `topic`, from the beginning to where it ended when this was called: by partition, then offset.
///
/// # Errors
///
/// When there is no such topic, or the cluster stops answering.
///
/// # Panics
///
/// When the runtime is shut down meanwhile.
pub async fn read_topic(
    bootstrap: &str,
    topic: &str,
    isolation: Isolation,
) -> Result<Vec<Message>, ReadError> {
    let config = config(bootstrap, isolation);
    let topic = topic.to_owned();
    let reading = task::spawn_blocking(move || read(&config, topic));
    reading
        .await
        .expect("a reading neither panics nor is cancelled")
}

fn read(config: &ClientConfig, topic: String) -> Result<Vec<Message>, ReadError> {
    let failed = |source| ReadError::Client {
        topic: topic.clone(),
        source,
    };
    let consumer = config.create().map_err(failed)?;
    let mut reading = Reading::begin(consumer, &topic).map_err(failed)?;
    while !reading.open.is_empty() {
        if !reading.step().map_err(failed)? {
            return Err(ReadError::Stalled { topic });
        }
    }
    reading
        .messages
        .sort_by_key(|message| (message.partition, message.offset));
    Ok(reading.messages)
}

fn config(bootstrap: &str, isolation: Isolation) -> ClientConfig {
    let level = match isolation {
        Isolation::Committed => "read_committed",
        Isolation::Uncommitted => "read_uncommitted",
    };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("isolation.level", level)
        // Nothing joins it; librdkafka only delivers messages to members of something.
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        // The end is reported by partition, also where a transaction's marker or an aborted record comes last.
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "50");
    config
}

fn is_passing(error: &KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure};
    matches!(
        error.rdkafka_error_code(),
        Some(AllBrokersDown | BrokerTransportFailure)
    )
}

#[cfg(test)]
mod tests;
