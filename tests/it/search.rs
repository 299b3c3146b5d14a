//! Events searched for over the page's API, in topics that the workers and others have written.

mod order;

use std::collections::BTreeSet;

use onepassword_kafka_dev::{simulator::Stream, worker::Worker};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    rest::{get, healthy},
    scene::{ACCOUNT, Scene, in_time},
};

/// What a search says, line by line.
struct Lines {
    response: Response,
    read: Vec<u8>,
}

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

pub(crate) async fn found(worker: &Worker, query: &[(&str, &str)]) -> Vec<Value> {
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
