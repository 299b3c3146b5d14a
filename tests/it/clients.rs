//! Other people's clients find here what they expect of Kafka Connect, or read of it in `/openapi.json`.

use std::time::Duration;

use onepassword_kafka_dev::{
    python::{Ended, KAFKA_CONNECT, SCHEMATHESIS},
    worker::Worker,
};
use serde_json::{Value, json};

use crate::{
    other,
    rest::{answers, healthy, tasks_are},
    scene::{Scene, Script},
};

/// A client of Kafka Connect in Python, and its command `kc`.
struct Client {
    url: String,
}

/// Longer than any client takes.
const PATIENCE: Duration = Duration::from_mins(5);

// === impl Client ===

impl Client {
    async fn of(worker: &Worker) -> Self {
        Self {
            url: url(worker).await,
        }
    }

    /// What a command prints; nothing is `null`.
    async fn kc(&self, arguments: &[&str]) -> Value {
        let program = "from kafka_connect.cli import cli; cli()";
        let all = [&["-c", program, "--url", &self.url], arguments].concat();
        said(&KAFKA_CONNECT.run(strings(&all), PATIENCE).await.unwrap())
    }

    /// What a call returns that no command makes.
    async fn call(&self, call: &str) -> Value {
        let program = format!(
            "import json; from kafka_connect import KafkaConnect; \
             print(json.dumps(KafkaConnect({:?}).{call}))",
            self.url
        );
        let all = strings(&["-c", &program]);
        said(&KAFKA_CONNECT.run(all, PATIENCE).await.unwrap())
    }
}

/// JSON; whatever else a client prints is a complaint.
fn said(ended: &Ended) -> Value {
    let printed = ended.printed.trim();
    assert!(ended.status.success(), "{printed}");
    if printed.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(printed).unwrap_or_else(|_| panic!("{printed}"))
}

async fn url(worker: &Worker) -> String {
    format!("http://{}", worker.rest().await.unwrap())
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[tokio::test]
#[ignore = "it needs python3 with venv: cargo test --test it clients -- --ignored"]
async fn every_answer_is_as_the_openapi_document_says() {
    let mut scene = Scene::play(Script {
        worker: "secrets.env.prefix: ONEPASSWORD_".to_owned(),
        ..Script::default()
    })
    .await;
    let token = other::token(&scene);
    scene.program = scene
        .program
        .clone()
        .env("ONEPASSWORD_ACME", token.as_str());
    scene.publish(5);
    let worker = scene.worker();
    healthy(&worker).await;
    let document = url(&worker).await + "/openapi.json";
    let config = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/clients/schemathesis.toml"
    );
    let run = strings(&[
        "-m",
        "schemathesis.cli",
        "--config-file",
        config,
        "run",
        &document,
    ]);
    let ended = SCHEMATHESIS.run(run, PATIENCE).await.unwrap();
    scene.end(worker).await;
    scene.close().await;
    assert!(ended.status.success(), "{}", ended.printed);
}

#[tokio::test]
#[ignore = "it needs python3 with venv: cargo test --test it clients -- --ignored"]
async fn a_client_in_python_works_as_with_kafka_connect() {
    let scene = Scene::play(other::script()).await;
    let worker = scene.worker();
    healthy(&worker).await;
    let client = Client::of(&worker).await;

    let version = client.kc(&["info"]).await;
    assert!(version["version"].as_str().unwrap().starts_with("4.1.0-"));
    let plugins = client.kc(&["list-plugins"]).await;
    assert_eq!(plugins[0]["class"], "OnePasswordEventsSource");
    let mut config = other::connector(&scene);
    config["name"] = json!("other");
    let validation = client
        .call(&format!(
            "validate_connector_config('OnePasswordEventsSource', {config})"
        ))
        .await;
    assert_eq!(validation["error_count"], 0);

    let creation = json!({ "name": "other", "config": config }).to_string();
    let created = client.kc(&["create", "--config-data", &creation]).await;
    assert_eq!(created["name"], "other");
    tasks_are(&worker, "other", 3, "RUNNING").await;
    assert_eq!(client.kc(&["list"]).await, json!(["acme", "other"]));
    let running = [
        "list",
        "--expand",
        "status",
        "--state",
        "running",
        "--pattern",
        "oth.*",
    ];
    assert!(client.kc(&running).await["other"]["status"].is_object());
    let shown = client.kc(&["get", "other"]).await;
    assert_eq!(shown["tasks"].as_array().unwrap().len(), 3);
    let shown = client.kc(&["config", "other"]).await;
    assert_eq!(shown["poll.interval.ms"], "1000");
    let status = client.kc(&["status", "other"]).await;
    assert_eq!(status["connector"]["state"], "RUNNING");
    let tasks = client.kc(&["list-tasks", "other"]).await;
    assert_eq!(tasks[2]["id"], json!({ "connector": "other", "task": 2 }));
    let task = client.kc(&["task-status", "other", "0"]).await;
    assert_eq!(task["state"], "RUNNING");

    other::publish(&scene, 5);
    answers(&worker, "/connectors/other/topics", |_, body| {
        body["other"]["topics"] == json!([scene.topic("auditevents")])
    })
    .await;
    let topics = client.kc(&["list-topics", "other"]).await;
    assert_eq!(
        topics["other"]["topics"],
        json!([scene.topic("auditevents")])
    );
    assert_eq!(client.kc(&["reset-topics", "other"]).await, json!(null));
    let topics = client.kc(&["list-topics", "other"]).await;
    assert_eq!(topics["other"]["topics"], json!([]));

    client.kc(&["pause", "other"]).await;
    tasks_are(&worker, "other", 3, "PAUSED").await;
    client.kc(&["resume", "other"]).await;
    tasks_are(&worker, "other", 3, "RUNNING").await;
    client.kc(&["restart", "other", "--include-tasks"]).await;
    client.kc(&["restart-task", "other", "0"]).await;
    client.kc(&["restart", "--all"]).await;
    tasks_are(&worker, "other", 3, "RUNNING").await;
    client.call("stop_connector('other')").await;
    tasks_are(&worker, "other", 0, "STOPPED").await;

    config["streams"] = json!("auditevents");
    let config = config.to_string();
    client
        .kc(&["update", "other", "--config-data", &config])
        .await;
    client.kc(&["resume", "--all", "--pattern", "other"]).await;
    tasks_are(&worker, "other", 1, "RUNNING").await;
    assert_eq!(client.kc(&["delete", "other"]).await, json!(null));
    assert_eq!(client.kc(&["list"]).await, json!(["acme"]));
    scene.end(worker).await;
    scene.close().await;
}
