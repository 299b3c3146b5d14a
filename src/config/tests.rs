//! Tests of whole files.

use std::{env, fs, path::PathBuf, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{connector::Key, event::Stream};

/// Cargo sets it for every test.
const VARIABLE: &str = "CARGO_PKG_NAME";

const EXAMPLE: &str = "\
group.id: onepassword              # workers with the same group.id share the work
kafka:                             # any librdkafka property
  bootstrap.servers: localhost:9092
schema.registry:
  url: http://localhost:8081
topics:
  prefix: onepassword
  partitions: 6
  replication.factor: -1           # -1: the broker's default
  retention.ms: 31536000000
  shards: 8
monitoring:
  listen: 0.0.0.0:9464
rest:
  listen: 127.0.0.1:8083
onepassword:
  allowed.hosts: []
  ca.file:
connectors:
  acme:
    onepassword.token: ${env:CARGO_PKG_NAME}
    poll.interval.ms: 300000
";

const LEAST: &str = "group.id: g\nkafka.bootstrap.servers: b:1\nschema.registry.url: http://r\n";

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("onepassword-kafka-{}-{name}.yaml", std::process::id());
        let path = env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = Config::parse(text, now()).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

fn loaded(content: &[u8], name: &str) -> String {
    let file = Scratch::new(name, content);
    let mistakes = Config::load(&file.0, now()).unwrap_err().to_string();
    mistakes.replace(&file.0.display().to_string(), "FILE")
}

#[test]
fn the_example_says_what_is_the_default_anyway() {
    let file = Scratch::new("example", EXAMPLE.as_bytes());
    let config = Config::load(&file.0, now()).unwrap();
    let kafka: Vec<_> = config.kafka.iter().collect();
    assert_eq!(kafka, [("bootstrap.servers", "localhost:9092")]);
    assert_eq!(config.group_id, "onepassword");
    assert_eq!(
        config.registry.access.urls[0].as_str(),
        "http://localhost:8081/"
    );
    let [acme] = &config.connectors[..] else {
        panic!("one connector")
    };
    let acme = &acme.connector;
    assert_eq!(acme.name, "acme");
    assert_eq!(acme.poll_interval, Duration::from_mins(5));
    assert_eq!(acme.key, Key::User);

    let least = Config::parse(LEAST, now()).unwrap();
    assert_eq!(config.topics, least.topics);
    assert_eq!(config.onepassword, least.onepassword);
    assert_eq!(config.http, least.http);
    assert!(least.connectors.is_empty());
}

#[test]
fn a_connector_of_the_file_may_have_a_sealed_token() {
    const SEALED: &str = "secrets.sealing.key: QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n";
    let keys = Config::parse(&format!("{LEAST}{SEALED}"), now()).unwrap();
    let token = keys.allowed.keyring.seal(&"hidden".into()).unwrap();
    let connector = format!("connectors:\n  acme:\n    onepassword.token: {token}\n");
    assert!(Config::parse(&format!("{LEAST}{SEALED}{connector}"), now()).is_ok());
    let told = mistakes(&format!("{LEAST}{connector}"));
    let ending = "was sealed with a key that this worker does not have (secrets.sealing.key)";
    assert!(
        told[0].starts_with("connectors.acme.onepassword.token, line 6: ${sealed:")
            && told[0].ends_with(ending),
        "{told:?}"
    );
    let [mistake] = &mistakes(&format!("{LEAST}{SEALED}topics.prefix: {token}\n"))[..] else {
        panic!("one mistake")
    };
    assert!(
        mistake.starts_with("topics.prefix, line 5: ${sealed:"),
        "{mistake}"
    );
    assert!(
        mistake.ends_with("are for connectors' tokens only"),
        "{mistake}"
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_lines() {
    let text = "\
group.id: ' '
kafka:
  bootstrap.server: localhost:9092
  acks: 1
schema.registry:
  urls: http://localhost:8081
topics.shards: none
rest.listen: localhost:8083
onepassword:
  allowed.hosts: ['*.example.com', 'localhost']
  ca.file: ${file:/no/such/file}
connectors:
  acme:
    onepassword.token: eyJhbGciOiJFUzI1NiJ9.hidden
    poll.interval.ms: 500
    poll.intervall.ms: 5000
    onepassword.url: http://localhost:1
  beta:
    streams: [itemusages, logins]
    onepassword.token: ${env:NO_SUCH_VARIABLE}
    onepassword.url: https://events.example.com
  gamma:
    onepassword.token: ${env:NO_SUCH_VARIABLE}
";
    assert_eq!(
        loaded(text.as_bytes(), "all"),
        "FILE has 17 mistakes:
  group.id, line 1: ' ' is blank
  kafka.bootstrap.server, line 3: librdkafka has no such property, the nearest common one is bootstrap.servers
  kafka.acks, line 4: is always 'all': with less, a committed event could be lost
  schema.registry.urls, line 6: there is no such setting, the nearest is schema.registry.url
  topics.shards, line 7: 'none' is no whole number
  rest.listen, line 8: 'localhost:8083' is no address with a port: write it as 0.0.0.0:9464 or [::]:9464
  onepassword.allowed.hosts, line 10: '*.example.com' is no host: write it as proxy.example.com or \
         proxy.example.com:8443
  onepassword.ca.file, line 11: ${file:/no/such/file}: there is no such file
  connectors.acme.onepassword.token, line 14: the value is written out: write a reference to it, such as \
         ${file:/run/secrets/acme} or ${env:ACME_TOKEN}, or have it sealed (on the page, or with POST /ui/api/seal)
  connectors.acme.poll.interval.ms, line 15: 500 is too small, 1000 is the least
  connectors.acme.poll.intervall.ms, line 16: there is no such setting, the nearest is poll.interval.ms
  connectors.beta.streams, line 19: 'logins' is no stream: there are signinattempts, itemusages and auditevents
  connectors.beta.onepassword.token, line 20: ${env:NO_SUCH_VARIABLE}: this environment variable is not set
  connectors.beta.onepassword.url, line 21: 'https://events.example.com' is none of 1Password's hosts: where it is \
         meant, the worker's operator allows it with onepassword.allowed.hosts
  connectors.gamma.onepassword.token, line 23: ${env:NO_SUCH_VARIABLE}: this environment variable is not set
  kafka.bootstrap.servers: is missing: write the brokers' addresses, as host:port with commas between them
  schema.registry.url: is missing: write the schema registry's address, such as http://localhost:8081"
    );
}

#[test]
fn a_file_that_is_none_is_told_so() {
    let missing = Config::load(Path::new("/no/such.yaml"), now()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "/no/such.yaml has a mistake:\n  cannot be read: there is no such file"
    );
    let directory = Config::load(Path::new("/"), now()).unwrap_err();
    assert_eq!(
        directory.to_string(),
        "/ has a mistake:\n  is a directory, a file is needed"
    );
    assert_eq!(
        loaded(b"a: 1\nb: \xff\n", "binary"),
        "FILE has a mistake:\n  line 2: is not UTF-8: save the file as UTF-8"
    );
    assert_eq!(
        loaded(&vec![b'#'; (1 << 20) + 1], "long"),
        "FILE has a mistake:\n  is longer than 1048576 bytes: this is no worker's file"
    );
}

#[test]
fn an_empty_file_lacks_what_is_required() {
    assert_eq!(
        mistakes(""),
        [
            "kafka.bootstrap.servers: is missing: write the brokers' addresses, as host:port with commas between them",
            "group.id: is missing",
            "schema.registry.url: is missing: write the schema registry's address, such as http://localhost:8081",
        ]
    );
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    assert!(Config::parse(&format!("\u{feff}{LEAST}"), now()).is_ok());
}

#[test]
fn a_section_is_no_setting() {
    let text = format!("{LEAST}topics: 5\nkafka: b:1\n");
    assert_eq!(
        mistakes(&text),
        [
            "kafka, line 5: there is no such setting, settings such as kafka.bootstrap.servers are expected below it",
            "topics, line 4: there is no such setting, settings such as topics.prefix are expected below it",
        ]
    );
}

#[test]
fn an_unknown_name_is_told_even_without_a_value() {
    let text = format!(
        "{LEAST}kafka:\ntopics: {{}}\nrest.listen:\nconectors:\n  acme:\ntopics.shard:\nrests: {{}}\n"
    );
    assert_eq!(
        mistakes(&text),
        [
            "conectors, line 8: there is no such section, the nearest is connectors",
            "rests, line 10: there is no such setting, the nearest is rest.listen",
            "topics.shard, line 9: there is no such setting, the nearest is topics.shards",
        ]
    );
}

#[test]
fn references_work_in_every_value_and_stay_hidden() {
    let text = format!(
        "group.id: g-${{env:{VARIABLE}}}\nkafka:\n  bootstrap.servers: b:1\n  sasl.password: ${{env:{VARIABLE}}}\n\
         schema.registry:\n  url: http://r\n  basic.auth.user.info: ${{env:{VARIABLE}}}:${{env:{VARIABLE}}}\n\
         connectors:\n  acme:\n    onepassword.token: ${{env:{VARIABLE}}}\n    key: event\n    streams: [auditevents]\n"
    );
    let config = Config::parse(&text, now()).unwrap();
    assert_eq!(config.group_id, "g-onepassword-kafka");
    assert_eq!(config.kafka.get("sasl.password"), Some("onepassword-kafka"));
    assert_eq!(
        config.connectors[0].connector.streams,
        Some(vec![Stream::AuditEvents])
    );
    let debug = format!("{config:?}").replace("g-onepassword-kafka", "");
    assert_eq!(debug.matches("onepassword-kafka").count(), 1, "{debug}");
    assert!(debug.contains(r#"user: "onepassword-kafka""#), "{debug}");
}

#[test]
fn the_rest_api_leaves_the_machine_only_where_that_is_meant() {
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$b6qJumA/4cblFXUKfEvM0w";
    let outside = format!("{LEAST}rest.listen: 0.0.0.0:8083\n");
    let user = format!("rest.credentials:\n  alice:\n    role: admin\n    password.hash: {hash}\n");
    let [mistake] = &mistakes(&outside)[..] else {
        panic!("one mistake")
    };
    assert!(
        mistake.starts_with("rest.listen, line 4: can be reached from other machines"),
        "{mistake}"
    );
    for more in [user.as_str(), "rest.anonymous: true\n"] {
        assert!(
            Config::parse(&format!("{outside}{more}"), now()).is_ok(),
            "{more}"
        );
    }
    let both = format!("{outside}{user}rest.anonymous: true\n");
    let [mistake] = &mistakes(&both)[..] else {
        panic!("one mistake")
    };
    assert!(
        mistake.starts_with("rest.anonymous, line 9: says that nobody"),
        "{mistake}"
    );
    // Whoever has misspelt the users is not told about the port.
    assert_eq!(
        mistakes(&format!("{outside}rest.credentials: {{alice: {{}}}}\n")),
        ["rest.credentials.alice.role, line 5: is missing"]
    );
    assert!(Config::parse(&format!("{LEAST}rest.credentials:\n"), now()).is_ok());
}

#[test]
fn a_certificate_that_cannot_be_used_is_a_mistake() {
    let file = Scratch::new("no-pem", b"no PEM");
    let path = file.0.display();
    for (text, what) in [
        (
            format!("rest.tls.key.file: {path}"),
            "rest.tls.key.file, line 4: needs rest.tls.certificate.file beside it",
        ),
        (
            format!("rest.tls.certificate.file: {path}"),
            "rest.tls.certificate.file, line 4: needs rest.tls.key.file beside it",
        ),
        (
            format!("rest.tls.certificate.file: {path}\nrest.tls.key.file: {path}"),
            "rest.tls.certificate.file, line 4: the certificate is not there: the file holds no PEM certificate",
        ),
        (
            format!("rest.tls.certificate.file: /no/such\nrest.tls.key.file: {path}"),
            "rest.tls.certificate.file, line 4: '/no/such' cannot be read: there is no such file",
        ),
    ] {
        assert_eq!(mistakes(&format!("{LEAST}{text}\n")), [what]);
    }
}

#[test]
fn one_port_serves_one_purpose() {
    let text = format!("{LEAST}rest.listen: 127.0.0.1:9464\n");
    let error = "rest.listen, line 4: is the same port as that of monitoring.listen";
    assert_eq!(mistakes(&text), [error]);
    let any = format!("{LEAST}rest.listen: 127.0.0.1:0\nmonitoring.listen: 127.0.0.1:0\n");
    assert!(Config::parse(&any, now()).is_ok());
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "(?s).{0,200}") {
        let _ = Config::parse(&text, now());
    }

    #[test]
    fn no_yaml_is_too_odd(lines in prop::collection::vec(
        "( ){0,4}(- |\\? )?(group\\.id|kafka|connectors|topics|a\\.b|&x|\\*x|!t|<<)?(: ?)?\
         (\\[1, x\\]|\\{a: b\\}|\\$\\{env:[A-Z]{0,2}\\}|\"|'|\\||5|~|\t)?",
        0..12,
    )) {
        let _ = Config::parse(&lines.join("\n"), now());
    }
}
