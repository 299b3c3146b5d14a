//! Two workers, and somebody who does anything in any order: what a simple model predicts is what the API reports, and
//! every event is published as often as the rewinds say.

mod known;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::{Duration, Instant},
};

use onepassword_kafka_dev::{
    reader::Message,
    simulator::{Stream, Token, TokenSpec},
    worker::Worker,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use self::known::{Known, State};
use crate::{
    rest::{ask, get, healthy},
    scene::{Scene, Script, in_time, uuids},
};

/// For how long anything is done.
const TIME: Duration = Duration::from_mins(2);
const NAMES: [&str; 4] = ["ann", "bob", "cleo", "dan"];
const STREAM: Stream = Stream::AuditEvents;
/// What was done last, in the message of a failure.
const REMEMBERED: usize = 30;

struct Play {
    scene: Scene,
    workers: Vec<Worker>,
    known: BTreeMap<&'static str, Known>,
    random: fastrand::Rng,
    seed: u64,
    done: Vec<String>,
    /// The tokens, which nobody may be shown.
    tokens: Vec<Token>,
    /// What the workers have answered.
    answers: Vec<String>,
}

#[tokio::test]
async fn whatever_is_done_in_whatever_order_the_model_predicts_it() {
    let seed = env::var("MODEL_SEED").map_or(20_261_125, |seed| seed.parse().unwrap());
    let mut play = Play::begin(seed).await;
    let begun = Instant::now();
    while begun.elapsed() < TIME {
        play.step().await;
    }
    play.finish().await;
}

// === impl Play ===

impl Play {
    async fn begin(seed: u64) -> Self {
        let scene = Scene::play(Script {
            worker: "secrets.dirs: [/]".to_owned(),
            ..Script::default()
        })
        .await;
        let mut tokens = vec![scene.token.clone()];
        let known = NAMES.map(|name| {
            let account = format!("ACCOUNTOF{}77777777777", name.to_uppercase());
            let token = scene.simulator.issue(TokenSpec {
                account_uuid: account.clone(),
                ..TokenSpec::default()
            });
            let file = scene.program.write(name, token.as_str()).unwrap();
            tokens.push(token);
            let known = Known {
                token: format!("${{file:{}}}", file.display()),
                account,
                state: None,
                is_reset: true,
                copies: Vec::new(),
                base: 0,
            };
            (name, known)
        });
        let workers = vec![scene.worker(), scene.worker()];
        for worker in &workers {
            healthy(worker).await;
        }
        Self {
            scene,
            workers,
            known: BTreeMap::from(known),
            random: fastrand::Rng::with_seed(seed),
            seed,
            done: Vec::new(),
            tokens,
            answers: Vec::new(),
        }
    }

    async fn step(&mut self) {
        let name = self.random.choice(NAMES).unwrap();
        match self.random.u8(0..100) {
            0..15 => self.create(name).await,
            15..22 => self.delete(name).await,
            22..52 => {
                let state = self.random.choice(State::ALL).unwrap();
                self.target(name, state).await;
            }
            52..60 => self.configure(name).await,
            60..75 => self.rewind(name).await,
            75..80 => self.restart(name).await,
            80..98 => self.publish(name),
            _ => self.kill().await,
        }
        self.settle(name).await;
    }

    /// Any worker will do.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let worker = self.random.usize(0..self.workers.len());
        let answer = ask(&self.workers[worker], method.clone(), path, body.as_ref()).await;
        self.note(format!("{method} {path} on {worker}: {}", answer.0));
        self.answers.push(answer.1.to_string());
        answer
    }

    fn note(&mut self, what: String) {
        self.done.push(what);
    }

    #[track_caller]
    fn expect(&self, answer: &(StatusCode, Value), status: StatusCode) {
        assert_eq!(answer.0, status, "{} ({})", self.story(), answer.1);
    }

    fn story(&self) -> String {
        let from = self.done.len().saturating_sub(REMEMBERED);
        format!(
            "MODEL_SEED={}:\n{}",
            self.seed,
            self.done[from..].join("\n")
        )
    }

    fn state(&self, name: &str) -> Option<State> {
        self.known[name].state
    }

    fn set(&mut self, name: &str, state: Option<State>) {
        let known = self.known.get_mut(name).unwrap();
        known.state = state;
        known.is_reset &= state != Some(State::Running);
    }

    fn config(&self, name: &str, interval: &str) -> Value {
        json!({
            "connector.class": "OnePasswordEventsSource",
            "onepassword.token": self.known[name].token,
            "streams": STREAM.to_string(),
            "poll.interval.ms": interval,
        })
    }

    async fn create(&mut self, name: &'static str) {
        let state = self.random.choice(State::ALL).unwrap();
        let config = self.config(name, "1000");
        let body = json!({ "name": name, "config": config, "initial_state": state.name() });
        let answer = self.ask(Method::POST, "/connectors", Some(body)).await;
        if self.state(name).is_some() {
            return self.expect(&answer, StatusCode::CONFLICT);
        }
        self.expect(&answer, StatusCode::CREATED);
        self.set(name, Some(state));
    }

    async fn delete(&mut self, name: &'static str) {
        let answer = self
            .ask(Method::DELETE, &format!("/connectors/{name}"), None)
            .await;
        if self.state(name).is_none() {
            return self.expect(&answer, StatusCode::NOT_FOUND);
        }
        self.expect(&answer, StatusCode::NO_CONTENT);
        self.set(name, None);
    }

    async fn target(&mut self, name: &'static str, state: State) {
        let (verb, status) = state.request();
        let answer = self
            .ask(Method::PUT, &format!("/connectors/{name}/{verb}"), None)
            .await;
        if self.state(name).is_none() {
            return self.expect(&answer, StatusCode::NOT_FOUND);
        }
        self.expect(&answer, status);
        self.set(name, Some(state));
    }

    async fn configure(&mut self, name: &'static str) {
        let interval = self.random.u32(1_000..1_500).to_string();
        let config = self.config(name, &interval);
        let answer = self
            .ask(
                Method::PUT,
                &format!("/connectors/{name}/config"),
                Some(config),
            )
            .await;
        if self.state(name).is_some() {
            return self.expect(&answer, StatusCode::OK);
        }
        self.expect(&answer, StatusCode::CREATED);
        self.set(name, Some(State::Running));
    }

    async fn restart(&mut self, name: &'static str) {
        // Whether its state is known yet depends on the moment.
        self.settle(name).await;
        let path = format!("/connectors/{name}/restart?includeTasks=true");
        let answer = self.ask(Method::POST, &path, None).await;
        let status = match self.state(name) {
            Some(_) => StatusCode::ACCEPTED,
            None => StatusCode::NOT_FOUND,
        };
        self.expect(&answer, status);
    }

    /// Back to the first event, in one of three ways.
    async fn rewind(&mut self, name: &'static str) {
        let early = json!({ "start_time": "2020-01-01T00:00:00Z" });
        let (offset, method) = match self.random.u8(0..3) {
            0 => (Value::Null, Method::DELETE),
            1 => (Value::Null, Method::PATCH),
            _ => (early, Method::PATCH),
        };
        let is_reset = offset.is_null();
        let partition = json!({ "stream": STREAM.to_string() });
        let body = json!({ "offsets": [{ "partition": partition, "offset": offset }] });
        let path = format!("/connectors/{name}/offsets");
        if self.state(name).is_some() && self.random.u8(0..100) < 70 {
            self.target(name, State::Stopped).await;
            self.settle(name).await;
        }
        let total = self.events_total(name).await;
        let answer = self.ask(method, &path, Some(body)).await;
        match self.state(name) {
            None => return self.expect(&answer, StatusCode::NOT_FOUND),
            Some(State::Stopped) => self.expect(&answer, StatusCode::OK),
            Some(_) => return self.expect(&answer, StatusCode::BAD_REQUEST),
        }
        let known = self.known.get_mut(name).unwrap();
        let read = usize::try_from(total - known.base).unwrap();
        known.copies[..read]
            .iter_mut()
            .for_each(|copies| *copies += 1);
        known.base = if is_reset { 0 } else { total };
        known.is_reset = is_reset;
    }

    fn publish(&mut self, name: &'static str) {
        let count = self.random.usize(1..30);
        let known = self.known.get_mut(name).unwrap();
        self.scene.simulator.publish(&known.account, STREAM, count);
        known.copies.extend(vec![1; count]);
        self.note(format!("{count} events of {name}"));
    }

    /// One worker dies, and another comes.
    async fn kill(&mut self) {
        let mut dead = self
            .workers
            .remove(self.random.usize(0..self.workers.len()));
        dead.kill();
        self.scene.keep(&dead);
        self.note("a worker is killed".to_owned());
        let next = self.scene.worker();
        healthy(&next).await;
        self.workers.push(next);
    }

    /// How many events its position has counted, by the topic itself.
    async fn events_total(&self, name: &str) -> u64 {
        let records = self.scene.read(&self.scene.topic("cursors")).await;
        let key = json!([name, { "stream": STREAM.to_string() }]).to_string();
        let mut own = records
            .iter()
            .rev()
            .filter(|record| record.key.as_deref() == Some(key.as_bytes()));
        let last = own.next().and_then(|record| record.value.as_deref());
        last.map_or(0, |value| {
            let position: Value = serde_json::from_slice(value).unwrap();
            position["events_total"].as_u64().unwrap()
        })
    }

    /// Waits until every worker tells what the model says.
    async fn settle(&self, name: &str) {
        let declared = self.known.iter().filter(|(_, known)| known.state.is_some());
        let names: BTreeSet<_> = declared.map(|(name, _)| *name).chain(["acme"]).collect();
        let names = json!(names);
        for worker in &self.workers {
            let settled = async {
                while get(worker, "/connectors").await.1 != names {}
                while !self.is_as_predicted(worker, name).await {}
            };
            let settled = tokio::time::timeout(Duration::from_mins(1), settled).await;
            assert!(
                settled.is_ok(),
                "{name} is not as predicted, {}",
                self.story()
            );
        }
    }

    async fn is_as_predicted(&self, worker: &Worker, name: &str) -> bool {
        let known = &self.known[name];
        let (status, told) = get(worker, &format!("/connectors/{name}/status")).await;
        let Some(state) = known.state else {
            return status == StatusCode::NOT_FOUND;
        };
        let tasks = told["tasks"].as_array().map_or(&[][..], Vec::as_slice);
        let count = usize::from(state != State::Stopped);
        let is_so = |told: &Value| told["state"] == state.name();
        if !(is_so(&told["connector"]) && tasks.len() == count && tasks.iter().all(is_so)) {
            return false;
        }
        let offsets = get(worker, &format!("/connectors/{name}/offsets")).await.1;
        !known.is_reset || offsets == json!({ "offsets": [] })
    }

    /// Lets every connector come to its end, and counts.
    async fn finish(mut self) {
        for name in NAMES {
            if self.state(name).is_none() {
                self.configure(name).await;
            }
            self.target(name, State::Running).await;
        }
        let all: usize = self.known.values().flat_map(|known| &known.copies).sum();
        in_time("every event arrives", async {
            while self.scene.messages(STREAM).await.len() < all {}
        })
        .await;
        for name in NAMES {
            self.target(name, State::Stopped).await;
            self.settle(name).await;
        }
        let messages = self.scene.messages(STREAM).await;
        for (name, known) in &self.known {
            let published = self.scene.simulator.published(&known.account, STREAM);
            let found: Vec<_> = uuids(&published)
                .map(|uuid| copies(&messages, &uuid))
                .collect();
            assert_eq!(found, known.copies, "{name}, {}", self.story());
        }
        assert_eq!(messages.len(), all, "{}", self.story());
        let once: usize = self.known.values().map(|known| known.copies.len()).sum();
        assert!(
            all > once,
            "no rewind has published anything again, {}",
            self.story()
        );
        for worker in self.workers {
            let metrics = format!("http://{}/metrics", worker.monitoring().await.unwrap());
            let metrics = reqwest::get(metrics).await.unwrap();
            self.answers.push(metrics.text().await.unwrap());
            self.scene.end(worker).await;
        }
        for token in &self.tokens {
            let holds = |text: &String| text.contains(token.as_str());
            assert!(!self.answers.iter().any(holds), "an answer holds a token");
            self.scene.hides(token.as_str()).await;
        }
        self.scene.close().await;
    }
}

/// How often an event is there.
fn copies(messages: &[Message], uuid: &str) -> usize {
    let is_it = |message: &&Message| message.header("ce_id") == Some(uuid);
    messages.iter().filter(is_it).count()
}
