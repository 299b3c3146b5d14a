//! Connectors declared, changed and deleted over Kafka Connect's REST API, on any worker.

use onepassword_kafka_dev::{simulator::Stream, worker::Worker};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    other,
    scene::{Scene, in_time},
};

pub(crate) async fn ask(
    worker: &Worker,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let url = format!("http://{}{path}", worker.rest().await.unwrap());
    let mut request = reqwest::Client::new().request(method, url);
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let answer = in_time(path, request.send()).await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or_default())
}

pub(crate) async fn get(worker: &Worker, path: &str) -> (StatusCode, Value) {
    ask(worker, Method::GET, path, None).await
}

/// Waits until a worker answers so.
pub(crate) async fn answers(
    worker: &Worker,
    path: &str,
    fits: impl Fn(StatusCode, &Value) -> bool + Send + Sync,
) {
    in_time(path, async {
        loop {
            let (status, body) = get(worker, path).await;
            if fits(status, &body) {
                return;
            }
        }
    })
    .await;
}

/// Waits until a worker has read what is wanted.
pub(crate) async fn healthy(worker: &Worker) {
    answers(worker, "/health", |status, _| status == StatusCode::OK).await;
}

/// Waits until all of a connector's tasks are in a state.
pub(crate) async fn tasks_are(worker: &Worker, name: &str, count: usize, state: &str) {
    let path = format!("/connectors/{name}/status");
    answers(worker, &path, |_, body| {
        let tasks = body["tasks"].as_array();
        tasks.is_some_and(|tasks| {
            tasks.len() == count && tasks.iter().all(|task| task["state"] == state)
        })
    })
    .await;
}

#[tokio::test]
async fn a_connector_lives_through_its_whole_life_over_rest() {
    let scene = Scene::play(other::script()).await;
    let worker = scene.worker();
    healthy(&worker).await;
    let config = other::connector(&scene);
    other::publish(&scene, 20);
    let creation = json!({ "name": "other", "config": config });
    let (status, created) = ask(&worker, Method::POST, "/connectors", Some(&creation)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    tasks_are(&worker, "other", 3, "RUNNING").await;
    scene.delivered(20).await;
    answers(&worker, "/connectors/other/topics", |_, body| {
        body["other"]["topics"] == json!([scene.topic("auditevents")])
    })
    .await;
    for (call, state) in [("pause", "PAUSED"), ("resume", "RUNNING")] {
        let path = format!("/connectors/other/{call}");
        let (status, _) = ask(&worker, Method::PUT, &path, None).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        tasks_are(&worker, "other", 3, state).await;
    }
    let restart = "/connectors/other/restart?includeTasks=true";
    let (status, _) = ask(&worker, Method::POST, restart, None).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    tasks_are(&worker, "other", 3, "RUNNING").await;
    let mut changed = config;
    changed["streams"] = json!("auditevents");
    changed["key.converter"] = json!("org.apache.kafka.connect.json.JsonConverter");
    let put = "/connectors/other/config";
    let (status, _) = ask(&worker, Method::PUT, put, Some(&changed)).await;
    assert_eq!(status, StatusCode::OK);
    tasks_are(&worker, "other", 1, "RUNNING").await;
    let (_, told) = get(&worker, "/connectors/other/status").await;
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.contains("key.converter"), "{note}");
    other::publish(&scene, 20);
    scene.delivered(40).await;
    let (status, _) = ask(&worker, Method::DELETE, "/connectors/other", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(get(&worker, "/connectors").await.1, json!(["acme"]));
    answers(&worker, "/connectors/other/status", |status, _| {
        status == StatusCode::NOT_FOUND
    })
    .await;
    scene.end(worker).await;
    other::is_exactly_once(&scene, Stream::AuditEvents).await;
    scene.close().await;
}

#[tokio::test]
async fn of_two_who_create_one_connector_one_is_told_that_it_is_there() {
    let scene = Scene::play(other::script()).await;
    let (one, two) = (scene.worker(), scene.worker());
    healthy(&one).await;
    healthy(&two).await;
    let config = other::connector(&scene);
    for round in 0..5 {
        let creation = json!({ "name": format!("other-{round}"), "config": config });
        let (first, second) = tokio::join!(
            ask(&one, Method::POST, "/connectors", Some(&creation)),
            ask(&two, Method::POST, "/connectors", Some(&creation)),
        );
        let mut codes = [first.0, second.0];
        codes.sort_unstable();
        assert_eq!(
            codes,
            [StatusCode::CREATED, StatusCode::CONFLICT],
            "{first:?} {second:?}"
        );
        let (status, _) = ask(
            &two,
            Method::PUT,
            &format!("/connectors/other-{round}/stop"),
            None,
        )
        .await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    scene.end(one).await;
    scene.end(two).await;
    scene.close().await;
}

#[tokio::test]
async fn what_one_worker_has_taken_another_runs_when_it_is_killed() {
    let scene = Scene::play(other::script()).await;
    let mut one = scene.worker();
    healthy(&one).await;
    let creation = json!({ "name": "other", "config": other::connector(&scene) });
    let (status, _) = ask(&one, Method::POST, "/connectors", Some(&creation)).await;
    assert_eq!(status, StatusCode::CREATED);
    other::publish(&scene, 20);
    scene.delivered(20).await;
    let two = scene.worker();
    healthy(&two).await;
    assert_eq!(get(&two, "/connectors").await.1, json!(["acme", "other"]));
    one.kill();
    scene.keep(&one);
    other::publish(&scene, 20);
    scene.delivered(40).await;
    scene.end(two).await;
    other::is_exactly_once(&scene, Stream::AuditEvents).await;
    scene.close().await;
}

#[tokio::test]
async fn a_connector_of_the_file_is_shown_and_cannot_be_changed() {
    let scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    healthy(&worker).await;
    let (status, config) = get(&worker, "/connectors/acme/config").await;
    assert_eq!((status, &config["name"]), (StatusCode::OK, &json!("acme")));
    let path = "/connectors/acme/config";
    let (status, _) = ask(&worker, Method::PUT, path, Some(&config)).await;
    assert_eq!(status, StatusCode::OK);
    let mut changed = config;
    changed["page.limit"] = json!("7");
    let (status, refusal) = ask(&worker, Method::PUT, path, Some(&changed)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let message = refusal["message"].as_str().unwrap();
    assert!(
        message.contains("declared in the workers' file"),
        "{message}"
    );
    let (status, _) = ask(&worker, Method::DELETE, "/connectors/acme", None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_token_that_is_written_out_is_refused_and_not_repeated() {
    let scene = Scene::play(other::script()).await;
    let worker = scene.worker();
    healthy(&worker).await;
    let mut config = other::connector(&scene);
    config["onepassword.token"] = json!(scene.token.as_str());
    let creation = json!({ "name": "other", "config": config });
    let (status, refusal) = ask(&worker, Method::POST, "/connectors", Some(&creation)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let path = "/connector-plugins/OnePasswordEventsSource/config/validate";
    let (_, validation) = ask(&worker, Method::PUT, path, Some(&config)).await;
    config.as_object_mut().unwrap().remove("connector.class");
    let creation = json!({ "name": "other", "config": config });
    let (_, classless) = ask(&worker, Method::POST, "/connectors", Some(&creation)).await;
    for answer in [refusal, validation, classless] {
        let answer = answer.to_string();
        assert!(!answer.contains(scene.token.as_str()), "{answer}");
    }
    let written = scene.read(&scene.topic("connectors")).await;
    assert!(
        written
            .iter()
            .all(|record| record.key.as_deref() == Some(b"writer"))
    );
    scene.publish(5);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}
