//! The commands of the documentation, as somebody would paste them.

use std::{fs, path::Path, process::Command};

use onepassword_kafka_dev::{
    simulator::{Stream, TokenSpec},
    worker::Worker,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    rest::{answers, ask, get, tasks_are},
    scene::{ACCOUNT, Scene, Script, in_time, metrics},
};

/// The commands of a page's blocks that say they are run by `test`.
fn commands(page: &str, test: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let written = fs::read_to_string(path).unwrap();
    let marker = format!("<!-- run by: {test} -->\n");
    let blocks = written.split(&marker).skip(1).filter_map(|rest| {
        let block = rest.trim_start().strip_prefix("```sh\n")?;
        block.split("```").next()
    });
    let commands: String = blocks.collect();
    assert!(!commands.is_empty(), "{page} has none for {test}");
    commands
}

/// Runs commands as they stand there, but for names and addresses; what they print.
async fn run(scene: &Scene, worker: &Worker, commands: String, more: &[(&str, &str)]) -> String {
    let rest = worker.rest().await.unwrap().to_string();
    let monitoring = worker.monitoring().await.unwrap().to_string();
    let (prefix, file) = (
        scene.topic(""),
        scene.program.config().display().to_string(),
    );
    let own = [
        ("localhost:8083", rest.as_str()),
        ("localhost:9464", &monitoring),
        ("localhost:9092", &scene.bootstrap),
        (" onepassword.", &format!(" {prefix}")),
        ("worker.yaml", &file),
    ];
    let commands = own
        .iter()
        .chain(more)
        .fold(commands, |commands, (from, to)| commands.replace(from, to));
    let folder = Path::new(env!("CARGO_BIN_EXE_onepassword-kafka"))
        .parent()
        .unwrap();
    let script = format!("set -e; PATH={}:$PATH\n{commands}", folder.display());
    let shell = spawn_blocking(move || Command::new("bash").args(["-c", &script]).output());
    let ended = in_time("all commands", shell).await.unwrap().unwrap();
    let told = [ended.stdout, ended.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(ended.status.success(), "{told}");
    told
}

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
    let test = "the_commands_of_the_runbooks_show_what_they_promise";
    let told = run(&scene, &worker, commands("docs/runbooks.md", test), &[]).await;
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

#[tokio::test]
#[ignore = "needs curl and kcat; .ci/run runs it"]
async fn the_commands_that_move_a_position_move_it() {
    const TEST: &str = "the_commands_that_move_a_position_move_it";
    let scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    let page = commands("docs/replaying.md", TEST);
    let (over_rest, with_kcat) = page.split_once("kcat -C").expect("kcat comes last");
    let told = run(&scene, &worker, over_rest.to_owned(), &[]).await;
    assert!(told.contains("\"events\":15"), "{told}");
    // The rewind repeats all three streams, the altered offset repeats audit events since then.
    scene.delivered(30).await;
    tasks_are(&worker, "acme", 3, "RUNNING").await;
    scene.end(worker).await;

    let positions = scene.read(&scene.topic("cursors")).await;
    let place = positions.iter().find(|record| {
        let key = record.key.as_deref().unwrap_or_default();
        key == br#"["acme",{"stream":"auditevents"}]"#
    });
    let partition = format!("-p {} ", place.unwrap().partition);
    let kcat = format!("kcat -C{with_kcat}");
    let worker = scene.worker();
    let told = run(&scene, &worker, kcat, &[("-p 3 ", &partition)]).await;
    assert!(
        told.contains(r#"["acme",{"stream":"auditevents"}] {"cursor":"#),
        "{told}"
    );
    scene.end(worker).await;
    let worker = scene.worker();
    let begun_again =
        |_, said: &Value| said["offsets"].as_array().is_some_and(|all| all.len() == 3);
    answers(&worker, "/connectors/acme/offsets", begun_again).await;
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
#[ignore = "needs curl, jq and openssl; .ci/run runs it"]
async fn the_commands_that_declare_and_seal_do_so() {
    const TEST: &str = "the_commands_that_declare_and_seal_do_so";
    let mut scene = Scene::play(Script {
        worker: "secrets.dirs: [/]\nsecrets.sealing.key: ${env:SEALING}".to_owned(),
        ..Script::default()
    })
    .await;
    let key = Command::new("openssl")
        .args(["rand", "-base64", "32"])
        .output();
    let key = String::from_utf8(key.unwrap().stdout).unwrap();
    scene.program = scene.program.clone().env("SEALING", key.trim());
    let worker = scene.worker();
    tasks_are(&worker, "acme", 3, "RUNNING").await;

    let token = scene.simulator.issue(TokenSpec::default());
    let file = scene.program.write("acme-eu", token.as_str()).unwrap();
    let file = file.display().to_string();
    let told = run(
        &scene,
        &worker,
        commands("README.md", TEST),
        &[("/run/secrets/acme-eu", &file)],
    )
    .await;
    assert!(told.contains("\"name\":\"acme-eu\""), "{told}");
    answers(&worker, "/connectors/acme-eu/status", |_, said| {
        said["connector"]["state"] == "PAUSED"
    })
    .await;

    let page = commands("docs/security.md", TEST);
    let (seal, seal_again) = page
        .split_once("   API=")
        .expect("sealing again comes last");
    let typed = format!("printf '%s\\n' {} | {{ read -rs TOKEN", token.as_str());
    let seal = seal.replace("read -rs TOKEN", &typed) + "}";
    let told = run(&scene, &worker, seal, &[]).await;
    let sealed: Value = serde_json::from_str(&told).unwrap();
    let change = json!({ "onepassword.token": sealed["reference"] });
    let path = "/connectors/acme-eu/config";
    let (status, said) = ask(&worker, Method::PATCH, path, Some(&change)).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    run(&scene, &worker, format!("API={seal_again}"), &[]).await;
    let (_, config) = get(&worker, path).await;
    let again = config["onepassword.token"].as_str().unwrap();
    assert!(again.starts_with("${sealed:"), "{config}");
    assert_ne!(again, sealed["reference"], "sealed again");

    let told = run(&scene, &worker, commands("docs/replaying.md", TEST), &[]).await;
    let reset = "{\"message\":\"The offsets for this connector have been reset successfully\"}";
    assert_eq!(told.trim(), reset);
    let (status, said) = get(&worker, "/connectors/acme-eu").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{said}");
    scene.end(worker).await;
    scene.close().await;
}
