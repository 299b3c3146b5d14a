//! A topic of one partition as a log: every committed record from the beginning on, then each new one as it comes.

use std::{sync::atomic::Ordering, time::Duration};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use super::{Cluster, Error, attendant::Attendant, cluster::Quiet};

/// A log that is followed. Dropping it ends that.
#[derive(Debug)]
pub struct Following {
    _attendant: Attendant,
}

/// What a log has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged<'r> {
    /// A record; without a value it takes back what its key said.
    Record {
        /// Its place.
        offset: i64,
        /// Its key's bytes.
        key: &'r [u8],
        /// Its value's bytes.
        value: Option<&'r [u8]>,
    },
    /// That is all, for now.
    End,
}

/// How often it looks whether it should end.
const TICK: Duration = Duration::from_millis(100);

// === impl Following ===

impl Following {
    /// Follows `topic` on a thread of its own, which calls `each` in the order of the log. While Kafka is not reached
    /// nothing comes, and then it goes on.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take the properties.
    pub fn start(
        cluster: &Cluster,
        topic: &str,
        mut each: impl FnMut(Logged<'_>) + Send + 'static,
    ) -> Result<Self, Error> {
        let reader = cluster.follower().map_err(Error::outside)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning)
            .map_err(Error::outside)?;
        reader.assign(&list).map_err(Error::outside)?;
        let topic = topic.to_owned();
        let attendant = Attendant::start("log", move |stop| {
            while !stop.load(Ordering::Relaxed) {
                step(&reader, &topic, &mut each);
            }
        });
        Ok(Self {
            _attendant: attendant,
        })
    }
}

fn step(reader: &BaseConsumer<Quiet>, topic: &str, each: &mut impl FnMut(Logged<'_>)) {
    match reader.poll(TICK) {
        Some(Ok(record)) => each(Logged::Record {
            offset: record.offset(),
            key: record.key().unwrap_or_default(),
            value: record.payload(),
        }),
        Some(Err(KafkaError::PartitionEOF(_))) => each(Logged::End),
        Some(Err(error)) => match Error::outside(error) {
            error @ Error::Refused(_) => {
                tracing::warn!(topic, %error, "the topic cannot be read: allow this user to");
            }
            error => tracing::info!(topic, %error, "the topic is not reached, trying on"),
        },
        None => {}
    }
}
