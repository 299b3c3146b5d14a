//! The topics that the workers use: missing ones are created, existing ones checked.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    admin::{AdminOptions, ResourceSpecifier},
    error::KafkaError,
};

use super::{
    Cluster, Error, Misplaced, Operation, Purpose, Reading, Resource, Right, creation::create,
};
use crate::{disposition::Disposition, event::Stream};

/// What the worker found, once every topic is there.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The cluster's id.
    pub cluster_id: String,
    /// Partitions of the cursors topic.
    pub cursors_partitions: u32,
    /// How long each event topic keeps records by their own time; `None`: for ever, or not told.
    pub retention: BTreeMap<Stream, Duration>,
    /// Topics that were not there.
    pub missing: Vec<String>,
    /// What it means that the cursors topic was not there, where events were.
    pub forgotten: Option<String>,
    /// What it takes to see the configs of topics, where some are not told.
    pub untold: Option<Right>,
    /// The largest batch that every event topic takes, in bytes, where that is told.
    pub largest_batch: Option<usize>,
}

/// What to do about a missing topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Create it.
    Create,
    /// Ask whether it could be created.
    TryOnly,
}

/// A topic that is missing or unfit, and the way out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub(super) String);

/// Why the topics are not in order.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// They cannot be used as they are; each line says what to do.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Unfit(Vec<Unfit>),
    /// Positions lie where nobody would look for them.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// Kafka was not reached, or refuses.
    #[error(transparent)]
    Kafka(#[from] Error),
}

/// Names and values, by topic.
type Configs = BTreeMap<String, BTreeMap<String, String>>;

pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// A cluster that is there tells its id quickly.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

// === impl TopicError ===

impl TopicError {
    /// What to do about it: wait for Kafka, but not for somebody to mend the topics.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Unfit(_) | Self::Misplaced(_) => Disposition::Stop,
            Self::Kafka(_) => Disposition::Retry(None),
        }
    }
}

/// Creates what is missing and checks what is there.
///
/// A cluster that forbids creation is told what to create; one that forbids description is believed.
///
/// # Errors
///
/// All that is unfit at once, or Kafka's refusal.
pub async fn ensure(cluster: &Cluster, missing_topics: Missing) -> Result<Found, TopicError> {
    let existing = partitions(cluster).await?;
    let missing: Vec<_> = cluster
        .topics()
        .all()
        .into_iter()
        .filter(|topic| !existing.contains_key(&topic.name))
        .collect();
    let forgotten = forgotten(cluster, &existing).await;
    let missing = create(cluster, missing, missing_topics, forgotten.as_deref()).await?;
    let cursors = cluster.topics().cursors();
    let shards = cluster.topics().shards;
    let mut found = Found {
        cluster_id: cluster_id(cluster).await,
        cursors_partitions: existing.get(&cursors).copied().unwrap_or(shards),
        missing,
        forgotten,
        ..Found::default()
    };
    if let Ok(millis) = cluster.topics().retention_ms.try_into() {
        let created = |stream: &Stream| found.missing.contains(&cluster.topics().events(*stream));
        let kept = Stream::ALL
            .into_iter()
            .filter(created)
            .map(|stream| (stream, Duration::from_millis(millis)));
        found.retention = kept.collect();
    }
    let mut unfit = Vec::new();
    if found.cursors_partitions < shards {
        unfit.push(Unfit(format!(
            "{cursors} has {} partitions, but topics.shards is {shards}: set topics.shards: {}, or grow the topic: \
             kafka-topics.sh --bootstrap-server … --alter --topic {cursors} --partitions {shards}",
            found.cursors_partitions, found.cursors_partitions
        )));
    }
    for log in [cluster.topics().connectors(), cluster.topics().status()] {
        if let Some(partitions) = existing.get(&log).filter(|partitions| **partitions > 1) {
            unfit.push(Unfit(format!(
                "{log} has {partitions} partitions, but needs one order and so one partition: choose another topics.prefix or, \
                 where nothing is kept in it, delete the topic, and the worker creates it anew"
            )));
        }
    }
    check_configs(cluster, &mut found, &mut unfit).await?;
    if unfit.is_empty() {
        Ok(found)
    } else {
        Err(TopicError::Unfit(unfit))
    }
}

/// The cluster's id; empty where it has none, as old ones.
async fn cluster_id(cluster: &Cluster) -> String {
    let cluster = cluster.clone();
    let id = tokio::task::spawn_blocking(move || cluster.id(FIRST_ANSWER));
    let id = id.await.expect("asking does not panic");
    id.unwrap_or_default()
}

/// Partitions of every topic of ours that exists.
async fn partitions(cluster: &Cluster) -> Result<BTreeMap<String, u32>, Error> {
    let cluster = cluster.clone();
    let ask = move || {
        let ours = cluster.topics().all();
        let metadata = cluster.metadata(ours.iter().map(|topic| topic.name.as_str()))?;
        let ours = metadata
            .topics()
            .iter()
            .filter(|topic| topic.error().is_none());
        Ok(ours
            .map(|topic| {
                (
                    topic.name().to_owned(),
                    u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX),
                )
            })
            .collect())
    };
    tokio::task::spawn_blocking(ask)
        .await
        .expect("asking does not panic")
}

/// What it means that the cursors topic is missing although events are published: it has been there, then. Where nobody tells
/// whether there are any, that is to be feared.
async fn forgotten(cluster: &Cluster, existing: &BTreeMap<String, u32>) -> Option<String> {
    let cursors = cluster.topics().cursors();
    let mut events: Vec<_> = Stream::ALL
        .map(|stream| cluster.topics().events(stream))
        .into();
    events.retain(|topic| existing.contains_key(topic));
    if existing.contains_key(&cursors) || events.is_empty() {
        return None;
    }
    let cluster = cluster.clone();
    let look = move || Reading::open(&cluster, events, Purpose::Looking)?.end();
    let ends = tokio::task::spawn_blocking(look).await;
    let ends = ends.expect("looking does not panic");
    let are_empty = ends.is_ok_and(|ends| ends.values().all(|end| *end == 0));
    (!are_empty).then(|| {
        format!(
            "{cursors} is missing although events are published: where connectors stood is lost, and each begins at its \
             start.time again; what is published twice has the same ce_id. To publish less of it, set start.time to the \
             time of the last event while no worker runs and {cursors} is deleted"
        )
    })
}

// === impl Found ===

impl Found {
    /// Notes what an event topic's configs mean for its stream.
    fn note(&mut self, stream: Stream, configs: &BTreeMap<String, String>) {
        let largest = configs.get("max.message.bytes");
        if let Some(bytes) = largest.and_then(|bytes| bytes.parse().ok()) {
            self.largest_batch = Some(self.largest_batch.map_or(bytes, |least| bytes.min(least)));
        }
        if let Some(kept) = kept(configs) {
            self.retention.insert(stream, kept);
        }
    }

    /// How long event topics keep records, by their own time, as they are configured now; of one that is not told of, as it was
    /// found.
    ///
    /// # Errors
    ///
    /// When Kafka does not answer.
    pub async fn retention_now(
        &self,
        cluster: &Cluster,
    ) -> Result<BTreeMap<Stream, Duration>, Error> {
        let topic = |stream| cluster.topics().events(stream);
        let told = configs(cluster, Stream::ALL.map(topic).into()).await?;
        let now = |stream| match told.get(&topic(stream)) {
            Some(configs) if !configs.is_empty() => kept(configs),
            _ => self.retention.get(&stream).copied(),
        };
        let now = Stream::ALL.into_iter().map(|stream| (stream, now(stream)));
        Ok(now
            .filter_map(|(stream, kept)| Some((stream, kept?)))
            .collect())
    }
}

/// A negative retention, for ever, is none to speak of.
fn kept(configs: &BTreeMap<String, String>) -> Option<Duration> {
    let time = configs.get("message.timestamp.type");
    if time.is_some_and(|time| time == "LogAppendTime") {
        return None;
    }
    let millis = configs.get("retention.ms")?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

async fn check_configs(
    cluster: &Cluster,
    found: &mut Found,
    unfit: &mut Vec<Unfit>,
) -> Result<(), TopicError> {
    // One that has just been created may not be told of yet, and has the configs it was given.
    let topics = cluster.topics().all().into_iter().map(|topic| topic.name);
    let there = topics.filter(|topic| !found.missing.contains(topic));
    let told = configs(cluster, there.collect()).await?;
    // rdkafka does not pass on why a topic's configs are refused, but then there are none.
    if told.values().any(BTreeMap::is_empty) {
        let right = cluster.right(Resource::Topic, Operation::DescribeConfigs);
        tracing::warn!("configs of topics are not told, and so not checked: that takes {right}");
        found.untold = Some(right);
    }
    for (name, configs) in told {
        let get = |config: &str| configs.get(config).map(String::as_str);
        let topics = cluster.topics();
        let kept = [
            (topics.cursors(), "positions"),
            (topics.connectors(), "connectors"),
            (topics.status(), "states"),
        ];
        let forgotten = kept.iter().find(|(topic, _)| *topic == name);
        // Beside `delete`, compaction keeps what is idle no longer than retention.ms.
        if let (Some((_, what)), Some(policy)) = (forgotten, get("cleanup.policy"))
            && policy != "compact"
        {
            unfit.push(Unfit(format!(
                "{name} would forget {what}, as its cleanup.policy is {policy:?} and not compact alone: kafka-configs.sh \
                 --bootstrap-server … --alter --entity-type topics --entity-name {name} --add-config cleanup.policy=compact"
            )));
        }
        let events = |stream: &Stream| cluster.topics().events(*stream) == name;
        if let Some(stream) = Stream::ALL.into_iter().find(events) {
            found.note(stream, &configs);
        }
    }
    Ok(())
}

/// The configs of topics, as far as the cluster tells them: none of a topic where this user may not see them.
async fn configs(cluster: &Cluster, topics: Vec<String>) -> Result<Configs, Error> {
    if topics.is_empty() {
        // Nothing to ask about, which librdkafka would call an invalid argument.
        return Ok(Configs::new());
    }
    let resources: Vec<_> = topics
        .iter()
        .map(|topic| ResourceSpecifier::Topic(topic))
        .collect();
    let admin = cluster.admin().map_err(Error::outside)?;
    let answers = admin
        .describe_configs(
            &resources,
            &AdminOptions::new().request_timeout(Some(ANSWER)),
        )
        .await;
    let answers = match answers.map_err(Error::outside) {
        Err(error @ Error::Refused(_)) => {
            tracing::info!(%error, "the cluster does not tell the topics' configs, they are not checked");
            return Ok(Configs::new());
        }
        answers => answers?,
    };
    let mut told = Configs::new();
    for (answer, topic) in answers.into_iter().zip(topics) {
        let resource = answer.map_err(|code| Error::outside(KafkaError::AdminOp(code)))?;
        let entries = resource.entries.into_iter();
        let entries: BTreeMap<_, _> = entries.filter_map(|e| Some((e.name, e.value?))).collect();
        told.insert(topic, entries);
    }
    Ok(told)
}
