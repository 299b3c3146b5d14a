//! What the worker counts, in Prometheus' terms. Labels are bounded: connector, stream, and small fixed sets.
//!
//! What a task does is shown by the worker that has it, and by no other: it is forgotten when the task rests or goes. What a
//! task has done stays until its connector is no more, for a rate of it needs the last value.

mod labels;
#[cfg(target_os = "linux")]
mod process;

use std::{sync::atomic::AtomicU64, time::Duration};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{prometheus_text, text as open_metrics},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

pub use self::labels::{INTROSPECT, TaskState};

use self::labels::{ConnectorLabels, RequestLabels, StateLabels, TaskLabels};
use crate::{
    build,
    event::{Stream, TaskId},
};

/// All metrics of one worker.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    counts: Counts,
    pages: Family<TaskLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    lag: Family<TaskLabels, Seconds>,
    last_answer: Family<TaskLabels, Seconds>,
    last_poll: Family<TaskLabels, Seconds>,
    position: Family<TaskLabels, Seconds>,
    states: Family<StateLabels, Gauge>,
    poll_interval: Family<ConnectorLabels, Seconds>,
    throttled: Family<ConnectorLabels, Gauge>,
    token_expiry: Family<ConnectorLabels, Gauge>,
    transaction: Histogram,
    delivery: Histogram,
    aborted: Counter,
    shards: Gauge,
    shard_restarts: Counter,
}

/// What is shown under more than one name; clones count the same.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    events: Family<TaskLabels, Counter>,
    dead_letters: Family<TaskLabels, Counter>,
    rebalances: Counter,
    rebalancing: Gauge,
}

/// The two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` 1.0, which Prometheus asks for.
    OpenMetrics,
    /// Prometheus' own, version 0.0.4, which everything else reads.
    Prometheus,
}

/// In seconds. What takes longer than an alert's 30 seconds is told from what does not.
const LATENCIES: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

type Seconds = Gauge<f64, AtomicU64>;

// === impl Metrics ===

impl Metrics {
    /// Nothing is counted yet. What `others` shows of the counts is shown beside them.
    #[must_use]
    pub fn new<C: Collector>(others: impl FnOnce(Counts) -> C) -> Self {
        let latency = || Histogram::new(LATENCIES);
        let metrics = Self {
            registry: Registry::default(),
            counts: Counts::default(),
            pages: Family::default(),
            requests: Family::default(),
            lag: Family::default(),
            last_answer: Family::default(),
            last_poll: Family::default(),
            position: Family::default(),
            states: Family::default(),
            poll_interval: Family::default(),
            throttled: Family::default(),
            token_expiry: Family::default(),
            transaction: latency(),
            delivery: latency(),
            aborted: Counter::default(),
            shards: Gauge::default(),
            shard_restarts: Counter::default(),
        };
        let others = others(metrics.counts.clone());
        metrics.registered(others)
    }

    fn registered(mut self, others: impl Collector) -> Self {
        let mut registry = Registry::default();
        macro_rules! register {
            ($($($field:ident).+ $name:literal $help:literal;)*) => {
                $(registry.register(concat!("onepassword_", $name), $help, self.$($field).+.clone());)*
            };
        }
        register! {
            counts.events "events" "Events committed to Kafka";
            pages "pages" "Pages of events committed to Kafka";
            counts.dead_letters "dead_letters" "Items committed to the dead-letter topic";
            requests "requests" "Requests to the Events API by outcome";
            states "task_state" "1 for the state that a task is in, 0 for the others";
            lag "lag_seconds" "Now minus the time of the last event read while there is more to read; 0 at the end";
            last_answer "last_answer_timestamp_seconds" "When the API last had nothing more to tell, or a page of it was committed; at first, when the task was started";
            last_poll "last_poll_timestamp_seconds" "When a poll last reached the end of the stream";
            position "position_timestamp_seconds" "Time up to which the stream is read: of the last poll that reached its end, or of the last event read since";
            poll_interval "poll_interval_seconds" "The poll interval in force, longer than the configured one while throttled";
            throttled "throttled" "1 from the third 429 within an hour until an hour has passed without one, otherwise 0";
            token_expiry "token_expiry_timestamp_seconds" "When the token expires, where it does";
            delivery "delivery_seconds" "Time from an answer of the API to the commit of its events";
            transaction "transaction_seconds" "Time from the beginning of a Kafka transaction to the end of its commit";
            aborted "transactions_aborted" "Kafka transactions that were rolled back and sent again";
            shards "shards" "Shards with connectors that this worker has";
            shard_restarts "shard_restarts" "Times that a shard of this worker failed, and began again";
            counts.rebalances "rebalances" "Rebalances of the workers' group that have given this worker its shards, or none";
            counts.rebalancing "rebalancing" "1 while this worker waits for the group to give it its shards, or none";
        }
        let built = [
            ("version", build::VERSION),
            ("commit", build::COMMIT),
            ("built", &build::TIME),
        ];
        registry.register(
            "onepassword_build",
            "What this worker is, and what it is built from",
            Info::new(built.to_vec()),
        );
        registry.register_collector(Box::new(others));
        #[cfg(target_os = "linux")]
        registry.register_collector(Box::new(process::Process));
        self.registry = registry;
        self
    }

    /// The text of `GET /metrics`.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        let mut text = String::new();
        let encoded = match format {
            Format::OpenMetrics => open_metrics::encode(&mut text, &self.registry),
            Format::Prometheus => prometheus_text::encode(&mut text, &self.registry),
        };
        encoded.expect("writing to a string does not fail");
        text
    }

    /// A task is started, at the time up to which it has read before.
    pub fn started(&self, task: &TaskId, now: Timestamp, position: Option<Timestamp>) {
        self.committed(task, 0, 0);
        if self.last_answer.get(&TaskLabels::of(task)).is_none() {
            self.answered(task, now);
        }
        if let Some(time) = position {
            self.position(task, time);
        }
    }

    /// Counts a committed page, its events and its dead letters.
    pub fn committed(&self, task: &TaskId, events: u64, dead_letters: u64) {
        let labels = TaskLabels::of(task);
        let items = events + dead_letters;
        self.pages
            .get_or_create(&labels)
            .inc_by(u64::from(items > 0));
        let counts = &self.counts;
        counts.events.get_or_create(&labels).inc_by(events);
        counts
            .dead_letters
            .get_or_create(&labels)
            .inc_by(dead_letters);
    }

    /// Counts a request to the API.
    pub fn requested(&self, connector: &str, request: &'static str, outcome: &'static str) {
        let labels = RequestLabels {
            connector: connector.to_owned(),
            request,
            outcome,
        };
        self.requests.get_or_create(&labels).inc();
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

    /// What the API has answered is in Kafka.
    pub fn answered(&self, task: &TaskId, now: Timestamp) {
        let last = self.last_answer.get_or_create(&TaskLabels::of(task));
        last.set(now.as_duration().as_secs_f64());
    }

    /// A poll has reached the end of the stream.
    pub fn polled(&self, task: &TaskId, now: Timestamp) {
        let last = self.last_poll.get_or_create(&TaskLabels::of(task));
        last.set(now.as_duration().as_secs_f64());
        self.answered(task, now);
        self.lag(task, Duration::ZERO);
        self.position(task, now);
    }

    /// The time up to which a task has read.
    pub fn position(&self, task: &TaskId, time: Timestamp) {
        let position = self.position.get_or_create(&TaskLabels::of(task));
        position.set(time.as_duration().as_secs_f64());
    }

    /// A task's state.
    pub fn state(&self, task: &TaskId, state: TaskState) {
        for each in TaskState::ALL {
            let labels = StateLabels::of(task, each);
            self.states
                .get_or_create(&labels)
                .set(i64::from(each == state));
        }
    }

    /// The poll interval in force, and whether it is so because 1Password throttles.
    pub fn pace(&self, connector: &str, interval: Duration, throttled: bool) {
        let labels = ConnectorLabels::of(connector);
        self.poll_interval
            .get_or_create(&labels)
            .set(interval.as_secs_f64());
        let is_throttled = self.throttled.get_or_create(&labels);
        is_throttled.set(i64::from(throttled));
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

    /// Counts a shard that has failed, and begins again.
    pub fn shard_restarted(&self) {
        self.shard_restarts.inc();
    }

    /// This worker waits for the group to give it its shards.
    pub fn rebalancing(&self) {
        self.counts.rebalancing.set(1);
    }

    /// The group has given this worker its shards, or none.
    pub fn rebalanced(&self) {
        self.counts.rebalancing.set(0);
        self.counts.rebalances.inc();
    }

    /// Forgets what a task does that reads nothing.
    pub fn rests(&self, task: &TaskId) {
        let labels = TaskLabels::of(task);
        for times in [
            &self.lag,
            &self.last_answer,
            &self.last_poll,
            &self.position,
        ] {
            times.remove(&labels);
        }
    }

    /// Forgets what a connector does that is not to run.
    pub fn paused(&self, connector: &str) {
        for task in tasks(connector) {
            self.rests(&task);
            for state in TaskState::ALL {
                self.states.remove(&StateLabels::of(&task, state));
            }
        }
        let labels = ConnectorLabels::of(connector);
        self.poll_interval.remove(&labels);
        self.throttled.remove(&labels);
        self.token_expiry.remove(&labels);
    }

    /// Forgets a connector that this worker does not have any more; a request may have had any of the `outcomes`.
    pub fn forget(&self, connector: &str, outcomes: &[&'static str]) {
        self.paused(connector);
        for task in tasks(connector) {
            let labels = TaskLabels::of(&task);
            self.pages.remove(&labels);
            self.counts.events.remove(&labels);
            self.counts.dead_letters.remove(&labels);
        }
        for labels in RequestLabels::all(connector, outcomes) {
            self.requests.remove(&labels);
        }
    }
}

// === impl Counts ===

impl Counts {
    /// Events of a task that are committed.
    #[must_use]
    pub fn events(&self, task: &TaskId) -> u64 {
        let events = self.events.get(&TaskLabels::of(task));
        events.map_or(0, |events| events.get())
    }

    /// Items of a task that are dead letters.
    #[must_use]
    pub fn dead_letters(&self, task: &TaskId) -> u64 {
        let dead_letters = self.dead_letters.get(&TaskLabels::of(task));
        dead_letters.map_or(0, |dead_letters| dead_letters.get())
    }

    /// Rebalances that have given this worker its shards.
    #[must_use]
    pub fn rebalances(&self) -> u64 {
        self.rebalances.get()
    }

    /// 1 while this worker waits for its shards, otherwise 0.
    #[must_use]
    pub fn rebalancing(&self) -> u64 {
        u64::try_from(self.rebalancing.get()).unwrap_or_default()
    }
}

fn tasks(connector: &str) -> impl Iterator<Item = TaskId> {
    Stream::ALL.into_iter().map(|stream| TaskId {
        connector: connector.to_owned(),
        stream,
    })
}
