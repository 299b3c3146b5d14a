//! What the worker counts, in Prometheus' terms. Labels are bounded: connector, stream, and small fixed sets.

use std::{
    sync::atomic::{AtomicI64, AtomicU64},
    time::Duration,
};

use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};

use crate::{
    build,
    event::{Stream, TaskId},
};

/// All metrics of one worker.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    events: Family<TaskLabels, Counter>,
    pages: Family<TaskLabels, Counter>,
    dead_letters: Family<TaskLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    lag: Family<TaskLabels, Gauge<f64, AtomicU64>>,
    last_poll: Family<TaskLabels, Gauge<f64, AtomicU64>>,
    states: Family<StateLabels, Gauge>,
    poll_interval: Family<ConnectorLabels, Gauge<f64, AtomicU64>>,
    token_expiry: Family<ConnectorLabels, Gauge>,
    transaction: Histogram,
    delivery: Histogram,
    aborted: Counter,
    shards: Gauge<i64, AtomicI64>,
}

/// What a task does, in Kafka Connect's words where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It reads, or waits for its next poll.
    Running,
    /// It cannot reach something, and tries again by itself.
    Retrying,
    /// It needs somebody; it tries again by itself, ever more rarely.
    Failed,
    /// The token does not cover this stream, and nobody asked for it by name.
    Unassigned,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    connector: String,
    stream: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    connector: String,
    stream: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    connector: String,
    request: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectorLabels {
    connector: String,
}

// === impl TaskState ===

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 4] = [
        Self::Running,
        Self::Retrying,
        Self::Failed,
        Self::Unassigned,
    ];

    /// The state's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Retrying => "RETRYING",
            Self::Failed => "FAILED",
            Self::Unassigned => "UNASSIGNED",
        }
    }
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let latency = || Histogram::new(exponential_buckets(0.001, 1.5, 24));
        let metrics = Self {
            registry: Registry::default(),
            events: Family::default(),
            pages: Family::default(),
            dead_letters: Family::default(),
            requests: Family::default(),
            lag: Family::default(),
            last_poll: Family::default(),
            states: Family::default(),
            poll_interval: Family::default(),
            token_expiry: Family::default(),
            transaction: latency(),
            delivery: latency(),
            aborted: Counter::default(),
            shards: Gauge::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let mut registry = Registry::with_prefix("onepassword");
        macro_rules! register {
            ($($field:ident $name:literal $help:literal;)*) => {
                $(registry.register($name, $help, self.$field.clone());)*
            };
        }
        register! {
            events "events" "Events committed to Kafka";
            pages "pages" "Pages of events committed to Kafka";
            dead_letters "dead_letters" "Items committed to the dead-letter topic";
            requests "requests" "Requests to the Events API by outcome";
            lag "lag_seconds" "Now minus the time of the last committed event while there is more to read; 0 at the end";
            last_poll "last_poll_timestamp_seconds" "When a poll last reached the end of the stream";
            states "task_state" "1 for the state that a task is in, 0 for the others";
            poll_interval "poll_interval_seconds" "The poll interval in force, longer than the configured one while throttled";
            token_expiry "token_expiry_timestamp_seconds" "When the token expires, where it does";
            transaction "transaction_seconds" "Time from the beginning of a Kafka transaction to the end of its commit";
            delivery "delivery_seconds" "Time from an answer of the API to the commit of its events";
            aborted "transactions_aborted" "Kafka transactions that were rolled back and sent again";
            shards "shards" "Shards with connectors that this worker has";
        }
        let built = [
            ("version", build::VERSION),
            ("commit", build::COMMIT),
            ("built", &build::TIME),
        ];
        registry.register(
            "build",
            "What this worker is, and what it is built from",
            Info::new(built.to_vec()),
        );
        self.registry = registry;
        self
    }

    /// The text of `GET /metrics`, in the `OpenMetrics` format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }

    /// Counts a committed page, its events and its dead letters.
    pub fn committed(&self, task: &TaskId, events: u64, dead_letters: u64) {
        let labels = TaskLabels::of(task);
        self.pages.get_or_create(&labels).inc();
        self.events.get_or_create(&labels).inc_by(events);
        self.dead_letters
            .get_or_create(&labels)
            .inc_by(dead_letters);
    }

    /// Counts a request to the API.
    pub fn requested(&self, connector: &str, request: &'static str, outcome: &'static str) {
        let connector = connector.to_owned();
        self.requests
            .get_or_create(&RequestLabels {
                connector,
                request,
                outcome,
            })
            .inc();
    }

    /// Observes a committed transaction.
    pub fn transaction(&self, time: Duration) {
        self.transaction.observe(time.as_secs_f64());
    }

    /// Observes how long a page took from the API's answer to its commit.
    pub fn delivered(&self, time: Duration) {
        self.delivery.observe(time.as_secs_f64());
    }

    /// Counts a transaction that was rolled back.
    pub fn aborted(&self) {
        self.aborted.inc();
    }

    /// How far behind a task is.
    pub fn lag(&self, task: &TaskId, lag: Duration) {
        self.lag
            .get_or_create(&TaskLabels::of(task))
            .set(lag.as_secs_f64());
    }

    /// A poll has reached the end of the stream.
    pub fn polled(&self, task: &TaskId, now: Timestamp) {
        let seconds =
            Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
        self.last_poll
            .get_or_create(&TaskLabels::of(task))
            .set(seconds.as_secs_f64());
    }

    /// A task's state.
    pub fn state(&self, task: &TaskId, state: TaskState) {
        for each in TaskState::ALL {
            let labels = StateLabels {
                connector: task.connector.clone(),
                stream: task.stream.name(),
                state: each.name(),
            };
            self.states
                .get_or_create(&labels)
                .set(i64::from(each == state));
        }
    }

    /// The poll interval in force.
    pub fn poll_interval(&self, connector: &str, interval: Duration) {
        let labels = ConnectorLabels::of(connector);
        self.poll_interval
            .get_or_create(&labels)
            .set(interval.as_secs_f64());
    }

    /// When the connector's token expires; nothing is shown for one that does not.
    pub fn token_expiry(&self, connector: &str, expiry: Option<Timestamp>) {
        let labels = ConnectorLabels::of(connector);
        match expiry {
            Some(time) => {
                self.token_expiry
                    .get_or_create(&labels)
                    .set(time.as_second());
            }
            None => {
                self.token_expiry.remove(&labels);
            }
        }
    }

    /// One shard more, or one fewer.
    pub fn shards(&self, change: i64) {
        self.shards.inc_by(change);
    }

    /// Forgets what only the owner of a connector may show.
    pub fn forget(&self, connector: &str) {
        for stream in Stream::ALL {
            let labels = TaskLabels {
                connector: connector.to_owned(),
                stream: stream.name(),
            };
            self.lag.remove(&labels);
            self.last_poll.remove(&labels);
            for state in TaskState::ALL {
                let connector = connector.to_owned();
                self.states.remove(&StateLabels {
                    connector,
                    stream: stream.name(),
                    state: state.name(),
                });
            }
        }
        self.poll_interval.remove(&ConnectorLabels::of(connector));
        self.token_expiry.remove(&ConnectorLabels::of(connector));
    }
}

// === impl TaskLabels ===

impl TaskLabels {
    fn of(task: &TaskId) -> Self {
        Self {
            connector: task.connector.clone(),
            stream: task.stream.name(),
        }
    }
}

// === impl ConnectorLabels ===

impl ConnectorLabels {
    fn of(connector: &str) -> Self {
        Self {
            connector: connector.to_owned(),
        }
    }
}
