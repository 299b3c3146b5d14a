//! Four integrations, one for each light, with an hour behind them.

use std::time::Duration;

use onepassword_kafka::clock;
use onepassword_kafka_dev::simulator::{Fault, Rule, Stream, Token, TokenSpec};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    positions::shard,
    scene::{Scene, in_time},
    security::PASSWORD,
};

/// Their names, accounts and lights.
pub(super) const CAST: [(&str, &str, &str); 4] = [
    ("Acme", "QWMC5KX2ACMEJ3ZB7R4T6YN2LE", "green"),
    ("Globex", "HZ4NGLBX6VYQ2M7KEXW3T5UJPA", "red"),
    ("Initech", "PB7INTECH5RW2XKQ6ZM4Y3LJVT", "amber"),
    ("Umbrella", "M3UMBRLLA7QK5WX2NZR6T4JYHE", "grey"),
];

/// As many as a scene's workers have.
const SHARDS: u32 = 4;

/// A worker's API, as alice asks it.
pub(super) struct Api(pub(super) String);

// === impl Api ===

impl Api {
    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = Client::new().post(format!("{}{path}", self.0));
        let request = request
            .basic_auth("alice", Some(PASSWORD))
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = in_time(path, request.send()).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Declares them all, and lets happen what makes their lights.
    pub(super) async fn enter(&self, scene: &Scene) {
        for (number, (name, account, light)) in CAST.into_iter().enumerate() {
            let token = scene.simulator.issue(TokenSpec {
                account_uuid: account.to_owned(),
                ..TokenSpec::default()
            });
            hour(scene, name, number).await;
            for stream in Stream::ALL {
                scene.simulator.publish(account, stream, 3 + number);
            }
            self.happen(scene, name, account, light, &token).await;
        }
    }

    async fn happen(&self, scene: &Scene, name: &str, account: &str, light: &str, token: &Token) {
        match light {
            "red" => scene.simulator.revoke(token),
            "amber" => scene.simulator.queue(Rule {
                account: Some(account.to_owned()),
                ..Rule::always(Fault::status(429))
            }),
            _ => {}
        }
        let secret = json!({ "secret": token.as_str() });
        let sealed = self.post("/ui/api/seal", &secret).await;
        let creation = json!({
            "name": name,
            "initial_state": if light == "grey" { "PAUSED" } else { "RUNNING" },
            "config": {
                "connector.class": "OnePasswordEventsSource",
                "onepassword.token": sealed["reference"],
            },
        });
        self.post("/connectors", &creation).await;
    }
}

/// The positions that a connector would have stored in the last hour.
async fn hour(scene: &Scene, name: &str, number: usize) {
    let mut random = fastrand::Rng::with_seed(u64::try_from(number).unwrap());
    let now = clock::now();
    let partition = i32::try_from(shard(name, SHARDS)).unwrap();
    for stream in Stream::ALL {
        let key = json!([name, { "stream": stream.to_string() }]).to_string();
        let mut total = 40_000;
        for slot in (1..30).rev() {
            let at = now - Duration::from_mins(2 * slot);
            total += random.u64(0..40);
            let position = json!({
                "start_time": at.to_string(),
                "events_total": total,
                "last_event_time": at.to_string(),
                "updated_at": at.to_string(),
            });
            scene
                .write("cursors", partition, &key, Some(&position.to_string()))
                .await;
        }
    }
}
