//! The commands of docs/runbooks.md, as a person on call would paste them.

use std::{fs, io::Read as _, process::Command};

use onepassword_kafka_dev::simulator::Stream;
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::scene::{ACCOUNT, Scene, in_time, metrics};

const RUNBOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks.md");

#[tokio::test]
#[ignore = "needs curl and kcat; .ci/run runs it"]
async fn the_commands_of_the_runbooks_show_what_they_promise() {
    let scene = Scene::start().await;
    let nameless = json!({"timestamp": "2026-11-25T10:00:00Z"});
    scene
        .simulator
        .insert(ACCOUNT, Stream::AuditEvents, &nameless);
    let worker = scene.worker();
    metrics(&worker, "a dead letter", |m| {
        m.sum("onepassword_dead_letters_total", &[]) > 0.0
    })
    .await;
    let (rest, monitoring) = (
        worker.rest().await.unwrap(),
        worker.monitoring().await.unwrap(),
    );
    let page = fs::read_to_string(RUNBOOKS).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    let commands: String = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let commands = [
        ("localhost:8083", rest.to_string()),
        ("localhost:9464", monitoring.to_string()),
        ("localhost:9092", scene.bootstrap.clone()),
        ("onepassword.deadletters", scene.topic("deadletters")),
        ("worker.yaml", scene.program.config().display().to_string()),
        (
            "onepassword-kafka check",
            format!("{} check", env!("CARGO_BIN_EXE_onepassword-kafka")),
        ),
    ]
    .iter()
    .fold(commands, |commands, (from, to)| {
        assert!(commands.contains(from), "no command has {from}");
        commands.replace(from, to)
    });
    let shell = spawn_blocking(move || Command::new("sh").args(["-e", "-c", &commands]).output());
    let ended = in_time("all commands", shell).await.unwrap().unwrap();
    let mut told = String::from_utf8(ended.stdout).unwrap();
    ended.stderr.as_slice().read_to_string(&mut told).unwrap();
    assert!(ended.status.success(), "{told}");
    for part in [
        "\"state\":\"RUNNING\"",
        "onepassword_task_state{connector=\"acme\"",
        "accepts the token for signinattempts",
        "onepassword.reason=",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    scene.end(worker).await;
    scene.close().await;
}
