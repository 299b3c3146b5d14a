//! A topic as a log, partition by partition: every committed record from the beginning on, then each new one as it comes.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use rdkafka::{Message, consumer::BaseConsumer, error::KafkaError};

use super::{
    Cluster, Error, Operation,
    attendant::Attendant,
    cluster::Quiet,
    cursors::{assign, number},
};

/// A log that is followed. Dropping it ends that.
#[derive(Debug)]
pub struct Following {
    _attendant: Attendant,
}

struct Follower {
    cluster: Cluster,
    reader: BaseConsumer<Quiet>,
    topic: String,
    /// The partitions whose end has not been seen yet.
    unread: BTreeSet<u32>,
}

/// What a log has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged<'r> {
    /// A record; without a value it takes back what its key said.
    Record {
        /// Its place in its partition.
        offset: i64,
        /// Its key's bytes.
        key: &'r [u8],
        /// Its value's bytes.
        value: Option<&'r [u8]>,
    },
    /// All that there was has been brought.
    End,
}

/// How often it looks whether it should end.
const TICK: Duration = Duration::from_millis(100);

// === impl Following ===

impl Following {
    /// Follows the first `partitions` of `topic` on a thread of its own, which calls `each` in the order of each partition.
    /// While Kafka is not reached nothing comes, and then it goes on.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take the properties.
    pub fn start(
        cluster: &Cluster,
        topic: &str,
        partitions: u32,
        mut each: impl FnMut(Logged<'_>) + Send + 'static,
    ) -> Result<Self, Error> {
        let reader = cluster.follower().map_err(Error::outside)?;
        let all: Vec<u32> = (0..partitions).collect();
        assign(&reader, topic, &all)?;
        let mut follower = Follower {
            cluster: cluster.clone(),
            reader,
            topic: topic.to_owned(),
            unread: all.into_iter().collect(),
        };
        let attendant = Attendant::start("log", move |stop| {
            while !stop.load(Ordering::Relaxed) {
                follower.step(&mut each);
            }
        });
        Ok(Self {
            _attendant: attendant,
        })
    }
}

// === impl Follower ===

impl Follower {
    fn step(&mut self, each: &mut impl FnMut(Logged<'_>)) {
        match self.reader.poll(TICK) {
            Some(Ok(record)) => each(Logged::Record {
                offset: record.offset(),
                key: record.key().unwrap_or_default(),
                value: record.payload(),
            }),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                let is_first = self.unread.remove(&number(partition));
                if is_first && self.unread.is_empty() {
                    each(Logged::End);
                }
            }
            Some(Err(error)) => self.tell(error),
            None => {}
        }
    }

    fn tell(&self, error: KafkaError) {
        let topic = &self.topic;
        match self.cluster.refusal(error, Operation::Read) {
            error if error.is_refusal() => {
                tracing::warn!(topic, %error, "the topic cannot be read");
            }
            error => tracing::info!(topic, %error, "the topic is not reached, trying on"),
        }
    }
}
