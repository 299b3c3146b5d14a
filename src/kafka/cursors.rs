//! The cursors topic: how positions get there, and how they are read back.
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

use super::{
    Cluster, Entry, Error, Operation, Transaction,
    cluster::Quiet,
    kept::{self, Kept, Stored},
};
use crate::event::{Position, TaskId};

/// Where the positions of a shard are kept.
#[derive(Debug, Clone)]
pub struct Cursors {
    topic: String,
    partition: i32,
}

/// Where tasks read next.
pub type Positions = BTreeMap<TaskId, Stored>;

/// What is known of a shard's connectors.
#[derive(Debug, Default)]
pub struct Restored {
    /// The positions.
    pub positions: Positions,
    /// The number of each connector's alteration that was carried out last.
    pub altered: BTreeMap<String, u64>,
}

/// A position that lies where this worker would not look for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the position of connector {connector:?} lies in partition {found} of {topic}, but with topics.shards: {shards} it \
     belongs into {expected}: the positions there were written with topics.shards: {written}. Set it back to \
     {written}: it cannot be changed while there are positions"
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

// === impl Restored ===

impl Restored {
    /// Takes in one more record.
    pub fn take(&mut self, kept: Kept) {
        match kept {
            Kept::Position(task, Some(stored)) => {
                self.positions.insert(task, stored);
            }
            Kept::Position(task, None) => {
                self.positions.remove(&task);
            }
            Kept::Alteration(connector, Some(number)) => {
                self.altered.insert(connector, number);
            }
            Kept::Alteration(connector, None) => {
                self.altered.remove(&connector);
            }
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

    /// Stores a position, or that there is none, together with everything else in a transaction.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take it.
    pub fn store(
        &self,
        transaction: &mut Transaction<'_>,
        task: &TaskId,
        position: Option<&Position>,
        now: i64,
    ) -> Result<(), Error> {
        let (key, value) = kept::position(task, position);
        self.set(transaction, &key, value.as_deref(), now)
    }

    /// Stores which alteration of a connector's positions was carried out last.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take it.
    pub fn store_alteration(
        &self,
        transaction: &mut Transaction<'_>,
        connector: &str,
        number: u64,
        now: i64,
    ) -> Result<(), Error> {
        let (key, value) = kept::alteration(connector, number);
        self.set(transaction, &key, Some(&value), now)
    }

    fn set(
        &self,
        transaction: &mut Transaction<'_>,
        key: &str,
        value: Option<&str>,
        now: i64,
    ) -> Result<(), Error> {
        transaction.set(&Entry {
            topic: &self.topic,
            partition: self.partition,
            key,
            value: value.map(str::as_bytes),
            timestamp: now,
        })
    }
}

/// Reads what is kept of one shard's connectors. Call it after the shard's fence, never before.
///
/// # Errors
///
/// When Kafka does not answer in time, or refuses.
pub fn restore(cluster: &Cluster, shard: u32) -> Result<Restored, Error> {
    let mut restored = Restored::default();
    scan(cluster, &[shard], |_, kept| restored.take(kept))?;
    Ok(restored)
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
    scan(cluster, &all, |partition, kept| {
        let (connector, stream, is_there) = match kept {
            Kept::Position(task, stored) => (task.connector, Some(task.stream), stored.is_some()),
            Kept::Alteration(connector, number) => (connector, None, number.is_some()),
        };
        let record = (partition, connector, stream);
        if is_there {
            found.insert(record);
        } else {
            found.remove(&record);
        }
    })?;
    let connectors: Vec<(u32, String)> = found
        .into_iter()
        .map(|(partition, connector, _)| (partition, connector))
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
fn scan(cluster: &Cluster, shards: &[u32], mut each: impl FnMut(u32, Kept)) -> Result<(), Error> {
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
            Some(Err(error)) => return Err(cluster.refusal(error, Operation::Read)),
            None => {
                return Err(Error::Unavailable(KafkaError::MessageConsumption(
                    Code::OperationTimedOut,
                )));
            }
        }
    }
    Ok(())
}

fn read(record: &BorrowedMessage<'_>, each: &mut impl FnMut(u32, Kept)) {
    let key = record.key().unwrap_or_default();
    if let Some(kept) = Kept::read(key, record.payload()) {
        return each(number(record.partition()), kept);
    }
    tracing::warn!(
        topic = record.topic(),
        partition = record.partition(),
        offset = record.offset(),
        "a record whose key is not a connector and a stream is skipped"
    );
}

/// Reads `shards` of `topic` from the beginning on.
pub(super) fn assign(
    reader: &BaseConsumer<Quiet>,
    topic: &str,
    shards: &[u32],
) -> Result<(), Error> {
    let mut list = TopicPartitionList::new();
    for shard in shards {
        let partition = i32::try_from(*shard).expect("a partition is an i32");
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .map_err(Error::outside)?;
    }
    reader.assign(&list).map_err(Error::outside)
}

pub(super) fn number(partition: i32) -> u32 {
    u32::try_from(partition).expect("a partition is not negative")
}
