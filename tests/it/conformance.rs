//! The REST API answers as Kafka Connect's does: what a worker of Kafka Connect was asked once is asked again.
//!
//! The recording is about a connector that reads a file; [`mapping`] says what stands for it here, [`rules`] what is left
//! out and what is different on purpose.

mod client;
mod likeness;
mod mapping;
mod rules;
mod transcript;

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use onepassword_kafka_dev::simulator::{Stream, TokenSpec};
use serde_json::Value;

use self::{
    client::{Answer, Body, Request, ask},
    likeness::{align, differences},
    mapping::{Mapping, named},
    rules::{LEFT_OUT, ON_PURPOSE, OnPurpose, When},
    transcript::Exchange,
};
use crate::scene::{ACCOUNT, Scene, Script, in_time, logged};

/// For how long a state may take to settle.
const PATIENCE: Duration = Duration::from_secs(10);
/// For how long it may do so where a rule has taken it for settled.
const DOUBT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);

/// The worker under test, and what stands for what.
struct Replay {
    scene: Scene,
    address: SocketAddr,
    mapping: Mapping,
}

/// How one request went.
enum Outcome {
    Identical,
    /// By the number of its rule.
    OnPurpose(usize),
    Different(Box<Difference>),
}

/// A request that was answered in another way.
struct Difference {
    asked: String,
    theirs: Answer,
    ours: Answer,
}

#[derive(Default)]
struct Report {
    identical: usize,
    /// By the numbers of their rules.
    left_out: BTreeMap<usize, usize>,
    on_purpose: BTreeMap<usize, Vec<u32>>,
    different: Vec<Difference>,
}

#[tokio::test]
async fn the_rest_api_answers_as_kafka_connects() {
    let mut scene = Scene::play(Script {
        worker: "secrets.dirs: [/]".to_owned(),
        ..Script::default()
    })
    .await;
    undeclare(&scene);
    scene.program = scene.program.clone().env("RUST_LOG", "info");
    scene.publish(5);
    let worker = scene.worker();
    let line: Value =
        serde_json::from_str(&logged(&worker, "the REST API is served").await).unwrap();
    let address = line["address"].as_str().unwrap().parse().unwrap();
    let mapping = mapping(&scene);
    let replay = Replay {
        scene,
        address,
        mapping,
    };
    in_time("the worker is healthy", replay.is_healthy()).await;
    let report = replay.run().await;
    tell(&report);
    replay.scene.end(worker).await;
    replay.scene.close().await;
    assert!(report.different.is_empty(), "{report}");
    assert_eq!(report.unused_rules(), Vec::<&str>::new());
}

/// The recorded worker had no connectors at first.
fn undeclare(scene: &Scene) {
    let text = fs::read_to_string(scene.program.config()).unwrap();
    let (text, _) = text.split_once("\nconnectors:").unwrap();
    scene.program.configure(text).unwrap();
}

fn mapping(scene: &Scene) -> Mapping {
    let reference = |name: &str, token: &str| {
        let path = scene.program.write(name, token).unwrap();
        format!("${{file:{}}}", path.display())
    };
    let refused = scene.simulator.issue(TokenSpec::default());
    scene.simulator.revoke(&refused);
    Mapping {
        token: reference("token", scene.token.as_str()),
        refused: reference("refused", refused.as_str()),
        topic: scene.topic(Stream::SignInAttempts),
    }
}

#[expect(clippy::print_stderr, reason = "it is read with --nocapture")]
fn tell(report: &Report) {
    eprintln!("{report}");
}

// === impl Replay ===

impl Replay {
    async fn run(&self) -> Report {
        let mut report = Report::default();
        for exchange in transcript::read() {
            if let Some(rule) = LEFT_OUT.iter().position(|rule| (rule.fits)(&exchange)) {
                *report.left_out.entry(rule).or_default() += 1;
                continue;
            }
            self.prepare(&exchange).await;
            match self.ask(&exchange).await {
                Outcome::Identical => report.identical += 1,
                Outcome::OnPurpose(rule) => {
                    report
                        .on_purpose
                        .entry(rule)
                        .or_default()
                        .push(exchange.seq);
                }
                Outcome::Different(difference) => report.different.push(*difference),
            }
        }
        report
    }

    /// Does what was done between the recorded requests.
    async fn prepare(&self, exchange: &Exchange) {
        if exchange.section == "create-errors" && exchange.target == "/connectors" {
            self.delete_all().await;
        }
        if exchange.label.contains("after a new record") {
            self.scene
                .simulator
                .publish(ACCOUNT, Stream::SignInAttempts, 1);
        }
    }

    async fn is_healthy(&self) {
        while self.call("GET", "/health").await.status != 200 {
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn delete_all(&self) {
        let list = self.call("GET", "/connectors").await;
        let Body::Json(names) = list.body else {
            return;
        };
        for name in names.as_array().into_iter().flatten() {
            let target = format!("/connectors/{}", name.as_str().unwrap());
            self.call("DELETE", &target).await;
        }
    }

    /// Asks for something that is not recorded.
    async fn call(&self, method: &str, target: &str) -> Answer {
        let request = Request {
            method,
            target: target.to_owned(),
            headers: &BTreeMap::new(),
            body: None,
        };
        ask(self.address, &request).await
    }

    /// Asks once, or until the state has settled.
    async fn ask(&self, exchange: &Exchange) -> Outcome {
        let body = exchange.body.as_ref().map(|body| {
            let body = self.mapping.request(body);
            if exchange.latin1 {
                return body.chars().map(|c| u8::try_from(c).unwrap()).collect();
            }
            body.into_bytes()
        });
        let request = Request {
            method: &exchange.method,
            target: named(&exchange.target),
            headers: &exchange.headers,
            body,
        };
        let begun = Instant::now();
        loop {
            let ours = ask(self.address, &request).await;
            let outcome = self.judge(exchange, &request, ours);
            let patience = match outcome {
                _ if !exchange.settle => Duration::ZERO,
                Outcome::Identical => Duration::ZERO,
                Outcome::OnPurpose(_) => DOUBT,
                Outcome::Different(_) => PATIENCE,
            };
            if begun.elapsed() >= patience {
                return outcome;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn judge(&self, exchange: &Exchange, request: &Request<'_>, mut ours: Answer) -> Outcome {
        let mut theirs = self.mapping.answer(exchange);
        align(&mut theirs, &mut ours, &exchange.volatile);
        if theirs == ours {
            return Outcome::Identical;
        }
        let fits = |rule: &OnPurpose| (rule.fits)(exchange, &theirs, &ours);
        if let Some(rule) = ON_PURPOSE.iter().position(fits) {
            return Outcome::OnPurpose(rule);
        }
        let body = request.body.as_deref().unwrap_or_default();
        let asked = format!(
            "#{} {} {} {} {}",
            exchange.seq,
            exchange.section,
            request.method,
            short(&request.target),
            short(&String::from_utf8_lossy(body))
        );
        Outcome::Different(Box::new(Difference {
            asked,
            theirs,
            ours,
        }))
    }
}

// === impl Report ===

impl Report {
    /// Those that nothing needs any longer.
    fn unused_rules(&self) -> Vec<&'static str> {
        let left_out = (0..)
            .zip(LEFT_OUT)
            .filter(|(number, _)| !self.left_out.contains_key(number))
            .map(|(_, rule)| rule.why);
        let on_purpose = (0..)
            .zip(ON_PURPOSE)
            .filter(|(number, rule)| {
                rule.when == When::Always && !self.on_purpose.contains_key(number)
            })
            .map(|(_, rule)| rule.why);
        left_out.chain(on_purpose).collect()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out: usize = self.left_out.values().sum();
        let on_purpose: usize = self.on_purpose.values().map(Vec::len).sum();
        writeln!(
            f,
            "{} identical, {on_purpose} different on purpose, {} different, {left_out} left out",
            self.identical,
            self.different.len(),
        )?;
        writeln!(f, "left out:")?;
        for (rule, count) in &self.left_out {
            writeln!(f, "  {count:3} {}", LEFT_OUT[*rule].why)?;
        }
        writeln!(f, "different on purpose:")?;
        for (rule, all) in &self.on_purpose {
            writeln!(f, "  {:3} {}: {all:?}", all.len(), ON_PURPOSE[*rule].why)?;
        }
        if !self.different.is_empty() {
            writeln!(f, "different (theirs => ours):")?;
        }
        self.different
            .iter()
            .try_for_each(|different| write!(f, "{different}"))
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.asked)?;
        let (theirs, ours) = (&self.theirs, &self.ours);
        if theirs.status != ours.status {
            writeln!(f, "  status: {} => {}", theirs.status, ours.status)?;
        }
        if theirs.headers != ours.headers {
            writeln!(f, "  {:?} => {:?}", theirs.headers, ours.headers)?;
        }
        match (&theirs.body, &ours.body) {
            (Body::Json(theirs), Body::Json(ours)) => {
                for (at, theirs, ours) in differences(theirs, ours) {
                    writeln!(f, "  {at}: {} => {}", short(&theirs), short(&ours))?;
                }
            }
            (theirs, ours) if theirs != ours => writeln!(f, "  {theirs:?} => {ours:?}")?,
            _ => {}
        }
        Ok(())
    }
}

fn short(text: &str) -> String {
    const LONGEST: usize = 300;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain("…".chars()).collect()
}
