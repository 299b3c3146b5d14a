//! What the connectors and tasks of this worker do, for whoever tells others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::activity::{Activity, Doings, TaskActivity};
use crate::{event::TaskId, metrics::TaskState};

/// The latest states, and what is news.
#[derive(Debug, Default)]
pub struct Board {
    states: Mutex<States>,
    changed: Notify,
    doings: Mutex<Doings>,
    moved: Notify,
}

/// Whose state it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A connector.
    Connector(String),
    /// A task.
    Task(TaskId),
}

/// What has happened since the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// States that have changed.
    pub states: BTreeMap<Subject, Report>,
    /// Tasks that have published events.
    pub published: BTreeSet<TaskId>,
}

/// What there is to tell of a connector or a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// It is in this state.
    State {
        /// RUNNING, PAUSED, STOPPED, FAILED or UNASSIGNED: Kafka Connect's words.
        name: &'static str,
        /// Why it has failed.
        trace: Option<String>,
    },
    /// It is not this worker's any more.
    Left,
    /// It is no more.
    Ended,
    /// It is not there; another worker may have told that it was.
    Absent,
}

#[derive(Debug, Default)]
struct States {
    known: BTreeMap<Subject, Report>,
    news: News,
}

// === impl Board ===

impl Board {
    /// Waits for news, and takes them.
    pub async fn news(&self) -> News {
        loop {
            let changed = self.changed.notified();
            let news = self.take();
            if news != News::default() {
                return news;
            }
            changed.await;
        }
    }

    /// All states, news or not.
    #[must_use]
    pub fn all(&self) -> BTreeMap<Subject, Report> {
        self.states().known.clone()
    }

    /// Takes the news that there are.
    #[must_use]
    pub fn take(&self) -> News {
        std::mem::take(&mut self.states().news)
    }

    /// Waits until something is done that was not told yet.
    pub async fn moved(&self) {
        self.moved.notified().await;
    }

    /// Takes what was done since the last time.
    #[must_use]
    pub fn take_activity(&self) -> Vec<(String, Activity)> {
        self.doings().take()
    }

    /// Has all that was done told again.
    pub fn renew_activity(&self) {
        self.doings().renew();
        self.moved.notify_one();
    }

    /// A connector does something.
    pub(super) fn connector_does(&self, connector: &str, what: impl FnOnce(&mut Activity)) {
        what(self.doings().connector(connector));
        self.moved.notify_one();
    }

    /// A task does something.
    pub(super) fn task_does(&self, task: &TaskId, what: impl FnOnce(&mut TaskActivity)) {
        what(self.doings().task(task));
        self.moved.notify_one();
    }

    pub(super) fn set(&self, subject: Subject, name: &'static str, trace: Option<String>) {
        self.set_unless(&[], subject, name, trace);
    }

    /// A task runs, and will say how.
    pub(super) fn begin(&self, task: TaskId) {
        let lasting = [TaskState::Failed.name(), TaskState::Unassigned.name()];
        let runs = TaskState::Running.name();
        self.set_unless(&lasting, Subject::Task(task), runs, None);
    }

    /// A task rests. One that has failed stays so.
    pub(super) fn rest(&self, task: TaskId, name: &'static str) {
        let lasting = [TaskState::Failed.name()];
        self.set_unless(&lasting, Subject::Task(task), name, None);
    }

    fn set_unless(
        &self,
        lasting: &[&str],
        subject: Subject,
        name: &'static str,
        trace: Option<String>,
    ) {
        let state = Report::State { name, trace };
        let mut states = self.states();
        let known = states.known.get(&subject);
        let lasts = matches!(known, Some(Report::State { name, .. }) if lasting.contains(name));
        if !lasts && known != Some(&state) {
            states.known.insert(subject.clone(), state.clone());
            self.tell(states, subject, state);
        }
    }

    /// A task has published events. This is told each time.
    pub(super) fn published(&self, task: &TaskId) {
        self.states().news.published.insert(task.clone());
        self.changed.notify_one();
    }

    /// A connector has no such task.
    pub(super) fn end(&self, task: TaskId) {
        let subject = Subject::Task(task);
        let mut states = self.states();
        let report = match states.known.get(&subject) {
            Some(Report::Ended | Report::Absent) => return,
            Some(_) => Report::Ended,
            None => Report::Absent,
        };
        states.known.insert(subject.clone(), report.clone());
        self.tell(states, subject, report);
    }

    /// A connector with its tasks is not this worker's any more, or is no more.
    pub(super) fn leave(&self, connector: &str, report: &Report) {
        let mut states = self.states();
        let left = states
            .known
            .extract_if(.., |subject, _| subject.connector() == connector);
        let left: Vec<_> = left
            .filter(|(_, known)| matches!(known, Report::State { .. }))
            .map(|(subject, _)| (subject, report.clone()))
            .collect();
        states.news.states.extend(left);
        drop(states);
        self.doings().forget(connector);
        self.changed.notify_one();
    }

    fn tell(&self, mut states: MutexGuard<'_, States>, subject: Subject, report: Report) {
        states.news.states.insert(subject, report);
        drop(states);
        self.changed.notify_one();
    }

    fn doings(&self) -> MutexGuard<'_, Doings> {
        self.doings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Subject ===

impl Subject {
    fn connector(&self) -> &str {
        match self {
            Self::Connector(name) => name,
            Self::Task(task) => &task.connector,
        }
    }
}
