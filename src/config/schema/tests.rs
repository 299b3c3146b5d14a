//! The definitions, and that they allow what the program does.

use jiff::Timestamp;

use super::*;
use crate::{config::Config, setting::Setting};

fn all() -> Map<String, Value> {
    let properties = [
        ("acks", "integer"),
        ("debug", "CSV flags"),
        ("linger.ms", "float"),
        ("max.in.flight", "integer"),
        ("metadata.broker.list", "string"),
        ("sasl.mechanism", "string"),
        ("sasl.password", "string"),
        ("socket.timeout.ms", "integer"),
    ];
    definitions(&properties.map(|(name, kind)| Property {
        name: name.to_owned(),
        kind: kind.to_owned(),
    }))
}

fn names(schema: &Value) -> Vec<&str> {
    let names = schema["properties"].as_object().unwrap();
    names.keys().map(String::as_str).collect()
}

/// What the program says of a setting of the worker.
fn verdict(name: &str, value: &str) -> String {
    let text = format!(
        "group.id: a\nkafka.bootstrap.servers: a:1\nschema.registry.url: http://a\nonepassword.allowed.hosts: a\n{name}: '{value}'\n"
    );
    let config = Config::parse(&text, Timestamp::UNIX_EPOCH);
    config
        .err()
        .map(|mistakes| mistakes.to_string())
        .unwrap_or_default()
}

fn connector_verdict(name: &str, value: &str) -> String {
    let below = format!(
        "connectors: {{acme: {{onepassword.token: '${{env:PATH}}', {name}: '{value}'}}}}\nonepassword.ca.file"
    );
    verdict(&below, "Cargo.toml")
}

#[test]
fn a_name_may_be_written_with_dots_nested_or_both() {
    let all = all();
    for (section, below) in [
        ("config", "schema.registry.url"),
        ("config", "schema"),
        ("config", "schema.registry"),
        ("config.schema", "registry.url"),
        ("config.schema", "registry"),
        ("config.schema.registry", "url"),
        ("config", "kafka.sasl.password"),
        ("config.kafka", "sasl.password"),
        ("config.kafka.sasl", "password"),
        ("connector", "onepassword.token"),
        ("connector.onepassword", "token"),
        ("connector.key", "converter"),
    ] {
        assert!(names(&all[section]).contains(&below), "{section}: {below}");
        assert_eq!(all[section]["additionalProperties"], false, "{section}");
    }
    assert!(!names(&all["config"]).contains(&"registry"));
}

#[test]
fn what_the_worker_decides_may_not_be_set() {
    let all = all();
    for (name, _) in Properties::owned() {
        let own = &all[&format!("config.kafka.{name}")];
        let types = own["type"].as_array().unwrap();
        assert!(!types.contains(&json!("string")), "{name}: {own}");
        assert!(!verdict(&format!("kafka.{name}"), "1").is_empty(), "{name}");
    }
}

#[test]
fn a_secret_is_a_reference() {
    let all = all();
    let kafka = &all["config.kafka"]["properties"];
    for secret in [
        &kafka["sasl.password"],
        &all["connector.onepassword.token"],
        &all["config.secrets.sealing.key"],
    ] {
        assert_eq!(secret["not"]["type"], "string", "{secret}");
    }
    assert_eq!(kafka["sasl.mechanism"].get("not"), None);
    assert_eq!(all["user.password.hash"].get("not"), None);
}

#[test]
fn secrets_in_a_list_are_references_too() {
    let keys = &all()["config.secrets.sealing.previous.keys"];
    assert_eq!(keys["type"], json!(["string", "array", "null"]));
    assert_eq!(keys["items"]["not"], keys["not"]);
    let keys = "secrets.sealing.key: '${env:A}'\nsecrets.sealing.previous.keys: ['${env:B}', '${env:C}']\ngroup.instance.id";
    let said = verdict(keys, "a");
    assert!(said.contains("${env:B}"), "{said}");
}

#[test]
fn a_fraction_and_a_list_are_where_librdkafka_has_them() {
    let all = all();
    let kafka = &all["config.kafka"]["properties"];
    let may_be = |name: &str, kind: &str| {
        let types = kafka[name]["type"].as_array().unwrap();
        types.contains(&json!(kind))
    };
    assert!(may_be("linger.ms", "number"));
    assert!(!may_be("socket.timeout.ms", "number"));
    assert!(!may_be("metadata.broker.list", "number"));
    for name in ["debug", "metadata.broker.list"] {
        assert!(may_be(name, "array"), "{name}");
    }
    for name in ["linger.ms", "sasl.password", "socket.timeout.ms"] {
        assert!(!may_be(name, "array"), "{name}");
    }
    assert_eq!(verdict("kafka.linger.ms", "0.5"), "");
    assert_ne!(verdict("kafka.linger.ms", "-0.5"), "");
}

#[test]
fn a_declared_range_is_the_programs() {
    let judge = |settings: Vec<&Setting>, verdict: fn(&str, &str) -> String| {
        for setting in settings {
            let Some((least, most)) = setting.range else {
                continue;
            };
            let say = |number: i128| verdict(setting.name, &number.to_string());
            for good in [least, most] {
                assert_eq!(say(good.into()), "", "{}: {good}", setting.name);
            }
            for bad in [i128::from(least) - 1, i128::from(most) + 1] {
                assert!(say(bad).contains(" is too "), "{}: {bad}", setting.name);
            }
        }
    };
    judge(worker_tables().flatten().collect(), verdict);
    judge(connector::TABLE.iter().collect(), connector_verdict);
}

#[test]
fn a_declared_choice_is_the_programs() {
    let judge = |settings: Vec<&Setting>, verdict: fn(&str, &str) -> String| {
        for setting in settings.iter().filter(|setting| setting.is_choice) {
            for word in setting.recommended {
                assert_eq!(verdict(setting.name, word), "", "{}: {word}", setting.name);
            }
            assert_ne!(verdict(setting.name, "other"), "", "{}", setting.name);
        }
    };
    judge(worker_tables().flatten().collect(), verdict);
    judge(connector::TABLE.iter().collect(), connector_verdict);
}

#[test]
fn each_setting_is_described() {
    let all = all();
    let described = |prefix: &str, settings: Vec<&Setting>| {
        for Setting { name, doc, .. } in settings {
            let description = all[&format!("{prefix}.{name}")]["description"].as_str();
            assert!(description.unwrap().contains(doc), "{name}");
        }
    };
    described("config", worker_tables().flatten().collect());
    described("connector", connector::TABLE.iter().collect());
    described("user", CREDENTIAL_TABLE.iter().collect());
    assert_eq!(all["config.topics.shards"]["default"], 8);
    assert_eq!(all["config.schema.registry.auto.register"]["default"], true);
}

#[test]
fn a_users_name_may_have_dots() {
    let all = all();
    let users = &all["config.rest.credentials"];
    assert_eq!(users["additionalProperties"], section::reference("user"));
    assert_eq!(
        users["patternProperties"][r"^.+\.role$"],
        section::reference("user.role")
    );
    let patterns = &all["config"]["patternProperties"];
    assert_eq!(
        patterns[r"^rest\.credentials\.[^.]+$"],
        section::reference("user")
    );
    assert_eq!(
        patterns[r"^rest\.credentials\..+\.password\.hash$"],
        section::reference("user.password.hash")
    );
    assert_eq!(
        all["config.rest"]["patternProperties"][r"^credentials\.[^.]+$"],
        section::reference("user")
    );
}

#[test]
fn what_kafka_connect_has_for_every_connector_is_accepted() {
    let all = all();
    let connector = &all["connector"];
    assert_eq!(connector["patternProperties"][r"^transforms\."], true);
    assert_eq!(connector["properties"]["exactly.once.support"], json!({}));
    assert_eq!(
        all["connector.key"]["type"],
        json!(["object", "string", "null"])
    );
    assert_eq!(all["connector.key.converter"]["additionalProperties"], true);
}
