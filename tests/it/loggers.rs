//! The log's levels, changed over Kafka Connect's REST API while workers run.

use onepassword_kafka_dev::worker::Worker;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    rest::{answers, ask, get, healthy},
    scene::{Scene, in_time, logged},
};

const PATH: &str = "/admin/loggers/reqwest";

async fn set(worker: &Worker, scope: &str, level: &str) -> (StatusCode, Value) {
    let path = format!("{PATH}?scope={scope}");
    ask(worker, Method::PUT, &path, Some(&json!({ "level": level }))).await
}

#[tokio::test]
async fn a_level_changes_on_one_worker_or_on_all_that_run() {
    let mut scene = Scene::start().await;
    scene.program = scene.program.clone().env("RUST_LOG", "info");
    let [one, two] = [scene.worker(), scene.worker()];
    for worker in [&one, &two] {
        healthy(worker).await;
    }
    let (status, root) = get(&one, "/admin/loggers/root").await;
    assert_eq!((status, &root["level"]), (StatusCode::OK, &json!("INFO")));
    assert_eq!(get(&one, PATH).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        set(&one, "worker", "warn").await,
        (StatusCode::OK, json!(["reqwest"]))
    );
    assert_eq!(get(&two, PATH).await.0, StatusCode::NOT_FOUND);

    let (status, _) = set(&one, "cluster", "DEBUG").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(get(&one, PATH).await.1["level"], "DEBUG");
    answers(&two, PATH, |_, logger| logger["level"] == "DEBUG").await;
    // One of the two has a connector that polls on a new connection.
    scene.publish(1);
    in_time("a line that was not logged before", async {
        let is_new = |line: &str| line.contains("DEBUG") && line.contains("reqwest");
        tokio::select! {
            line = one.logged(is_new) => line,
            line = two.logged(is_new) => line,
        }
    })
    .await
    .unwrap();

    // A name that nobody needs is kept nowhere, and the other worker never hears of it.
    let long = format!("/admin/loggers/{}", "x".repeat(300));
    for scope in ["worker", "cluster"] {
        let path = format!("{long}?scope={scope}");
        let asked = Some(&json!({ "level": "DEBUG" }));
        let (status, refusal) = ask(&one, Method::PUT, &path, asked).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refusal}");
        assert_eq!(get(&two, &long).await.0, StatusCode::NOT_FOUND);
    }

    // A worker that starts later begins as it is configured.
    let three = scene.worker();
    logged(&three, "the connectors topic is read").await;
    assert_eq!(get(&three, PATH).await.0, StatusCode::NOT_FOUND);
    scene.all_delivered().await;
    for worker in [one, two, three] {
        scene.end(worker).await;
    }
    scene.finish().await;
}
