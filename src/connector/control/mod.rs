//! What people and tools ask of the connectors, on any worker.
//!
//! A question is answered from what this worker has read. A change goes through the log: whoever wants to make one takes the
//! right to write, has read all that was written before, decides, and commits; the answer comes when its own record has
//! come back. So of two who create one connector the log makes one the first, and the other hears that it is there.

mod loggers;
mod offsets;
mod overview;
mod restart;
mod secrets;

pub use self::offsets::Offset;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use super::{
    Activities, Desired, Offsets, Properties, Refusal, Searches, Status, Statuses, Teller,
    log::{ControlLog, lock},
    record::{Written, declare, set_target},
    refusal::{judge, named, unnameable},
};
use crate::{
    clock::Clock,
    event::Stream,
    kafka::{Cluster, Found},
    onepassword::Shared,
    relay::Target,
    secret::Keyring,
    telemetry::Loggers,
};

/// The one place that answers questions about connectors and changes what is wanted of them.
#[derive(Debug, Clone)]
pub struct Control(pub(super) Arc<Inner>);

/// What a control is made of.
#[derive(Debug)]
pub struct Parts {
    /// What is wanted.
    pub desired: Arc<Mutex<Desired>>,
    /// What is.
    pub statuses: Statuses,
    /// What was done lately.
    pub activities: Activities,
    /// Where its tasks read next.
    pub offsets: Offsets,
    /// This worker's loggers.
    pub loggers: Loggers,
    /// How events are searched for.
    pub searches: Searches,
    /// Who tells it.
    pub teller: Arc<Teller>,
    /// What tokens are sealed with.
    pub keyring: Keyring,
    /// How the Events API is asked.
    pub api: Shared,
    /// Where all of it is kept.
    pub cluster: Cluster,
    /// What was found there.
    pub found: Found,
    /// What time it is.
    pub clock: Clock,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) parts: Parts,
    log: ControlLog,
    /// Whether Kafka was reached, and when.
    reached: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

/// A connector as Kafka Connect describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Its settings, as they were written.
    pub config: Properties,
    /// The ids of its tasks.
    pub tasks: Vec<u32>,
}

/// Whether a configuration was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Created,
    /// It has replaced another.
    Replaced,
}

/// How long Kafka may take to say that it is there.
const MOMENT: Duration = Duration::from_secs(5);
/// How long what it said is good for.
const FRESH: Duration = Duration::from_secs(1);

// === impl Control ===

impl Control {
    /// A control of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let log = ControlLog::new(Arc::clone(&parts.desired), &parts.cluster, parts.clock);
        Self(Arc::new(Inner {
            parts,
            log,
            reached: tokio::sync::Mutex::default(),
        }))
    }

    /// The cluster's id, as `GET /` tells it.
    #[must_use]
    pub fn cluster_id(&self) -> String {
        self.0.parts.found.cluster_id.clone()
    }

    /// Whether the connectors topic has been read, so that answers are true.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.desired().is_read()
    }

    /// Whether Kafka answers within a moment. It is asked once a second at most, whoever wants to know.
    pub async fn is_reachable(&self) -> bool {
        let mut reached = self.0.reached.lock().await;
        if let Some((when, answer)) = *reached
            && when.elapsed() < FRESH
        {
            return answer;
        }
        let cluster = self.0.parts.cluster.clone();
        let asked = tokio::task::spawn_blocking(move || cluster.id(MOMENT));
        let answer = asked.await.is_ok_and(|id| id.is_ok());
        *reached = Some((Instant::now(), answer));
        answer
    }

    /// All connectors' names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.desired().names().into_iter().collect()
    }

    /// What a connector is.
    #[must_use]
    pub fn info(&self, name: &str) -> Option<Info> {
        info(&self.desired(), name)
    }

    /// What a connector does; none where nothing is known yet.
    #[must_use]
    pub fn status(&self, name: &str) -> Option<Status> {
        let notes = self.desired().get(name)?.notes.clone();
        let status = self.0.parts.statuses.status(name)?;
        Some(Status { notes, ..status })
    }

    /// The settings of each task, by id; none where there is no such connector.
    #[must_use]
    pub fn tasks(&self, name: &str) -> Option<BTreeMap<u32, Properties>> {
        let Info { config, tasks, .. } = self.info(name)?;
        let of_task = |number: u32| {
            let stream = Stream::ALL
                .into_iter()
                .find(|stream| stream.number() == number)?;
            let mut config = config.clone();
            config.insert("stream".to_owned(), Some(stream.name().to_owned()));
            Some((number, config))
        };
        Some(tasks.into_iter().filter_map(of_task).collect())
    }

    /// The topics that a connector publishes to.
    #[must_use]
    pub fn topics(&self, name: &str) -> Vec<String> {
        if self.desired().get(name).is_none() {
            return Vec::new();
        }
        self.0.parts.statuses.topics(name)
    }

    /// Forgets which topics a connector has published to.
    pub fn reset_topics(&self, name: &str) {
        self.0.parts.teller.forget_topics(name);
    }

    /// Declares a connector that was not there (409 where it is).
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn create(
        &self,
        name: &str,
        config: Properties,
        target: Option<Target>,
    ) -> Result<Info, Refusal> {
        let (name, config) = (name.to_owned(), named(name, config)?);
        judge(&self.desired(), &name, &config)?;
        self.change(move |desired| {
            if desired.get(&name).is_some() {
                return Err(Refusal::Conflict(format!(
                    "Connector {name} already exists"
                )));
            }
            // The state comes first, lest it run for an instant that is to be created STOPPED.
            let mut records: Vec<_> = target
                .map(|target| set_target(&name, Some(target)))
                .into_iter()
                .collect();
            records.push(declare(&name, Some(&config)));
            let info = Info {
                name: name.clone(),
                config: config.clone(),
                tasks: Vec::new(),
            };
            Ok((records, info))
        })
        .await
    }

    /// Sets a connector's settings, or declares it.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn put(&self, name: &str, config: Properties) -> Result<(Put, Info), Refusal> {
        let (name, config) = (name.to_owned(), named(name, config)?);
        self.change(move |desired| {
            let known = info(desired, &name);
            let put = match known {
                Some(_) => Put::Replaced,
                None => Put::Created,
            };
            let is_same = known.as_ref().is_some_and(|known| known.config == config);
            let answer = Info {
                name: name.clone(),
                config: config.clone(),
                tasks: known.map(|known| known.tasks).unwrap_or_default(),
            };
            if is_same && desired.is_in_file(&name) {
                return Ok((Vec::new(), (put, answer)));
            }
            refuse_file(desired, &name)?;
            judge(desired, &name, &config)?;
            Ok((vec![declare(&name, Some(&config))], (put, answer)))
        })
        .await
    }

    /// Changes some of a connector's settings; `None` takes one out.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn patch(&self, name: &str, changes: Properties) -> Result<Info, Refusal> {
        let name = name.to_owned();
        self.change(move |desired| {
            let mut info = info(desired, &name).ok_or_else(|| Refusal::not_found(&name))?;
            refuse_file(desired, &name)?;
            for (setting, value) in &changes {
                match value {
                    Some(_) => info.config.insert(setting.clone(), value.clone()),
                    None => info.config.remove(setting),
                };
            }
            info.config = named(&name, info.config)?;
            judge(desired, &name, &info.config)?;
            Ok((vec![declare(&name, Some(&info.config))], info))
        })
        .await
    }

    /// Takes a connector back.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn delete(&self, name: &str) -> Result<(), Refusal> {
        let name = name.to_owned();
        self.change(move |desired| {
            desired
                .get(&name)
                .ok_or_else(|| Refusal::not_found(&name))?;
            refuse_file(desired, &name)?;
            Ok((vec![declare(&name, None), set_target(&name, None)], ()))
        })
        .await
    }

    /// Sets a connector's target state.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn target(&self, name: &str, target: Target) -> Result<(), Refusal> {
        let name = name.to_owned();
        self.change(move |desired| {
            desired
                .get(&name)
                .ok_or_else(|| Refusal::NotFound(format!("Unknown connector {name}")))?;
            if desired.target(&name) == target {
                return Ok((Vec::new(), ()));
            }
            Ok((vec![set_target(&name, Some(target))], ()))
        })
        .await
    }

    /// What is wrong with a configuration, as one that is not the file's, by setting.
    #[must_use]
    pub fn validate(&self, config: &Properties) -> BTreeMap<String, Vec<String>> {
        let name = config.get("name").cloned().flatten();
        let (_, mistakes) = self
            .desired()
            .judge(name.as_deref().unwrap_or_default(), config);
        let mut by_setting: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for mistake in mistakes.iter() {
            let of_setting = by_setting.entry(mistake.name.clone()).or_default();
            let ours = || mistake.what.clone();
            let words = (mistake.name == "name")
                .then(|| unnameable(name.as_deref()))
                .flatten();
            of_setting.push(words.unwrap_or_else(ours));
        }
        by_setting
    }

    async fn change<T: Send + 'static>(
        &self,
        decide: impl Fn(&Desired) -> Result<(Vec<Written>, T), Refusal> + Send + Sync + 'static,
    ) -> Result<T, Refusal> {
        let inner = Arc::clone(&self.0);
        // Whoever asked may go away; what was begun is ended all the same.
        let change = tokio::spawn(async move { inner.log.change(&decide).await });
        change.await.expect("a change does not panic")
    }

    fn desired(&self) -> MutexGuard<'_, Desired> {
        lock(&self.0.parts.desired)
    }
}

/// A connector of the workers' file can be changed there only.
fn refuse_file(desired: &Desired, name: &str) -> Result<(), Refusal> {
    if desired.is_in_file(name) {
        return Err(Refusal::read_only(name));
    }
    Ok(())
}

fn info(desired: &Desired, name: &str) -> Option<Info> {
    let declared = desired.get(name)?;
    let stopped = desired.target(name) == Target::Stopped;
    let connector = declared.connector.as_ref().ok().filter(|_| !stopped);
    Some(Info {
        name: name.to_owned(),
        config: declared.properties.clone(),
        tasks: connector.map_or_else(Vec::new, |connector| {
            connector.tasks().map(|task| task.stream.number()).collect()
        }),
    })
}
