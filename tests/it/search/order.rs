//! The order in which events are found, in topics that are not in order.

use std::{cmp::Reverse, collections::BTreeSet, time::Duration};

use onepassword_kafka_dev::simulator::Stream;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Lines, found, place, uuids};
use crate::{
    other,
    rest::{ask, get, healthy},
    scene::Scene,
};

const TIMEOUT: Duration = Duration::from_secs(20);

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
