//! A shard while this worker owns it: fence, restore, run, lose, and again until the group takes it back.
//!
//! It holds a producer only while one of its connectors is to run.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Connector, Context,
    connector::{Connectors, Target},
    crew::Crew,
    writer::Writer,
};
use crate::{
    backoff::Backoff,
    kafka::{Error, Positions, Producer, restore},
};

/// A shard, and what is wanted of it.
pub(super) struct Shard {
    pub(super) number: u32,
    /// Of the whole group; those that belong here are its own.
    pub(super) connectors: watch::Receiver<Connectors>,
    pub(super) context: Arc<Context>,
    /// Whose metrics are shown.
    pub(super) shown: BTreeSet<String>,
}

/// A tenure that has lasted so long was a good one.
const LASTING: Duration = Duration::from_mins(1);

// === impl Shard ===

impl Shard {
    /// Runs until `lost`; what it had in hand is then committed or rolled back, and its producer is gone.
    pub(super) async fn run(mut self, lost: CancellationToken) {
        let mut backoff = Backoff::new(
            Duration::from_millis(500),
            Duration::from_secs(30),
            fastrand::Rng::new(),
        );
        while self.is_needed(&lost).await {
            self.context.metrics.shards(1);
            let ended = self.tenure(&lost, &mut backoff).await;
            self.context.metrics.shards(-1);
            if let Err(error) = ended {
                let wait = self.wait_after(&error, &mut backoff);
                tracing::warn!(shard = self.number, %error, retry_in = ?wait, "the shard begins again");
                tokio::select! {
                    () = lost.cancelled() => {}
                    () = sleep(wait) => {}
                }
            }
        }
        self.show(&[]);
    }

    /// Waits until a connector is to run here; `false` when the shard is lost instead.
    async fn is_needed(&mut self, lost: &CancellationToken) -> bool {
        while !lost.is_cancelled() && self.running().is_empty() {
            tokio::select! {
                () = lost.cancelled() => {}
                changed = self.connectors.changed() => {
                    if changed.is_err() {
                        lost.cancelled().await;
                    }
                }
            }
        }
        !lost.is_cancelled()
    }

    /// Its connectors that are to run now.
    fn running(&mut self) -> Vec<Arc<Connector>> {
        let cluster = &self.context.cluster;
        let connectors = self.connectors.borrow_and_update();
        let own = connectors.values().filter(|wanted| {
            wanted.target == Target::Running
                && cluster.shard_of(&wanted.connector.name) == self.number
        });
        own.map(|wanted| Arc::clone(&wanted.connector)).collect()
    }

    /// One producer's time, from its fence to its end.
    async fn tenure(
        &mut self,
        lost: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), Error> {
        let (producer, positions) = tokio::select! {
            () = lost.cancelled() => return Ok(()),
            taken = self.take() => taken?,
        };
        let begun = Instant::now();
        tracing::info!(
            shard = self.number,
            positions = positions.len(),
            "the shard is restored"
        );
        let context = &self.context;
        let mut writer = Writer::start(
            self.number,
            producer,
            context.clock,
            Arc::clone(&context.metrics),
        );
        let mut crew = Crew::new(Arc::clone(context), writer.queue.clone(), positions);
        let result = tokio::select! {
            () = lost.cancelled() => Ok(()),
            error = writer.failed() => Err(error),
            () = self.follow(&mut crew) => Ok(()),
        };
        crew.shutdown().await;
        writer.close().await;
        if begun.elapsed() > LASTING {
            backoff.reset();
        }
        result
    }

    /// Runs the connectors that are wanted, until there is none.
    async fn follow(&mut self, crew: &mut Crew) {
        loop {
            let running = self.running();
            crew.become_those_of(&running).await;
            self.show(&running);
            if running.is_empty() {
                return;
            }
            tokio::select! {
                changed = self.connectors.changed() => {
                    if changed.is_err() {
                        // Nobody is left who could want something else.
                        match crew.watch().await {}
                    }
                }
                never = crew.watch() => match never {},
            }
        }
    }

    /// Forgets the metrics of all others: only the one who runs a connector may show them.
    fn show(&mut self, running: &[Arc<Connector>]) {
        let names: BTreeSet<_> = running.iter().map(|own| own.name.clone()).collect();
        for gone in self.shown.difference(&names) {
            self.context.metrics.forget(gone);
        }
        self.shown = names;
    }

    /// Fences, then restores.
    async fn take(&self) -> Result<(Producer, Positions), Error> {
        let (cluster, number) = (self.context.cluster.clone(), self.number);
        let take = move || {
            let producer = Producer::fence(&cluster, number)?;
            let positions = restore(&cluster, number)?;
            Ok((producer, positions))
        };
        tokio::task::spawn_blocking(take)
            .await
            .expect("fencing and restoring do not panic")
    }

    /// A fenced shard has another owner, of whom this worker's group may not have heard yet: taking the shard back at
    /// once would only have the two fence each other.
    fn wait_after(&self, error: &Error, backoff: &mut Backoff) -> Duration {
        match error {
            Error::Fenced => self.context.cluster.session_timeout(),
            _ => backoff.next_wait(),
        }
    }
}
