//! A running worker as its operator sees it: metrics, probes, signals, its port and its log.

use std::{
    fs,
    net::TcpListener,
    time::{Duration, Instant, UNIX_EPOCH},
};

use onepassword_kafka_dev::{
    proxy::Proxy,
    simulator::{Fault, Rule, Stream, TokenSpec},
    stack::Stack,
    worker::{Metrics, Worker},
};
use reqwest::StatusCode;
use serde_json::Value;

use super::{Ended, edit, run, run_with_file};
use crate::scene::{ACCOUNT, Scene, Script, in_time, logged, metrics};

#[tokio::test]
async fn the_metrics_tell_all_that_was_promised() {
    let mut scene = Scene::start().await;
    let expires = Duration::from_hours(24 * 30);
    scene.token = scene.simulator.issue(TokenSpec {
        expires_in: Some(expires),
        ..TokenSpec::default()
    });
    scene.program.write("token", scene.token.as_str()).unwrap();
    scene.publish(20);
    let worker = scene.worker();
    scene.all_delivered().await;
    let now = UNIX_EPOCH.elapsed().unwrap();
    let seen = metrics(&worker, "a poll of each stream", |m| {
        let last = |stream: &Stream| {
            m.sum(
                "onepassword_last_poll_timestamp_seconds",
                &[&format!("stream=\"{stream}\"")],
            )
        };
        Stream::ALL
            .iter()
            .all(|stream| last(stream) >= now.as_secs_f64())
    })
    .await;
    for stream in Stream::ALL {
        let task = ["connector=\"acme\"", &format!("stream=\"{stream}\"")];
        let sum = |name: &str| seen.sum(name, &task);
        equal(sum("onepassword_events_total"), 20.0);
        assert!(sum("onepassword_pages_total") >= 1.0);
        equal(sum("onepassword_dead_letters_total"), 0.0);
        equal(sum("onepassword_lag_seconds"), 0.0);
        equal(sum("onepassword_task_state"), 1.0);
        for time in ["position", "last_answer"] {
            let time = sum(&format!("onepassword_{time}_timestamp_seconds"));
            assert!(time >= now.as_secs_f64() - 5.0, "{time}");
        }
        equal(
            seen.sum("onepassword_task_state", &[task[1], "RUNNING"]),
            1.0,
        );
        let request = format!("request=\"{stream}\"");
        let requests = ["connector=\"acme\"", &request, "outcome=\"ok\""];
        assert!(seen.sum("onepassword_requests_total", &requests) >= 1.0);
    }
    equal(seen.sum("onepassword_throttled", &["acme"]), 0.0);
    assert!(seen.sum("onepassword_rebalances_total", &[]) >= 1.0);
    equal(seen.sum("onepassword_rebalancing", &[]), 0.0);
    assert!(seen.sum("onepassword_transaction_seconds_count", &[]) >= 3.0);
    assert!(seen.sum("onepassword_delivery_seconds_count", &[]) >= 3.0);
    equal(seen.sum("onepassword_transactions_aborted_total", &[]), 0.0);
    equal(seen.sum("onepassword_shards", &[]), 1.0);
    equal(seen.sum("onepassword_shard_restarts_total", &[]), 0.0);
    equal(
        seen.sum("onepassword_poll_interval_seconds", &["acme"]),
        1.0,
    );
    let expiry = seen.sum("onepassword_token_expiry_timestamp_seconds", &["acme"]);
    assert!((expiry - now.as_secs_f64() - expires.as_secs_f64()).abs() < 120.0);
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn the_lag_grows_while_what_is_there_cannot_be_read() {
    let scene = Scene::play(Script {
        connector: "page.limit: 10".to_owned(),
        ..Script::default()
    })
    .await;
    let stream = Stream::AuditEvents;
    let hour = Duration::from_hours(1);
    scene.simulator.history(ACCOUNT, stream, 20, hour * 9);
    scene.simulator.queue(Rule::once(stream, Fault::None));
    scene
        .simulator
        .queue(Rule::always(Fault::status(503)).on(stream));
    let worker = scene.worker();
    let lag = |metrics: &Metrics| metrics.sum("onepassword_lag_seconds", &[stream.as_str()]);
    let seen = metrics(&worker, "it lags", |seen| lag(seen) > hour.as_secs_f64()).await;
    let before = lag(&seen);
    metrics(&worker, "it lags more", |seen| lag(seen) > before).await;
    scene.simulator.update_faults(|faults| faults.rules.clear());
    scene.all_delivered().await;
    metrics(&worker, "it lags no more", |seen| lag(seen) == 0.0).await;
    scene.end(worker).await;
    scene.finish().await;
}

pub(super) fn equal(seen: f64, expected: f64) {
    assert!(
        (seen - expected).abs() < f64::EPSILON,
        "{seen} ≠ {expected}"
    );
}

#[tokio::test]
async fn the_metrics_are_in_the_format_that_is_asked_for() {
    let scene = Scene::start().await;
    scene.publish(1);
    let worker = scene.worker();
    scene.all_delivered().await;
    let address = worker.monitoring().await.unwrap();
    // The first is what Prometheus sends.
    for (accept, kind, end) in [
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# EOF\n",
        ),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", "\n"),
    ] {
        let request = reqwest::Client::new().get(format!("http://{address}/metrics"));
        let answer = request.header("accept", accept).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], kind);
        let text = answer.text().await.unwrap();
        assert!(text.ends_with(end), "{text}");
        assert_eq!(text.contains("# EOF"), end.contains("EOF"));
        each_is_described(&text);
    }
    scene.end(worker).await;
    scene.finish().await;
}

/// Each sample has a help and a type before it, under its own name or that of its family.
fn each_is_described(text: &str) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let families = ["", "_total", "_bucket", "_sum", "_count", "_info"];
        let mut families = families
            .iter()
            .filter_map(|ending| name.strip_suffix(ending));
        let is_described = |family: &str| {
            let described = |what| text.contains(&format!("# {what} {family} "));
            described("HELP") && described("TYPE")
        };
        assert!(families.any(is_described), "{line}");
    }
}

#[tokio::test]
async fn a_worker_is_alive_at_once_and_ready_when_it_has_its_place_in_the_group() {
    let stack = Stack::shared().await.unwrap();
    let kafka = stack.bootstrap_servers();
    let proxy = Proxy::start(0, None).await.unwrap();
    let mut scene = Scene::on(
        &proxy.address(),
        stack.schema_registry_url(),
        Script::default(),
    )
    .await;
    kafka.clone_into(&mut scene.bootstrap);
    scene.publish(1);
    let worker = scene.worker();
    assert_eq!(get(&worker, "/livez").await.status(), StatusCode::OK);
    let answer = get(&worker, "/readyz").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let words = answer.text().await.unwrap();
    assert!(words.contains("no place in its group"), "{words}");
    let listen = worker.monitoring().await.unwrap().to_string();
    let health = health_of(&scene, &listen).await;
    assert_eq!((health.status, health.out.as_str()), (Some(1), ""));
    assert!(
        health
            .err
            .contains("503 Service Unavailable: the worker has no place")
    );

    let upstream = tokio::net::lookup_host(kafka).await.unwrap().next();
    proxy.forward_to(upstream.unwrap());
    scene.all_delivered().await;
    assert_eq!(get(&worker, "/readyz").await.status(), StatusCode::OK);
    let healthy = health_of(&scene, &listen).await;
    assert_eq!((healthy.status, healthy.err.as_str()), (Some(0), ""));
    scene.end(worker).await;
    let gone = health_of(&scene, &listen).await;
    assert_eq!(gone.status, Some(1));
    assert!(gone.err.contains("no worker answers"), "{}", gone.err);
    scene.finish().await;
}

/// What `health` says of the worker that listens there.
async fn health_of(scene: &Scene, listen: &str) -> Ended {
    let file = fs::read_to_string(scene.program.config()).unwrap();
    let file = file.replace(
        "monitoring.listen: 127.0.0.1:0",
        &format!("monitoring.listen: {listen}"),
    );
    // Whoever edits the file of a worker that runs well does not make it unhealthy.
    let file = file + "no.such.setting: 1\n";
    let path = scene.program.write("health.yaml", &file).unwrap();
    let path = path.display().to_string();
    run(&scene.program, &["health", "--config", &path]).await
}

pub(super) async fn get(worker: &Worker, path: &str) -> reqwest::Response {
    let address = in_time("the port is served", worker.monitoring()).await;
    let url = format!("http://{}{path}", address.unwrap());
    reqwest::get(url).await.unwrap()
}

#[tokio::test]
async fn a_worker_that_is_told_to_end_leaves_the_group_at_once() {
    let scene = Scene::start().await;
    let long = Duration::from_mins(5);
    edit(
        &scene,
        "session.timeout.ms: 6000",
        &format!("session.timeout.ms: {}", long.as_millis()),
    );
    scene.publish(1);
    let (first, second) = (scene.worker(), scene.worker());
    for worker in [&first, &second] {
        logged(worker, "the group gives shards to this worker").await;
    }
    scene.all_delivered().await;
    // Shards that have no connector are not counted, so that one worker has all there is.
    let (owner, heir) = if owns(&first).await {
        (first, second)
    } else {
        (second, first)
    };
    let told = Instant::now();
    scene.end(owner).await;
    metrics(&heir, "the other one takes over", |m| {
        m.sum("onepassword_shards", &[]) > 0.0
    })
    .await;
    assert!(told.elapsed() < long / 10);
    scene.publish(1);
    scene.all_delivered().await;
    scene.end(heir).await;
    scene.finish().await;
}

async fn owns(worker: &Worker) -> bool {
    worker
        .metrics()
        .await
        .unwrap()
        .sum("onepassword_shards", &[])
        > 0.0
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_worker_with_the_setting_to_change() {
    let scene = Scene::start().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    edit(
        &scene,
        "monitoring.listen: 127.0.0.1:0",
        &format!("monitoring.listen: {address}"),
    );
    let ended = run_with_file(&scene.program, &["run"]).await;
    assert_eq!(ended.status, Some(1));
    // Whoever reads logs by machine has to find it there, once.
    let line: Value = serde_json::from_str(&ended.err).unwrap();
    let words = format!("the worker ends: cannot listen on {address} (monitoring.listen)");
    let message = line["message"].as_str().unwrap();
    assert!(message.starts_with(&words), "{line}");
    assert_eq!(line["level"], "ERROR");
    scene.close().await;
}

#[tokio::test]
async fn the_log_is_json_and_has_one_line_for_each_poll_that_brought_events() {
    let mut scene = Scene::start().await;
    scene.program = scene.program.clone().env("RUST_LOG", "");
    scene.publish(3);
    let worker = scene.worker();
    scene.all_delivered().await;
    polls(&worker, 1).await;
    scene.publish(3);
    scene.all_delivered().await;
    polls(&worker, 2).await;
    let log = worker.log();
    scene.end(worker).await;
    let lines: Vec<Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
    let told: u64 = lines.iter().filter_map(brought).sum();
    assert_eq!(told, 18);
    let polls = lines
        .iter()
        .filter_map(brought)
        .filter(|events| *events > 0);
    assert!(polls.count() <= 9, "{log:#?}");
    scene.finish().await;
}

/// How many events a poll has brought, if the line is about one.
fn brought(line: &Value) -> Option<u64> {
    (line["message"] == "polled to the end").then(|| line["events"].as_u64().unwrap())
}

/// Waits until the log tells of `rounds` times three events of each stream.
async fn polls(worker: &Worker, rounds: u64) {
    let mut told = 0;
    let all = worker.logged(|line| {
        told += serde_json::from_str(line).map_or(0, |line| brought(&line).unwrap_or(0));
        told >= rounds * 9
    });
    in_time("the log tells of all events", all).await.unwrap();
}
