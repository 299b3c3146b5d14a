//! The REST API against those who may not: credentials, roles, TLS, and requests that nobody sends in good faith.

mod hostile;
mod tls;

use std::{
    io::Write,
    process::{Output, Stdio},
};

use onepassword_kafka_dev::worker::Worker;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::scene::{Scene, Script, in_time, logged};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const WRONG: &str = "incorrect horse battery staple";
const VALIDATE: &str = "/connector-plugins/OnePasswordEventsSource/config/validate";

/// A scene whose workers know alice (admin) and bob (viewer) by the password, and a program (admin) by a token.
pub(crate) struct Guarded {
    pub(crate) scene: Scene,
    token: String,
    hashes: [String; 2],
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
enum As<'a> {
    Nobody,
    User(&'a str, &'a str),
    Token(&'a str),
}

const ALICE: As<'_> = As::User("alice", PASSWORD);
const BOB: As<'_> = As::User("bob", PASSWORD);

// === impl Guarded ===

impl Guarded {
    /// With further lines of the worker's file.
    pub(crate) async fn new(more: &str) -> Self {
        let mut scene = Scene::start().await;
        scene.program = scene.program.clone().env("RUST_LOG", "trace");
        let hash = answer(&scene, &["hash-password"], PASSWORD).await;
        let made = answer(&scene, &["new-token"], "").await;
        let (token, token_hash) = made.split_once('\n').unwrap();
        let token = token.strip_prefix("token: ").unwrap().to_owned();
        let token_hash = token_hash.strip_prefix("hash:  ").unwrap().to_owned();
        let hash_file = scene.program.write("hash", &hash).unwrap();
        let worker = format!(
            "\
rest.credentials:
  alice: {{role: admin, password.hash: \"${{file:{file}}}\"}}
  bob:
    role: viewer
    password.hash: {hash}
  program: {{role: admin, token.hash: \"{token_hash}\"}}
{more}",
            file = hash_file.display(),
        );
        scene.configure(&Script {
            worker,
            ..Script::default()
        });
        Self {
            scene,
            token,
            hashes: [hash, token_hash],
        }
    }

    /// Ends the worker, and looks for secrets in all that it has written.
    pub(crate) async fn finish(self, mut worker: Worker) {
        worker.terminate();
        let status = in_time("the worker ends", worker.ended()).await.unwrap();
        assert!(status.success(), "{status}: {:?}", worker.log());
        let log = worker.log().join("\n");
        let [hash, token_hash] = &self.hashes;
        let (_, salt) = hash.split_once("p=1$").unwrap();
        let bare = token_hash.trim_start_matches("sha256:");
        for secret in [PASSWORD, WRONG, &self.token, salt, bare] {
            assert!(!log.contains(secret), "the log holds {secret:?}");
        }
        for name in ["alice", "bob"] {
            for password in [PASSWORD, WRONG] {
                let request = Client::new()
                    .get("http://a")
                    .basic_auth(name, Some(password));
                let request = request.build().unwrap();
                let header = request.headers()["authorization"].to_str().unwrap();
                let (_, encoded) = header.split_once(' ').unwrap();
                assert!(!log.contains(encoded), "the log holds an Authorization");
            }
        }
        self.scene.keep(&worker);
        self.scene.finish().await;
    }
}

// === impl As ===

impl As<'_> {
    fn on(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            As::Nobody => request,
            As::User(name, password) => request.basic_auth(name, Some(password)),
            As::Token(token) => request.bearer_auth(token),
        }
    }
}

/// What a command of the program prints.
async fn answer(scene: &Scene, arguments: &[&str], input: &str) -> String {
    let mut command = scene.program.command();
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let ending = tokio::task::spawn_blocking(|| child.wait_with_output());
    let Output {
        status,
        stdout,
        stderr,
    } = in_time("it ends", ending).await.unwrap().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().trim_end().to_owned()
}

async fn ask(worker: &Worker, who: As<'_>, method: Method, path: &str, body: Value) -> Response {
    let url = format!("http://{}{path}", worker.rest().await.unwrap());
    let request = who.on(Client::new().request(method, url));
    let request = request
        .header("content-type", "application/json")
        .body(body.to_string());
    in_time(path, request.send()).await.unwrap()
}

async fn status(worker: &Worker, who: As<'_>, method: Method, path: &str) -> StatusCode {
    ask(worker, who, method, path, json!({})).await.status()
}

/// Waits until the worker has read what is wanted.
pub(crate) async fn healthy(worker: &Worker) {
    let healthy =
        async { while status(worker, ALICE, Method::GET, "/health").await != StatusCode::OK {} };
    in_time("the worker is healthy", healthy).await;
}

#[tokio::test]
async fn without_credentials_it_is_reached_from_this_machine_only() {
    let guarded = Guarded::new("").await;
    let scene = &guarded.scene;
    let everywhere =
        |text: &str| text.replace("rest.listen: 127.0.0.1:0", "rest.listen: 0.0.0.0:0");
    let text = std::fs::read_to_string(scene.program.config()).unwrap();
    scene.configure(&Script::default());
    let open = std::fs::read_to_string(scene.program.config()).unwrap();
    scene.program.configure(&everywhere(&open)).unwrap();
    let mut refused = scene.worker();
    let status = in_time("it ends", refused.ended()).await.unwrap();
    assert_eq!(status.code(), Some(78));
    let mistake = logged(&refused, "rest.listen").await;
    assert!(mistake.contains("configure rest.credentials"), "{mistake}");

    scene.program.configure(&everywhere(&text)).unwrap();
    let worker = scene.worker();
    logged(
        &worker,
        "passwords and tokens reach the REST API in the clear",
    )
    .await;
    guarded.finish(worker).await;
}

#[tokio::test]
async fn each_request_needs_a_user_and_each_change_an_admin() {
    let guarded = Guarded::new("").await;
    let worker = guarded.scene.worker();
    healthy(&worker).await;
    let program = As::Token(&guarded.token);
    for path in [
        "/",
        "/health",
        "/connectors",
        "/connector-plugins",
        "/nowhere",
    ] {
        let refused = ask(&worker, As::Nobody, Method::GET, path, json!({})).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
        let challenges = refused.headers().get_all("www-authenticate").iter();
        let challenges: Vec<_> = challenges.map(|value| value.to_str().unwrap()).collect();
        assert!(challenges[0].starts_with("Basic realm="), "{challenges:?}");
        assert!(challenges[1].starts_with("Bearer realm="), "{challenges:?}");
        let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
        assert_eq!(body["error_code"], 401);
        assert!(
            body["message"]
                .as_str()
                .unwrap()
                .contains("name and password"),
            "{body}"
        );
    }
    for who in [ALICE, BOB, program] {
        for path in ["/", "/connectors", "/connectors/acme/config"] {
            assert_eq!(
                status(&worker, who, Method::GET, path).await,
                200,
                "{who:?} {path}"
            );
            assert_eq!(
                status(&worker, who, Method::OPTIONS, path).await,
                200,
                "{who:?} {path}"
            );
        }
        assert_eq!(
            status(&worker, who, Method::PUT, VALIDATE).await,
            400,
            "{who:?}"
        );
    }
    for who in [
        As::User("alice", WRONG),
        As::User("nobody", PASSWORD),
        As::User("program", PASSWORD),
        As::Token(PASSWORD),
        As::Token(&guarded.hashes[1]),
        As::User("alice", &guarded.hashes[0]),
    ] {
        assert_eq!(status(&worker, who, Method::GET, "/").await, 401, "{who:?}");
    }
    for (method, path) in [
        (Method::PUT, "/connectors/acme/pause"),
        (Method::PUT, "/connectors/acme/resume"),
        (Method::DELETE, "/connectors/other"),
        (Method::POST, "/ui/api/seal"),
        (Method::POST, "/ui/api/test"),
    ] {
        let refused = ask(&worker, BOB, method.clone(), path, json!({})).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
        assert_eq!(
            body["message"],
            "bob may look only: changes need the role admin"
        );
        assert_ne!(status(&worker, program, method, path).await, 403, "{path}");
    }
    guarded.finish(worker).await;
}

#[tokio::test]
async fn every_change_is_logged_with_who_and_what() {
    let guarded = Guarded::new("").await;
    let worker = guarded.scene.worker();
    healthy(&worker).await;
    let body = json!({ "name": "other", "config": { "onepassword.token": WRONG } });
    assert_eq!(
        ask(&worker, ALICE, Method::POST, "/connectors?secret=1", body)
            .await
            .status(),
        400
    );
    status(&worker, BOB, Method::DELETE, "/connectors/acme").await;
    status(
        &worker,
        As::Token(&guarded.token),
        Method::PUT,
        "/connectors/acme/pause",
    )
    .await;
    status(
        &worker,
        As::User("alice", WRONG),
        Method::DELETE,
        "/connectors/acme",
    )
    .await;
    status(
        &worker,
        As::User(WRONG, PASSWORD),
        Method::DELETE,
        "/connectors/acme",
    )
    .await;
    for (user, method, path, status) in [
        ("alice", "POST", "/connectors", 400),
        ("bob", "DELETE", "/connectors/acme", 403),
        ("program", "PUT", "/connectors/acme/pause", 202),
    ] {
        let line = logged(&worker, &format!("\"user\":\"{user}\"")).await;
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            line["message"], "a change was asked for over REST",
            "{line}"
        );
        assert_eq!(
            (&line["method"], &line["path"], &line["status"]),
            (&json!(method), &json!(path), &json!(status))
        );
        assert!(
            line["peer"].as_str().unwrap().starts_with("127.0.0.1:"),
            "{line}"
        );
    }
    logged(&worker, "\"user\":\"unknown\"").await;
    let wrong = worker
        .log()
        .into_iter()
        .filter(|line| line.contains("a wrong password was shown"));
    let wrong: Vec<Value> = wrong
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    let users: Vec<_> = wrong.iter().map(|line| &line["user"]).collect();
    assert_eq!(users, ["alice", "unknown"]);
    guarded.finish(worker).await;
}

#[tokio::test]
async fn whoever_guesses_has_to_wait_and_keeps_nobody_out() {
    let guarded = Guarded::new("").await;
    let worker = guarded.scene.worker();
    healthy(&worker).await;
    for name in ["alice", "bob", "nobody"] {
        let mut answers = Vec::new();
        let waiting = loop {
            let answer = ask(&worker, As::User(name, WRONG), Method::GET, "/", json!({})).await;
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                break answer;
            }
            answers.push(answer.status());
        };
        assert!(
            answers.len() >= 3 && answers.iter().all(|status| *status == 401),
            "{name}: {answers:?}"
        );
        let seconds: u64 = waiting.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
        let body: Value = serde_json::from_str(&waiting.text().await.unwrap()).unwrap();
        assert_eq!(body["error_code"], 429);
    }
    // Alice's password was right before, and a token is never guessed; bob has to wait.
    assert_eq!(status(&worker, ALICE, Method::GET, "/").await, 200);
    assert_eq!(
        status(&worker, As::Token(&guarded.token), Method::GET, "/").await,
        200
    );
    let bob = async { while status(&worker, BOB, Method::GET, "/").await != 200 {} };
    in_time("bob has waited", bob).await;
    guarded.finish(worker).await;
}
