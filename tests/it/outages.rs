//! Kafka and the registry come and go; the worker waits, says so, and goes on where it was.

use std::time::{Duration, Instant};

use onepassword_kafka::kafka::Producer;
use onepassword_kafka_dev::{
    proxy::{ApiKey, Switch},
    stack::Options,
};

use reqwest::{Method, StatusCode};

use crate::{
    rest::{answers, ask, get, healthy, tasks_are},
    scene::{SLOW_TO_COME_BACK, Scene, Script, in_time, logged, logged_times, metrics, proxied},
};

#[tokio::test]
async fn a_broker_that_restarts_during_a_backfill_costs_nothing() {
    let stack = Options::default().private().start().await.unwrap();
    let script = Script {
        connector: "page.limit: 20".to_owned(),
        ..Script::default()
    };
    let scene = Scene::on(
        stack.bootstrap_servers(),
        stack.schema_registry_url(),
        script,
    )
    .await;
    scene.history(3_000);
    let worker = scene.worker();
    for round in [500.0, 2_000.0] {
        metrics(&worker, "commits", |m| {
            m.sum("onepassword_events_total", &[]) > round
        })
        .await;
        stack.stop_kafka().await.unwrap();
        stack.start_kafka().await.unwrap();
    }
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_worker_waits_for_a_registry_that_is_down_and_skips_nothing() {
    let stack = Options::default().private().start().await.unwrap();
    let scene = Scene::on(
        stack.bootstrap_servers(),
        stack.schema_registry_url(),
        Script::default(),
    )
    .await;
    scene.publish(50);
    stack.stop_registry().await.unwrap();
    let worker = scene.worker();
    logged(&worker, "not read, trying again").await;
    stack.start_registry().await.unwrap();
    scene.all_delivered().await;
    stack.stop_registry().await.unwrap();
    scene.publish(50);
    scene.all_delivered().await;
    stack.start_registry().await.unwrap();
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_worker_cut_off_from_kafka_for_a_while_goes_on_where_it_was() {
    let (proxy, stack) = proxied().await;
    let script = Script {
        connector: "page.limit: 20".to_owned(),
        ..Script::default()
    };
    let mut cut_off = Scene::on(&proxy.address(), stack.schema_registry_url(), script).await;
    cut_off.history(2_000);
    let worker = cut_off.worker();
    metrics(&worker, "commits", |m| {
        m.sum("onepassword_events_total", &[]) > 500.0
    })
    .await;
    proxy.blackhole(Switch::On);
    logged(&worker, "the group takes shards back").await;
    proxy.blackhole(Switch::Off);
    proxy.cut_all();
    stack.bootstrap_servers().clone_into(&mut cut_off.bootstrap);
    in_time("the rest", cut_off.all_delivered()).await;
    cut_off.end(worker).await;
    cut_off.finish().await;
}

#[tokio::test]
async fn records_that_are_not_delivered_in_time_are_rolled_back_and_sent_again() {
    let (proxy, stack) = proxied().await;
    let script = Script {
        // The first bounds the delivery; the others keep a producer that was cut off away until it is refused.
        kafka: format!("transaction.timeout.ms: 10000\n{SLOW_TO_COME_BACK}"),
        ..Script::default()
    };
    let mut scene = Scene::on(&proxy.address(), stack.schema_registry_url(), script).await;
    scene.publish(50);
    let worker = scene.worker();
    scene.all_delivered().await;
    stack.bootstrap_servers().clone_into(&mut scene.bootstrap);
    let rolled_back = "the transaction was rolled back";
    let told = [rolled_back, "another worker has taken this shard over"];
    let is_told = |line: &str| told.iter().any(|what| line.contains(what));
    let mut last = String::new();
    // Once in a while the broker, which has the same time-out, is first: it fences the producer.
    while !last.contains(rolled_back) {
        let before = worker.log().iter().filter(|line| is_told(line)).count();
        // The leader is cut off; the coordinator, on a connection of its own, can still roll back.
        let cut = proxy.cut_before_request(ApiKey::Produce);
        scene.publish(50);
        in_time("the leader is cut off", cut.done()).await;
        proxy.refuse(Switch::On);
        last = logged_times(&worker, before + 1, is_told).await;
        proxy.refuse(Switch::Off);
        scene.all_delivered().await;
    }
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_worker_without_kafka_answers_reads_fails_writes_and_recovers() {
    let (proxy, stack) = proxied().await;
    let mut cut_off = Scene::on(
        &proxy.address(),
        stack.schema_registry_url(),
        Script::default(),
    )
    .await;
    cut_off.publish(10);
    let worker = cut_off.worker();
    healthy(&worker).await;
    in_time("events are committed", async {
        let path = "/connectors/acme/offsets";
        answers(&worker, path, |_, body| {
            body["offsets"][2]["offset"]["events_total"] == 10
        })
        .await;
    })
    .await;
    proxy.blackhole(Switch::On);
    answers(&worker, "/health", |status, body| {
        status == StatusCode::INTERNAL_SERVER_ERROR && body["status"] == "unhealthy"
    })
    .await;
    for path in [
        "",
        "/acme",
        "/acme/config",
        "/acme/status",
        "/acme/tasks",
        "/acme/topics",
        "/acme/offsets",
    ] {
        let path = format!("/connectors{path}");
        let (status, body) = get(&worker, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
    }
    let (status, body) = ask(&worker, Method::PUT, "/connectors/acme/stop", None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("Kafka"), "{message}");
    cut_off.publish(10);

    proxy.blackhole(Switch::Off);
    proxy.cut_all();
    healthy(&worker).await;
    let (status, body) = ask(&worker, Method::PUT, "/connectors/acme/pause", None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    tasks_are(&worker, "acme", 3, "PAUSED").await;
    let (status, _) = ask(&worker, Method::PUT, "/connectors/acme/resume", None).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    stack.bootstrap_servers().clone_into(&mut cut_off.bootstrap);
    in_time("the rest", cut_off.all_delivered()).await;
    cut_off.end(worker).await;
    cut_off.finish().await;
}

#[tokio::test]
async fn a_shard_that_fails_begins_again_and_is_counted() {
    let scene = Scene::start().await;
    scene.publish(10);
    let worker = scene.worker();
    scene.all_delivered().await;
    let cluster = scene.cluster().await;
    let fence = move || Producer::fence(&cluster, cluster.shard_of("acme")).map(drop);
    let fenced = tokio::task::spawn_blocking(fence).await.unwrap();
    fenced.unwrap();
    let lost = Instant::now();
    scene.publish(10);
    metrics(&worker, "a shard that has failed", |m| {
        m.sum("onepassword_shard_restarts_total", &[]) > 0.0
    })
    .await;
    scene.all_delivered().await;
    // A session time-out later: by then the group knows of whoever has fenced it.
    assert!(lost.elapsed() >= Duration::from_secs(6));
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn whoever_is_told_twice_to_end_does_so_at_once_as_if_the_signal_had_ended_it() {
    let (proxy, stack) = proxied().await;
    let mut cut_off = Scene::on(
        &proxy.address(),
        stack.schema_registry_url(),
        Script::default(),
    )
    .await;
    let mut worker = cut_off.worker();
    logged(&worker, "the group gives shards to this worker").await;
    // Without Kafka, leaving the group takes its time.
    proxy.blackhole(Switch::On);
    worker.terminate();
    logged(&worker, "a second signal ends at once").await;
    worker.terminate();
    let status = in_time("the worker ends", worker.ended()).await.unwrap();
    assert_eq!(status.code(), Some(143));
    cut_off.keep(&worker);
    stack.bootstrap_servers().clone_into(&mut cut_off.bootstrap);
    cut_off.close().await;
}
