//! The command line and the worker's file, before anything is asked.

use std::{io, net::TcpListener, process::Command};

use apache_avro::Schema;
use onepassword_kafka::{
    build::{COMMIT, VERSION},
    clock,
    config::Config,
    event::Stream,
};
use serde_json::{Deserializer, Value};

use super::{program, run, run_with_file};

#[tokio::test]
async fn help_names_all_that_is_needed() {
    for (arguments, needed) in [
        (
            &["--help"][..],
            &[
                "run",
                "check",
                "health",
                "schemas",
                "hash-password",
                "new-token",
                "Exit status: 0",
                "78 when the file has mistakes",
                "RUST_LOG",
                "HTTPS_PROXY",
            ][..],
        ),
        (
            &["run", "--help"],
            &[
                "--config <FILE>",
                "SIGTERM",
                "group.id:",
                "onepassword.token:",
            ],
        ),
        (
            &["check", "--help"],
            &[
                "--config <FILE>",
                "Nothing is created",
                "--offline",
                "Exit status: 0",
            ],
        ),
        (
            &["health", "--help"],
            &["--config <FILE>", "/readyz", "Exit status: 0"],
        ),
        (
            &["hash-password", "--help"],
            &["standard input", "password.hash", "read -rs PASSWORD"],
        ),
        (&["new-token", "--help"], &["token.hash", "kept nowhere"]),
        (
            &["schemas", "--help"],
            &["--register", "--config <FILE>", "auto.register: false"],
        ),
    ] {
        let ended = run(&program(), arguments).await;
        assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
        for words in needed {
            assert!(ended.out.contains(words), "{words:?} in {}", ended.out);
        }
    }
}

#[tokio::test]
async fn the_file_in_the_help_is_enough() {
    let program = program();
    let help = run(&program, &["run", "--help"]).await.out;
    let token = program.write("token", "a.b.c").unwrap();
    let (_, example) = help.split_once("A file that is enough:").unwrap();
    let example = example.replace("/run/secrets/acme", &token.display().to_string());
    let config = Config::parse(&example, clock::now());
    assert_eq!(config.unwrap().connectors[0].connector.name, "acme");
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_the_usage() {
    for arguments in [
        &[][..],
        &["walk"],
        &["run"],
        &["check"],
        &["run", "--config"],
        &["run", "--config", "a", "b"],
        &["schemas", "--register"],
    ] {
        let ended = run(&program(), arguments).await;
        assert_eq!(ended.status, Some(2), "{arguments:?}: {ended:?}");
        assert_eq!(ended.out, "");
        assert!(ended.err.contains("Usage:") || ended.err.contains("--help"));
    }
}

#[tokio::test]
async fn every_mistake_of_the_file_is_told_at_once_and_nothing_is_touched() {
    let (server, port) = (listener(), listener());
    let address = server.local_addr().unwrap();
    let program = program();
    let text = format!(
        "\
group.id: ' '
kafka:
  bootstrap.servers: {address}
  sasl.password: hunter2-of-kafka
  acks: 1
schema.registry:
  url: http://{address}
  basic.auth.user.info: user:hunter2-of-registry
  urls: http://{address}
topics.shards: none
monitoring.listen: {monitoring}
connectors:
  acme:
    onepassword.token: eyJhbGciOiJFUzI1NiJ9.hunter2-of-1password
    poll.interval.ms: 500
",
        monitoring = port.local_addr().unwrap(),
    );
    program.configure(&text).unwrap();
    for command in [&["run"][..], &["check"], &["schemas", "--register"]] {
        let ended = run_with_file(&program, command).await;
        assert_eq!(ended.status, Some(78), "{ended:?}");
        assert_eq!(ended.out, "");
        let (title, told) = ended.err.split_once('\n').unwrap();
        let file = program.config().display().to_string();
        assert_eq!(title, format!("{file} has 6 mistakes:"));
        let told: Vec<_> = told.lines().map(str::trim_start).collect();
        let expected = [
            "group.id, line 1: ' ' is blank",
            "kafka.acks, line 5: is always 'all'",
            "schema.registry.urls, line 9: there is no such setting, the nearest is",
            "topics.shards, line 10: 'none' is no whole number",
            "connectors.acme.onepassword.token, line 14: the value is written out",
            "connectors.acme.poll.interval.ms, line 15: 500 is too small",
        ];
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{expected:?} is not {told}");
        }
        assert!(!ended.err.contains("hunter2"), "{}", ended.err);
    }
    let untouched = server.accept().unwrap_err();
    assert_eq!(untouched.kind(), io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    for command in ["run", "check"] {
        let ended = run(&program(), &[command, "--config", "/no/such/file.yaml"]).await;
        assert_eq!(ended.status, Some(78));
        assert!(ended.err.contains("/no/such/file.yaml"), "{}", ended.err);
    }
}

#[tokio::test]
async fn the_program_says_what_it_was_built_from() {
    let ended = run(&program(), &["--version"]).await;
    let version = format!("onepassword-kafka {VERSION} (commit {COMMIT}, built at 20");
    assert!(ended.out.starts_with(&version), "{}", ended.out);
    let git = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let head = String::from_utf8(git.unwrap().stdout).unwrap();
    assert_eq!(head.trim(), COMMIT, "of this repository");
}

const SECRETS_ELSEWHERE: &str = "\
group.id: a
kafka:
  bootstrap.servers: broker.invalid:9092
  sasl.password: ${file:/no/such/password}
  ssl.ca.location: /no/such/kafka.pem
schema.registry:
  url: ${env:NO_SUCH_VARIABLE}
  ssl.ca.location: /no/such/ca.pem
connectors:
  acme:
    onepassword.token: ${file:/no/such/token}
";

#[tokio::test]
async fn a_file_is_judged_where_neither_network_nor_secrets_are() {
    let program = program();
    program.configure(SECRETS_ELSEWHERE).unwrap();
    let ended = run_with_file(&program, &["check", "--offline"]).await;
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = ended.out.lines().collect();
    let expected = [
        "note  not judged: kafka.sasl.password, line 4: ${file:/no/such/password}: there is no such file",
        "note  not judged: kafka.ssl.ca.location, line 5: '/no/such/kafka.pem' cannot be read",
        "note  not judged: schema.registry.url, line 7: ${env:NO_SUCH_VARIABLE}: this environment variable",
        "note  not judged: schema.registry.ssl.ca.location, line 8: '/no/such/ca.pem' cannot be read",
        "note  not judged: connectors.acme.onepassword.token, line 11: ${file:/no/such/token}",
        "ok    ",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{expected:?} is not {line}");
    }
    assert!(lines[5].ends_with(": no mistakes"), "{}", lines[5]);

    // Whoever allows the workers what they do has none of their secrets.
    let ended = run_with_file(&program, &["acls", "--principal", "User:worker"]).await;
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    for word in ["kafka-acls.sh", "--topic onepassword.", "--group a"] {
        assert!(ended.out.contains(word), "{word:?} is not in {}", ended.out);
    }
    let nowhere = SECRETS_ELSEWHERE.replace("broker.invalid:9092", "${env:NO_SUCH_VARIABLE}");
    program.configure(&nowhere).unwrap();
    let ended = run_with_file(&program, &["acls", "--principal", "User:worker"]).await;
    assert_eq!((ended.status, ended.out.as_str()), (Some(78), ""));

    let wrong = SECRETS_ELSEWHERE.replace("  acme:\n", "  acme:\n    poll.interval: 5\n");
    program.configure(&wrong).unwrap();
    let ended = run_with_file(&program, &["check", "--offline"]).await;
    assert_eq!((ended.status, ended.out.as_str()), (Some(78), ""));
    assert!(ended.err.contains(" has a mistake:"), "{}", ended.err);
    assert!(
        ended
            .err
            .contains("acme.poll.interval, line 11: there is no such setting")
    );
}

#[tokio::test]
async fn health_says_what_is_wrong_with_the_address_and_asks_for_nothing_else() {
    let program = program();
    for (listen, status, words) in [
        (
            "${env:NO_SUCH_VARIABLE}",
            78,
            "monitoring.listen, line 1: ${env:NO_SUCH_VARIABLE}",
        ),
        (
            "nowhere",
            78,
            "monitoring.listen, line 1: 'nowhere' is no address",
        ),
        (
            "127.0.0.1:1",
            1,
            "no worker answers at http://127.0.0.1:1/readyz",
        ),
    ] {
        let text = format!("monitoring.listen: {listen}\ngroup.id: ${{env:NO_SUCH_VARIABLE}}\n");
        program.configure(&text).unwrap();
        let ended = run_with_file(&program, &["health"]).await;
        assert_eq!(ended.status, Some(status), "{ended:?}");
        assert!(
            ended.err.contains(words),
            "{words:?} is not in {}",
            ended.err
        );
    }
}

#[tokio::test]
async fn what_is_elsewhere_hides_no_mistake() {
    let program = program();
    let text = "\
group.id: a
kafka:
  bootstrap.servers: broker.invalid:9092
  sasl.pasword: ${file:/no/such/password}
  transactional.id: ${env:NO_SUCH_VARIABLE}
schema.registry:
  url: http://registry.invalid
  basic.auth.user.info: ${env:NO_SUCH_VARIABLE}
  bearer.auth.token: ${env:NO_SUCH_VARIABLE}
  ssl.certificate.location: /no/such/certificate.pem
secrets.sealing.previous.keys: ${env:NO_SUCH_VARIABLE}
rest:
  listen: 0.0.0.0:8083
  tls.certificate.file: /no/such/certificate.pem
";
    program.configure(text).unwrap();
    let ended = run_with_file(&program, &["check", "--offline"]).await;
    assert_eq!((ended.status, ended.out.as_str()), (Some(78), ""));
    for what in [
        " has 7 mistakes:",
        "kafka.sasl.pasword, line 4: librdkafka has no such property",
        "kafka.transactional.id, line 5: is always",
        "schema.registry.bearer.auth.token, line 9: cannot be used together with",
        "schema.registry.ssl.certificate.location, line 10: needs",
        "secrets.sealing.previous.keys, line 11: needs",
        "rest.listen, line 13: can be reached from other machines",
        "rest.tls.certificate.file, line 14: needs",
    ] {
        assert!(ended.err.contains(what), "{what:?} is not in {}", ended.err);
    }
}

#[tokio::test]
async fn schemas_prints_three_valid_schemas_without_a_file() {
    let ended = run(&program(), &["schemas"]).await;
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    let printed: Vec<Value> = Deserializer::from_str(&ended.out)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(printed.len(), 3);
    for (schema, stream) in printed.iter().zip(Stream::ALL) {
        Schema::parse(schema).unwrap();
        let namespace = format!("com.onepassword.events.{stream}");
        assert_eq!(schema["namespace"], namespace.as_str());
    }
}

#[tokio::test]
async fn a_closed_standard_output_is_no_panic() {
    let mut command = Command::new("sh");
    let script = format!("{} schemas | true", env!("CARGO_BIN_EXE_onepassword-kafka"));
    let output = command.args(["-c", &script]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!err.contains("panicked"), "{err}");
}

/// Says with `accept` whether anybody came.
fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}
