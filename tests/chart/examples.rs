//! The examples: each is rendered, judged by Kubernetes' schemas and operators' definitions, and its file by the program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use onepassword_kafka::{event::Stream, kafka::TopicSettings};
use onepassword_kafka_dev::{
    chart::{self, Helm},
    python::{Ended, KUBERNETES_VALIDATE},
};
use serde_json::Value;

use crate::rendered::{CHART, MINIMAL, check, documents, examples, render, tempfile, workers_file};

/// Longer than judging takes.
const PATIENCE: Duration = Duration::from_mins(5);

/// The oldest Kubernetes that the chart is for, and the newest that there are schemas of.
const KUBERNETES: [&str; 2] = ["1.27", "1.37"];

/// Manifests that nobody should take.
const PLANTED: &str = r"
apiVersion: v1
kind: ConfigMap
metadata: {name: unknown-field}
dataa: {}
---
apiVersion: v1
kind: Service
metadata: {name: wrong-type}
spec: {ports: [{port: many}]}
---
apiVersion: v1
kind: Nothing
metadata: {name: unknown-kind}
---
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaTopic
metadata: {name: unknown-field}
spec: {partition: 1}
---
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaUser
metadata: {name: wrong-word}
spec:
  authorization:
    type: simple
    acls: [{resource: {type: topic, name: a}, operations: [Reed]}]
";

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn lint_has_nothing_to_say() {
    for helm in Helm::ALL {
        for example in examples() {
            let linted = helm.run(&[
                "lint",
                "--strict",
                "--quiet",
                CHART,
                "--values",
                example.to_str().unwrap(),
            ]);
            let linted = linted.unwrap();
            let said = String::from_utf8_lossy(&linted.stdout);
            assert!(
                linted.status.success(),
                "{helm:?}, {}: {said}",
                example.display()
            );
        }
    }
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn every_helm_renders_alike() {
    for example in examples() {
        let [older, newer] = Helm::ALL.map(|helm| render(helm, &[&example]).unwrap());
        assert!(older == newer, "{} differs", example.display());
    }
}

#[tokio::test]
#[ignore = "it needs Helm, Python, Java, and Go for some kinds: cargo test --test chart -- --ignored"]
async fn kubernetes_and_operators_take_each_example() {
    let newest_strimzi = tempfile("strimzi: {apiVersion: kafka.strimzi.io/v1}\n");
    let mut files: Vec<_> = examples()
        .iter()
        .map(|example| rendered(&[example]))
        .collect();
    let strimzi = Path::new(CHART).join("examples/strimzi.yaml");
    files.push(rendered(&[&strimzi, &newest_strimzi]));
    let judged = judged(&files).await;
    assert!(judged.status.success(), "{}", judged.printed);
    for file in files.into_iter().chain([newest_strimzi]) {
        fs::remove_file(file).unwrap();
    }
}

#[tokio::test]
#[ignore = "it needs Python and Java: cargo test --test chart -- --ignored"]
async fn a_planted_mistake_of_each_kind_is_found() {
    let planted = tempfile(PLANTED);
    let Ended { status, printed } = judged(std::slice::from_ref(&planted)).await;
    assert!(!status.success());
    for mistake in [
        "ConfigMap unknown-field: Kubernetes 1.27: ",
        "ConfigMap unknown-field: Kubernetes 1.37: ",
        "Service wrong-type: Kubernetes 1.37: spec.ports.0.port: ",
        "Nothing unknown-kind: Kubernetes 1.37: there is no such kind",
        "KafkaTopic unknown-field: spec: ",
        "KafkaUser wrong-word: spec.authorization.acls.0.operations.0: ",
    ] {
        assert!(
            printed.contains(mistake),
            "{mistake} is not found: {printed}"
        );
    }
    fs::remove_file(planted).unwrap();
}

/// What judges manifests, and what it says.
async fn judged(manifests: &[PathBuf]) -> Ended {
    let mut arguments = vec!["-c".to_owned(), include_str!("judge.py").to_owned()];
    let mut add = |name: &str, value: &str| arguments.push(format!("--{name}={value}"));
    for version in KUBERNETES {
        add("kubernetes", version);
    }
    // Its definition is in no registry.
    add("unknown", "OnePasswordItem");
    let mut definitions = vec![chart::strimzi()];
    if chart::has_go() {
        definitions.extend([chart::prometheus(), chart::external_secrets()]);
    } else {
        println!("SKIPPED without Go: the Prometheus operator's and External Secrets' resources");
        for kind in [
            "ExternalSecret",
            "PodMonitor",
            "PrometheusRule",
            "ServiceMonitor",
        ] {
            add("unknown", kind);
        }
    }
    for folder in definitions {
        add("definitions", folder.unwrap().to_str().unwrap());
    }
    arguments.extend(manifests.iter().map(|file| file.display().to_string()));
    KUBERNETES_VALIDATE.run(arguments, PATIENCE).await.unwrap()
}

/// A file with what Helm makes of these values.
fn rendered(values: &[&Path]) -> PathBuf {
    tempfile(&render(Helm::V4, values).unwrap())
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn the_program_takes_the_file_of_each_example() {
    for example in examples() {
        let file = workers_file(&render(Helm::V4, &[&example]).unwrap());
        let said = check(&file)
            .unwrap_or_else(|mistakes| panic!("{}: {mistakes}\n{file}", example.display()));
        assert!(said.contains("no mistakes"), "{said}");
    }
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn the_readmes_values_are_taken() {
    let readme = fs::read_to_string(format!("{CHART}/README.md")).unwrap();
    let blocks = readme
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let values: Vec<_> = blocks
        .map(unindented)
        .filter(|block| block.contains("config:"))
        .collect();
    assert_eq!(values.len(), 2);
    let minimal = tempfile(MINIMAL);
    for block in values {
        let file = tempfile(&block);
        let files: &[&Path] = if block.contains("group.id") {
            &[&file]
        } else {
            &[&minimal, &file]
        };
        let rendered = render(Helm::V4, files).unwrap_or_else(|refusal| panic!("{block}{refusal}"));
        assert_eq!(check(&workers_file(&rendered)).err(), None, "{block}");
        fs::remove_file(file).unwrap();
    }
    fs::remove_file(minimal).unwrap();
}

/// A block of a list's item.
fn unindented(block: &str) -> String {
    let indent = block.len() - block.trim_start().len();
    let lines: Vec<_> = block
        .lines()
        .map(|line| line.get(indent..).unwrap_or_default())
        .collect();
    lines.join("\n")
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn no_example_holds_a_secret() {
    for example in examples() {
        let rendered = render(Helm::V4, &[&example]).unwrap();
        let kinds: Vec<_> = documents(&rendered)
            .iter()
            .map(|manifest| manifest["kind"].clone())
            .collect();
        assert!(!kinds.contains(&"Secret".into()), "{}", example.display());
        let file = documents(&workers_file(&rendered));
        let literal = literal_secrets("", &file[0]);
        assert_eq!(literal, Vec::<String>::new(), "{}", example.display());
    }
}

/// The names of settings that are secrets by their names, and hold no reference and no path.
fn literal_secrets(name: &str, value: &Value) -> Vec<String> {
    if let Value::Object(members) = value {
        let below = members
            .iter()
            .flat_map(|(part, value)| literal_secrets(&format!("{name}.{part}"), value));
        return below.collect();
    }
    let is_secret = [
        "password",
        "secret",
        "token",
        "hash",
        "info",
        "sealing.key",
        "pem",
    ]
    .iter()
    .any(|end| name.ends_with(end));
    let is_literal = value.as_str().is_none_or(|text| !text.contains("${"));
    if is_secret && is_literal {
        vec![name.to_owned()]
    } else {
        Vec::new()
    }
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn topics_are_those_that_the_worker_creates() {
    let rendered = render(Helm::V4, &[&Path::new(CHART).join("examples/strimzi.yaml")]).unwrap();
    let all = documents(&rendered);
    let topics = all
        .iter()
        .filter(|manifest| manifest["kind"] == "KafkaTopic")
        .map(|topic| &topic["spec"]);
    let settings = TopicSettings {
        prefix: "onepassword".to_owned(),
        partitions: 12,
        replication_factor: 3,
        retention_ms: 31_536_000_000,
        shards: 8,
    };
    let expected = settings.all().into_iter().map(|topic| {
        let configs = topic
            .configs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)));
        serde_json::json!({
            "topicName": topic.name,
            "partitions": topic.partitions,
            "replicas": settings.replication_factor,
            "config": configs.collect::<Value>(),
        })
    });
    assert_eq!(
        topics.cloned().collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    assert!(
        all.iter().any(|manifest| manifest["metadata"]["name"]
            == settings.events(Stream::AuditEvents).as_str())
    );
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn the_kafka_user_has_the_rights_that_the_program_prints() {
    let own = "group.id: a\nkafka.bootstrap.servers: b:1\nschema.registry.url: http://c\ntopics.prefix: p\n";
    let file = tempfile(own);
    let printed = Command::new(env!("CARGO_BIN_EXE_onepassword-kafka"))
        .args([
            "acls",
            "--format",
            "strimzi",
            "--principal",
            "User:a",
            "--config",
        ])
        .arg(&file)
        .output()
        .unwrap();
    let printed = documents(&String::from_utf8(printed.stdout).unwrap());
    let indented = own.replace('\n', "\n  ");
    let values = tempfile(&format!(
        "image: {{repository: e}}\nconfig:\n  {indented}\nstrimzi: {{cluster: d, user: {{enabled: true}}}}\n"
    ));
    let rendered = documents(&render(Helm::V4, &[&values]).unwrap());
    let mut users = rendered
        .iter()
        .filter(|manifest| manifest["kind"] == "KafkaUser");
    assert_eq!(
        users.next().unwrap()["spec"]["authorization"],
        printed[0]["authorization"]
    );
    for file in [file, values] {
        fs::remove_file(file).unwrap();
    }
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn a_package_has_what_is_needed_and_nothing_else() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chart-package");
    let packed = Helm::V4
        .run(&["package", CHART, "--destination", folder.to_str().unwrap()])
        .unwrap();
    assert!(
        packed.status.success(),
        "{}",
        String::from_utf8_lossy(&packed.stderr)
    );
    let package = folder.join("onepassword-kafka-0.1.0.tgz");
    let listed = Command::new("tar")
        .arg("-tzf")
        .arg(package)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let has = |file: &str| {
        listed
            .lines()
            .any(|line| line == format!("onepassword-kafka/{file}"))
    };
    for file in [
        "values.schema.json",
        "README.md",
        "templates/tests/check.yaml",
        "files/dashboard.json",
        "files/alerts.yaml",
    ] {
        assert!(has(file), "{file} is missing:\n{listed}");
    }
    for folder in ["/examples/", "kafka/tests/"] {
        assert!(!listed.contains(folder), "{folder} is there:\n{listed}");
    }
}
