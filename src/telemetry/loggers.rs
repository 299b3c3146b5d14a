//! The loggers of this worker: what each part of the program logs, changed while it runs.
//!
//! They are looked at and set as Kafka Connect's are. A logger is a module, such as `onepassword_kafka::relay`, and all that
//! is below it; `root` is everything that no other logger speaks for.

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

/// The logger of everything that no other speaks for.
const ROOT: &str = "root";
/// The program's own, and that of its Kafka client.
const ALWAYS: [&str; 2] = ["librdkafka", "onepassword_kafka"];

/// The target of what is logged whatever the loggers say: who has asked for which change.
pub const AUDIT: &str = "audit";

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

    /// Sets the level of a logger and of all that are below it, and tells which have changed.
    #[must_use]
    pub fn set(&self, name: &str, level: Level, now: Timestamp) -> Vec<String> {
        let name = canonical(name);
        let mut known = self.known();
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
        changed
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

/// Whether a logger is `above`, or below it.
fn is_within(name: &str, above: &str) -> bool {
    let rest = name.strip_prefix(above);
    above == ROOT
        || rest
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('.'))
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
    Targets::new()
        .with_targets(targets)
        .with_default(effective(known, ROOT))
        .with_target(AUDIT, LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loggers, and what they have last given to the filter.
    fn loggers(filter: &str) -> (Loggers, Arc<Mutex<Targets>>) {
        let targets: Targets = filter.parse().unwrap();
        let last = Arc::new(Mutex::new(targets.clone()));
        let given = Arc::clone(&last);
        let loggers = Loggers::new(&targets, move |targets| *given.lock().unwrap() = targets);
        (loggers, last)
    }

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn levels(loggers: &Loggers) -> Vec<String> {
        let all = loggers.all().into_iter();
        all.map(|(name, logger)| format!("{name}={}", logger.level))
            .collect()
    }

    #[test]
    fn at_first_they_are_those_of_the_filter() {
        let (loggers, _) = loggers("warn,onepassword_kafka::relay=debug");
        assert_eq!(
            levels(&loggers),
            [
                "librdkafka=WARN",
                "onepassword_kafka=WARN",
                "onepassword_kafka::relay=DEBUG",
                "root=WARN"
            ]
        );
        assert!(
            loggers
                .all()
                .values()
                .all(|logger| logger.last_modified.is_none())
        );
    }

    #[test]
    fn a_level_is_that_of_all_below_and_the_change_is_told_once() {
        let (loggers, filter) = loggers("info,onepassword_kafka::relay=warn");
        let set = |name: &str, level: Level| loggers.set(name, level, now());
        assert_eq!(
            set("onepassword_kafka", Level::Debug),
            ["onepassword_kafka", "onepassword_kafka::relay"]
        );
        assert_eq!(set("onepassword_kafka", Level::Debug), [""; 0]);
        let relay = loggers.get("onepassword_kafka::relay").unwrap();
        assert_eq!(
            (relay.level, relay.last_modified),
            (Level::Debug, Some(now()))
        );
        let enabled = |target: &str, level: tracing::Level| {
            filter.lock().unwrap().would_enable(target, &level)
        };
        assert!(enabled(
            "onepassword_kafka::relay::task",
            tracing::Level::DEBUG
        ));
        assert!(!enabled("librdkafka", tracing::Level::DEBUG));

        assert_eq!(set("a.b", Level::Info), [""; 0]);
        assert_eq!(loggers.get("a.b").unwrap().last_modified, None);
        assert_eq!(set("a", Level::Error), ["a", "a.b"]);
        assert_eq!(loggers.get("a.c"), None);
        assert_eq!(set("ROOT", Level::Off).len(), levels(&loggers).len());
        assert!(!enabled("onepassword_kafka::relay", tracing::Level::ERROR));
        assert_eq!(set(AUDIT, Level::Error), [AUDIT]);
        assert!(enabled(AUDIT, tracing::Level::INFO));
    }

    #[test]
    fn levels_are_log4js() {
        for (word, level) in LEVELS {
            assert_eq!(word.parse(), Ok(level));
            assert_eq!(word.to_lowercase().parse(), Ok(level));
            assert_eq!(level.to_string(), word);
        }
        let unknown = "BOGUS".parse::<Level>().unwrap_err();
        assert_eq!(unknown.to_string(), "invalid log level 'BOGUS'.");
    }
}
