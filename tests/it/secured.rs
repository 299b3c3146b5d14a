//! Clusters with TLS, users and rights: each way to sign in, and the system's own certificates.

mod rights;
mod tokens;
mod troubles;

use std::{fs, sync::Arc};

use onepassword_kafka_dev::{
    stack::{Options, Security, Stack},
    tls::Validity,
    worker::{Program, Worker},
};
use tokio::{sync::OnceCell, task::spawn_blocking};

use crate::{
    operator::{Ended, edit, program, run},
    scene::{Scene, Script, in_time, logged},
};

/// `worker` may do anything in any scene; the others are told by their tests what they may do.
const USERS: &[&str] = &[
    "worker", "exact", "reader", "lacks-0", "lacks-1", "lacks-2", "lacks-3", "lacks-4", "lacks-5",
];

/// All scenes of these tests are on one broker.
async fn stack() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    STACK
        .get_or_init(|| async {
            let stack = Options::default().secured(USERS).start().await.unwrap();
            administer(
                &stack,
                format!(
                    "kafka-acls.sh --bootstrap-server {} --command-config admin.properties --add \
                     --allow-principal User:worker --operation All --resource-pattern-type prefixed \
                     --topic t --group t --transactional-id t",
                    stack.security().unwrap().sasl()
                ),
            )
            .await;
            stack
        })
        .await
}

fn security(stack: &Stack) -> &Security {
    stack.security().unwrap()
}

/// Runs an administrator's commands.
async fn administer(stack: &Stack, lines: String) {
    let security = Arc::clone(stack.security().unwrap());
    let administered = spawn_blocking(move || security.administer(&lines)).await;
    administered.unwrap().unwrap();
}

/// A scene whose worker comes to `servers` with these properties.
async fn scene(servers: &str, properties: &str, script: Script) -> Scene {
    let stack = stack().await;
    let scene = Scene::on(
        stack.bootstrap_servers(),
        stack.schema_registry_url(),
        script,
    )
    .await;
    let line = |servers: &str| format!("bootstrap.servers: {servers}\n");
    let lines = properties.lines().fold(line(servers), |lines, property| {
        lines + "  " + property + "\n"
    });
    edit(&scene, &line(stack.bootstrap_servers()), &lines);
    scene
}

/// The properties of a user with a password.
fn with_password(stack: &Stack, mechanism: &str, user: &str) -> String {
    format!(
        "security.protocol: sasl_ssl\n\
         sasl.mechanism: {mechanism}\n\
         sasl.username: {user}\n\
         sasl.password: {}\n\
         ssl.ca.location: {}\n",
        Security::password(user),
        security(stack).authority().display()
    )
}

/// The properties of `worker` with a certificate, whose files are named for its validity.
fn with_certificate(stack: &Stack, folder: &Program, validity: Validity) -> String {
    let security = security(stack);
    let made = security.certificate("worker", validity).unwrap();
    let write = |ending: &str, pem: &[u8]| {
        let name = format!("{validity:?}.{ending}").to_lowercase();
        let text = std::str::from_utf8(pem).unwrap();
        folder.write(&name, text).unwrap()
    };
    format!(
        "security.protocol: ssl\n\
         ssl.certificate.location: {}\n\
         ssl.key.location: {}\n\
         ssl.ca.location: {}\n",
        write("crt", &made.certificate).display(),
        write("key", &made.key).display(),
        security.authority().display()
    )
}

/// `check` with a file like the worker's own, but for some of its text.
async fn check_with(scene: &Scene, name: &str, replaced: &[(&str, &str)]) -> Ended {
    let mut text = fs::read_to_string(scene.program.config()).unwrap();
    for (from, to) in replaced {
        assert!(text.contains(from), "{from:?} is not in the worker's file");
        text = text.replace(from, to);
    }
    let file = scene.program.write(name, &text).unwrap();
    let file = file.display().to_string();
    run(&scene.program, &["check", "--config", &file]).await
}

/// Ends a worker; its log has no password.
async fn end(scene: &Scene, worker: Worker) {
    has_no_password(&worker.log().join("\n"));
    scene.end(worker).await;
}

fn has_no_password(text: &str) {
    assert!(!text.contains("password-of-"), "a password is told: {text}");
}

/// `check` finds nothing, and `run` delivers.
async fn delivers(scene: Scene) {
    scene.publish(20);
    let ended = check_with(&scene, "check.yaml", &[]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    has_no_password(&ended.out);
    let worker = scene.worker();
    scene.all_delivered().await;
    end(&scene, worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_worker_delivers_over_tls_with_scram() {
    let stack = stack().await;
    let properties = with_password(stack, "SCRAM-SHA-512", "worker");
    delivers(scene(&security(stack).sasl(), &properties, Script::default()).await).await;
}

#[tokio::test]
async fn a_worker_delivers_over_tls_with_a_plain_password() {
    let stack = stack().await;
    let properties = with_password(stack, "PLAIN", "worker");
    delivers(scene(&security(stack).sasl(), &properties, Script::default()).await).await;
}

#[tokio::test]
async fn a_worker_delivers_over_mutual_tls() {
    let stack = stack().await;
    let files = program();
    let properties = with_certificate(stack, &files, Validity::Today);
    let servers = security(stack).mutual_tls();
    delivers(scene(&servers, &properties, Script::default()).await).await;
}

#[tokio::test]
async fn without_a_file_of_authorities_the_systems_are_trusted() {
    let stack = stack().await;
    let properties = "security.protocol: ssl\ndebug: security,broker\n";
    let scene = scene(&security(stack).mutual_tls(), properties, Script::default()).await;
    let mut worker = scene.worker();
    let line = logged(&worker, "Setting default CA certificate location").await;
    assert!(line.contains("/etc/") || line.contains("/usr/"), "{line}");
    logged(&worker, "an authority that this system trusts").await;
    // What `debug` asks for is told as long as the client lives.
    logged(&worker, "with socket").await;
    worker.kill();
    in_time("its end", worker.ended()).await.unwrap();
    scene.close().await;
}
