//! What the token, the service and the topics allow, and what the connector's settings make of it.

use std::time::Duration;

use onepassword_kafka::clock;
use onepassword_kafka_dev::{
    admin::Admin,
    reader::Decoder,
    simulator::{Introspection, Stream, TokenSpec},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{committed, give, path, state};
use crate::{
    offsets::{resume, stop},
    operator::create_topic,
    rest::ask,
    scene::{ACCOUNT, Scene, Script, logged, logged_again},
};

fn without_item_usages() -> TokenSpec {
    TokenSpec {
        features: vec![Stream::SignInAttempts, Stream::AuditEvents],
        ..TokenSpec::default()
    }
}

fn publish_all_but_item_usages(scene: &Scene) {
    for stream in [Stream::SignInAttempts, Stream::AuditEvents] {
        scene.simulator.publish(ACCOUNT, stream, 5);
    }
}

#[tokio::test]
async fn a_stream_that_the_token_does_not_cover_is_left_alone() {
    let mut scene = Scene::start().await;
    give(&mut scene, without_item_usages());
    publish_all_but_item_usages(&scene);
    let worker = scene.worker();
    scene.all_delivered().await;
    state(&worker, Stream::ItemUsages, "UNASSIGNED").await;
    state(&worker, Stream::AuditEvents, "RUNNING").await;
    // A place to read from is none that was read.
    let now = json!({ "connector": "acme", "from": "latest" });
    let (status, body) = ask(&worker, Method::POST, "/ui/api/rewind", Some(&now)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    logged_again(&worker, "the token does not cover this stream").await;
    state(&worker, Stream::ItemUsages, "UNASSIGNED").await;
    let requests = scene.simulator.requests();
    assert_eq!(requests.to(&path(Stream::ItemUsages)).count(), 0);
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_stream_that_is_asked_for_by_name_fails_in_plain_words_where_the_token_does_not_cover_it()
{
    let mut scene = Scene::play(Script {
        connector: "streams: signinattempts,itemusages,auditevents".to_owned(),
        ..Script::default()
    })
    .await;
    give(&mut scene, without_item_usages());
    publish_all_but_item_usages(&scene);
    let worker = scene.worker();
    scene.all_delivered().await;
    state(&worker, Stream::ItemUsages, "FAILED").await;
    let words = "the token does not cover itemusages: issue one that does, or leave itemusages out of `streams`";
    logged(&worker, words).await;
    state(&worker, Stream::AuditEvents, "RUNNING").await;

    give(&mut scene, TokenSpec::default());
    scene.publish(5);
    scene.all_delivered().await;
    state(&worker, Stream::ItemUsages, "RUNNING").await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_stream_that_was_read_fails_where_the_next_token_does_not_cover_it() {
    let mut scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    give(&mut scene, without_item_usages());
    state(&worker, Stream::ItemUsages, "FAILED").await;
    logged(&worker, "the token does not cover itemusages").await;
    state(&worker, Stream::AuditEvents, "RUNNING").await;
    scene.publish(5);

    give(&mut scene, TokenSpec::default());
    scene.all_delivered().await;
    state(&worker, Stream::ItemUsages, "RUNNING").await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn only_the_streams_that_are_named_are_read() {
    let scene = Scene::play(Script {
        connector: "streams: [auditevents]".to_owned(),
        ..Script::default()
    })
    .await;
    scene.publish(5);
    let worker = scene.worker();
    scene.delivered(5).await;
    committed(&worker, Stream::AuditEvents, 5).await;
    let requests = scene.simulator.requests();
    for stream in [Stream::SignInAttempts, Stream::ItemUsages] {
        assert_eq!(requests.to(&path(stream)).count(), 0);
        assert!(scene.messages(stream).await.is_empty());
    }
    let metrics = worker.metrics().await.unwrap();
    let tasks = metrics.sum("onepassword_task_state", &[]);
    assert!((tasks - 1.0).abs() < f64::EPSILON, "{tasks} tasks");
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn an_account_that_nobody_names_is_null_in_the_record() {
    let scene = Scene::start().await;
    for (behaviour, uuid) in [
        (Introspection::WithoutV2, "OLD"),
        (Introspection::WithoutAccount, "NAMELESS"),
    ] {
        scene
            .simulator
            .update_faults(|faults| faults.introspection = behaviour);
        let event = json!({"uuid": uuid, "timestamp": clock::now().to_string()});
        scene.simulator.insert(ACCOUNT, Stream::AuditEvents, &event);
        let worker = scene.worker();
        scene.all_delivered().await;
        scene.end(worker).await;
    }
    let asked = |path, status| scene.simulator.requests().count(path, status);
    assert_eq!(asked("/api/v2/auth/introspect", 404), 1);
    assert_eq!(asked("/api/auth/introspect", 200), 1);
    assert_eq!(asked("/api/v2/auth/introspect", 200), 1);
    let mut decoder = Decoder::new(&scene.registry);
    for message in scene.messages(Stream::AuditEvents).await {
        let value = message.value.as_deref().unwrap();
        let record = decoder.decode(value).await.unwrap();
        assert_eq!(record["account_uuid"], Value::Null, "{record}");
    }
    scene.finish().await;
}

#[tokio::test]
async fn records_are_keyed_by_what_the_connector_says() {
    tokio::join!(keyed("event"), keyed("account"), keyed("connector"));
}

async fn keyed(by: &str) {
    let scene = Scene::play(Script {
        connector: format!("key: {by}"),
        ..Script::default()
    })
    .await;
    scene.publish(10);
    let worker = scene.worker();
    scene.all_delivered().await;
    for stream in Stream::ALL {
        for message in scene.messages(stream).await {
            let expected = match by {
                "event" => message.header("ce_id").unwrap(),
                "account" => ACCOUNT,
                _ => "acme",
            };
            assert_eq!(message.key.as_deref(), Some(expected.as_bytes()), "{by}");
        }
    }
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_backfill_that_the_topic_would_drop_at_once_is_refused_with_advice() {
    let scene = Scene::start().await;
    let topic = scene.topic(Stream::AuditEvents);
    let two_days = Duration::from_hours(48).as_millis().to_string();
    create_topic(&scene, &topic, ("retention.ms", &two_days)).await;
    scene.publish(5);
    let worker = scene.worker();
    let line = logged(&worker, "older events would vanish at once").await;
    for words in ["Raise the topic's retention.ms", "set a later start.time"] {
        assert!(line.contains(words), "{words:?} in {line}");
    }
    state(&worker, Stream::AuditEvents, "FAILED").await;
    scene.delivered(10).await;
    scene.end(worker).await;
    assert!(scene.messages(Stream::AuditEvents).await.is_empty());
    let requests = scene.simulator.requests();
    assert_eq!(requests.to(&path(Stream::AuditEvents)).count(), 0);
    let positions = scene.read(&scene.topic("cursors")).await;
    let of_audit = positions.iter().filter(|position| {
        let key = String::from_utf8_lossy(position.key.as_deref().unwrap_or_default());
        key.contains("auditevents")
    });
    assert_eq!(of_audit.count(), 0);

    scene.configure(&Script {
        connector: "start.time: P1D".to_owned(),
        ..Script::default()
    });
    let worker = scene.worker();
    scene.all_delivered().await;

    // So is a rewind.
    stop(&worker).await;
    let early = json!({ "offsets": [{
        "partition": { "stream": "auditevents" },
        "offset": { "start_time": "2020-01-01T00:00:00Z" },
    }] });
    let path = "/connectors/acme/offsets";
    let (status, body) = ask(&worker, Method::PATCH, path, Some(&early)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    resume(&worker).await;
    state(&worker, Stream::AuditEvents, "FAILED").await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_retention_that_is_raised_is_noticed_without_a_restart() {
    let scene = Scene::start().await;
    let topic = scene.topic(Stream::AuditEvents);
    create_topic(&scene, &topic, ("retention.ms", "86400000")).await;
    scene.publish(5);
    let worker = scene.worker();
    state(&worker, Stream::AuditEvents, "FAILED").await;
    let admin = Admin::new(&scene.bootstrap).unwrap();
    let for_ever = ("retention.ms", "-1");
    admin.set_topic_config(&topic, for_ever).await.unwrap();
    let again = "/connectors/acme/restart?includeTasks=true&onlyFailed=true";
    let (status, body) = ask(&worker, Method::POST, again, None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    scene.all_delivered().await;
    state(&worker, Stream::AuditEvents, "RUNNING").await;
    scene.end(worker).await;
    scene.finish().await;
}
