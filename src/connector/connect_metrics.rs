//! What this worker does, in the names that dashboards and alerts for Kafka Connect look for.
//!
//! Kafka Connect has `MBeans`, and no names in Prometheus. These are the ones that Strimzi's examples give them, and that its alerts
//! and its dashboard query (strimzi-kafka-operator 1.2, `examples/metrics`). The states are those of the board, which the
//! REST API tells too, and the counts are those that are also shown as `onepassword_…`.

use std::{collections::BTreeMap, fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{TypedMetric, counter::ConstCounter, gauge::ConstGauge},
};

use super::{CLASS, VERSION};
use crate::{
    event::TaskId,
    metrics::Counts,
    relay::{Board, Report, Subject},
};

/// Looks at the board and the counts at each scrape.
#[derive(Debug)]
pub struct ConnectMetrics {
    board: Arc<Board>,
    counts: Counts,
}

/// The connectors and tasks of this worker, and what each does, in lower case as Kafka Connect's metrics have it.
#[derive(Default)]
struct Assigned {
    connectors: BTreeMap<String, String>,
    tasks: BTreeMap<TaskId, String>,
    /// The states of each connector's tasks.
    states: BTreeMap<String, Vec<String>>,
}

struct Encoder<'e>(DescriptorEncoder<'e>);

/// The states of tasks that Kafka Connect counts. A task that is destroyed is none of a worker's here, so there are none.
const COUNTED: [&str; 5] = ["running", "paused", "failed", "unassigned", "destroyed"];

const UNLABELLED: [(&str, &str); 0] = [];

// === impl ConnectMetrics ===

impl ConnectMetrics {
    /// Shows what is on the board, and what is counted.
    #[must_use]
    pub const fn new(board: Arc<Board>, counts: Counts) -> Self {
        Self { board, counts }
    }

    fn worker(&self, encoder: &mut Encoder<'_>, assigned: &Assigned) -> fmt::Result {
        let (connectors, tasks) = (count(&assigned.connectors), count(&assigned.tasks));
        let rebalancing = self.counts.rebalancing();
        for (name, help, value) in [
            (
                "kafka_connect_worker_connector_count",
                "Connectors of this worker.",
                connectors,
            ),
            (
                "kafka_connect_worker_task_count",
                "Tasks of this worker.",
                tasks,
            ),
            (
                "kafka_connect_coordinator_assigned_connectors",
                "Connectors of this worker.",
                connectors,
            ),
            (
                "kafka_connect_coordinator_assigned_tasks",
                "Tasks of this worker.",
                tasks,
            ),
            (
                "kafka_connect_worker_rebalance_rebalancing",
                "As onepassword_rebalancing.",
                rebalancing,
            ),
        ] {
            encoder.show(name, help, [(UNLABELLED, ConstGauge::new(value))])?;
        }
        encoder.show(
            "kafka_connect_worker_rebalance_completed_rebalances",
            "As onepassword_rebalances_total.",
            [(UNLABELLED, ConstCounter::new(self.counts.rebalances()))],
        )
    }

    fn tasks(&self, encoder: &mut Encoder<'_>, assigned: &Assigned) -> fmt::Result {
        let tasks = || assigned.tasks.keys();
        let events = |task| ConstCounter::new(self.counts.events(task));
        let dead = |task| self.counts.dead_letters(task);
        let states = assigned.tasks.iter().map(|(task, state)| {
            let [connector, number] = labels(task);
            let labels = [connector, number, ("status", state.clone())];
            (labels, ConstGauge::new(1_u64))
        });
        encoder.show(
            "kafka_connect_connector_task_status",
            "1 for the status of the task: running, paused, failed or unassigned.",
            states,
        )?;
        encoder.show(
            "kafka_connect_source_task_source_record_write",
            "As onepassword_events_total.",
            tasks().map(|task| (labels(task), events(task))),
        )?;
        encoder.show(
            "kafka_connect_source_task_source_record_poll",
            "Items that were read and are committed: events and dead letters.",
            tasks().map(|task| {
                let polled = self.counts.events(task) + dead(task);
                (labels(task), ConstCounter::new(polled))
            }),
        )?;
        for (name, help) in [
            (
                "kafka_connect_task_error_total_record_failures",
                "As onepassword_dead_letters_total.",
            ),
            (
                "kafka_connect_task_error_deadletterqueue_produce_requests",
                "As onepassword_dead_letters_total.",
            ),
        ] {
            let counts = tasks().map(|task| (labels(task), ConstGauge::new(dead(task))));
            encoder.show(name, help, counts)?;
        }
        Ok(())
    }
}

impl Collector for ConnectMetrics {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let assigned = Assigned::on(&self.board);
        let mut encoder = Encoder(encoder);
        self.worker(&mut encoder, &assigned)?;
        assigned.connectors(&mut encoder)?;
        assigned.task_counts(&mut encoder)?;
        self.tasks(&mut encoder, &assigned)
    }
}

// === impl Assigned ===

impl Assigned {
    fn on(board: &Board) -> Self {
        let mut assigned = Self::default();
        for (subject, report) in board.all() {
            let Report::State { name, .. } = report else {
                continue;
            };
            let state = name.to_ascii_lowercase();
            match subject {
                Subject::Connector(name) => assigned.connectors.insert(name, state),
                Subject::Task(task) => {
                    let states = assigned.states.entry(task.connector.clone());
                    states.or_default().push(state.clone());
                    assigned.tasks.insert(task, state)
                }
            };
        }
        assigned
    }

    fn connectors(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let one = || ConstGauge::new(1_u64);
        let status = |(name, state): (&String, &String)| {
            (
                [("connector", name.clone()), ("status", state.clone())],
                one(),
            )
        };
        encoder.show(
            "kafka_connect_connector_status",
            "1 for the status of the connector: running, paused, stopped or failed.",
            self.connectors.iter().map(status),
        )?;
        for (name, help, label, value) in [
            (
                "kafka_connect_connector_connector_class",
                "1 for the connector's class.",
                "connector_class",
                CLASS,
            ),
            (
                "kafka_connect_connector_connector_type",
                "1 for the connector's type.",
                "connector_type",
                "source",
            ),
            (
                "kafka_connect_connector_connector_version",
                "1 for the connector's version.",
                "connector_version",
                VERSION,
            ),
        ] {
            let names = self.connectors.keys();
            let shown = names.map(|name| ([("connector", name.as_str()), (label, value)], one()));
            encoder.show(name, help, shown)?;
        }
        Ok(())
    }

    /// How many tasks each connector has, all together and by what they do.
    fn task_counts(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let names = || self.connectors.keys();
        let count = |connector: &String, wanted: Option<&str>| {
            let states = self.states.get(connector).into_iter().flatten();
            let tasks = states.filter(|state| wanted.is_none_or(|wanted| *state == wanted));
            let labels = [("connector", connector.clone())];
            (labels, ConstGauge::new(number(tasks.count())))
        };
        encoder.show(
            "kafka_connect_worker_connector_total_task_count",
            "Tasks of the connector on this worker.",
            names().map(|name| count(name, None)),
        )?;
        for state in COUNTED {
            encoder.show(
                &format!("kafka_connect_worker_connector_{state}_task_count"),
                &format!("Tasks of the connector on this worker that are {state}."),
                names().map(|name| count(name, Some(state))),
            )?;
        }
        Ok(())
    }
}

// === impl Encoder ===

impl Encoder<'_> {
    /// Shows a metric, unless there is nothing of it.
    fn show<L: EncodeLabelSet, M: EncodeMetric + TypedMetric>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, M)>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut metric = self.0.encode_descriptor(name, help, None, M::TYPE)?;
        for (labels, sample) in samples {
            sample.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

fn labels(task: &TaskId) -> [(&'static str, String); 2] {
    [
        ("connector", task.connector.clone()),
        ("task", task.stream.number().to_string()),
    ]
}

fn count<K, V>(map: &BTreeMap<K, V>) -> u64 {
    number(map.len())
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
