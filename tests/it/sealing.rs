//! Tokens that are sealed: pasted once, stored in Kafka, opened by the workers alone, and tried before they are used.

use std::{fs, net::TcpListener};

use axum::Router;
use onepassword_kafka_dev::{
    simulator::{Fault, Introspection, Options, Rule, Scope, Simulator, Stream, Token, TokenSpec},
    worker::Worker,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    rest::{ask, get, healthy, tasks_are},
    scene::{ACCOUNT, Scene, Script, in_time},
};

const OLD: &str = "b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZCE=";
const NEW: &str = "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE=";
const CONFIG: &str = "/connectors/sealed/config";

/// A worker's file with these keys. Its own connector leaves the audit events to one with a sealed token.
fn script(keys: &str) -> Script {
    Script {
        worker: keys.to_owned(),
        connector: "streams: signinattempts,itemusages".to_owned(),
        ..Script::default()
    }
}

fn connector(token: &str) -> Value {
    json!({
        "name": "sealed",
        "connector.class": "OnePasswordEventsSource",
        "onepassword.token": token,
        "streams": "auditevents",
        "poll.interval.ms": "1000",
    })
}

/// A worker that reads what it is to do, with all that it answers.
struct Asked {
    worker: Worker,
    answers: Vec<String>,
}

// === impl Asked ===

impl Asked {
    async fn start(scene: &Scene) -> Self {
        let worker = scene.worker();
        healthy(&worker).await;
        Self {
            worker,
            answers: Vec::new(),
        }
    }

    async fn ask(&mut self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = ask(&self.worker, method, path, Some(body)).await;
        self.answers.push(answer.1.to_string());
        answer
    }

    async fn seal(&mut self, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, "/ui/api/seal", &body).await
    }

    async fn sealed(&mut self, token: &str) -> String {
        let (status, answer) = self.seal(json!({ "secret": token })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["reference"].as_str().unwrap().to_owned()
    }

    async fn test(&mut self, config: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, "/ui/api/test", config).await
    }

    /// What is said of a token that cannot be used.
    async fn trouble(&mut self, config: &Value) -> String {
        let (status, answer) = self.test(config).await;
        assert_eq!((status, &answer["ok"]), (StatusCode::OK, &json!(false)));
        answer["message"].as_str().unwrap().to_owned()
    }

    /// Ends the worker. Nothing that it has shown holds the token.
    async fn end(mut self, scene: &Scene) {
        for path in ["/connectors?expand=info&expand=status", CONFIG] {
            self.answers
                .push(get(&self.worker, path).await.1.to_string());
        }
        let metrics = format!("http://{}/metrics", self.worker.monitoring().await.unwrap());
        let metrics = reqwest::get(metrics).await.unwrap();
        self.answers.push(metrics.text().await.unwrap());
        for answer in &self.answers {
            assert!(
                !answer.contains(scene.token.as_str()),
                "an answer holds a token"
            );
        }
        scene.end(self.worker).await;
    }
}

#[tokio::test]
async fn a_sealed_token_is_shown_nowhere_and_outlives_a_change_of_the_key() {
    let mut scene = Scene::play(script(&format!("secrets.sealing.key: {OLD}"))).await;
    scene.program = scene.program.clone().env("RUST_LOG", "trace");
    let mut asked = Asked::start(&scene).await;
    let token = scene.token.as_str().to_owned();
    let old = asked.sealed(&format!(" {token}\n")).await;
    let (status, created) = asked.ask(Method::PUT, CONFIG, &connector(&old)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    tasks_are(&asked.worker, "sealed", 1, "RUNNING").await;
    assert_eq!(get(&asked.worker, CONFIG).await.1["onepassword.token"], old);
    scene.publish(10);
    scene.all_delivered().await;
    asked.end(&scene).await;

    scene.configure(&script(&format!(
        "secrets.sealing: {{key: {NEW}, previous.keys: [{OLD}]}}"
    )));
    let mut asked = Asked::start(&scene).await;
    scene.publish(10);
    scene.all_delivered().await;
    let (status, resealed) = asked.seal(json!({ "reference": old })).await;
    assert_eq!(status, StatusCode::OK, "{resealed}");
    let new = resealed["reference"].as_str().unwrap().to_owned();
    let (status, _) = asked.ask(Method::PUT, CONFIG, &connector(&new)).await;
    assert_eq!(status, StatusCode::OK);
    asked.end(&scene).await;

    scene.configure(&script(&format!("secrets.sealing.key: {NEW}")));
    let mut asked = Asked::start(&scene).await;
    scene.publish(10);
    scene.all_delivered().await;
    for (method, path, body) in [
        (Method::PUT, CONFIG, connector(&old)),
        (Method::POST, "/ui/api/test", connector(&old)),
        (Method::POST, "/ui/api/seal", json!({ "reference": old })),
    ] {
        let (status, refusal) = asked.ask(method, path, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let message = refusal["message"].as_str().unwrap();
        assert!(
            message.contains("a key that this worker does not have"),
            "{message}"
        );
    }
    asked.end(&scene).await;
    scene.hides(&token).await;
    scene.finish().await;
}

#[tokio::test]
async fn what_cannot_be_sealed_is_refused_and_not_repeated() {
    let scene = Scene::play(script(&format!("secrets.sealing.key: {NEW}"))).await;
    let mut asked = Asked::start(&scene).await;
    let token = scene.token.as_str().to_owned();
    let sealed = asked.sealed(&token).await;
    for (body, words) in [
        (json!({ "secret": " " }), "the secret is empty"),
        (
            json!({ "secret": format!("{token}\n{token}") }),
            "control characters",
        ),
        (
            json!({ "secret": token.repeat(300) }),
            "longer than 65536 bytes",
        ),
        (json!({ "secret": null }), "secret"),
        (json!({ "secret": [token] }), "secret"),
        (json!({ "reference": token }), "no sealed reference"),
        (
            json!({ "reference": format!("{token}{sealed}") }),
            "no sealed reference",
        ),
        (
            json!({ "reference": sealed.replace('.', ".AAAA") }),
            "is damaged",
        ),
        (
            json!({ "secret": token, "reference": sealed }),
            "secret or reference",
        ),
        (json!({ "secret": token, "more": 1 }), "secret or reference"),
        (json!({}), "secret or reference"),
        (json!([token]), "must be an object"),
    ] {
        let (status, refusal) = asked.seal(body).await;
        assert_eq!(
            (status, &refusal["error_code"]),
            (StatusCode::BAD_REQUEST, &json!(400))
        );
        let message = refusal["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    let mut misplaced = connector(&sealed);
    misplaced["key"] = json!(sealed);
    for config in [misplaced, connector(&sealed.replace('.', ".AAAA"))] {
        let (status, refusal) = asked.ask(Method::PUT, CONFIG, &config).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refusal}");
    }
    scene.simulator.publish(ACCOUNT, Stream::ItemUsages, 5);
    scene.all_delivered().await;
    asked.end(&scene).await;
    scene.finish().await;
}

#[tokio::test]
async fn without_a_key_a_reference_is_asked_for() {
    let scene = Scene::play(script("")).await;
    let mut asked = Asked::start(&scene).await;
    let token = scene.token.as_str().to_owned();
    let (status, refusal) = asked.seal(json!({ "secret": token })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = refusal["message"].as_str().unwrap();
    for words in [
        "secrets.sealing.key",
        "${file:/run/secrets/acme}",
        "${env:ACME_TOKEN}",
    ] {
        assert!(message.contains(words), "{message}");
    }
    let (status, refusal) = asked.ask(Method::PUT, CONFIG, &connector(&token)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("POST /ui/api/seal")
    );
    scene.simulator.publish(ACCOUNT, Stream::ItemUsages, 5);
    scene.all_delivered().await;
    asked.end(&scene).await;
    scene.finish().await;
}

/// Lets tokens go to further hosts.
fn allow(scene: &Scene, hosts: &[&str]) {
    let text = fs::read_to_string(scene.program.config()).unwrap();
    let hosts = hosts.join("\", \"");
    let text = text.replace(
        "allowed.hosts: [",
        &format!("allowed.hosts: [\"{hosts}\", "),
    );
    scene.program.configure(&text).unwrap();
}

#[tokio::test]
async fn a_token_is_tried_before_its_connector_is_declared() {
    const NOWHERE: &str = "no-such-host.invalid";
    let scene = Scene::play(script(&format!("secrets.sealing.key: {NEW}"))).await;
    let stranger = Simulator::start(Options::default()).await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let closed = format!("localhost:{}", closed.port());
    allow(&scene, &[NOWHERE, stranger.authority(), &closed]);
    let mut asked = Asked::start(&scene).await;

    let good = connector(&asked.sealed(scene.token.as_str()).await);
    let (status, told) = asked.test(&good).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&told["ok"], &told["host"], &told["account_uuid"]),
        (&json!(true), &json!("localhost"), &json!(ACCOUNT))
    );
    assert_eq!(told["features"].as_array().unwrap().len(), 3);
    assert!(
        told["issued_at"].is_string() && told["expires_at"].is_null(),
        "{told}"
    );
    let mut wrong = good.clone();
    wrong["page.limit"] = json!("0");
    wrong["kee"] = json!("user");
    let (status, refusal) = asked.test(&wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = refusal["message"].as_str().unwrap();
    assert!(
        message.contains("page.limit") && message.contains("kee"),
        "{message}"
    );

    let at = |audience: &str| {
        scene.simulator.issue(TokenSpec {
            audience: Some(audience.to_owned()),
            ..TokenSpec::default()
        })
    };
    let revoked = scene.simulator.issue(TokenSpec::default());
    scene.simulator.revoke(&revoked);
    let narrow = scene.simulator.issue(TokenSpec {
        features: vec![Stream::ItemUsages],
        ..TokenSpec::default()
    });
    let troubles: [(Token, &[&str]); 5] = [
        (revoked, &["(401)", "issue a new token"]),
        (narrow, &["does not cover auditevents"]),
        (
            at(NOWHERE),
            &["cannot be resolved (DNS)", "onepassword.url"],
        ),
        (at(&closed), &["the connection is refused", "firewall"]),
        (
            stranger.issue(TokenSpec::default()),
            &[
                "certificate is not trusted (",
                "certificate verify failed",
                "onepassword.ca.file",
            ],
        ),
    ];
    for (token, words) in troubles {
        let config = connector(&asked.sealed(token.as_str()).await);
        let message = in_time("1Password is tried", asked.trouble(&config)).await;
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        assert!(!message.contains(token.as_str()));
    }
    for (what, words) in [
        (Introspection::Forbidden, "Business or Enterprise"),
        (
            Introspection::Absent,
            "there is no Events API at this address",
        ),
    ] {
        scene
            .simulator
            .update_faults(|faults| faults.introspection = what);
        let message = asked.trouble(&good).await;
        assert!(message.contains(words), "{message}");
    }
    scene.simulator.update_faults(|faults| {
        faults.introspection = Introspection::default();
        faults.rules = vec![Rule {
            scope: Scope::Introspection,
            ..Rule::always(Fault::status(429))
        }];
    });
    let message = asked.trouble(&good).await;
    assert!(message.contains("fewer requests"), "{message}");
    scene.simulator.update_faults(|faults| faults.rules.clear());
    asked.end(&scene).await;
    scene.close().await;
}

#[tokio::test]
async fn a_proxy_that_is_in_the_way_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let strict = Router::new().fallback(|| async { StatusCode::FORBIDDEN });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let strict_at = listener.local_addr();
    let serving = tokio::spawn(async move { axum::serve(listener, strict).await });
    for (proxy, words) in [
        (closed.unwrap(), "HTTPS_PROXY"),
        (
            strict_at.unwrap(),
            "the proxy (HTTPS_PROXY) does not let the connection through",
        ),
    ] {
        let mut scene = Scene::play(script(&format!("secrets.sealing.key: {NEW}"))).await;
        let program = scene.program.clone();
        scene.program = program.env("HTTPS_PROXY", &format!("http://{proxy}"));
        let mut asked = Asked::start(&scene).await;
        let config = connector(&asked.sealed(scene.token.as_str()).await);
        let message = asked.trouble(&config).await;
        assert!(message.contains(words), "{message}");
        asked.end(&scene).await;
        scene.close().await;
    }
    serving.abort();
}
