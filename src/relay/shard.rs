//! A shard while this worker owns it: fence, restore, run, lose, and again until the group takes it back.
//!
//! It holds a producer only while one of its connectors is to run, or has positions to be altered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Context,
    board::{Board, Report, Subject},
    connector::{Connectors, Own, Target, Wanted},
    crew::Crew,
    writer::Writer,
};
use crate::{
    backoff::Backoff,
    event::{Stream, TaskId},
    kafka::{Cluster, Error, Producer, restore},
    metrics::Metrics,
    onepassword::Outcome,
};

/// A shard, and what is wanted of it.
pub(super) struct Shard {
    pub(super) number: u32,
    /// Of the whole group; those that belong here are its own.
    pub(super) connectors: watch::Receiver<Connectors>,
    pub(super) context: Arc<Context>,
    /// Whose states and metrics are shown.
    pub(super) shown: BTreeSet<String>,
    /// The alteration of each connector's positions that is known to have been carried out last.
    pub(super) altered: BTreeMap<String, u64>,
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
            if let Err(error) = ended
                && !lost.is_cancelled()
            {
                self.context.metrics.shard_restarted();
                let wait = self.wait_after(&error, &mut backoff);
                tracing::warn!(shard = self.number, %error, retry_in = ?wait, "the shard begins again");
                tokio::select! {
                    () = lost.cancelled() => {}
                    () = sleep(wait) => {}
                }
            }
        }
        for own in &self.shown {
            forget(&self.context.metrics, own);
            self.context.board.leave(own, &Report::Left);
        }
    }

    /// Waits until there is something to do here; `false` when the shard is lost instead.
    async fn is_needed(&mut self, lost: &CancellationToken) -> bool {
        while !lost.is_cancelled() {
            let own = self.own();
            self.show(&own);
            if has_work(&own, &self.altered) {
                return true;
            }
            tokio::select! {
                () = lost.cancelled() => {}
                changed = self.connectors.changed() => {
                    if changed.is_err() {
                        lost.cancelled().await;
                    }
                }
            }
        }
        false
    }

    /// Its connectors, as they are wanted now.
    fn own(&mut self) -> Own {
        let cluster = &self.context.cluster;
        let connectors = self.connectors.borrow_and_update();
        let own = connectors
            .iter()
            .filter(|(name, _)| cluster.shard_of(name) == self.number);
        own.map(|(name, wanted)| (name.clone(), wanted.clone()))
            .collect()
    }

    /// One producer's time, from its fence to its end.
    async fn tenure(
        &mut self,
        lost: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), Error> {
        // Also where the shard is lost meanwhile: a fence that came late would bar the next owner.
        let producer = self.ask(Producer::fence).await?;
        let restored = tokio::select! {
            () = lost.cancelled() => return Ok(()),
            restored = self.ask(restore) => restored?,
        };
        let begun = Instant::now();
        tracing::info!(
            shard = self.number,
            positions = restored.positions.len(),
            "the shard is restored"
        );
        let context = &self.context;
        let mut writer = Writer::start(self.number, producer, Arc::clone(context));
        let mut crew = Crew::new(Arc::clone(context), writer.queue.clone(), restored);
        let result = tokio::select! {
            () = lost.cancelled() => Ok(()),
            error = writer.failed() => Err(error),
            () = self.follow(&mut crew) => Ok(()),
        };
        self.altered = crew.shutdown().await;
        writer.close().await;
        if begun.elapsed() > LASTING {
            backoff.reset();
        }
        result
    }

    /// Does what is wanted, until that is nothing.
    async fn follow(&mut self, crew: &mut Crew) {
        loop {
            let own = self.own();
            crew.become_those_of(&own).await;
            self.show(&own);
            if !has_work(&own, crew.altered()) {
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

    /// Tells what its connectors do, and that those are no more that are not wanted any more. A task that runs tells for itself.
    fn show(&mut self, own: &Own) {
        let (metrics, board) = (&self.context.metrics, &self.context.board);
        let names: BTreeSet<_> = own.keys().cloned().collect();
        for gone in self.shown.difference(&names) {
            forget(metrics, gone);
            board.leave(gone, &Report::Ended);
        }
        for (name, wanted) in own {
            let (state, trace, tasks) = judge(wanted);
            board.set(Subject::Connector(name.clone()), state, trace);
            end_tasks(board, name, &tasks);
            let runs = wanted.run().is_some();
            for task in tasks {
                if runs {
                    board.begin(task);
                } else {
                    board.rest(task, state);
                }
            }
            if !runs {
                metrics.paused(name);
            }
        }
        self.shown = names;
    }

    /// Asks Kafka for something of this shard, which blocks.
    async fn ask<T: Send + 'static>(
        &self,
        question: fn(&Cluster, u32) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (cluster, number) = (self.context.cluster.clone(), self.number);
        tokio::task::spawn_blocking(move || question(&cluster, number))
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

/// Whether a connector is to run, or has positions to be altered.
fn has_work(own: &Own, altered: &BTreeMap<String, u64>) -> bool {
    own.iter().any(|(name, wanted)| {
        wanted.run().is_some() || wanted.to_be_altered(altered.get(name)).is_some()
    })
}

/// A connector's state, why it has failed, and the tasks that it has.
fn judge(wanted: &Wanted) -> (&'static str, Option<String>, Vec<TaskId>) {
    match (&wanted.connector, wanted.target) {
        (_, Target::Stopped) => ("STOPPED", None, Vec::new()),
        (Err(mistakes), _) => ("FAILED", Some(mistakes.clone()), Vec::new()),
        (Ok(connector), Target::Paused) => ("PAUSED", None, connector.tasks().collect()),
        (Ok(connector), Target::Running) => ("RUNNING", None, connector.tasks().collect()),
    }
}

fn forget(metrics: &Metrics, connector: &str) {
    metrics.forget(connector, &Outcome::ALL.map(Outcome::as_str));
}

fn end_tasks(board: &Board, connector: &str, but: &[TaskId]) {
    for stream in Stream::ALL {
        let connector = connector.to_owned();
        let task = TaskId { connector, stream };
        if !but.contains(&task) {
            board.end(task);
        }
    }
}
