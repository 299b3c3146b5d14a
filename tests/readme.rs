//! What the documentation says of settings and rights is what the program has, and its examples are files that a worker takes.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{env, fs, ops::Range};

use clap::Parser as _;
use onepassword_kafka::{
    acls,
    cli::{Cli, Command},
    clock,
    config::{Config, reference},
    kafka::{Pattern, Resource, Right},
};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const SECURITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md");
const DOCKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/docker.md");
const CONNECT_TO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/connect-to.md");
const ACLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kafka-acls.md");
const SECRET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/readme-secret");
/// Where the examples have certificates and keys.
const CERTIFICATES: &str = "/run/secrets/";
/// A worker's file of defaults, for a cluster that has rights to give.
const DEFAULTS: &str = "\
group.id: onepassword
kafka:
  bootstrap.servers: broker-1:9093
  security.protocol: ssl
schema.registry.url: http://localhost:8081
";

#[test]
fn the_settings_are_those_of_the_program() {
    says(README, "settings", &reference());
}

#[test]
fn the_rights_are_those_of_the_program() {
    let worker = ["--principal", "User:onepassword"];
    let consumer = ["--principal", "User:analyst", "--consumer", "analysis"];
    let strimzi = [&worker[..], &["--format", "strimzi"]].concat();
    says(ACLS, "rights", &rights());
    says(ACLS, "commands", &block("sh", &printed(&worker)));
    says(ACLS, "consumer", &block("sh", &printed(&consumer)));
    says(ACLS, "strimzi", &block("yaml", &printed(&strimzi)));
}

#[test]
fn the_examples_are_files_that_a_worker_takes() {
    fs::write(SECRET, "user:password").unwrap();
    for document in [README, SECURITY, CONNECT_TO, DOCKER] {
        let text = fs::read_to_string(document).unwrap();
        let blocks = text
            .split("```yaml\n")
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap_or_default());
        let files: Vec<_> = blocks.filter(|block| block.contains("group.id")).collect();
        assert!(!files.is_empty(), "{document} shows no worker's file");
        a_worker_takes(&files);
    }
}

fn a_worker_takes(files: &[&str]) {
    for file in files {
        let file = with_certificates(&with_secrets_at(SECRET, file));
        let parsed = Config::parse(&file, clock::now());
        assert_eq!(
            parsed.map(drop).map_err(|mistakes| mistakes.to_string()),
            Ok(()),
            "{file}"
        );
    }
}

/// A section of a document is what the program says; `UPDATE_README` makes it so.
fn says(document: &str, name: &str, wanted: &str) {
    let mut text = fs::read_to_string(document).unwrap();
    let section = section(&text, name);
    if env::var_os("UPDATE_README").is_some() {
        text.replace_range(section, wanted);
        fs::write(document, text).unwrap();
        return;
    }
    assert!(
        &text[section] == wanted,
        "{document} has other {name} than the program: UPDATE_README=1 cargo test --test readme"
    );
}

fn section(text: &str, name: &str) -> Range<usize> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let begin = text.find(&begin).expect("the section begins") + begin.len();
    begin..text.find(&end).expect("the section ends")
}

fn defaults() -> Config {
    Config::parse(DEFAULTS, clock::now()).unwrap()
}

/// What `acls` prints for a file of defaults.
fn printed(arguments: &[&str]) -> String {
    let command = ["onepassword-kafka", "acls", "--config", "worker.yaml"];
    let cli = Cli::parse_from([&command, arguments].concat());
    let Command::Acls(wanted) = cli.command else {
        unreachable!("that is the command");
    };
    let mut out = Vec::new();
    acls::print(&defaults().into(), &wanted, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn block(language: &str, text: &str) -> String {
    format!("```{language}\n{text}```\n")
}

/// The rights as a table.
fn rights() -> String {
    let config = defaults();
    let rows = Right::of_worker(&config.topics, &config.group_id)
        .into_iter()
        .map(|right| {
            let resource = match right.resource {
                Resource::Topic => "topics",
                Resource::Group => "group",
                Resource::TransactionalId => "transactional ids",
            };
            let pattern = match right.pattern {
                Pattern::Literal => "",
                Pattern::Prefixed => "that begin with ",
            };
            let operation = right.operation.name();
            format!(
                "| {operation} | {resource} | {pattern}`{}` | {} |\n",
                right.name, right.why
            )
        });
    let head = "| operation | on | named | what for |\n| --- | --- | --- | --- |\n".to_owned();
    rows.fold(head, |table, row| table + &row)
}

/// Whatever secret an example names, this machine does not have it.
fn with_secrets_at(secret: &str, text: &str) -> String {
    let mut parts = text.split("${file:/run/secrets/");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, after) = part.split_once('}').expect("a reference is closed");
        replaced.extend(["${file:", secret, "}", after]);
    }
    replaced
}

/// Certificates are files that must be there, too; what is in them is looked at when they are used.
fn with_certificates(text: &str) -> String {
    let folder = env!("CARGO_TARGET_TMPDIR");
    for name in text.split(CERTIFICATES).skip(1) {
        let name = name.split_whitespace().next().expect("a path has an end");
        fs::write(format!("{folder}/{name}"), "").unwrap();
    }
    text.replace(CERTIFICATES, &format!("{folder}/"))
}
