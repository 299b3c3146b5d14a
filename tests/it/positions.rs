//! Where a worker begins: at the position that the cursors topic holds, whatever else is there.

use std::time::Duration;

use onepassword_kafka::kafka;
use onepassword_kafka_dev::{
    admin::Admin,
    reader::Message,
    simulator::{Stream, When},
};
use rdkafka::ClientConfig;
use serde_json::Value;

use crate::{
    operator::run_with_file,
    scene::{ACCOUNT, Scene, Script, in_time, logged, metrics},
};

fn key(stream: Stream) -> String {
    format!(r#"["acme",{{"stream":"{stream}"}}]"#)
}

/// Writes a record into the cursors topic, as an operator would.
async fn write(scene: &Scene, partition: i32, key: &str, value: Option<&str>) {
    scene.write("cursors", partition, key, value).await;
}

/// The records of a stream's position, oldest first.
async fn written(scene: &Scene, stream: Stream) -> Vec<Message> {
    let mut records = scene.read(&scene.topic("cursors")).await;
    records.retain(|record| record.key.as_deref() == Some(key(stream).as_bytes()));
    records
}

async fn position(scene: &Scene, stream: Stream) -> (i32, Value) {
    let last = written(scene, stream).await.pop().unwrap();
    (
        last.partition,
        serde_json::from_slice(last.value.as_deref().unwrap()).unwrap(),
    )
}

async fn run_to_the_end(scene: &Scene) {
    let worker = scene.worker();
    scene.all_delivered().await;
    logged(&worker, "polled to the end").await;
    scene.end(worker).await;
}

#[tokio::test]
async fn a_position_says_where_it_stands_and_how_it_got_there() {
    let scene = Scene::start().await;
    scene.publish(25);
    run_to_the_end(&scene).await;
    let last = scene
        .simulator
        .published(ACCOUNT, Stream::AuditEvents)
        .pop()
        .unwrap();
    let (_, position) = position(&scene, Stream::AuditEvents).await;
    assert!(position["cursor"].is_string() && position.get("start_time").is_none());
    assert_eq!(position["last_event_uuid"], last["uuid"]);
    assert_eq!(position["last_event_time"], last["timestamp"]);
    assert_eq!(position["events_total"], 25);
    assert!(position["updated_at"].is_string());
    scene.finish().await;
}

#[tokio::test]
async fn the_next_worker_goes_on_at_the_stored_position() {
    let scene = Scene::start().await;
    scene.publish(30);
    run_to_the_end(&scene).await;
    scene.publish(20);
    run_to_the_end(&scene).await;
    let (_, position) = position(&scene, Stream::ItemUsages).await;
    assert_eq!(position["events_total"], 50);
    scene.finish().await;
}

#[tokio::test]
async fn a_tombstone_begins_at_the_start_again() {
    let scene = Scene::start().await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    let (partition, _) = position(&scene, Stream::AuditEvents).await;
    write(&scene, partition, &key(Stream::AuditEvents), None).await;
    let worker = scene.worker();
    metrics(&worker, "audit events again", |m| {
        m.sum("onepassword_events_total", &["auditevents"]) >= 10.0
    })
    .await;
    assert_eq!(scene.messages(Stream::AuditEvents).await.len(), 20);
    scene.end(worker).await;
    assert_eq!(scene.messages(Stream::ItemUsages).await.len(), 10);
    scene.close().await;
}

#[tokio::test]
async fn positions_that_are_gone_are_told_of_and_a_first_start_is_not() {
    const WORDS: &str = "is missing although events are published";
    let scene = Scene::start().await;
    let admin = Admin::new(&scene.bootstrap).unwrap();
    let events = scene.topic(Stream::AuditEvents);
    let keep = [("retention.ms", "-1")];
    admin.create_topic(&events, 1, &keep).await.unwrap();
    scene.publish(10);
    let first = scene.worker();
    scene.all_delivered().await;
    assert!(!first.log().iter().any(|line| line.contains(WORDS)));
    scene.end(first).await;
    let cursors = scene.topic("cursors");
    admin.delete_topic(&cursors).await.unwrap();
    let gone = async { while admin.topics().await.unwrap().contains(&cursors) {} };
    in_time("the topic is gone", gone).await;
    let checked = run_with_file(&scene.program, &["check"]).await;
    assert!(checked.line(WORDS).starts_with("note "), "{checked:?}");
    let worker = scene.worker();
    let told = logged(&worker, WORDS).await;
    assert!(
        told.contains("WARN") && told.contains("start.time"),
        "{told}"
    );
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn an_unreadable_position_fails_its_task_only() {
    let scene = Scene::start().await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    let (partition, _) = position(&scene, Stream::AuditEvents).await;
    write(
        &scene,
        partition,
        &key(Stream::AuditEvents),
        Some("{\"curser\":\"oops\"}"),
    )
    .await;
    scene.publish(5);
    let worker = scene.worker();
    logged(&worker, ".cursors cannot be read").await;
    metrics(&worker, "the others go on", |m| {
        m.sum("onepassword_events_total", &["itemusages"]) >= 5.0
    })
    .await;
    let failed = metrics(&worker, "a failed task", |m| {
        m.sum("onepassword_task_state", &["FAILED"]) > 0.0
    })
    .await;
    assert!(
        (failed.sum("onepassword_task_state", &["auditevents", "FAILED"]) - 1.0).abs()
            < f64::EPSILON
    );
    assert_eq!(scene.messages(Stream::AuditEvents).await.len(), 10);
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn foreign_records_among_the_positions_are_skipped() {
    let scene = Scene::start().await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    let (partition, _) = position(&scene, Stream::AuditEvents).await;
    write(&scene, partition, "something else", Some("entirely")).await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    scene.finish().await;
}

#[tokio::test]
async fn latest_does_not_mean_a_later_time_after_a_crash() {
    let scene = Scene::play(Script {
        connector: "start.time: latest".to_owned(),
        ..Script::default()
    })
    .await;
    scene.simulator.publish_when(
        ACCOUNT,
        Stream::AuditEvents,
        5,
        When::Late(Duration::from_hours(1)),
    );
    let mut worker = scene.worker();
    metrics(&worker, "a poll", |m| {
        m.sum("onepassword_requests_total", &["auditevents", "\"ok\""]) > 1.0
    })
    .await;
    worker.kill();
    scene.keep(&worker);
    scene.simulator.publish(ACCOUNT, Stream::AuditEvents, 7);
    let worker = scene.worker();
    metrics(&worker, "the events", |m| {
        m.sum("onepassword_events_total", &["auditevents"]) >= 7.0
    })
    .await;
    assert_eq!(scene.messages(Stream::AuditEvents).await.len(), 7);
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_cursors_topic_that_grew_keeps_every_position() {
    let scene = Scene::start().await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    grow(&scene, 9).await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    scene.finish().await;
}

#[tokio::test]
async fn another_number_of_shards_is_refused_with_the_way_out() {
    let scene = Scene::start().await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    grow(&scene, 7).await;
    let text = std::fs::read_to_string(scene.program.config()).unwrap();
    let shards = (5..8)
        .find(|shards| shard("acme", *shards) != shard("acme", 4))
        .unwrap();
    scene
        .program
        .configure(&text.replace("topics.shards: 4", &format!("topics.shards: {shards}")))
        .unwrap();
    let mut worker = scene.worker();
    let status = in_time("the worker refuses", worker.ended()).await.unwrap();
    assert_eq!(status.code(), Some(1));
    let told = worker
        .logged(|line| line.contains("cannot be changed while there are positions"))
        .await
        .unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    let told = told["message"].as_str().unwrap();
    assert!(told.contains("connector \"acme\""), "{told}");
    let (_, fitting) = told.rsplit_once("topics.shards: ").unwrap();
    assert!(fitting.split(", ").any(|number| number == "4"), "{told}");
    scene.finish().await;
}

#[tokio::test]
async fn a_position_in_a_wrong_partition_is_taken_away_as_the_worker_says() {
    let scene = Scene::start().await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    let (partition, position) = position(&scene, Stream::AuditEvents).await;
    let wrong = (partition + 1) % 4;
    let (key, position) = (key(Stream::AuditEvents), position.to_string());
    write(&scene, wrong, &key, Some(&position)).await;
    let checked = run_with_file(&scene.program, &["check"]).await;
    let words = format!("a tombstone with the key {key} into partition {wrong}");
    checked.fails("positions", &words);
    write(&scene, wrong, &key, None).await;
    scene.publish(10);
    run_to_the_end(&scene).await;
    scene.finish().await;
}

/// The shard of a connector among so many.
pub(crate) fn shard(connector: &str, shards: u32) -> u32 {
    let topics = kafka::TopicSettings {
        prefix: "x".to_owned(),
        partitions: 1,
        replication_factor: -1,
        retention_ms: -1,
        shards,
    };
    kafka::Cluster::new(kafka::Properties::default(), "x".to_owned(), topics).shard_of(connector)
}

async fn grow(scene: &Scene, partitions: usize) {
    use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", &scene.bootstrap)
        .create()
        .unwrap();
    let topic = scene.topic("cursors");
    let grown = admin
        .create_partitions(
            &[NewPartitions::new(&topic, partitions)],
            &AdminOptions::new(),
        )
        .await;
    assert!(grown.unwrap().iter().all(Result::is_ok));
    let admin = Admin::new(&scene.bootstrap).unwrap();
    let all_there = async { while admin.partitions(&topic).await.unwrap() < partitions {} };
    in_time("the topic grows", all_there).await;
}
