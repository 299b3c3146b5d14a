//! Workers of an earlier commit and of this one, on the same topics.

use std::{env, path::Path, time::Duration};

use jiff::Unit;
use onepassword_kafka::clock;
use onepassword_kafka_dev::worker::{Program, Worker};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    other,
    rest::{answers, ask, get, healthy},
    scene::{ACCOUNT, Scene, Script, logged, metrics},
};

/// The same worker's file, run by the one and the other program.
struct Versions {
    earlier: Program,
    this: Program,
}

// === impl Versions ===

impl Versions {
    fn of(scene: &Scene) -> Self {
        let earlier =
            env::var("PREVIOUS_WORKER").expect(".ci/upgrade builds a worker and names it");
        Self {
            earlier: scene.program.clone().binary(Path::new(&earlier)),
            this: scene.program.clone(),
        }
    }

    /// Up, down, and up again.
    fn in_turn(&self) -> [&Program; 4] {
        [&self.earlier, &self.this, &self.earlier, &self.this]
    }
}

#[tokio::test]
#[ignore = "it needs a worker of an earlier commit: .ci/upgrade"]
async fn each_goes_on_where_the_other_was_killed() {
    let scene = Scene::play(Script {
        connector: "page.limit: 10".to_owned(),
        ..Script::default()
    })
    .await;
    let versions = Versions::of(&scene);
    scene.history(2_000);
    for program in versions.in_turn() {
        let mut worker = program.start().unwrap();
        metrics(&worker, "some pages are committed", |seen| {
            seen.sum("onepassword_pages_total", &[]) > 20.0
        })
        .await;
        worker.kill();
        scene.keep(&worker);
    }
    for program in versions.in_turn() {
        scene.publish(10);
        let worker = program.start().unwrap();
        scene.all_delivered().await;
        scene.end(worker).await;
    }
    scene.finish().await;
}

#[tokio::test]
#[ignore = "it needs a worker of an earlier commit: .ci/upgrade"]
async fn a_rolling_upgrade_loses_and_repeats_nothing() {
    let scene = Scene::start().await;
    let versions = Versions::of(&scene);
    let traffic = scene.simulator.traffic(ACCOUNT, 50.0);
    let mut running: Option<Worker> = None;
    for program in versions.in_turn() {
        let next = program.start().unwrap();
        logged(&next, "the group gives shards").await;
        if let Some(before) = running.replace(next) {
            scene.end(before).await;
        }
    }
    drop(traffic);
    scene.publish(5);
    scene.all_delivered().await;
    scene.end(running.expect("the last one runs")).await;
    scene.finish().await;
}

#[tokio::test]
#[ignore = "it needs a worker of an earlier commit: .ci/upgrade"]
async fn each_knows_what_the_other_was_told() {
    let scene = Scene::play(other::script()).await;
    let versions = Versions::of(&scene);
    let config = other::connector(&scene);
    let yesterday = clock::now() - Duration::from_hours(24);
    let yesterday = yesterday.round(Unit::Second).unwrap();
    let moved = json!({"offsets": [
        {"partition": {"stream": "auditevents"}, "offset": {"start_time": yesterday.to_string()}}
    ]});
    for (number, program) in versions.in_turn().into_iter().enumerate() {
        let worker = program.start().unwrap();
        healthy(&worker).await;
        let path = |of: usize, what: &str| format!("/connectors/other-{of}/{what}");
        for before in 0..number {
            let is_paused = |_, said: &Value| said["connector"]["state"] == "PAUSED";
            answers(&worker, &path(before, "status"), is_paused).await;
            let is_moved = |_, said: &Value| {
                let place = &said["offsets"][0];
                place["partition"] == moved["offsets"][0]["partition"]
                    && place["offset"]["start_time"] == yesterday.to_string()
            };
            answers(&worker, &path(before, "offsets"), is_moved).await;
            let (_, kept) = get(&worker, &path(before, "config")).await;
            assert_eq!(kept["onepassword.token"], config["onepassword.token"]);
        }
        let new = json!({"name": format!("other-{number}"), "config": config, "initial_state": "STOPPED"});
        for (method, path, body, expected) in [
            (
                Method::POST,
                "/connectors".to_owned(),
                Some(&new),
                StatusCode::CREATED,
            ),
            (
                Method::PATCH,
                path(number, "offsets"),
                Some(&moved),
                StatusCode::OK,
            ),
            (
                Method::PUT,
                path(number, "pause"),
                None,
                StatusCode::ACCEPTED,
            ),
        ] {
            let (status, said) = ask(&worker, method, &path, body).await;
            assert_eq!(status, expected, "{path}: {said}");
        }
        scene.end(worker).await;
    }
    scene.finish().await;
}
