//! The examples of docs/consuming.md, each run as it is against the topics of a worker.
//!
//! In each topic there is also a transaction that was rolled back, which no consumer may see.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use onepassword_kafka::clock;
use onepassword_kafka_dev::{
    consumers::{APICURIO, Consumer},
    python::CONFLUENT,
    reader::Report,
    simulator::Stream,
};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::{Value, json};
use tokio::task;

use crate::{
    avro::lost,
    scene::{ACCOUNT, Scene, metrics, uuids},
};

/// What an example says that is different here, and the time from which on something is read again.
struct Place {
    bootstrap: String,
    registry: String,
    name: String,
    since: Timestamp,
}

/// Longer than any example takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// The time that the examples begin again at.
const SINCE: &str = "2026-11-24T09:00:00";
const SINCE_MILLIS: &str = "1795510800000";
const ROLLED_BACK: &str = "ROLLED-BACK";

// === impl Place ===

impl Place {
    fn of(scene: &Scene) -> Self {
        Self {
            bootstrap: scene.bootstrap.clone(),
            registry: scene.registry.clone(),
            name: scene.name.clone(),
            since: clock::now() - SignedDuration::from_hours(24),
        }
    }

    /// An example, as somebody would change it for this place.
    fn example(&self, file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/consume");
        let text = fs::read_to_string(path.join(file)).unwrap();
        let native = self
            .registry
            .replace("/apis/ccompat/v7", "/apis/registry/v3");
        let since = self.since.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let millis = self.since.as_second() * 1000;
        let mut changed = text
            .replace("http://localhost:8081/apis/registry/v3", &native)
            .replace("http://localhost:8081", &self.registry)
            .replace("localhost:9092", &self.bootstrap)
            .replace("sign-ins", &format!("{}-sign-ins", self.name))
            .replace(SINCE, &since)
            .replace(SINCE_MILLIS, &millis.to_string());
        for topic in ["signinattempts", "itemusages", "auditevents", "deadletters"] {
            let ours = format!("{}.{topic}", self.name);
            changed = changed.replace(&format!("onepassword.{topic}"), &ours);
        }
        changed
    }

    /// Runs a script to its end.
    async fn shell(&self, file: &str) -> Vec<String> {
        let consumer = Consumer::shell(self.example(file)).await.unwrap();
        consumer.ended(PATIENCE).await.unwrap()
    }

    /// Runs the example in Python until it has printed `count` lines.
    async fn python(&self, count: usize) -> Vec<String> {
        let program = self.example("consumer.py");
        let consumer = Consumer::python(&CONFLUENT, program).await.unwrap();
        until(consumer, count).await
    }

    fn is_since(&self, event: &Value) -> bool {
        let time: Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
        time.as_second() >= self.since.as_second()
    }
}

#[tokio::test]
#[ignore = "it needs python3 with venv, a JDK and Maven: cargo test --test it consume -- --ignored"]
async fn python_reads_every_event_once_and_again_from_a_time_on() {
    let scene = with_history().await;
    let place = Place::of(&scene);
    let published = scene.simulator.published(ACCOUNT, Stream::SignInAttempts);
    let lines = place.python(published.len()).await;
    are_the_events(&published, &lines);

    let moved = place.shell("replay.sh").await;
    assert!(
        moved.iter().any(|line| line.contains("NEW-OFFSET")),
        "{moved:?}"
    );
    let later: Vec<_> = published
        .into_iter()
        .filter(|event| place.is_since(event))
        .collect();
    are_the_events(&later, &place.python(later.len()).await);
    scene.finish().await;
}

#[tokio::test]
#[ignore = "it needs a JDK and Maven: cargo test --test it consume -- --ignored"]
async fn java_reads_every_event_once() {
    let scene = with_history().await;
    let published = scene.simulator.published(ACCOUNT, Stream::AuditEvents);
    let program = Place::of(&scene).example("java/Audit.java");
    let consumer = Consumer::java(&APICURIO, program).await.unwrap();
    are_the_events(&published, &until(consumer, published.len()).await);
    scene.finish().await;
}

#[tokio::test]
#[ignore = "it needs kcat, a JDK and Maven: cargo test --test it consume -- --ignored"]
async fn kcat_and_kafkas_console_show_every_record_once() {
    let scene = with_history().await;
    let place = Place::of(&scene);
    let published = scene.simulator.published(ACCOUNT, Stream::ItemUsages);
    let keys: BTreeMap<String, String> = uuids(&published)
        .zip(published.iter().map(|event| {
            let user = event["user"]["uuid"].as_str();
            user.or(event["uuid"].as_str()).unwrap().to_owned()
        }))
        .collect();

    let seen = place.shell("kcat.sh").await;
    let seen = seen.iter().map(|line| {
        let [_, _, _, key, headers] = words(line, ' ');
        (id(headers, '='), key.to_owned())
    });
    are(&keys, seen.collect());

    let console = Consumer::shell(place.example("console.sh")).await.unwrap();
    let seen = until(console, keys.len()).await;
    let seen = seen.iter().map(|line| {
        let [_, headers, key] = words(line, '\t');
        (id(headers, ':'), key.to_owned())
    });
    are(&keys, seen.collect());

    let later = published.iter().filter(|event| place.is_since(event));
    let mut later: Vec<_> = later
        .map(|event| keys[event["uuid"].as_str().unwrap()].clone())
        .collect();
    let seen = place.shell("replay-kcat.sh").await;
    let mut seen: Vec<_> = seen
        .iter()
        .map(|line| words::<2>(line, ' ')[1].to_owned())
        .collect();
    later.sort();
    seen.sort();
    assert_eq!(seen, later);
    scene.finish().await;
}

#[tokio::test]
#[ignore = "it needs kcat, a JDK and Maven: cargo test --test it consume -- --ignored"]
async fn kcat_shows_every_dead_letter_with_its_reason() {
    let scene = Scene::start().await;
    let bad = json!({"uuid": "NOTIME", "no": "time"});
    scene.simulator.insert(ACCOUNT, Stream::AuditEvents, &bad);
    let worker = scene.worker();
    metrics(&worker, "a dead letter", |seen| {
        seen.sum("onepassword_dead_letters_total", &[]) >= 1.0
    })
    .await;
    let lines = Place::of(&scene).shell("dead-letters.sh").await;
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let letter: Value = serde_json::from_str(line).unwrap();
    let item: Value = serde_json::from_str(letter["payload"].as_str().unwrap()).unwrap();
    assert_eq!(item, bad);
    let headers = letter["headers"].as_array().unwrap();
    let at = headers.iter().position(|name| name == "onepassword.reason");
    assert_eq!(headers[at.unwrap() + 1], "the item has no timestamp");
    scene.end(worker).await;
    scene.close().await;
}

/// All that a consumer prints that is ended once it has printed `count` lines.
async fn until(consumer: Consumer, count: usize) -> Vec<String> {
    consumer.lines(count, PATIENCE).await.unwrap();
    consumer.end().await.unwrap()
}

/// Three days of events in their topics, then in each a transaction that was rolled back, then more events.
async fn with_history() -> Scene {
    let scene = Scene::start().await;
    scene.history(300);
    let worker = scene.worker();
    scene.all_delivered().await;
    for stream in Stream::ALL {
        let (bootstrap, topic) = (scene.bootstrap.clone(), scene.topic(stream));
        let value = scene.messages(stream).await[0].value.clone().unwrap();
        let rolled_back = move || roll_back(&bootstrap, &topic, &value);
        task::spawn_blocking(rolled_back).await.unwrap();
    }
    scene.publish(100);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene
}

/// Writes an event once more to each partition of a topic, in a transaction that is rolled back.
fn roll_back(bootstrap: &str, topic: &str, value: &[u8]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", format!("{topic}-rolled-back"))
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    for partition in 0..3 {
        let record = BaseRecord::to(topic).partition(partition);
        producer
            .send(record.key(ROLLED_BACK).payload(value))
            .unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
}

/// Each event is a line once, with all of its values.
fn are_the_events(published: &[Value], lines: &[String]) {
    let records: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let report = Report::compare(uuids(published), uuids(&records));
    assert!(report.is_exactly_once(), "{report}");
    for event in published {
        let record = records
            .iter()
            .find(|record| record["uuid"] == event["uuid"]);
        assert_eq!(lost(event, record.unwrap()), None, "{event}");
    }
}

/// Each event was seen once, with its key.
fn are(keys: &BTreeMap<String, String>, seen: Vec<(String, String)>) {
    let report = Report::compare(keys.keys().cloned(), seen.iter().map(|(id, _)| id.clone()));
    assert!(report.is_exactly_once(), "{report}");
    assert_eq!(seen.into_iter().collect::<BTreeMap<_, _>>(), *keys);
}

/// The value of `ce_id` in headers as they are printed.
fn id(headers: &str, mark: char) -> String {
    let mut all = headers
        .split(',')
        .filter_map(|header| header.split_once(mark));
    let (_, id) = all.find(|(name, _)| *name == "ce_id").unwrap();
    id.to_owned()
}

fn words<const N: usize>(line: &str, mark: char) -> [&str; N] {
    let words: Vec<_> = line.splitn(N, mark).collect();
    words.try_into().unwrap_or_else(|_| panic!("{line}"))
}
