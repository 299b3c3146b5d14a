//! The cursors topic: what its keys and values look like, and how positions are read back.
//!
//! Key and value have the shape of Kafka Connect's offsets topic, so that its runbooks work: the key is
//! `["<connector>",{"stream":"<stream>"}]`, the value a JSON position, a tombstone resets.
//!
//! A shard's positions are read after its fence. From then on nobody else writes its partition and no transaction
//! is open in it, so its end stands still: reading until that end, under `read_committed`, finds every position.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::BorrowedMessage,
};

use super::{Cluster, Entry, Error, Transaction, cluster::Quiet};
use crate::event::{Position, TaskId};

/// A position as the topic has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// A position.
    Position(Position),
    /// A value that is none; the task must not guess.
    Unreadable(String),
}

/// Where the positions of a shard are kept.
#[derive(Debug, Clone)]
pub struct Cursors {
    topic: String,
    partition: i32,
}

/// All that is known of some partitions.
pub type Positions = BTreeMap<TaskId, Stored>;

/// A position that lies where this worker would not look for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the position of connector {connector:?} lies in partition {found} of {topic}, but with topics.shards: {shards} it \
     belongs into {expected}: the positions there were written with topics.shards: {written}. Set it back to \
     {written}; to change the number of shards, stop all workers and copy each record to the partition it belongs into"
)]
pub struct Misplaced {
    topic: String,
    connector: String,
    found: u32,
    expected: u32,
    shards: u32,
    written: String,
}

/// How long the next record, or the end, may take.
const PATIENCE: Duration = Duration::from_mins(1);

// === impl Stored ===

impl Stored {
    fn read(value: &[u8]) -> Self {
        match serde_json::from_slice(value) {
            Ok(position) => Self::Position(position),
            Err(error) => Self::Unreadable(describe(&error)),
        }
    }
}

// === impl Cursors ===

impl Cursors {
    /// Those of `shard`.
    #[must_use]
    pub fn of(cluster: &Cluster, shard: u32) -> Self {
        Self {
            topic: cluster.topics().cursors(),
            partition: i32::try_from(shard).expect("a partition is an i32"),
        }
    }

    /// Stores a position, together with everything else in a transaction.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take it.
    pub fn store(
        &self,
        transaction: &mut Transaction<'_>,
        task: &TaskId,
        position: &Position,
        now: i64,
    ) -> Result<(), Error> {
        let value = serde_json::to_vec(position).expect("a position is plain data");
        transaction.set(&Entry {
            topic: &self.topic,
            partition: self.partition,
            key: &key(task),
            value: Some(&value),
            timestamp: now,
        })
    }
}

/// The key of a task's records.
#[must_use]
fn key(task: &TaskId) -> String {
    serde_json::json!([task.connector, { "stream": task.stream.name() }]).to_string()
}

/// Reads a record's key; `None` for one that is not ours.
fn read_key(key: &[u8]) -> Option<TaskId> {
    let (connector, partition): (String, BTreeMap<String, String>) =
        serde_json::from_slice(key).ok()?;
    let stream = partition.get("stream")?.parse().ok()?;
    Some(TaskId { connector, stream })
}

/// Reads the positions of one shard. Call it after the shard's fence, never before.
///
/// # Errors
///
/// When Kafka does not answer in time, or refuses.
pub fn restore(cluster: &Cluster, shard: u32) -> Result<Positions, Error> {
    let mut positions = Positions::new();
    scan(cluster, &[shard], |_, task, value| {
        match value {
            Some(value) => positions.insert(task, Stored::read(value)),
            None => positions.remove(&task),
        };
    })?;
    Ok(positions)
}

/// Looks through the whole topic for positions that this worker would not find, because they were written with
/// another number of shards. A topic with more partitions than shards is in order: the rest stays empty.
///
/// # Errors
///
/// When Kafka does not answer in time, or refuses.
pub fn misplaced(cluster: &Cluster, partitions: u32) -> Result<Option<Misplaced>, Error> {
    let mut found = BTreeSet::new();
    let all: Vec<u32> = (0..partitions).collect();
    scan(cluster, &all, |partition, task, value| {
        match value {
            Some(_) => found.insert((partition, task)),
            None => found.remove(&(partition, task)),
        };
    })?;
    let connectors: Vec<(u32, String)> = found
        .into_iter()
        .map(|(p, task)| (p, task.connector))
        .collect();
    let shards = cluster.topics().shards;
    let lies_right = |shards: u32| {
        let partition = |name: &str| super::murmur2::partition(name.as_bytes(), shards);
        connectors
            .iter()
            .all(|(found, name)| *found == partition(name))
    };
    let Some((found, connector)) = connectors
        .iter()
        .find(|(found, name)| *found != cluster.shard_of(name))
    else {
        return Ok(None);
    };
    let written = (1..=partitions).find(|shards| lies_right(*shards));
    Ok(Some(Misplaced {
        topic: cluster.topics().cursors(),
        connector: connector.clone(),
        found: *found,
        expected: cluster.shard_of(connector),
        shards,
        written: written.map_or_else(
            || "(no one number fits them all)".to_owned(),
            |n| n.to_string(),
        ),
    }))
}

/// Calls `each` with every committed record of ours, partition by partition in the order written.
fn scan(
    cluster: &Cluster,
    shards: &[u32],
    mut each: impl FnMut(u32, TaskId, Option<&[u8]>),
) -> Result<(), Error> {
    let topic = cluster.topics().cursors();
    let reader = cluster.reader().map_err(Error::outside)?;
    assign(&reader, &topic, shards)?;
    let mut open = shards.to_vec();
    while !open.is_empty() {
        match reader.poll(PATIENCE) {
            Some(Ok(record)) => read(&record, &mut each),
            Some(Err(KafkaError::PartitionEOF(ended))) => {
                open.retain(|shard| *shard != number(ended));
            }
            Some(Err(error)) => return Err(Error::outside(error)),
            None => {
                return Err(Error::Unavailable(KafkaError::MessageConsumption(
                    Code::OperationTimedOut,
                )));
            }
        }
    }
    Ok(())
}

fn read(record: &BorrowedMessage<'_>, each: &mut impl FnMut(u32, TaskId, Option<&[u8]>)) {
    if let Some(task) = record.key().and_then(read_key) {
        return each(number(record.partition()), task, record.payload());
    }
    tracing::warn!(
        topic = record.topic(),
        partition = record.partition(),
        offset = record.offset(),
        "a record whose key is not a connector and a stream is skipped"
    );
}

fn assign(reader: &BaseConsumer<Quiet>, topic: &str, shards: &[u32]) -> Result<(), Error> {
    let mut list = TopicPartitionList::new();
    for shard in shards {
        let partition = i32::try_from(*shard).expect("a partition is an i32");
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .map_err(Error::outside)?;
    }
    reader.assign(&list).map_err(Error::outside)
}

/// `serde_json` may quote a value, and what somebody has written there is nobody's business.
fn describe(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => "it is neither a cursor nor a start_time".to_owned(),
        _ => "it is not JSON".to_owned(),
    }
}

fn number(partition: i32) -> u32 {
    u32::try_from(partition).expect("a partition is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Stream;

    #[test]
    fn the_key_is_shaped_like_kafka_connects() {
        let task = TaskId {
            connector: "acme \"eu\"".to_owned(),
            stream: Stream::AuditEvents,
        };
        assert_eq!(key(&task), r#"["acme \"eu\"",{"stream":"auditevents"}]"#);
        assert_eq!(read_key(key(&task).as_bytes()), Some(task));
        for other in [
            "",
            "acme",
            "[]",
            r#"["acme"]"#,
            r#"["acme",{}]"#,
            r#"["acme",{"stream":"x"}]"#,
        ] {
            assert_eq!(read_key(other.as_bytes()), None, "{other}");
        }
    }
}
