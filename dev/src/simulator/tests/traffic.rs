//! What is published, and when: every event exactly where it belongs.

use std::{collections::HashSet, time::Duration};

use super::*;
use crate::simulator::{Order, When, clock};

const DAY: Duration = Duration::from_hours(24);

fn uuids(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["uuid"].as_str().unwrap())
        .collect()
}

/// What a seed decides: everything but the times.
fn timeless(items: Vec<Value>) -> Vec<Value> {
    let strip = |mut item: Value| {
        item.as_object_mut().unwrap().remove("timestamp");
        item.as_object_mut().unwrap().remove("session");
        item
    };
    items.into_iter().map(strip).collect()
}

#[tokio::test]
async fn a_client_that_keeps_reading_misses_nothing_and_repeats_nothing() {
    for order in [Order::EventTime, Order::InsertionTime] {
        let bench = Bench::with(Options {
            order,
            rate_limits: None,
            ..Options::default()
        })
        .await;
        bench.simulator.history(ACCOUNT, STREAM, 500, DAY);
        let start = json!({"limit": 70, "start_time": "2020-01-01T00:00:00Z"});
        let (mut read, mut position) = bench.drain(start).await;
        for count in 1..40 {
            let when = if count % 5 == 0 {
                When::OneMillisecond
            } else {
                When::Now
            };
            bench.simulator.publish_when(ACCOUNT, STREAM, count, when);
            let (items, next) = bench.drain(position).await;
            read.extend(items);
            position = next;
        }
        assert_eq!(read, bench.simulator.published(ACCOUNT, STREAM));
        assert_eq!(
            uuids(&read).into_iter().collect::<HashSet<_>>().len(),
            500 + 780
        );
    }
}

#[tokio::test]
async fn whoever_begins_to_read_now_sees_all_that_comes() {
    let bench = Bench::start().await;
    for count in [1, 5000] {
        let start = json!({"limit": 1000, "start_time": clock::now().to_string()});
        bench.simulator.publish(ACCOUNT, STREAM, count);
        let (read, _) = bench.drain(start).await;
        assert!(read.len() >= count);
    }
}

#[tokio::test]
async fn a_large_history_is_served_whole() {
    let bench = Bench::start().await;
    bench.simulator.history(ACCOUNT, STREAM, 20_000, DAY * 100);
    let start = json!({"limit": 1000, "start_time": "2020-01-01T00:00:00Z"});
    let (read, _) = bench.drain(start).await;
    assert_eq!(read.len(), bench.simulator.published_count(ACCOUNT, STREAM));
    assert_eq!(read, bench.simulator.published(ACCOUNT, STREAM));
}

#[tokio::test]
async fn late_arrivals_hide_from_cursors_in_order_of_event_time_only() {
    for (order, seen) in [(Order::EventTime, 0), (Order::InsertionTime, 3)] {
        let bench = Bench::with(Options {
            order,
            ..Options::default()
        })
        .await;
        bench.simulator.publish(ACCOUNT, STREAM, 2);
        let (_, position) = bench.drain(json!({})).await;
        let late = When::Late(Duration::from_mins(10));
        bench.simulator.publish_when(ACCOUNT, STREAM, 3, late);
        assert_eq!(bench.drain(position).await.0.len(), seen);
        assert_eq!(bench.drain(json!({})).await.0.len(), 5);
    }
}

#[tokio::test]
async fn a_wrong_clock_hides_what_follows() {
    let bench = Bench::start().await;
    let ahead = When::Ahead(Duration::from_hours(1));
    bench.simulator.publish_when(ACCOUNT, STREAM, 1, ahead);
    let (read, position) = bench.drain(json!({})).await;
    assert_eq!(read.len(), 1);
    bench.simulator.publish(ACCOUNT, STREAM, 1);
    assert!(bench.drain(position).await.0.is_empty());
}

#[tokio::test]
async fn retention_cuts_off_the_oldest() {
    let bench = Bench::start().await;
    let old = json!({"uuid": "OLD", "timestamp": "2020-01-01T00:00:00Z"});
    bench.simulator.insert(ACCOUNT, STREAM, &old);
    bench.simulator.history(ACCOUNT, STREAM, 10, DAY);
    let (read, _) = bench
        .drain(json!({"start_time": "2019-01-01T00:00:00Z"}))
        .await;
    assert_eq!(read.len(), 10);
    assert_eq!(bench.simulator.published_count(ACCOUNT, STREAM), 11);
}

#[tokio::test]
async fn impossible_items_are_served_as_they_are() {
    let bench = Bench::start().await;
    let twin = json!({"uuid": "TWIN", "timestamp": "2026-11-01T00:00:00Z"});
    let odd = [
        twin.clone(),
        twin,
        json!({"uuid": "NO TIME"}),
        json!({"timestamp": "yesterday"}),
        json!("not an object"),
        json!(null),
        json!({"uuid": 7, "filler": "x".repeat(3_000_000)}),
    ];
    for item in &odd {
        bench.simulator.insert(ACCOUNT, STREAM, item);
    }
    let start = json!({"limit": 1, "start_time": "2026-10-31T00:00:00Z"});
    let (read, _) = bench.drain(start).await;
    assert_eq!(read, odd);
}

#[tokio::test]
async fn a_seed_repeats_everything_but_the_times() {
    let options = || Options {
        seed: 42,
        ..Options::default()
    };
    let (one, two) = (Bench::with(options()).await, Bench::with(options()).await);
    for stream in Stream::ALL {
        for bench in [&one, &two] {
            bench.simulator.publish(ACCOUNT, stream, 200);
        }
        let [first, second] =
            [&one, &two].map(|bench| timeless(bench.simulator.published(ACCOUNT, stream)));
        let unordered =
            |items: Vec<Value>| -> HashSet<String> { items.iter().map(Value::to_string).collect() };
        assert_eq!(unordered(first), unordered(second));
    }
}

#[tokio::test]
async fn surprises_come_in_their_share_and_of_every_kind() {
    let bench = Bench::with(Options {
        surprises: 1.0,
        ..Options::default()
    })
    .await;
    let mut text = String::new();
    for stream in Stream::ALL {
        bench.simulator.history(ACCOUNT, stream, 2000, DAY);
        text.push_str(&json!(bench.simulator.published(ACCOUNT, stream)).to_string());
    }
    for sign in [
        "quantum_failed",
        "hologram",
        "teleport",
        "\"risk\":",
        "\"channel\":",
        "\"ip\":",
        "2001:db8::",
        "-03:00\"",
        "\"user_account_uuid\":",
        "\"type\":\"user\"",
        "{\\\"deviceUuid\\\":",
        "\"details\":null",
        "\"app_name\":\"\"",
        "山田 太郎",
        "United States",
    ] {
        assert!(text.contains(sign), "{sign}");
    }
    for digits in [0, 3, 8, 9] {
        let ends = |item: &Value| {
            let time = item["timestamp"].as_str().unwrap();
            time.ends_with('Z') && time.len() == 20 + digits + usize::from(digits > 0)
        };
        let items = bench.simulator.published(ACCOUNT, STREAM);
        assert!(items.iter().any(ends), "{digits}");
    }
    let plain = Bench::with(Options {
        surprises: 0.0,
        ..Options::default()
    })
    .await;
    plain.simulator.publish(ACCOUNT, STREAM, 500);
    assert!(
        plain
            .simulator
            .published(ACCOUNT, STREAM)
            .iter()
            .all(|item| item["risk"].is_null())
    );
}

#[tokio::test]
async fn traffic_flows_on_all_streams_until_it_is_dropped() {
    let bench = Bench::start().await;
    let traffic = bench.simulator.traffic(ACCOUNT, 1000.0);
    let counted = || Stream::ALL.map(|stream| bench.simulator.published_count(ACCOUNT, stream));
    while counted().contains(&0) {
        tokio::task::yield_now().await;
    }
    drop(traffic);
}
