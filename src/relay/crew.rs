//! The tasks of a shard: those of each connector that is to run, started and stopped while the others go on.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{Context, connector::Run, source::Source, task::Task, writer::Handover};
use crate::{
    event::TaskId,
    kafka::{Positions, Stored},
};

/// The tasks of one producer's time.
pub(super) struct Crew {
    context: Arc<Context>,
    queue: mpsc::Sender<Handover>,
    /// Where a task begins that is started now.
    positions: Positions,
    aboard: BTreeMap<String, Aboard>,
    tasks: JoinSet<(TaskId, Option<Stored>)>,
}

/// A connector whose tasks run.
struct Aboard {
    run: Run,
    stop: CancellationToken,
    /// Its tasks that have not ended.
    tasks: usize,
}

// === impl Crew ===

impl Crew {
    pub(super) fn new(
        context: Arc<Context>,
        queue: mpsc::Sender<Handover>,
        positions: Positions,
    ) -> Self {
        Self {
            context,
            queue,
            positions,
            aboard: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Makes the tasks those of `runs`. A connector whose settings have changed, or that is to be restarted, is stopped,
    /// which takes until its pages are committed, and begins again where that leaves it.
    pub(super) async fn become_those_of(&mut self, runs: &[Run]) {
        let leaving: Vec<String> = self
            .aboard
            .iter()
            .filter(|(_, aboard)| !runs.contains(&aboard.run))
            .map(|(name, _)| name.clone())
            .collect();
        self.stop(&leaving).await;
        for run in runs {
            if !self.aboard.contains_key(&run.connector.name) {
                self.start(run);
            }
        }
    }

    /// Waits for ever; a task's panic goes through. Tasks end by themselves only when the shard's thread is gone.
    pub(super) async fn watch(&mut self) -> Infallible {
        while let Some(ended) = self.tasks.join_next().await {
            self.note(ended);
        }
        std::future::pending().await
    }

    /// Drops all tasks, wherever they are.
    pub(super) async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }

    fn start(&mut self, run: &Run) {
        let (connector, context) = (&run.connector, &self.context);
        let source = Arc::new(Source::new(
            Arc::clone(connector),
            context.api.clone(),
            Arc::clone(&context.metrics),
        ));
        let stop = CancellationToken::new();
        let mut tasks = 0;
        for id in connector.tasks() {
            tasks += 1;
            let stored = self.positions.get(&id).cloned();
            let task = Task::new(
                id,
                Arc::clone(connector),
                Arc::clone(&source),
                Arc::clone(context),
                self.queue.clone(),
                stored,
            );
            self.tasks.spawn(task.run(stop.clone()));
        }
        tracing::info!(connector = connector.name, "the connector is started");
        let aboard = Aboard {
            run: run.clone(),
            stop,
            tasks,
        };
        self.aboard.insert(connector.name.clone(), aboard);
    }

    async fn stop(&mut self, names: &[String]) {
        for name in names {
            self.aboard[name].stop.cancel();
        }
        while names.iter().any(|name| self.aboard[name].tasks > 0) {
            let ended = self.tasks.join_next().await;
            self.note(ended.expect("a task that has not ended is in the set"));
        }
        for name in names {
            self.aboard.remove(name);
            tracing::info!(connector = name, "the connector is stopped");
        }
    }

    fn note(&mut self, ended: Result<(TaskId, Option<Stored>), JoinError>) {
        let (id, left) = ended.expect("a task does not panic");
        let aboard = self.aboard.get_mut(&id.connector);
        aboard.expect("a task belongs to a connector aboard").tasks -= 1;
        match left {
            Some(stored) => self.positions.insert(id, stored),
            None => self.positions.remove(&id),
        };
    }
}
