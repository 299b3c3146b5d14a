//! Events searched for over the page's API, in topics that the workers and others have written.

use std::{cmp::Reverse, collections::BTreeSet, time::Duration};

use onepassword_kafka_dev::{simulator::Stream, worker::Worker};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    other,
    rest::{ask, get, healthy},
    scene::{ACCOUNT, Scene, in_time},
};

/// What a search says, line by line.
struct Lines {
    response: Response,
    read: Vec<u8>,
}

const TIMEOUT: Duration = Duration::from_secs(20);

// === impl Lines ===

impl Lines {
    async fn of(worker: &Worker, query: &[(&str, &str)]) -> Self {
        let response = request(worker, query).await;
        assert_eq!(response.status(), StatusCode::OK, "{query:?}");
        Self {
            response,
            read: Vec::new(),
        }
    }

    /// The next line; none at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let chunk = in_time("a line comes", self.response.chunk())
                .await
                .unwrap();
            self.read.extend_from_slice(&chunk?);
        }
    }

    /// The next line that has this member.
    async fn next_with(&mut self, member: &str) -> Value {
        loop {
            let line = self.next().await.unwrap();
            assert_eq!(line.get("error"), None);
            if let Some(value) = line.get(member) {
                return value.clone();
            }
        }
    }

    /// All records, and the end.
    async fn all(mut self) -> (Vec<Value>, Value) {
        let mut records = Vec::new();
        loop {
            let line = self.next().await.unwrap();
            assert_eq!(line.get("error"), None);
            if let Some(record) = line.get("record") {
                records.push(record.clone());
            }
            if let Some(end) = line.get("end") {
                assert_eq!(self.next().await, None);
                return (records, end.clone());
            }
        }
    }
}

async fn request(worker: &Worker, query: &[(&str, &str)]) -> Response {
    let url = format!("http://{}/ui/api/search", worker.rest().await.unwrap());
    let url = reqwest::Url::parse_with_params(&url, query).unwrap();
    in_time("a search", reqwest::get(url)).await.unwrap()
}

async fn found(worker: &Worker, query: &[(&str, &str)]) -> Vec<Value> {
    Lines::of(worker, query).await.all().await.0
}

fn place(record: &Value) -> (String, i64, i64) {
    (
        record["topic"].as_str().unwrap().to_owned(),
        record["partition"].as_i64().unwrap(),
        record["offset"].as_i64().unwrap(),
    )
}

fn uuids(records: &[Value]) -> BTreeSet<&str> {
    let uuids = records
        .iter()
        .map(|record| record["value"]["uuid"].as_str());
    uuids.map(Option::unwrap).collect()
}

/// A transaction of `count` records in the topic, which is aborted.
fn aborted(scene: &Scene, stream: Stream, count: usize) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &scene.bootstrap)
        .set("transactional.id", format!("{}-aborted", scene.name))
        .create()
        .unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    producer.begin_transaction().unwrap();
    let topic = scene.topic(stream);
    for number in 0..count {
        let key = number.to_string();
        let record = BaseRecord::to(&topic).key(&key).payload("aborted words");
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(TIMEOUT).unwrap();
    producer.abort_transaction(TIMEOUT).unwrap();
}

#[tokio::test]
async fn events_are_found_newest_first_and_page_by_page_none_is_lost_or_repeated() {
    let scene = Scene::play(other::script()).await;
    let worker = scene.worker();
    healthy(&worker).await;
    scene.history(60);
    scene.all_delivered().await;
    // Another account's past lies behind what is there.
    let creation = json!({ "name": "other", "config": other::connector(&scene) });
    let (status, _) = ask(&worker, Method::POST, "/connectors", Some(&creation)).await;
    assert_eq!(status, StatusCode::CREATED);
    let past = Duration::from_hours(72);
    let simulator = &scene.simulator;
    simulator.history(other::ACCOUNT, Stream::AuditEvents, 60, past);
    scene.delivered(240).await;
    aborted(&scene, Stream::AuditEvents, 20);

    let (mut records, mut next) = (Vec::new(), String::new());
    for page in 0.. {
        let query = [("limit", "25"), ("next", &*next)];
        let (found, end) = Lines::of(&worker, &query).await.all().await;
        assert!(found.len() <= 25 && page < 20);
        records.extend(found);
        match end["next"].as_str() {
            Some(more) => next = more.to_owned(),
            None => break,
        }
    }
    let times: Vec<_> = records
        .iter()
        .map(|record| record["timestamp"].as_str().unwrap())
        .collect();
    let times: Vec<jiff::Timestamp> = times.iter().map(|time| time.parse().unwrap()).collect();
    assert!(times.is_sorted_by_key(|time| Reverse(*time)), "{times:?}");
    let places: BTreeSet<_> = records.iter().map(place).collect();
    assert_eq!((places.len(), records.len()), (240, 240));
    for record in &records {
        assert_eq!(record["unreadable"], Value::Null, "{record}");
        assert_eq!(record["headers"][1]["value"], record["value"]["uuid"]);
    }

    let of_other = found(&worker, &[("connector", "other"), ("limit", "1000")]).await;
    assert_eq!(of_other.len(), 60);
    let published = simulator.published(other::ACCOUNT, Stream::AuditEvents);
    let published = published
        .iter()
        .map(|event| event["uuid"].as_str().unwrap());
    assert_eq!(uuids(&of_other), published.collect());

    let count = "/ui/api/rewind?connector=acme&from=";
    let (status, rewound) = get(&worker, &format!("{count}earliest")).await;
    assert_eq!(
        (status, rewound),
        (StatusCode::OK, json!({"events": 180, "exact": true}))
    );
    let (_, rewound) = get(&worker, &format!("{count}latest")).await;
    assert_eq!(rewound, json!({"events": 0, "exact": true}));
    let (_, some) = get(&worker, &format!("{count}PT36H&stream=auditevents")).await;
    let some = some["events"].as_u64().unwrap();
    assert!((1..60).contains(&some), "{some}");
    scene.end(worker).await;
    scene.close().await;
}

/// Records of the last days, and behind them others of the weeks before, some of them at the same time.
fn disordered(scene: &Scene, stream: Stream, count: i64) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &scene.bootstrap)
        .create()
        .unwrap();
    let topic = scene.topic(stream);
    let now = onepassword_kafka::clock::now().as_millisecond();
    for number in 0..count {
        let is_late = number > count * 2 / 3;
        let minutes = if is_late {
            3 * count - number
        } else {
            count - number
        } / 7;
        let record = BaseRecord::to(&topic)
            .key("")
            .payload("x")
            .partition(i32::try_from(number % 3).unwrap())
            .timestamp(now - minutes * 60_000);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(TIMEOUT).unwrap();
}

#[tokio::test]
async fn a_search_in_many_steps_keeps_the_order_and_loses_nothing() {
    const COUNT: i64 = 30_000;
    let scene = Scene::start().await;
    let worker = scene.worker();
    healthy(&worker).await;
    disordered(&scene, Stream::SignInAttempts, COUNT);
    let (mut records, mut next) = (Vec::new(), String::new());
    let mut scanned = 0;
    loop {
        let query = [("limit", "7000"), ("next", &*next)];
        let (found, end) = Lines::of(&worker, &query).await.all().await;
        records.extend(found);
        scanned += end["scanned"].as_i64().unwrap();
        match end["next"].as_str() {
            Some(more) => next = more.to_owned(),
            None => break,
        }
    }
    let time = |record: &Value| -> jiff::Timestamp {
        record["timestamp"].as_str().unwrap().parse().unwrap()
    };
    assert!(records.is_sorted_by_key(|record| Reverse(time(record))));
    let places: BTreeSet<_> = records.iter().map(place).collect();
    let count = usize::try_from(COUNT).unwrap();
    assert_eq!((places.len(), records.len()), (count, count));
    assert!(scanned < 10 * COUNT, "{scanned}");
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_search_finds_what_it_is_told_to() {
    let scene = Scene::start().await;
    let worker = scene.worker();
    healthy(&worker).await;
    scene.history(40);
    scene.all_delivered().await;
    scene
        .write("auditevents", 0, "somebody", Some("Strange words"))
        .await;

    let all = found(&worker, &[("limit", "1000"), ("connector", "acme")]).await;
    assert_eq!(all.len(), 120);
    let usages = found(&worker, &[("stream", "itemusages"), ("limit", "1000")]).await;
    assert_eq!(usages.len(), 40);
    let one = &usages[20];
    let value = &one["value"];
    assert_eq!(
        value["timestamp"].as_str().map(str::len),
        Some("2026-11-25T10:00:00.123456Z".len())
    );
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap();
    let queries = [
        text("/uuid").to_owned(),
        text("/uuid").to_lowercase(),
        format!("uuid:={}", text("/uuid")),
        format!("\"{}\" uuid:{}", text("/user/name"), text("/uuid")),
        format!("user.email:{} {}", text("/user/email"), text("/uuid")),
    ];
    for query in queries {
        let found = found(&worker, &[("q", &query)]).await;
        assert_eq!(found.len(), 1, "{query}");
        assert_eq!(place(&found[0]), place(one));
    }
    let email = text("/user/email");
    let theirs = found(
        &worker,
        &[("q", &format!("email:={email}")), ("limit", "1000")],
    )
    .await;
    let has_email = |record: &&Value| {
        record["value"]
            .to_string()
            .contains(&format!("\"{email}\""))
    };
    assert_eq!(theirs.len(), all.iter().filter(has_email).count());

    let (from, to) = (
        one["timestamp"].as_str().unwrap(),
        usages[10]["timestamp"].as_str().unwrap(),
    );
    let between = found(
        &worker,
        &[("from", from), ("to", to), ("stream", "itemusages")],
    )
    .await;
    let expected: Vec<_> = usages[11..=20].iter().map(place).collect();
    assert_eq!(between.iter().map(place).collect::<Vec<_>>(), expected);

    // What cannot be decoded is found by its bytes, and shown as it is.
    let strange = found(&worker, &[("q", "strange")]).await;
    assert_eq!(strange.len(), 1);
    let why = strange[0]["unreadable"].as_str().unwrap();
    assert!(why.contains("not in Confluent's wire format"), "{why}");
    assert_eq!(
        (&strange[0]["key"], &strange[0]["raw"]),
        (&json!("somebody"), &json!("U3RyYW5nZSB3b3Jkcw=="))
    );

    let csv = request(
        &worker,
        &[
            ("format", "csv"),
            ("stream", "itemusages"),
            ("limit", "1000"),
        ],
    )
    .await;
    assert_eq!(
        csv.headers()["content-disposition"],
        "attachment; filename=\"events.csv\""
    );
    let csv = csv.text().await.unwrap();
    assert!(csv.starts_with("stream,kafka.topic,"), "{csv}");
    assert_eq!(csv.lines().count(), 41);
    let file = request(&worker, &[("download", "true"), ("limit", "1000")]).await;
    assert_eq!(file.text().await.unwrap().lines().count(), 121);
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_tail_shows_what_comes_and_goes_on_where_it_was() {
    let scene = Scene::start().await;
    let worker = scene.worker();
    healthy(&worker).await;
    scene.publish(5);
    scene.all_delivered().await;
    let query = [("tail", "true"), ("stream", "auditevents")];
    let mut tail = Lines::of(&worker, &query).await;
    let begun = tail.next_with("progress").await["next"]
        .as_str()
        .unwrap()
        .to_owned();
    scene.publish(1);
    let record = tail.next_with("record").await;
    let published = scene.simulator.published(ACCOUNT, Stream::AuditEvents);
    assert_eq!(record["value"]["uuid"], published[5]["uuid"]);
    drop(tail);
    let mut again = Lines::of(&worker, &[query[0], query[1], ("next", &begun)]).await;
    assert_eq!(place(&again.next_with("record").await), place(&record));
    let behind = again.next_with("progress").await["next"]
        .as_str()
        .unwrap()
        .to_owned();
    drop(again);
    scene.publish(1);
    let mut more = Lines::of(&worker, &[query[0], query[1], ("next", &behind)]).await;
    assert_ne!(place(&more.next_with("record").await), place(&record));
    drop(more);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_search_ends_when_its_client_goes_away() {
    let scene = Scene::start().await;
    let worker = scene.worker();
    healthy(&worker).await;
    let large = "x".repeat(64 << 10);
    for number in 0..300 {
        let key = number.to_string();
        scene
            .write("auditevents", number % 3, &key, Some(&large))
            .await;
    }
    // Nobody reads these, so that they cannot end.
    let long = [("limit", "10000")];
    let mut unread = Vec::new();
    while unread.len() < 4 {
        unread.push(Lines::of(&worker, &long).await);
    }
    let refused = request(&worker, &long).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let words = refused.text().await.unwrap();
    assert!(words.contains("Too many searches"), "{words}");
    drop(unread);
    in_time("a search is possible again", async {
        while request(&worker, &[("limit", "1")]).await.status() != StatusCode::OK {}
    })
    .await;
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_told_what_is_wrong() {
    let scene = Scene::start().await;
    let worker = scene.worker();
    healthy(&worker).await;
    for (query, words) in [
        (
            "search?q=%22open",
            "q has a quotation mark that is not closed",
        ),
        ("search?q=a:", "without a value"),
        ("search?from=yesterday", "from is neither a time"),
        ("search?stream=all", "stream is none of"),
        ("search?limit=100000", "limit is no number from 1 to 10000"),
        ("search?next=e30", "next is none that a search has told"),
        ("search?format=xml", "format is neither"),
        ("search?tail=true&format=csv", "tail has no end"),
        ("rewind?connector=acme", "from is missing"),
        (
            "rewind?connector=acme&from=then",
            "from is none of earliest",
        ),
    ] {
        let (status, body) = get(&worker, &format!("/ui/api/{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    let (status, _) = get(&worker, "/ui/api/rewind?connector=nobody&from=earliest").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    scene.end(worker).await;
    scene.close().await;
}
