//! What is wanted of the group: the connectors of the worker's file, and those of the log.
//!
//! The log is the connectors topic. Each worker reads all of it and comes to the same conclusions, record by record; what
//! its shards own it then runs. A connector of the file wins over one of the same name in the log. One whose settings
//! are wrong does not run: its state says what is the matter.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::watch;

use super::{
    Allowed, Settings,
    record::{Properties, Record},
};
use crate::{
    clock::Clock,
    kafka::Logged,
    relay::{Alteration, Connector, Connectors, Target, Wanted},
    setting::{Mistakes, Value, Values},
    telemetry::Loggers,
};

/// What the file and the log say, up to some record of the log.
#[derive(Debug)]
pub struct Desired {
    /// This worker, as the log knows it: another one each time that it starts.
    writer: String,
    declared: BTreeMap<String, Declared>,
    logged: BTreeMap<String, Declared>,
    targets: BTreeMap<String, Target>,
    /// What was last to become of each one's positions.
    alterations: BTreeMap<String, Arc<Alteration>>,
    /// How often each was to be restarted.
    restarts: BTreeMap<String, u64>,
    allowed: Allowed,
    /// This worker's.
    loggers: Loggers,
    clock: Clock,
    /// Whoever runs them.
    told: watch::Sender<Connectors>,
    /// The last of this worker's own turns to write that the log has brought back.
    turn: watch::Sender<u64>,
    /// Whether all that was in the log at the beginning is known.
    is_read: bool,
}

/// A connector that somebody has declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its settings, as they were written.
    pub properties: Properties,
    /// What they mean, or what is wrong with them.
    pub connector: Result<Arc<Connector>, String>,
    /// Which of them have no effect, and why.
    pub notes: Vec<String>,
}

// === impl Desired ===

impl Desired {
    /// Begins with the connectors of the file; the log's are `allowed` less. Nothing is wanted until the log is read to its
    /// end: it may say that a connector is paused, and one that it declares may have been deleted long ago.
    #[must_use]
    pub fn new(
        declared: Vec<Settings>,
        allowed: Allowed,
        loggers: Loggers,
        clock: Clock,
    ) -> (Self, watch::Receiver<Connectors>) {
        let (told, connectors) = watch::channel(Connectors::default());
        let declared = declared.into_iter().map(|settings| {
            let name = settings.connector.name.clone();
            (name, Declared::from(settings))
        });
        let desired = Self {
            writer: format!("{:016x}", fastrand::u64(..)),
            declared: declared.collect(),
            logged: BTreeMap::new(),
            targets: BTreeMap::new(),
            alterations: BTreeMap::new(),
            restarts: BTreeMap::new(),
            allowed,
            loggers,
            clock,
            told,
            turn: watch::Sender::default(),
            is_read: false,
        };
        (desired, connectors)
    }

    /// Takes in what the log brings. A record that cannot be read is reported and skipped.
    pub fn follow(&mut self, logged: Logged<'_>) {
        match logged {
            Logged::Record { offset, key, value } => match Record::read(key, value) {
                Ok(record) => {
                    if !self.apply(record) {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(offset, %error, "a record of the connectors topic is skipped");
                    return;
                }
            },
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

    /// Whether what was in the log at the beginning is known.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        self.is_read
    }

    /// The names of all connectors.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let names = self.declared.keys().chain(self.logged.keys());
        names.cloned().collect()
    }

    /// A connector, wherever it is declared.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Declared> {
        self.declared.get(name).or_else(|| self.logged.get(name))
    }

    /// Whether the worker's file declares it.
    #[must_use]
    pub fn is_in_file(&self, name: &str) -> bool {
        self.declared.contains_key(name)
    }

    /// A connector's target state.
    #[must_use]
    pub fn target(&self, name: &str) -> Target {
        self.targets.get(name).copied().unwrap_or(Target::Running)
    }

    /// The number of the last alteration of its positions; 0 where there is none.
    #[must_use]
    pub fn alteration(&self, name: &str) -> u64 {
        let last = self.alterations.get(name);
        last.map_or(0, |alteration| alteration.number)
    }

    /// This worker's name in the log, and which of its turns to write the log has brought back.
    pub(super) fn turns(&self) -> (String, watch::Receiver<u64>) {
        (self.writer.clone(), self.turn.subscribe())
    }

    /// Judges a configuration as one that is not the file's.
    #[must_use]
    pub fn judge(&self, name: &str, properties: &Properties) -> (Option<Settings>, Mistakes) {
        let values: Values = properties
            .iter()
            .map(|(name, text)| {
                let value = match text {
                    Some(text) => Value::new(text.clone(), None),
                    None => Value::absent(None),
                };
                (name.clone(), value)
            })
            .collect();
        let mut mistakes = Mistakes::new();
        let now = (self.clock)();
        let settings = Settings::parse(name, &values, &self.allowed, now, &mut mistakes);
        (settings, mistakes)
    }

    /// Whether it says something about connectors.
    fn apply(&mut self, record: Record) -> bool {
        match record {
            Record::Properties(name, Some(properties)) => self.declare(name, properties),
            Record::Properties(name, None) => {
                self.logged.remove(&name);
            }
            Record::Target(name, Some(target)) => {
                self.targets.insert(name, target);
            }
            Record::Target(name, None) => {
                self.targets.remove(&name);
            }
            Record::Alteration(name, Some(alteration)) => {
                self.alterations.insert(name, Arc::new(alteration));
            }
            Record::Alteration(name, None) => {
                self.alterations.remove(&name);
            }
            Record::Restart(name, tasks) => self.restart(name, tasks),
            // What was set earlier is not for a worker that has started since, as in Connect (KIP-976).
            Record::Logger(logger, level) => {
                if self.is_read {
                    match self.loggers.set(&logger, level, (self.clock)()) {
                        Ok(changed) => {
                            tracing::info!(logger, %level, ?changed, "the level is set on all workers");
                        }
                        Err(error) => {
                            tracing::warn!(%error, "a level that is set on all workers is not set here");
                        }
                    }
                }
                return false;
            }
            Record::Writer { writer, turn } if writer == self.writer => {
                self.turn.send_replace(turn);
                return false;
            }
            Record::Writer { .. } | Record::Foreign => return false,
        }
        true
    }

    /// A connector has no work of its own to begin anew; but what was wrong with its settings may be right by now.
    fn restart(&mut self, name: String, tasks: bool) {
        if let Some(declared) = self.logged.get(&name)
            && declared.connector.is_err()
        {
            let properties = declared.properties.clone();
            self.declare(name.clone(), properties);
        }
        if tasks {
            *self.restarts.entry(name).or_default() += 1;
        }
    }

    fn declare(&mut self, name: String, properties: Properties) {
        if self.is_in_file(&name) {
            tracing::warn!(
                connector = name,
                "the connectors topic has a connector that the worker's file declares: the file's is run"
            );
        }
        let (connector, notes) = match self.judge(&name, &properties) {
            (Some(settings), _) => {
                for note in &settings.notes {
                    tracing::warn!(connector = name, "{note}");
                }
                (Ok(Arc::new(settings.connector)), settings.notes)
            }
            (None, mistakes) => {
                tracing::error!(
                    connector = name,
                    "the connector does not run, for its settings are wrong: {mistakes}"
                );
                (Err(mistakes.to_string()), Vec::new())
            }
        };
        let declared = Declared {
            properties,
            connector,
            notes,
        };
        self.logged.insert(name, declared);
    }

    fn tell(&self) {
        let all = self.logged.iter().chain(&self.declared);
        let all = all.map(|(name, declared)| {
            let wanted = Wanted {
                connector: declared.connector.clone(),
                target: self.target(name),
                alteration: self.alterations.get(name).cloned(),
                restarts: self.restarts.get(name).copied().unwrap_or_default(),
            };
            (name.clone(), wanted)
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

impl From<Settings> for Declared {
    fn from(settings: Settings) -> Self {
        Self {
            properties: settings.properties,
            connector: Ok(Arc::new(settings.connector)),
            notes: settings.notes,
        }
    }
}
