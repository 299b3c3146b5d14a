//! How workers divide the shards: by joining one consumer group on the cursors topic.
//!
//! The group's only product is who owns which partition; no record is ever fetched through it. Partitions move one
//! by one (`cooperative-sticky`), and a worker that gives one up holds the rebalance until its shard is closed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance},
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Cluster, Error, Operation,
    attendant::Attendant,
    cluster::quiet,
    reach::{EVENTS, FIRST_LOOK, PATIENCE},
};

/// A membership. Dropping it leaves the group, which first takes every shard back.
#[derive(Debug)]
pub struct Membership {
    _attendant: Attendant,
}

/// What the group has decided.
#[derive(Debug)]
pub enum Ownership {
    /// These shards are this worker's now.
    Gained(Vec<u32>),
    /// These shards are to be given up; the group waits, for a while, until `closed` is dropped.
    Lost {
        /// The shards.
        shards: Vec<u32>,
        /// Dropped when they are closed.
        closed: oneshot::Sender<()>,
    },
}

#[derive(Debug)]
struct Member {
    decisions: mpsc::UnboundedSender<Ownership>,
    shards: u32,
}

/// How often the membership looks whether it should end; rebalances are served at once.
const TICK: Duration = Duration::from_millis(100);

// === impl Membership ===

impl Membership {
    /// Joins the group. Decisions arrive on the channel.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take the properties.
    pub fn join(cluster: &Cluster) -> Result<(Self, mpsc::UnboundedReceiver<Ownership>), Error> {
        let (decisions, receiver) = mpsc::unbounded_channel();
        let member = Member {
            decisions,
            shards: cluster.topics().shards,
        };
        let consumer: BaseConsumer<Member> = cluster
            .member()
            .create_with_context(member)
            .map_err(Error::outside)?;
        consumer
            .subscribe(&[&cluster.topics().cursors()])
            .map_err(Error::outside)?;
        let cluster = cluster.clone();
        let attendant = Attendant::start("group", move |stop| attend(&cluster, &consumer, stop));
        let membership = Self {
            _attendant: attendant,
        };
        Ok((membership, receiver))
    }
}

/// Asks the group's coordinator, as whoever joins it has to first. It blocks.
///
/// # Errors
///
/// When Kafka does not answer in time, or refuses.
pub fn ask_coordinator(cluster: &Cluster) -> Result<(), Error> {
    let reader = cluster.reader().map_err(Error::outside)?;
    let mut positions = TopicPartitionList::new();
    positions.add_partition(&cluster.topics().cursors(), 0);
    let ask = |time| {
        let asked = reader.committed_offsets(positions.clone(), time);
        asked.map(drop).map_err(|error| {
            // Whoever may not ask for the group's coordinator is told so as an event, and waits.
            let told = (0..EVENTS).filter_map(|_| reader.poll(Duration::ZERO)?.err());
            let mut told = told.map(|error| cluster.refusal(error, Operation::Read));
            let refusal = told.find(Error::is_refusal);
            refusal.unwrap_or_else(|| cluster.refusal(error, Operation::Read))
        })
    };
    match ask(FIRST_LOOK) {
        Err(error) if !error.is_refusal() => ask(PATIENCE),
        answered => answered,
    }
}

/// Serves the membership until it is to end, or cannot go on; dropping the consumer then leaves the group.
fn attend(cluster: &Cluster, consumer: &BaseConsumer<Member>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        if let Some((code, reason)) = consumer.client().fatal_error() {
            tracing::error!(%code, reason, "the group has shut this worker out: has another the same group.instance.id?");
            return;
        }
        match consumer.poll(TICK) {
            Some(Err(error)) => match cluster.refusal(error, Operation::Read) {
                error if error.is_refusal() => {
                    tracing::warn!(%error, "the workers' group cannot be joined");
                }
                error => tracing::info!(%error, "the workers' group is not reached, trying on"),
            },
            Some(Ok(_)) => {
                tracing::error!("the group's consumer was given a record although it is paused");
            }
            None => {}
        }
    }
    consumer.unsubscribe();
}

// === impl Member ===

impl Member {
    fn shards(&self, partitions: &TopicPartitionList) -> Vec<u32> {
        let numbers = partitions
            .elements()
            .into_iter()
            .map(|element| element.partition());
        numbers
            .filter_map(|partition| u32::try_from(partition).ok())
            .filter(|shard| *shard < self.shards)
            .collect()
    }
}

quiet!(Member);

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            let (closed, wait) = oneshot::channel();
            let shards = self.shards(partitions);
            if self
                .decisions
                .send(Ownership::Lost { shards, closed })
                .is_ok()
            {
                // Closed is told by dropping, which is an error of the channel.
                let _ = wait.blocking_recv();
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                consumer
                    .pause(partitions)
                    .expect("partitions just assigned can be paused");
                // Nobody listens any more only while the worker is ending.
                let _ = self
                    .decisions
                    .send(Ownership::Gained(self.shards(partitions)));
            }
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => {
                tracing::warn!(%error, "a rebalance failed, the group begins another");
            }
        }
    }
}
