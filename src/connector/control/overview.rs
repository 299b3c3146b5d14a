//! Connectors as people look at them, from all that this worker has read of the group.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use super::Control;
use crate::{
    connector::{
        Light, Overview, StreamOverview, Verdict, activity::Told, overview::StreamFacts,
        status::Status,
    },
    event::TaskId,
    relay::{Connector, Target},
};

/// How long others may take to tell what they do.
const MOMENT: Duration = Duration::from_millis(300);

// === impl Control ===

impl Control {
    /// Says that somebody watches, so that whoever runs connectors tells what they do. Where nobody did, it waits a moment
    /// for them: what was told last may be long ago.
    pub async fn watch(&self) {
        let activities = &self.0.parts.activities;
        let is_news = !activities.attention().is_on(Instant::now());
        self.0.parts.teller.watch();
        if is_news {
            let told = async {
                activities.watched().await;
                sleep(MOMENT).await;
            };
            // Kafka may be away; then nothing is told.
            let _: Result<(), _> = timeout(2 * MOMENT, told).await;
        }
    }

    /// Whether a connector is declared in the workers' file; nothing where there is no such connector.
    #[must_use]
    pub fn is_in_file(&self, name: &str) -> Option<bool> {
        let desired = self.desired();
        desired.get(name).map(|_| desired.is_in_file(name))
    }

    /// All connectors at a glance, by name.
    #[must_use]
    pub fn overviews(&self) -> Vec<Overview> {
        let names = self.names();
        let overview = |name: &String| self.overview(name);
        names.iter().filter_map(overview).collect()
    }

    /// A connector at a glance.
    #[must_use]
    pub fn overview(&self, name: &str) -> Option<Overview> {
        let (connector, target, in_file) = {
            let desired = self.desired();
            let connector = desired.get(name)?.connector.clone();
            (connector, desired.target(name), desired.is_in_file(name))
        };
        let now = (self.0.parts.clock)();
        let status = self.0.parts.statuses.status(name);
        let told = self.0.parts.activities.of(name);
        let account = told.activity().and_then(|known| known.account.clone());
        let streams = match &connector {
            Ok(connector) => self.streams(connector, target, status.as_ref(), &told, now),
            Err(_) => Vec::new(),
        };
        let verdict = verdict(&connector, target, status.as_ref())
            .unwrap_or_else(|| Verdict::over(&streams, account.as_ref(), now));
        Some(Overview {
            name: name.to_owned(),
            verdict,
            target,
            in_file,
            worker: status.map(|status| status.connector.worker_id),
            account,
            interval: connector.ok().map(|connector| connector.poll_interval),
            streams,
        })
    }

    fn streams(
        &self,
        connector: &Connector,
        target: Target,
        status: Option<&Status>,
        told: &Told,
        now: Timestamp,
    ) -> Vec<StreamOverview> {
        let stream = |task: TaskId| {
            let (stored, hour) = self.0.parts.offsets.task(&task, now);
            let tasks = status.map(|status| &status.tasks);
            let facts = StreamFacts {
                stream: task.stream,
                target,
                state: tasks.and_then(|tasks| tasks.get(&task.stream.number()).cloned()),
                stored,
                hour,
                interval: connector.poll_interval,
            };
            facts.judge(told, now)
        };
        connector.tasks().map(stream).collect()
    }
}

/// What is said of a connector whatever its streams do.
fn verdict(
    connector: &Result<Arc<Connector>, String>,
    target: Target,
    status: Option<&Status>,
) -> Option<Verdict> {
    if let Err(wrong) = connector {
        return Some(Verdict::new(Light::Red, "Failed", Some(wrong.clone())));
    }
    if let Some(rests) = Verdict::resting(target) {
        return Some(rests);
    }
    let failed = status.filter(|status| status.connector.state == "FAILED")?;
    let trace = failed.connector.trace.clone();
    Some(Verdict::new(Light::Red, "Failed", trace))
}
