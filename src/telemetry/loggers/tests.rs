//! Tests of what is set, what it is set for, and how much of it is kept.

use super::*;

/// Loggers, and what they have last given to the filter.
fn loggers(filter: &str) -> (Loggers, Arc<Mutex<Targets>>) {
    let targets: Targets = filter.parse().unwrap();
    let last = Arc::new(Mutex::new(targets.clone()));
    let given = Arc::clone(&last);
    let loggers = Loggers::new(&targets, move |targets| *given.lock().unwrap() = targets);
    (loggers, last)
}

/// The most that a filter lets through of a target.
fn level_of(filter: &Targets, target: &str) -> LevelFilter {
    use tracing::Level;
    let levels = [
        Level::TRACE,
        Level::DEBUG,
        Level::INFO,
        Level::WARN,
        Level::ERROR,
    ];
    let enabled = levels
        .into_iter()
        .find(|level| filter.would_enable(target, level));
    enabled.map_or(LevelFilter::OFF, LevelFilter::from_level)
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
    let set = |name: &str, level: Level| loggers.set(name, level, now()).unwrap();
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
    let enabled =
        |target: &str, level: tracing::Level| filter.lock().unwrap().would_enable(target, &level);
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
    assert!(enabled(END, tracing::Level::ERROR));
}

#[test]
fn what_is_told_to_change_is_what_logs_otherwise() {
    let (loggers, filter) = loggers("warn,hyper_util=info,reqwest=info");
    assert_eq!(
        loggers.set("h", Level::Debug, now()),
        Ok(vec!["h".to_owned(), "hyper_util".to_owned()])
    );
    assert_eq!(loggers.set("r", Level::Off, now()).unwrap().len(), 2);
    for (target, levels) in [
        ("h2::codec", Level::Debug),
        ("hyper_util::client", Level::Debug),
        ("reqwest", Level::Off),
        ("tokio", Level::Warn),
    ] {
        let logged = Level::from(level_of(&filter.lock().unwrap(), target));
        assert_eq!(logged, levels, "{target}");
        let known = effective(&loggers.all(), target);
        assert_eq!(known, levels, "{target}");
    }
    assert_eq!(loggers.get(ROOT).unwrap().level, Level::Warn);
}

#[test]
fn no_more_loggers_are_kept_than_there_is_room_for() {
    let (loggers, _) = loggers("info");
    let set = |name: &str| loggers.set(name, Level::Debug, now());
    let long = set(&"x".repeat(LONGEST + 1)).unwrap_err();
    assert_eq!(
        long.to_string(),
        "a logger's name may have 256 bytes at most"
    );
    set(&"x".repeat(LONGEST)).unwrap();
    for other in loggers.all().len()..MOST {
        set(&format!("other_{other}")).unwrap();
    }
    assert_eq!(set("one_more"), Err(NoRoom::Many));
    assert_eq!(loggers.room_for("one_more"), Err(NoRoom::Many));
    assert_eq!(loggers.all().len(), MOST);
    for known in ["Root", "librdkafka"] {
        assert_eq!(loggers.room_for(known), Ok(()));
        set(known).unwrap();
    }
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
