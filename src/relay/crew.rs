//! The tasks of a shard: those of each connector that is to run, started and stopped while the others go on.
//!
//! The positions of a connector are altered while it has no task.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    Context,
    connector::{Alteration, Own, Run, Wanted},
    handover::Handover,
    source::Source,
    task::Task,
};
use crate::{
    event::{Position, TaskId},
    kafka::{Restored, Stored},
};

/// The tasks of one producer's time.
pub(super) struct Crew {
    context: Arc<Context>,
    queue: mpsc::Sender<Handover>,
    /// Where a task begins that is started now, and which alterations led there.
    restored: Restored,
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
        restored: Restored,
    ) -> Self {
        Self {
            context,
            queue,
            restored,
            aboard: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Makes the tasks those of `own` connectors. One whose settings have changed, that is to be restarted or whose positions
    /// are to be altered is stopped, which takes until its pages are committed, and begins again where that leaves it.
    pub(super) async fn become_those_of(&mut self, own: &Own) {
        let runs: Vec<Run> = own.values().filter_map(Wanted::run).collect();
        let leaving: Vec<String> = self
            .aboard
            .iter()
            .filter(|(_, aboard)| !runs.contains(&aboard.run))
            .map(|(name, _)| name.clone())
            .collect();
        self.stop(&leaving).await;
        for (name, wanted) in own {
            let done = self.restored.altered.get(name);
            if let Some(alteration) = wanted.to_be_altered(done) {
                self.alter(name, alteration).await;
            }
        }
        for run in runs {
            let name = &run.connector.name;
            let done = self.restored.altered.get(name);
            let is_ready = own[name].to_be_altered(done).is_none();
            if is_ready && !self.aboard.contains_key(name) {
                self.start(run);
            }
        }
    }

    /// Which alteration of each connector's positions was carried out last.
    pub(super) const fn altered(&self) -> &BTreeMap<String, u64> {
        &self.restored.altered
    }

    /// Waits for ever; a task's panic goes through. Tasks end by themselves only when the shard's thread is gone.
    pub(super) async fn watch(&mut self) -> Infallible {
        while let Some(ended) = self.tasks.join_next().await {
            self.note(ended);
        }
        std::future::pending().await
    }

    /// Drops all tasks, wherever they are, and tells which alterations were carried out.
    pub(super) async fn shutdown(mut self) -> BTreeMap<String, u64> {
        self.tasks.shutdown().await;
        self.restored.altered
    }

    /// Carries an alteration out. Until that is done the connector is not started.
    async fn alter(&mut self, name: &str, alteration: &Alteration) {
        let positions = self.positions_after(name, alteration);
        let (done, committed) = oneshot::channel();
        let handover = Handover::Alteration {
            connector: name.to_owned(),
            number: alteration.number,
            positions: positions.clone(),
            done,
        };
        // Where the shard is lost, whoever has it next looks whether it was done.
        if self.queue.send(handover).await.is_err() || committed.await.is_err() {
            return;
        }
        tracing::info!(connector = name, "the positions are altered");
        for (task, position) in positions {
            self.leave_at(task, position.map(Stored::Position));
        }
        let altered = &mut self.restored.altered;
        altered.insert(name.to_owned(), alteration.number);
    }

    /// What the positions become. How much was published by then remains known.
    fn positions_after(
        &self,
        name: &str,
        alteration: &Alteration,
    ) -> Vec<(TaskId, Option<Position>)> {
        let now = (self.context.clock)();
        let altered = alteration.places.iter().map(|(stream, place)| {
            let task = TaskId {
                connector: name.to_owned(),
                stream: *stream,
            };
            let events_total = match self.restored.positions.get(&task) {
                Some(Stored::Position(position)) => position.events_total,
                _ => 0,
            };
            let position = place.clone().map(|place| Position {
                events_total,
                ..Position::at(place, now)
            });
            (task, position)
        });
        altered.collect()
    }

    fn start(&mut self, run: Run) {
        let (connector, context) = (&run.connector, &self.context);
        let source = Arc::new(Source::new(Arc::clone(connector), context));
        let stop = CancellationToken::new();
        let mut tasks = 0;
        for id in connector.tasks() {
            tasks += 1;
            let stored = self.restored.positions.get(&id).cloned();
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
        let name = connector.name.clone();
        self.aboard.insert(name, Aboard { run, stop, tasks });
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
        self.leave_at(id, left);
    }

    fn leave_at(&mut self, task: TaskId, left: Option<Stored>) {
        let positions = &mut self.restored.positions;
        match left {
            Some(stored) => positions.insert(task, stored),
            None => positions.remove(&task),
        };
    }
}
