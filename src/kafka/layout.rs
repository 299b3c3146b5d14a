//! Which topics there are: their names, and how each is created.

use rdkafka::admin::{NewTopic, TopicReplication};

use super::{Error, TopicSettings};
use crate::event::Stream;

/// A topic as it is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called.
    pub name: String,
    /// How many it has.
    pub partitions: u32,
    /// What is set for it, by Kafka's names.
    pub configs: Vec<(&'static str, String)>,
}

/// The largest record that any topic of ours takes, an event of extreme size as a dead letter: an answer of the API
/// is 64 MiB at most, and a request to a broker 100 MiB (`socket.request.max.bytes`).
pub(super) const LARGEST_RECORD: u32 = 67_108_864;

/// The configs that a topic must have. The others make compaction quick and dead letters large.
const NEEDED: [&str; 2] = ["cleanup.policy", "retention.ms"];

// === impl TopicSettings ===

impl TopicSettings {
    /// Where a stream's events go.
    #[must_use]
    pub fn events(&self, stream: Stream) -> String {
        format!("{}.{stream}", self.prefix)
    }

    /// Where positions are kept.
    #[must_use]
    pub fn cursors(&self) -> String {
        format!("{}.cursors", self.prefix)
    }

    /// Where it is kept which connectors are wanted.
    #[must_use]
    pub fn connectors(&self) -> String {
        format!("{}.connectors", self.prefix)
    }

    /// Where it is told what connectors and tasks do.
    #[must_use]
    pub fn status(&self) -> String {
        format!("{}.status", self.prefix)
    }

    /// Where items go that could not become records.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        format!("{}.deadletters", self.prefix)
    }

    /// Every topic, as it is created.
    #[must_use]
    pub fn all(&self) -> Vec<Wanted> {
        let retention = ("retention.ms", self.retention_ms.to_string());
        let delete = ("cleanup.policy", "delete".to_owned());
        let mut topics: Vec<_> = Stream::ALL
            .map(|stream| Wanted {
                name: self.events(stream),
                partitions: self.partitions,
                configs: vec![delete.clone(), retention.clone()],
            })
            .into();
        topics.push(compacted(self.cursors(), self.shards));
        topics.push(compacted(self.connectors(), 1));
        topics.push(compacted(self.status(), 1));
        topics.push(Wanted {
            name: self.dead_letters(),
            partitions: 1,
            configs: vec![
                delete,
                retention,
                ("max.message.bytes", LARGEST_RECORD.to_string()),
            ],
        });
        topics
    }
}

// === impl Wanted ===

impl Wanted {
    pub(super) fn request(&self, replication: i32) -> NewTopic<'_> {
        let partitions =
            i32::try_from(self.partitions).expect("settings bound the number of partitions");
        let topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(replication));
        self.configs
            .iter()
            .fold(topic, |topic, (name, value)| topic.set(name, value))
    }

    /// The same topic without configs that it can do without.
    pub(super) fn plain(mut self) -> Self {
        self.configs.retain(|(name, _)| NEEDED.contains(name));
        self
    }

    /// Why it is missing, and the command that creates it.
    pub(super) fn uncreated(&self, replication: i32, why: &Error) -> String {
        let Self {
            name,
            partitions,
            configs,
        } = self;
        let configs: Vec<_> = configs
            .iter()
            .map(|(name, value)| format!("--config {name}={value}"))
            .collect();
        let replication = match replication {
            -1 => String::new(),
            factor => format!("--replication-factor {factor} "),
        };
        format!(
            "{name} is missing and cannot be created: {why}; or have the topic created: \
             kafka-topics.sh --bootstrap-server … --create --topic {name} --partitions {partitions} {replication}{}",
            configs.join(" ")
        )
    }
}

/// A topic of which the last record of each key is kept.
fn compacted(name: String, partitions: u32) -> Wanted {
    Wanted {
        name,
        partitions,
        configs: vec![
            ("cleanup.policy", "compact".to_owned()),
            ("segment.ms", "3600000".to_owned()),
            ("segment.bytes", "16777216".to_owned()),
            ("min.cleanable.dirty.ratio", "0.1".to_owned()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_topic_still_keeps_what_it_must() {
        let topics = TopicSettings {
            prefix: "p".to_owned(),
            partitions: 6,
            replication_factor: -1,
            retention_ms: 5,
            shards: 8,
        };
        let plain = |name: &str| {
            let mut all = topics.all().into_iter();
            let topic = all.find(|topic| topic.name == name).unwrap().plain();
            let configs = topic.configs.iter();
            let configs: Vec<_> = configs
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            (topic.partitions, configs.join(" "))
        };
        let kept = "cleanup.policy=delete retention.ms=5".to_owned();
        assert_eq!(plain("p.auditevents"), (6, kept.clone()));
        assert_eq!(plain("p.deadletters"), (1, kept));
        assert_eq!(plain("p.cursors"), (8, "cleanup.policy=compact".to_owned()));
    }
}
