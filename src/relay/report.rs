//! What a task tells: one line per poll that has brought events, at most one a minute otherwise, and its metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    activity::{End, Poll},
    board::{Board, Subject},
    error::TaskError,
};
use crate::{
    event::{EventTime, Place, Position, TaskId},
    metrics::{Metrics, TaskState},
};

/// The voice of one task.
#[derive(Debug)]
pub(super) struct Reporter {
    task: Arc<TaskId>,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    logged: Option<Instant>,
    /// When it was last told how far the poll under way has come.
    told: Option<Instant>,
    /// The last event that was read, while there is more to read.
    behind: Option<Timestamp>,
    /// The poll under way.
    began: Timestamp,
    events: usize,
}

/// What one poll, from a position to the end of the stream, has brought so far.
#[derive(Debug, Default)]
pub(super) struct Polled {
    pub(super) events: usize,
    pub(super) pages: usize,
}

const LOG_EVERY: Duration = Duration::from_mins(1);
const TELL_EVERY: Duration = Duration::from_secs(2);

// === impl Reporter ===

impl Reporter {
    pub(super) const fn new(task: Arc<TaskId>, metrics: Arc<Metrics>, board: Arc<Board>) -> Self {
        Self {
            task,
            metrics,
            board,
            logged: None,
            told: None,
            behind: None,
            began: Timestamp::UNIX_EPOCH,
            events: 0,
        }
    }

    /// The task is started, and reads on at `position`.
    pub(super) fn started(&self, position: Option<&Position>, now: Timestamp) {
        let read = position.map(|position| match position.place {
            Place::Start(time) => time,
            // Nobody has said, where the position was written by hand.
            Place::After(_) => last_event(position).unwrap_or(position.updated_at),
        });
        self.metrics.started(&self.task, now, read);
    }

    /// The task polls.
    pub(super) fn begin(&mut self, now: Timestamp) {
        (self.began, self.events) = (now, 0);
        if self.told.is_none() {
            self.tell_reading(now);
        }
    }

    /// The task reads, and has read up to `position`; there is more to read.
    pub(super) fn reading(&mut self, polled: &Polled, position: &Position, now: Timestamp) {
        self.state(TaskState::Running, None);
        self.behind = last_event(position);
        if let Some(last) = self.behind {
            self.metrics.position(&self.task, last);
        }
        self.lags(now);
        self.events = polled.events;
        if self.told.is_none_or(|then| then.elapsed() >= TELL_EVERY) {
            self.tell_reading(now);
        }
        if self.is_time_to_log() {
            tracing::info!(
                connector = self.task.connector,
                stream = self.task.stream.name(),
                events = polled.events,
                pages = polled.pages,
                reached = position.last_event_time,
                "reading on"
            );
        }
    }

    /// The task has reached the end, and polls again after `wait`.
    pub(super) fn drained(&mut self, polled: &Polled, now: Timestamp, wait: Duration) {
        self.state(TaskState::Running, None);
        self.metrics.polled(&self.task, now);
        self.behind = None;
        self.events = polled.events;
        self.polled(End::Drained, None, now, Some(wait));
        if self.is_time_to_log() || polled.events > 0 {
            tracing::info!(
                connector = self.task.connector,
                stream = self.task.stream.name(),
                events = polled.events,
                pages = polled.pages,
                "polled to the end"
            );
        }
    }

    /// The task tries again soon.
    pub(super) fn retrying(&self, error: &TaskError, now: Timestamp, wait: Duration) {
        self.state(TaskState::Retrying, None);
        self.lags(now);
        let end = if error.is_throttling() {
            End::Throttled
        } else {
            End::Retrying
        };
        self.polled(end, Some(error), now, Some(wait));
        let (connector, stream) = (&self.task.connector, self.task.stream.name());
        tracing::warn!(connector, stream, %error, retry_in = ?wait, "not read, trying again");
    }

    /// The task needs somebody.
    pub(super) fn failed(&self, error: &TaskError, now: Timestamp, wait: Duration) {
        self.state(TaskState::Failed, Some(error.to_string()));
        self.lags(now);
        self.polled(End::Failed, Some(error), now, Some(wait));
        let (connector, stream) = (&self.task.connector, self.task.stream.name());
        tracing::error!(connector, stream, %error, retry_in = ?wait, "the task has failed");
    }

    /// The task has nothing to read.
    pub(super) fn unassigned(&self, reason: &TaskError, now: Timestamp, wait: Duration) {
        self.state(TaskState::Unassigned, None);
        self.metrics.rests(&self.task);
        self.polled(End::Unassigned, None, now, Some(wait));
        let (connector, stream) = (&self.task.connector, self.task.stream.name());
        tracing::info!(connector, stream, "{reason}");
    }

    fn lags(&self, now: Timestamp) {
        if let Some(last) = self.behind {
            let behind = Duration::try_from(now.duration_since(last));
            self.metrics.lag(&self.task, behind.unwrap_or_default());
        }
    }

    fn tell_reading(&mut self, now: Timestamp) {
        self.told = Some(Instant::now());
        self.polled(End::Reading, None, now, None);
    }

    /// Tells how far the poll under way has come, or how it has ended.
    fn polled(&self, end: End, error: Option<&TaskError>, now: Timestamp, wait: Option<Duration>) {
        let took = now.duration_since(self.began).as_millis();
        let poll = Poll {
            began: self.began,
            took_ms: u64::try_from(took).unwrap_or(0),
            events: u64::try_from(self.events).unwrap_or(u64::MAX),
            end,
        };
        self.board.task_does(&self.task, |task| {
            task.poll(poll);
            task.next_poll = wait.and_then(|wait| now.checked_add(wait).ok());
            if end == End::Drained {
                task.drained = Some(now);
            }
            if let Some(error) = error {
                task.trouble(now, error.to_string());
            }
        });
    }

    fn state(&self, state: TaskState, trace: Option<String>) {
        self.metrics.state(&self.task, state);
        let task = Subject::Task(TaskId::clone(&self.task));
        // A task that tries again is a running one to Kafka Connect.
        let name = match state {
            TaskState::Retrying => TaskState::Running.name(),
            state => state.name(),
        };
        self.board.set(task, name, trace);
    }

    /// Whether nothing was logged for a while; what follows is.
    fn is_time_to_log(&mut self) -> bool {
        let due = self.logged.is_none_or(|then| then.elapsed() >= LOG_EVERY);
        if due {
            self.logged = Some(Instant::now());
        }
        due
    }
}

/// The time of the last event before a position.
fn last_event(position: &Position) -> Option<Timestamp> {
    let last = EventTime::parse(position.last_event_time.as_deref()?).ok()?;
    Timestamp::from_millisecond(last.millis()).ok()
}
