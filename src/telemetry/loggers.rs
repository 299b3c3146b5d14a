//! The loggers of this worker: what each part of the program logs, changed while it runs.
//!
//! They are looked at and set as Kafka Connect's are. A logger is all whose name begins with its own, such as the module
//! `onepassword_kafka::relay` and what is below it: `RUST_LOG` and Kafka Connect see it so, too. `root` is everything that
//! no other logger speaks for.

use std::{
    collections::BTreeMap,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// All loggers that have been named by somebody.
#[derive(Clone)]
pub struct Loggers(Arc<Inner>);

struct Inner {
    known: Mutex<BTreeMap<String, Logger>>,
    /// Takes what is to be logged from now on.
    filter: Box<dyn Fn(Targets) + Send + Sync>,
}

/// What a logger logs, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logger {
    /// This, and what is more severe.
    pub level: Level,
    /// When it was set; never, where it is as it was at the start.
    pub last_modified: Option<Timestamp>,
}

/// A level, in Log4j's words. Nothing here is ever FATAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Level {
    Off,
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
    All,
}

/// A word that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid log level '{0}'.")]
pub struct UnknownLevel(String);

/// A logger that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Its name is too long.
    #[error("a logger's name may have {LONGEST} bytes at most")]
    Name,
    /// There are too many others.
    #[error("there are {MOST} loggers already, and no more are kept: set one of them, or root")]
    Many,
}

/// The longest name of a logger that is kept, in bytes.
const LONGEST: usize = 256;
/// The most loggers that are kept.
const MOST: usize = 256;

/// The logger of everything that no other speaks for.
const ROOT: &str = "root";
/// The program's own, and that of its Kafka client.
const ALWAYS: [&str; 2] = ["librdkafka", "onepassword_kafka"];

/// The target of who has asked for which change, which is logged whatever the loggers say.
pub const AUDIT: &str = "audit";
/// The target of why the process ends, which is, too.
pub const END: &str = "end";

const LEVELS: [(&str, Level); 8] = [
    ("OFF", Level::Off),
    ("FATAL", Level::Fatal),
    ("ERROR", Level::Error),
    ("WARN", Level::Warn),
    ("INFO", Level::Info),
    ("DEBUG", Level::Debug),
    ("TRACE", Level::Trace),
    ("ALL", Level::All),
];

// === impl Loggers ===

impl Loggers {
    /// Those that `targets` names, whose changes are given to `filter`.
    pub fn new(targets: &Targets, filter: impl Fn(Targets) + Send + Sync + 'static) -> Self {
        let unchanged = |level: LevelFilter| Logger {
            level: level.into(),
            last_modified: None,
        };
        let root = targets.default_level().unwrap_or(LevelFilter::OFF);
        let mut known = BTreeMap::from([(ROOT.to_owned(), unchanged(root))]);
        for (target, level) in targets {
            known.insert(target.to_owned(), unchanged(level));
        }
        for name in ALWAYS {
            let level = effective(&known, name);
            known.entry(name.to_owned()).or_insert(Logger {
                level,
                last_modified: None,
            });
        }
        Self(Arc::new(Inner {
            known: Mutex::new(known),
            filter: Box::new(filter),
        }))
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Logger> {
        self.known().clone()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Logger> {
        self.known().get(canonical(name)).copied()
    }

    /// Whether a logger may be set: it is there, or there is room for it.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn room_for(&self, name: &str) -> Result<(), NoRoom> {
        room_for(&self.known(), canonical(name))
    }

    /// Sets the level of a logger and of all that are below it, and tells which have changed.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn set(&self, name: &str, level: Level, now: Timestamp) -> Result<Vec<String>, NoRoom> {
        let name = canonical(name);
        let mut known = self.known();
        room_for(&known, name)?;
        let inherited = Logger {
            level: effective(&known, name),
            last_modified: None,
        };
        known.entry(name.to_owned()).or_insert(inherited);
        let mut changed = Vec::new();
        for (own, logger) in &mut *known {
            if is_within(own, name) && logger.level != level {
                *logger = Logger {
                    level,
                    last_modified: Some(now),
                };
                changed.push(own.clone());
            }
        }
        (self.0.filter)(targets(&known));
        Ok(changed)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Logger>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Loggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Loggers").field(&self.known()).finish()
    }
}

// === impl Level ===

impl From<LevelFilter> for Level {
    fn from(filter: LevelFilter) -> Self {
        match filter {
            LevelFilter::OFF => Self::Off,
            LevelFilter::ERROR => Self::Error,
            LevelFilter::WARN => Self::Warn,
            LevelFilter::INFO => Self::Info,
            LevelFilter::DEBUG => Self::Debug,
            LevelFilter::TRACE => Self::Trace,
        }
    }
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off | Level::Fatal => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace | Level::All => Self::TRACE,
        }
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        LEVELS
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(word))
            .map(|(_, level)| *level)
            .ok_or_else(|| UnknownLevel(word.to_owned()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = LEVELS.iter().find(|(_, level)| level == self);
        f.write_str(own.expect("each level has a word").0)
    }
}

fn canonical(name: &str) -> &str {
    if name.eq_ignore_ascii_case(ROOT) {
        return ROOT;
    }
    name
}

fn room_for(known: &BTreeMap<String, Logger>, name: &str) -> Result<(), NoRoom> {
    if known.contains_key(name) {
        Ok(())
    } else if name.len() > LONGEST {
        Err(NoRoom::Name)
    } else if known.len() >= MOST {
        Err(NoRoom::Many)
    } else {
        Ok(())
    }
}

/// Whether a logger is `above`, or below it; as in [`Targets`], by its first letters.
fn is_within(name: &str, above: &str) -> bool {
    above == ROOT || (name != ROOT && name.starts_with(above))
}

/// The level that a name has from the nearest logger above it.
fn effective(known: &BTreeMap<String, Logger>, name: &str) -> Level {
    let above = known.iter().filter(|(own, _)| is_within(name, own));
    let nearest = above.max_by_key(|(own, _)| if *own == ROOT { 0 } else { own.len() });
    nearest.map_or(Level::Off, |(_, logger)| logger.level)
}

fn targets(known: &BTreeMap<String, Logger>) -> Targets {
    let named = known.iter().filter(|(name, _)| *name != ROOT);
    let targets = named.map(|(name, logger)| (name.clone(), LevelFilter::from(logger.level)));
    let targets = Targets::new().with_targets(targets);
    unsilenced(targets.with_default(effective(known, ROOT)))
}

/// Lets through what is logged in any case.
pub(super) fn unsilenced(targets: Targets) -> Targets {
    targets
        .with_target(AUDIT, LevelFilter::INFO)
        .with_target(END, LevelFilter::ERROR)
}

#[cfg(test)]
mod tests;
