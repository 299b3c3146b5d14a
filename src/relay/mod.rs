//! The heart: the only place that moves a position.
//!
//! A connector belongs to the shard `murmur2(name) % shards`, and a shard to one worker at a time. While it does, the
//! shard goes through the same five steps again and again, in this order and no other:
//!
//! 1. **own**: the group has assigned the partition ([`Worker`]);
//! 2. **fence**: a new producer rolls back whatever an earlier owner had open, and bars it for ever (`shard`);
//! 3. **restore**: every position of the partition is read; nobody else can write it any more;
//! 4. **run**: its tasks (`crew`) fetch and hand over (`task`), its thread commits events and positions together (`writer`);
//! 5. **lose**: the tasks are dropped, the thread ends its transaction and drops the producer.
//!
//! Fencing before reading is what makes it exact: a position that is read first could still be overtaken by the old
//! owner's last commit. A process that dies in any step leaves its mess to the next owner's step 2.
//!
//! Not promised: events that the API itself leaves out, repeats, or files behind a cursor that has passed them.

mod activity;
mod board;
mod connector;
mod crew;
mod error;
mod handover;
mod outbox;
mod pace;
mod patience;
mod report;
mod sealed;
mod shard;
mod source;
mod task;
mod worker;
mod writer;

use std::sync::Arc;

use crate::{
    avro::{self, Registry, RegistryError, SchemaId, SubjectStrategy},
    clock::Clock,
    event::Stream,
    kafka::{Cluster, Found},
    metrics::Metrics,
    onepassword::Shared,
    secret::Keyring,
};

pub use self::{
    activity::{Activity, End, Poll, Seen, TaskActivity, Trouble},
    board::{Board, News, Report, Subject},
    connector::{Alteration, Connector, Connectors, Key, Start, Target, Wanted, WouldVanish},
    worker::Worker,
};

/// What all connectors of a worker share.
#[derive(Debug)]
pub struct Context {
    /// Where events and positions go.
    pub cluster: Cluster,
    /// What the topics were found to be.
    pub found: Found,
    /// Where schemas are registered.
    pub registry: Arc<Registry>,
    /// Under which subjects.
    pub subjects: SubjectStrategy,
    /// How the Events API is asked.
    pub api: Shared,
    /// What opens sealed tokens.
    pub keyring: Keyring,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is told of connectors and tasks.
    pub board: Arc<Board>,
    /// What time it is.
    pub clock: Clock,
}

// === impl Context ===

impl Context {
    async fn schema_id(&self, stream: Stream) -> Result<SchemaId, RegistryError> {
        let topic = self.cluster.topics().events(stream);
        let subject = avro::subject(stream, &topic, self.subjects);
        self.registry.ensure(&subject, avro::schema(stream)).await
    }
}
