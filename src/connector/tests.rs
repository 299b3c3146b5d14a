//! Tests of a connector's settings.

use std::time::Duration;

use jiff::SignedDuration;

use super::*;
use crate::{
    event::Stream,
    onepassword::AllowedHosts,
    relay::Connector,
    secret::{Keyring, Reach, SealingKey, Template},
    setting::Mistakes,
};

/// Cargo sets it for every test.
const GIVEN: (&str, &str) = ("onepassword.token", "${env:CARGO_PKG_NAME}");
const KEY_TEXT: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

fn parse(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    parse_named("acme", pairs)
}

fn parse_named(name: &str, pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    parse_within(Reach::Everywhere, name, pairs)
}

fn parse_within(
    references: Reach,
    name: &str,
    pairs: &[(&str, &str)],
) -> Result<Settings, Vec<String>> {
    let values = pairs
        .iter()
        .map(|&(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    let allowed = Allowed {
        hosts: AllowedHosts::new(["localhost:8443"]).unwrap(),
        references,
        keyring: Keyring::new(vec![SealingKey::parse(KEY_TEXT).unwrap()]),
    };
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let mut mistakes = Mistakes::new();
    let settings = Settings::parse(name, &values, &allowed, now, &mut mistakes);
    assert_eq!(settings.is_some(), mistakes.is_empty());
    settings.ok_or_else(|| mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn a_token_is_enough() {
    let connector = Connector {
        name: "acme".to_owned(),
        token: Template::parse(GIVEN.1).unwrap(),
        url: None,
        streams: None,
        poll_interval: Duration::from_mins(5),
        page_limit: 1000,
        start: Start::Earliest,
        key: Key::User,
    };
    let written = [GIVEN, ("name", "acme")];
    let properties = written.map(|(name, text)| (name.to_owned(), Some(text.to_owned())));
    let settings = Settings {
        connector,
        properties: properties.into(),
        notes: Vec::new(),
    };
    assert_eq!(parse(&[GIVEN]), Ok(settings));
}

#[test]
fn everything_may_be_set() {
    let settings = parse(&[
        GIVEN,
        ("connector.class", "com.example.OnePasswordEventsSource"),
        ("key", "account"),
        ("name", "acme"),
        ("onepassword.url", "http://localhost:8443"),
        ("page.limit", "10"),
        ("poll.interval.ms", "1000"),
        ("start.time", "P7D"),
        ("streams", "auditevents, signinattempts"),
        ("tasks.max", "1"),
    ])
    .unwrap()
    .connector;
    assert_eq!(settings.key, Key::Account);
    assert_eq!(settings.url.unwrap().as_str(), "http://localhost:8443/");
    assert_eq!(settings.page_limit, 10);
    assert_eq!(settings.poll_interval, Duration::from_secs(1));
    assert_eq!(settings.start, Start::Ago(SignedDuration::from_hours(168)));
    let streams = [Stream::SignInAttempts, Stream::AuditEvents];
    assert_eq!(settings.streams.as_deref(), Some(&streams[..]));
}

#[test]
fn every_mistake_is_told() {
    let mistakes = parse(&[
        ("connector.class", "FileStreamSource"),
        ("key", "uuid"),
        ("name", "other"),
        ("page.limit", "1001"),
        ("poll.interval.ms", "86400001"),
        ("start.time", "yesterday"),
        ("stream", "auditevents"),
        ("streams", ""),
        ("tasks.max", "0"),
    ]);
    assert_eq!(
        mistakes.unwrap_err(),
        [
            "stream: there is no such setting, the nearest is streams",
            "name: 'other' is not the connector's name, which is 'acme'",
            "connector.class: 'FileStreamSource' is no connector here: there is only OnePasswordEventsSource",
            "tasks.max: 0 is too small, 1 is the least",
            "onepassword.token: is missing: write a reference to it, such as ${file:/run/secrets/acme} or \
             ${env:ACME_TOKEN}",
            "streams: names no stream: leave it out to read all that the token may read",
            "start.time: 'yesterday' is none of earliest, latest, a time such as 2026-01-31T00:00:00Z and a \
             duration such as P7D",
            "poll.interval.ms: 86400001 is too large, 86400000 is the most",
            "page.limit: 1001 is too large, 1000 is the most",
            "key: 'uuid' is none of user, event, account, connector",
        ]
    );
}

#[test]
fn a_token_is_a_reference_and_never_told() {
    for (token, what) in [
        (
            "hidden",
            "the value is written out: write a reference to it, such as ${file:/run/secrets/acme} or \
             ${env:ACME_TOKEN}, or have it sealed (on the page, or with POST /ui/api/seal)",
        ),
        (
            "${sealed:hidden}",
            "the value is no reference: a sealed reference is damaged: seal the token again",
        ),
        (
            "hidden${env:A",
            "the value is no reference: a reference begins with ${ and is not closed by }",
        ),
        (
            "${ENV}",
            "the value is no reference: a reference needs a provider: write ${env:NAME} or ${file:/path}",
        ),
    ] {
        let mistakes = parse(&[("onepassword.token", token)]).unwrap_err();
        assert_eq!(mistakes, [format!("onepassword.token: {what}")]);
    }
}

#[test]
fn a_token_that_is_sealed_with_another_key_is_not_declared() {
    let nowhere = Reach::Within {
        dirs: Vec::new(),
        env_prefix: String::new(),
    };
    let sealed = [("onepassword.token", "${sealed:01234567.aGlkZGVu}")];
    assert_eq!(
        parse_within(nowhere, "acme", &sealed).unwrap_err(),
        [
            "onepassword.token: the value was sealed with a key that this worker does not have (secrets.sealing.key)"
        ]
    );
}

#[test]
fn a_sealed_reference_stands_for_a_token_and_for_nothing_else() {
    let keyring = Keyring::new(vec![SealingKey::parse(KEY_TEXT).unwrap()]);
    let sealed = keyring.seal(&"hidden".into()).unwrap();
    assert!(parse(&[("onepassword.token", &sealed)]).is_ok());
    for name in ["key", "name", "onepassword.url", "streams"] {
        let mistakes = parse(&[GIVEN, (name, &sealed)]).unwrap_err();
        let [mistake] = &mistakes[..] else {
            panic!("{mistakes:?}")
        };
        assert!(mistake.ends_with("is sealed: sealed references are for connectors' tokens only"));
        assert!(!mistake.contains("hidden"), "{mistake}");
    }
}

#[test]
fn a_token_is_not_looked_up_yet() {
    assert!(parse(&[("onepassword.token", "${file:/no/such/file}")]).is_ok());
}

#[test]
fn an_address_is_a_host_that_may_have_the_token() {
    for (url, what) in [
        (
            "events.1password.com",
            "is no URL: write it as https://events.1password.com",
        ),
        (
            "https://events.1password.com/api",
            "has something after its host: leave it out",
        ),
        (
            "https://events.1password.com?a",
            "has something after its host: leave it out",
        ),
        (
            "http://events.1password.com",
            "is not https: plain http is for hosts on this machine only",
        ),
        (
            "http://localhost:1",
            "is none of 1Password's hosts: where it is meant, the worker's operator allows it with \
             onepassword.allowed.hosts",
        ),
    ] {
        let mistakes = parse(&[GIVEN, ("onepassword.url", url)]).unwrap_err();
        assert_eq!(mistakes, [format!("onepassword.url: '{url}' {what}")]);
    }
    let with_user = [
        GIVEN,
        ("onepassword.url", "https://me:pw@events.1password.com"),
    ];
    assert_eq!(
        parse(&with_user).unwrap_err(),
        [
            "onepassword.url: 'https://…@events.1password.com' has a user in it: the token is all that 1Password wants"
        ]
    );
    assert!(parse(&[GIVEN, ("onepassword.url", "https://events.1password.eu/")]).is_ok());
}

#[test]
fn what_a_reference_leads_to_is_not_told() {
    for name in [
        "key",
        "name",
        "onepassword.url",
        "poll.interval.ms",
        "streams",
    ] {
        let mistakes = parse(&[GIVEN, (name, "${env:CARGO_PKG_NAME}")]).unwrap_err();
        let [mistake] = &mistakes[..] else {
            panic!("{mistakes:?}")
        };
        assert!(mistake.contains("the value of ${env:CARGO_PKG_NAME} "));
        assert!(!mistake.contains("onepassword-kafka"), "{mistake}");
    }
}

#[test]
fn streams_are_named_once() {
    let mistakes = parse(&[GIVEN, ("streams", "itemusages,auditevents,itemusages")]);
    assert_eq!(mistakes.unwrap_err(), ["streams: names itemusages twice"]);
}

#[test]
fn what_only_kafka_connect_has_leaves_a_note() {
    let settings = parse(&[
        GIVEN,
        ("errors.tolerance", "all"),
        ("transforms", "mask"),
        ("transforms.mask.type", "${nonsense}"),
    ]);
    assert_eq!(
        settings.unwrap().notes,
        [
            "errors.tolerance has no effect: the worker decides what is tried again, and what cannot become a \
             record goes to the dead letters",
            "transforms has no effect: records are published as they are read, nothing is changed or left out",
            "transforms.mask.type has no effect: records are published as they are read, nothing is changed or \
             left out",
        ]
    );
    assert!(parse(&[GIVEN, ("errors", "x")]).is_err());
    assert!(parse(&[GIVEN, ("transform", "x")]).is_err());
}

#[test]
fn nearly_every_name_will_do() {
    for name in ["acme", "a b/c", "ünï:✓", &"x".repeat(249)] {
        assert!(parse_named(name, &[GIVEN]).is_ok(), "{name}");
    }
    for (name, what) in [
        (" ", "name: a connector's name cannot be blank"),
        (
            "a\nb",
            "name: a connector's name cannot have control characters in it",
        ),
        (
            &"x".repeat(250),
            "name: a connector's name has 249 characters at most",
        ),
    ] {
        assert_eq!(parse_named(name, &[GIVEN]).unwrap_err(), [what]);
    }
}
