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
     belongs into {expected}{way_out}"
)]
pub struct Misplaced {
    topic: String,
    connector: String,
    found: u32,
    expected: u32,
    shards: u32,
    way_out: String,
}

/// Where something is kept of which connector, and by which key.
type Place = (u32, String, String);

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
    let mut places = BTreeSet::new();
    let all: Vec<u32> = (0..partitions).collect();
    scan(cluster, &all, |partition, kept| {
        let (connector, key, is_there) = match kept {
            Kept::Position(task, stored) => {
                let (key, _) = kept::position(&task, None);
                (task.connector, key, stored.is_some())
            }
            Kept::Alteration(connector, number) => {
                let (key, _) = kept::alteration(&connector, 0);
                (connector, key, number.is_some())
            }
        };
        let place = (partition, connector, key);
        if is_there {
            places.insert(place);
        } else {
            places.remove(&place);
        }
    })?;
    Ok(judge(cluster, &places, partitions))
}

/// The first place that is wrong, and what to do: few connectors may fit several numbers of shards, and none fits where a
/// record was written elsewhere by hand.
fn judge(cluster: &Cluster, places: &BTreeSet<Place>, partitions: u32) -> Option<Misplaced> {
    let is_wrong = |(found, name, _): &&Place| *found != cluster.shard_of(name);
    let (found, connector, key) = places.iter().find(is_wrong)?;
    let expected = cluster.shard_of(connector);
    let lie_right = |shards: &u32| {
        let partition = |name: &str| super::murmur2::partition(name.as_bytes(), *shards);
        places
            .iter()
            .all(|(found, name, _)| *found == partition(name))
    };
    let fitting = (1..=partitions).filter(lie_right);
    let fitting: Vec<_> = fitting.map(|shards| shards.to_string()).collect();
    let way_out = match &*fitting {
        [] => format!(
            ", and no number of shards fits all positions: stop all workers, and write a tombstone with the key {key} into \
             partition {found}. The connector begins at start.time where partition {expected} has no position"
        ),
        fitting => format!(
            ". The number cannot be changed while there are positions: set it back to what it was, they fit topics.shards: {}",
            fitting.join(", ")
        ),
    };
    Some(Misplaced {
        topic: cluster.topics().cursors(),
        connector: connector.clone(),
        found: *found,
        expected,
        shards: cluster.topics().shards,
        way_out,
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{Properties, TopicSettings};

    fn told(shards: u32, places: &[(u32, &str)]) -> Option<String> {
        let topics = TopicSettings {
            prefix: "p".to_owned(),
            partitions: 1,
            replication_factor: -1,
            retention_ms: -1,
            shards,
        };
        let cluster = Cluster::new(Properties::default(), "g".to_owned(), topics);
        let place =
            |(partition, name): &(u32, &str)| (*partition, (*name).to_owned(), "KEY".to_owned());
        let places = places.iter().map(place).collect();
        judge(&cluster, &places, 8).map(|misplaced| misplaced.to_string())
    }

    // Java's murmur2 of "21" is -973932308, without its sign 1173551340: 4 of 8, 3 of 7, and 0 of all less.
    #[test]
    fn where_positions_lie_for_another_number_each_that_fits_is_told() {
        assert_eq!(told(8, &[(4, "21")]), None);
        let words = told(7, &[(0, "21")]).unwrap();
        assert_eq!(
            words,
            "the position of connector \"21\" lies in partition 0 of p.cursors, but with topics.shards: 7 it belongs into 3. \
             The number cannot be changed while there are positions: set it back to what it was, they fit topics.shards: \
             1, 2, 3, 4, 5, 6"
        );
    }

    #[test]
    fn where_no_number_fits_the_record_that_is_wrong_is_told() {
        let words = told(8, &[(4, "21"), (5, "21")]).unwrap();
        assert_eq!(
            words,
            "the position of connector \"21\" lies in partition 5 of p.cursors, but with topics.shards: 8 it belongs into 4, \
             and no number of shards fits all positions: stop all workers, and write a tombstone with the key KEY into \
             partition 5. The connector begins at start.time where partition 4 has no position"
        );
    }
}
