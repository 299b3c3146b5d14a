//! What must be survived: the answers of broken services and the tricks of the network.
//!
//! Each fault strikes while there are events to read; afterwards all of them are there, once.

use std::time::Duration;

use onepassword_kafka_dev::simulator::{
    Compression, ErrorShape, Fault, Options, RetryAfter, Rule, StatusFault, Stream,
};

use super::committed;
use crate::scene::{ACCOUNT, Scene, Script, in_time, logged, logged_times, metrics};

/// How a request that a fault befell is counted.
type Outcome = &'static str;

const OK: Outcome = "ok";
const SERVER_ERROR: Outcome = "server_error";
const NETWORK: Outcome = "network";
const MALFORMED: Outcome = "malformed";

/// Lets each fault strike three requests, and sees that everything arrives all the same.
async fn survives(faults: impl IntoIterator<Item = (Fault, Outcome)>) {
    let scene = Scene::play(Script {
        simulator: Options {
            compression: Compression::Gzip,
            rate_limits: None,
            ..Options::default()
        },
        ..Script::default()
    })
    .await;
    scene.publish(1);
    let worker = scene.worker();
    scene.all_delivered().await;
    for (fault, outcome) in faults {
        let label = format!("outcome=\"{outcome}\"");
        let requests = |m: &onepassword_kafka_dev::worker::Metrics| {
            m.sum("onepassword_requests_total", &[&label])
        };
        let before = requests(&worker.metrics().await.unwrap());
        let is_told = |line: &str| line.contains("not read, trying again");
        let told = worker.log().iter().filter(|line| is_told(line)).count();
        scene.simulator.update_faults(|faults| {
            faults.rules.push(Rule::always(fault.clone()).times(3));
            scene.publish(5);
        });
        let struck = scene
            .simulator
            .requests_until(|_| scene.simulator.faults().rules.is_empty());
        in_time("the fault strikes", struck).await;
        let what = format!("{fault:?} is counted as {outcome}");
        metrics(&worker, &what, |m| requests(m) >= before + 3.0).await;
        if outcome != OK {
            // It is no empty page.
            logged_times(&worker, told + 3, is_told).await;
        }
        for stream in Stream::ALL {
            let published = scene.simulator.published_count(ACCOUNT, stream);
            committed(&worker, stream, u32::try_from(published).unwrap()).await;
        }
    }
    scene.end(worker).await;
    scene.finish().await;
}

fn gateway(code: u16, shape: ErrorShape, retry_after: Option<RetryAfter>) -> Fault {
    Fault::Status(StatusFault {
        shape,
        retry_after,
        ..StatusFault::of(code)
    })
}

#[tokio::test]
async fn a_service_with_problems_of_its_own_is_survived() {
    let soon = Some(RetryAfter::Seconds(1));
    survives([
        (gateway(500, ErrorShape::Documented, None), SERVER_ERROR),
        (gateway(502, ErrorShape::Html, None), SERVER_ERROR),
        (gateway(503, ErrorShape::Empty, soon), SERVER_ERROR),
        (gateway(504, ErrorShape::Text, None), SERVER_ERROR),
        (gateway(408, ErrorShape::Empty, None), SERVER_ERROR),
        (gateway(429, ErrorShape::Documented, None), "throttled"),
    ])
    .await;
}

#[tokio::test]
async fn a_slow_stalled_or_broken_connection_is_survived() {
    let delay = Duration::from_millis(1_500);
    let pause = Duration::from_millis(100);
    let passing = survives([
        (Fault::SlowHeaders { delay }, OK),
        (Fault::SlowBody { chunk: 512, pause }, OK),
        (Fault::ResetBeforeAnswer, NETWORK),
        (Fault::ResetMidBody, NETWORK),
    ]);
    tokio::join!(passing, survives_a_stall());
}

/// An answer that stalls is given up after half a minute; meanwhile the other streams go on.
async fn survives_a_stall() {
    let scene = Scene::start().await;
    scene.publish(1);
    let worker = scene.worker();
    scene.all_delivered().await;
    scene.simulator.update_faults(|faults| {
        faults
            .rules
            .push(Rule::once(Stream::AuditEvents, Fault::StalledBody));
        scene.publish(5);
    });
    committed(&worker, Stream::ItemUsages, 6).await;
    logged(&worker, "the answer came too slowly").await;
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_body_that_is_damaged_on_its_way_is_survived() {
    let html = "text/html; charset=utf-8".to_owned();
    survives([
        (Fault::TruncatedJson, MALFORMED),
        (Fault::NotJson, MALFORMED),
        (Fault::ContentType { value: html }, OK),
        (Fault::GzipOn, OK),
        (Fault::GzipOff, OK),
        (Fault::GzipBroken, MALFORMED),
        (Fault::GzipFalse, MALFORMED),
        (Fault::Oversized { bytes: 1 << 20 }, OK),
    ])
    .await;
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_survived() {
    survives([(Fault::Oversized { bytes: 65 << 20 }, MALFORMED)]).await;
}

#[tokio::test]
async fn a_page_that_lacks_a_part_is_survived() {
    survives([
        (Fault::ItemsNull, OK),
        (Fault::ItemsAbsent, OK),
        (Fault::CursorMissing, MALFORMED),
        (Fault::CursorNull, MALFORMED),
        (Fault::CursorNumber, MALFORMED),
        (Fault::EmptyWithMore, OK),
        (Fault::ReversedItems, OK),
    ])
    .await;
}

/// The API's answers are not questioned: whoever wants each uuid once takes the first of them.
#[tokio::test]
async fn an_event_that_the_api_gives_twice_in_a_page_is_published_twice() {
    let scene = Scene::start().await;
    scene.simulator.update_faults(|faults| {
        faults
            .rules
            .push(Rule::once(Stream::AuditEvents, Fault::DuplicateItems));
        scene.publish(5);
    });
    let worker = scene.worker();
    committed(&worker, Stream::AuditEvents, 10).await;
    scene.publish(1);
    committed(&worker, Stream::AuditEvents, 11).await;
    let messages = scene.messages(Stream::AuditEvents).await;
    for (number, event) in scene
        .simulator
        .published(ACCOUNT, Stream::AuditEvents)
        .iter()
        .enumerate()
    {
        let uuid = event["uuid"].as_str();
        let times = messages
            .iter()
            .filter(|message| message.header("ce_id") == uuid);
        assert_eq!(times.count(), if number < 5 { 2 } else { 1 });
    }
    scene.end(worker).await;
    scene.close().await;
}
