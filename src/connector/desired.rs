//! What is wanted of the group: the connectors of the worker's file, and those of the log.
//!
//! The log is the connectors topic. Each worker reads all of it and comes to the same conclusions, record by record; what
//! its shards own it then runs. A connector of the file wins over one of the same name in the log. One whose settings
//! are wrong does not run, and nor does one that may not be declared there: the log says what is the matter.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

use super::{
    Allowed, Settings,
    record::{Properties, Record},
};
use crate::{
    clock::Clock,
    kafka::Logged,
    relay::{Connector, Connectors, Target, Wanted},
    setting::{Mistakes, Value, Values},
};

/// What the file and the log say, up to some record of the log.
#[derive(Debug)]
pub struct Desired {
    /// Those of the file.
    declared: BTreeMap<String, Arc<Connector>>,
    /// Those of the log; nothing where the settings are wrong.
    logged: BTreeMap<String, Option<Arc<Connector>>>,
    targets: BTreeMap<String, Target>,
    allowed: Allowed,
    clock: Clock,
    /// Whoever runs them.
    told: watch::Sender<Connectors>,
    /// Whether all that was in the log at the beginning is known.
    is_read: bool,
}

// === impl Desired ===

impl Desired {
    /// Begins with the connectors of the file; the log's are `allowed` less. Nothing is wanted until the log is read to its
    /// end: it may say that a connector is paused, and one that it declares may have been deleted long ago.
    #[must_use]
    pub fn new(
        declared: impl IntoIterator<Item = Connector>,
        allowed: Allowed,
        clock: Clock,
    ) -> (Self, watch::Receiver<Connectors>) {
        let (told, connectors) = watch::channel(Connectors::default());
        let desired = Self {
            declared: declared
                .into_iter()
                .map(|connector| (connector.name.clone(), Arc::new(connector)))
                .collect(),
            logged: BTreeMap::new(),
            targets: BTreeMap::new(),
            allowed,
            clock,
            told,
            is_read: false,
        };
        (desired, connectors)
    }

    /// Takes in what the log brings. A record that cannot be read is reported and skipped.
    pub fn follow(&mut self, logged: Logged<'_>) {
        match logged {
            Logged::Record { offset, key, value } => match Record::read(key, value) {
                Ok(record) => self.apply(record),
                Err(error) => {
                    tracing::warn!(offset, %error, "a record of the connectors topic is skipped");
                    return;
                }
            },
            Logged::End if self.is_read => return,
            Logged::End => {
                self.is_read = true;
                tracing::info!(
                    connectors = self.logged.len(),
                    "the connectors topic is read"
                );
            }
        }
        if self.is_read {
            self.tell();
        }
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Properties(name, Some(properties)) => {
                let connector = self.judge(&name, properties);
                if self.declared.contains_key(&name) {
                    tracing::warn!(
                        connector = name,
                        "the connectors topic has a connector that the worker's file declares: the file's is run"
                    );
                }
                self.logged.insert(name, connector);
            }
            Record::Properties(name, None) => {
                self.logged.remove(&name);
            }
            Record::Target(name, Some(target)) => {
                self.targets.insert(name, target);
            }
            Record::Target(name, None) => {
                self.targets.remove(&name);
            }
            Record::Foreign => {}
        }
    }

    /// What its settings mean; nothing where they are wrong.
    fn judge(&self, name: &str, properties: Properties) -> Option<Arc<Connector>> {
        let values: Values = properties
            .into_iter()
            .map(|(name, text)| match text {
                Some(text) => (name, Value::new(text, None)),
                None => (name, Value::absent(None)),
            })
            .collect();
        let mut mistakes = Mistakes::new();
        let settings = Settings::parse(name, &values, &self.allowed, (self.clock)(), &mut mistakes);
        let Some(settings) = settings else {
            tracing::error!(
                connector = name,
                "the connector does not run, for its settings are wrong: {mistakes}"
            );
            return None;
        };
        for note in &settings.notes {
            tracing::warn!(connector = name, "{note}");
        }
        Some(Arc::new(settings.connector))
    }

    fn tell(&self) {
        let logged = self
            .logged
            .iter()
            .filter_map(|(name, connector)| Some((name, connector.as_ref()?)));
        let all = logged.chain(&self.declared).map(|(name, connector)| {
            let target = self.targets.get(name).copied().unwrap_or(Target::Running);
            let connector = Arc::clone(connector);
            (name.clone(), Wanted { connector, target })
        });
        let all: BTreeMap<_, _> = all.collect();
        self.told.send_if_modified(|told| {
            let is_news = **told != all;
            if is_news {
                *told = Arc::new(all);
            }
            is_news
        });
    }
}
