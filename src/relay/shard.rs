//! A shard while this worker owns it: fence, restore, run, lose, and again until the group takes it back.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{Connector, Context, source::Source, task::Task, writer::Writer};
use crate::{
    backoff::Backoff,
    event::TaskId,
    kafka::{Error, Positions, Producer, restore},
};

/// A shard and the connectors that belong to it.
pub(super) struct Shard {
    pub(super) number: u32,
    pub(super) connectors: Vec<Arc<Connector>>,
    pub(super) context: Arc<Context>,
}

/// A tenure that has lasted so long was a good one.
const LASTING: Duration = Duration::from_mins(1);

// === impl Shard ===

impl Shard {
    /// Runs until `lost`; what it had in hand is then committed or rolled back, and its producer is gone.
    pub(super) async fn run(self, lost: CancellationToken) {
        let mut backoff = Backoff::new(
            Duration::from_millis(500),
            Duration::from_secs(30),
            fastrand::Rng::new(),
        );
        self.context.metrics.shards(1);
        while !lost.is_cancelled() {
            let Err(error) = self.tenure(&lost, &mut backoff).await else {
                break;
            };
            let wait = self.wait_after(&error, &mut backoff);
            tracing::warn!(shard = self.number, %error, retry_in = ?wait, "the shard begins again");
            tokio::select! {
                () = lost.cancelled() => {}
                () = sleep(wait) => {}
            }
        }
        self.context.metrics.shards(-1);
        for connector in &self.connectors {
            self.context.metrics.forget(&connector.name);
        }
    }

    /// One producer's time, from its fence to its end.
    async fn tenure(&self, lost: &CancellationToken, backoff: &mut Backoff) -> Result<(), Error> {
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
        let mut tasks = self.tasks(&writer, &positions);
        let result = tokio::select! {
            () = lost.cancelled() => Ok(()),
            error = writer.failed() => Err(error),
            never = watch(&mut tasks) => match never {},
        };
        tasks.shutdown().await;
        writer.close().await;
        if begun.elapsed() > LASTING {
            backoff.reset();
        }
        result
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

    fn tasks(&self, writer: &Writer, positions: &Positions) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for connector in &self.connectors {
            let context = &self.context;
            let source = Source::new(
                Arc::clone(connector),
                context.api.clone(),
                Arc::clone(&context.metrics),
            );
            let source = Arc::new(source);
            for stream in connector.wanted() {
                let id = TaskId {
                    connector: connector.name.clone(),
                    stream,
                };
                let stored = positions.get(&id).cloned();
                let (connector, source, context) = (
                    Arc::clone(connector),
                    Arc::clone(&source),
                    Arc::clone(context),
                );
                tasks.spawn(
                    Task::new(id, connector, source, context, writer.queue.clone(), stored).run(),
                );
            }
        }
        tasks
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

/// Waits for ever; a task's panic goes through. Tasks end by themselves only when the shard's thread is gone.
async fn watch(tasks: &mut JoinSet<()>) -> Infallible {
    while let Some(task) = tasks.join_next().await {
        task.expect("a task does not panic");
    }
    std::future::pending().await
}
