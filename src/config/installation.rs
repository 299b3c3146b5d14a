//! What the administrator of a Kafka cluster has to know of the workers on it, who have secrets that the administrator has not.

use std::path::Path;

use jiff::Timestamp;

use super::{Config, values, worker::Worker};
use crate::{
    kafka::{Properties, TopicSettings},
    secret::Reach,
    setting::{Fault, Mistakes, Value, Values},
};

/// The workers of one group, as their cluster sees them.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Their group.
    pub group_id: String,
    /// How their topics are named and created.
    pub topics: TopicSettings,
    /// How they reach Kafka; without what only their machines know.
    pub kafka: Properties,
}

/// What says where the brokers are, and whether they ask who is there.
const NEEDED: [&str; 3] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "security.protocol",
];

// === impl Installation ===

impl Installation {
    /// Reads it of the worker's file at `path`.
    ///
    /// # Errors
    ///
    /// All mistakes in the file. That something it refers to is not on this machine is none, unless it is needed.
    pub fn load(path: &Path, now: Timestamp) -> Result<Self, Mistakes> {
        match Config::load(path, now) {
            Ok(config) => Ok(config.into()),
            Err(mistakes) => {
                let are_elsewhere = mistakes
                    .iter()
                    .all(|mistake| mistake.fault == Fault::Machine);
                let written = values(path).ok().and_then(Self::written);
                written.filter(|_| are_elsewhere).ok_or(mistakes)
            }
        }
    }

    fn written(mut values: Values) -> Option<Self> {
        let mut told = Mistakes::new();
        values.expand(&Reach::Everywhere, &mut told);
        let kafka = values.split_off("kafka.");
        let is_here = |value: &Value| value.text().is_some();
        if !NEEDED
            .iter()
            .all(|name| kafka.get(name).is_none_or(is_here))
        {
            return None;
        }
        let kafka = kafka.iter().filter_map(|(name, value)| {
            let text = value.text()?;
            Some((name.to_owned(), text.to_owned()))
        });
        Some(Self {
            kafka: kafka.collect(),
            group_id: Worker::parse(&values, &mut told)?.group_id,
            topics: TopicSettings::parse(&values, &mut told)?,
        })
    }
}

impl From<Config> for Installation {
    fn from(config: Config) -> Self {
        Self {
            group_id: config.group_id,
            topics: config.topics,
            kafka: config.kafka,
        }
    }
}
