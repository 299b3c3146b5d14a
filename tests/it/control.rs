//! What is wanted of the workers, as the connectors topic tells it: connectors come, change, pause and go while the
//! workers run.

use onepassword_kafka_dev::{
    reader::check,
    simulator::Stream,
    worker::{Metrics, Worker},
};
use serde_json::json;

use crate::{
    other,
    scene::{ACCOUNT, Scene, in_time, logged, metrics, uuids},
};

/// Declares a connector, or takes it back.
async fn declare(scene: &Scene, name: &str, properties: Option<serde_json::Value>) {
    let value = properties.map(|properties| json!({ "properties": properties }).to_string());
    let key = format!("connector-{name}");
    scene.write("connectors", 0, &key, value.as_deref()).await;
}

/// Sets a connector's target state.
async fn target(scene: &Scene, name: &str, state: &str) {
    let value = json!({ "state": state, "state.v2": state }).to_string();
    let key = format!("target-state-{name}");
    scene.write("connectors", 0, &key, Some(&value)).await;
}

fn events(m: &Metrics, connector: &str) -> f64 {
    m.sum(
        "onepassword_events_total",
        &[&format!("connector=\"{connector}\"")],
    )
}

async fn states(worker: &Worker, connector: &str, count: f64) {
    let label = format!("connector=\"{connector}\"");
    let what = format!("{connector} has {count} tasks");
    metrics(worker, &what, |m| {
        let states = m.sum("onepassword_task_state", &[&label]);
        (states - count).abs() < 0.5
    })
    .await;
}

#[tokio::test]
async fn a_connector_of_the_topic_runs_until_it_is_taken_back() {
    let scene = Scene::play(other::script()).await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    other::publish(&scene, 20);
    declare(&scene, "other", Some(other::connector(&scene))).await;
    metrics(&worker, "the other's events", |m| {
        events(m, "other") >= 20.0
    })
    .await;
    declare(&scene, "other", None).await;
    states(&worker, "other", 0.0).await;
    let asked = |scene: &Scene| scene.simulator.requests().to("/api/v2/auditevents").count();
    other::publish(&scene, 20);
    scene.publish(5);
    let before = asked(&scene);
    metrics(&worker, "the first goes on", |m| events(m, "acme") >= 30.0).await;
    assert!(asked(&scene) > before);
    scene.end(worker).await;
    let published = scene
        .simulator
        .published(other::ACCOUNT, Stream::AuditEvents);
    let own = scene.simulator.published(ACCOUNT, Stream::AuditEvents);
    let expected: Vec<_> = published.into_iter().take(20).chain(own).collect();
    let report = check(uuids(&expected), &scene.messages(Stream::AuditEvents).await);
    assert!(report.is_exactly_once(), "{report}");
    scene.close().await;
}

#[tokio::test]
async fn a_paused_connector_does_not_poll_and_goes_on_where_it_was() {
    let scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    for state in ["PAUSED", "STOPPED"] {
        target(&scene, "acme", state).await;
        states(&worker, "acme", 0.0).await;
        let polls = scene.simulator.requests().to("/api/v2/auditevents").count();
        scene.publish(5);
        target(&scene, "acme", "RUNNING").await;
        states(&worker, "acme", 3.0).await;
        scene.all_delivered().await;
        assert!(scene.simulator.requests().to("/api/v2/auditevents").count() > polls);
    }
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_target_state_holds_for_the_next_worker() {
    let scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    target(&scene, "acme", "STOPPED").await;
    states(&worker, "acme", 0.0).await;
    scene.end(worker).await;
    scene.publish(5);
    let worker = scene.worker();
    logged(&worker, "the connectors topic is read").await;
    states(&worker, "acme", 0.0).await;
    assert_eq!(scene.messages(Stream::AuditEvents).await.len(), 5);
    target(&scene, "acme", "RUNNING").await;
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_connector_that_changes_again_and_again_loses_and_repeats_nothing() {
    let scene = Scene::play(other::script()).await;
    let settings = other::connector(&scene);
    for stream in Stream::ALL {
        let past = std::time::Duration::from_hours(72);
        scene.simulator.history(other::ACCOUNT, stream, 4_000, past);
    }
    let worker = scene.worker();
    for round in 1..=20 {
        let mut settings = settings.clone();
        settings["page.limit"] = json!((40 + round).to_string());
        declare(&scene, "other", Some(settings)).await;
        let more = f64::from(round) * 200.0;
        metrics(&worker, "it goes on", |m| events(m, "other") >= more).await;
    }
    metrics(&worker, "all of them", |m| events(m, "other") >= 12_000.0).await;
    scene.end(worker).await;
    for stream in Stream::ALL {
        other::is_exactly_once(&scene, stream).await;
    }
    scene.close().await;
}

#[tokio::test]
async fn what_others_declare_cannot_read_the_workers_files() {
    let scene = Scene::start().await;
    let worker = scene.worker();
    declare(&scene, "thief", Some(other::connector(&scene))).await;
    let told = logged(&worker, "its settings are wrong").await;
    assert!(
        told.contains("thief") && told.contains("secrets.dirs"),
        "{told}"
    );
    scene.publish(5);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_reported_and_skipped() {
    let scene = Scene::play(other::script()).await;
    let worker = scene.worker();
    logged(&worker, "the connectors topic is read").await;
    for (key, value) in [
        ("connector-other", "no JSON"),
        ("connector-other", r#"{"properties":{"a":["b"]}}"#),
        ("target-state-other", r#"{"state":"DREAMING"}"#),
        ("something-new-other", "{}"),
    ] {
        scene.write("connectors", 0, key, Some(value)).await;
    }
    other::publish(&scene, 20);
    declare(&scene, "other", Some(other::connector(&scene))).await;
    metrics(&worker, "the other's events", |m| {
        events(m, "other") >= 20.0
    })
    .await;
    let skipped = |line: &&String| line.contains("a record of the connectors topic is skipped");
    assert_eq!(worker.log().iter().filter(skipped).count(), 4);
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_connector_of_the_file_wins_over_one_of_the_topic() {
    let scene = Scene::play(other::script()).await;
    scene.publish(5);
    let worker = scene.worker();
    declare(&scene, "acme", Some(other::connector(&scene))).await;
    logged(&worker, "that the worker's file declares").await;
    other::publish(&scene, 20);
    scene.publish(5);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

/// The latest state under each key of the status topic, and who told it.
async fn told(scene: &Scene) -> std::collections::BTreeMap<String, Option<String>> {
    let records = scene.read(&scene.topic("status")).await;
    let latest = records.into_iter().map(|record| {
        let key = String::from_utf8(record.key.unwrap()).unwrap();
        let value: Option<serde_json::Value> = record
            .value
            .map(|value| serde_json::from_slice(&value).unwrap());
        (
            key,
            value.and_then(|value| value["state"].as_str().map(str::to_owned)),
        )
    });
    latest.collect()
}

/// Waits until the status topic says so.
async fn tells(scene: &Scene, key: &str, state: Option<&str>) {
    let says = async { while told(scene).await.get(key).cloned().flatten().as_deref() != state {} };
    in_time(&format!("{key} is {state:?}"), says).await;
}

/// Waits until the status topic names every topic that the connector publishes to.
async fn topics_are_told(scene: &Scene) {
    let key = |stream| format!("status-topic-{}:connector-acme", scene.topic(stream));
    let keys = Stream::ALL.map(key);
    in_time("the topics are told", async {
        loop {
            let told = told(scene).await;
            if keys.iter().all(|key| told.contains_key(key)) {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_status_topic_says_what_connectors_and_tasks_do() {
    let scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    tells(&scene, "status-connector-acme", Some("RUNNING")).await;
    for task in 0..3 {
        tells(&scene, &format!("status-task-acme-{task}"), Some("RUNNING")).await;
    }
    topics_are_told(&scene).await;
    target(&scene, "acme", "PAUSED").await;
    tells(&scene, "status-connector-acme", Some("PAUSED")).await;
    tells(&scene, "status-task-acme-2", Some("PAUSED")).await;
    target(&scene, "acme", "STOPPED").await;
    tells(&scene, "status-connector-acme", Some("STOPPED")).await;
    tells(&scene, "status-task-acme-2", None).await;
    target(&scene, "acme", "RUNNING").await;
    scene.simulator.revoke(&scene.token);
    tells(&scene, "status-task-acme-2", Some("FAILED")).await;
    declare(&scene, "thief", Some(other::connector(&scene))).await;
    tells(&scene, "status-connector-thief", Some("FAILED")).await;
    scene.end(worker).await;
    tells(&scene, "status-connector-acme", Some("UNASSIGNED")).await;
    tells(&scene, "status-connector-thief", Some("UNASSIGNED")).await;
    scene.close().await;
}

#[tokio::test]
async fn states_are_told_when_they_change_and_not_otherwise() {
    let scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    tells(&scene, "status-connector-acme", Some("RUNNING")).await;
    topics_are_told(&scene).await;
    let polls = |scene: &Scene| scene.simulator.requests().to("/api/v2/auditevents").count();
    let (records, before) = (
        scene.read(&scene.topic("status")).await.len(),
        polls(&scene),
    );
    in_time("some polls", async {
        while polls(&scene) < before + 5 {
            told(&scene).await;
        }
    })
    .await;
    assert_eq!(scene.read(&scene.topic("status")).await.len(), records);
    scene.end(worker).await;
    scene.finish().await;
}
