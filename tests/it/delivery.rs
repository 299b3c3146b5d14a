//! What arrives: every value of every event, once, where and how it was promised.

use std::collections::BTreeMap;

use onepassword_kafka_dev::{
    admin::Admin,
    reader::{Decoder, Message},
    simulator::{Fault, Options, Rule, Stream, TokenSpec, When},
    worker::Metrics,
};
use serde_json::{Value, json};

use crate::{
    avro::lost,
    scene::{ACCOUNT, Scene, Script, in_time, logged, metrics, uuids},
};

/// Keys, and which of three partitions Java clients choose for them: the hashes are in `UtilsTest.testMurmur2` of Kafka.
const PLACES: [(&str, i32); 5] = [
    ("21", 0),
    ("foobar", 0),
    ("a-little-bit-long-string", 2),
    ("a-little-bit-longer-string", 2),
    ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 2),
];

#[tokio::test]
async fn every_stream_arrives_equal_in_every_value() {
    let scene = Scene::play(Script {
        simulator: Options {
            surprises: 1.0,
            rate_limits: None,
            ..Options::default()
        },
        connector: "page.limit: 100".to_owned(),
        ..Script::default()
    })
    .await;
    scene.history(500);
    scene.publish(100);
    for (user, _) in PLACES {
        let item = json!({"uuid": user, "timestamp": an_hour_ago(), "actor_uuid": user});
        scene.simulator.insert(ACCOUNT, Stream::AuditEvents, &item);
    }
    let worker = scene.worker();
    scene.all_delivered().await;
    let mut decoder = Decoder::new(&scene.registry);
    for stream in Stream::ALL {
        let messages = scene.messages(stream).await;
        let mut places = BTreeMap::<_, Vec<_>>::new();
        for event in scene.simulator.published(ACCOUNT, stream) {
            let uuid = event["uuid"].as_str().unwrap();
            let message = messages
                .iter()
                .find(|message| message.header("ce_id") == Some(uuid))
                .unwrap();
            let record = decoder
                .decode(message.value.as_deref().unwrap())
                .await
                .unwrap();
            assert_eq!(lost(&event, &record), None, "{event} became {record}");
            is_as_promised(message, &event, &record, stream);
            let places = places.entry(message.key.clone()).or_default();
            places.push((message.partition, message.offset));
        }
        for (key, places) in &places {
            let (first, last) = (places[0], places[places.len() - 1]);
            let are_in_order = places.is_sorted() && first.0 == last.0;
            assert!(are_in_order, "{key:?}: {places:?}");
        }
        if stream == Stream::AuditEvents {
            for (key, partition) in PLACES {
                assert_eq!(places[&Some(key.into())][0].0, partition, "{key}");
            }
        }
    }
    scene.end(worker).await;
    scene.finish().await;
}

/// Key, time and headers, and the fields that the connector adds.
fn is_as_promised(message: &Message, event: &Value, record: &Value, stream: Stream) {
    let user = match stream {
        Stream::SignInAttempts => &event["target_user"]["uuid"],
        Stream::ItemUsages => &event["user"]["uuid"],
        Stream::AuditEvents => &event["actor_uuid"],
    };
    let key = user.as_str().or(event["uuid"].as_str()).unwrap();
    assert_eq!(message.key.as_deref(), Some(key.as_bytes()));
    let micros = record["timestamp"].as_i64().unwrap();
    assert_eq!(message.timestamp_ms, Some(micros.div_euclid(1000)));
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_time", event["timestamp"].as_str().unwrap()),
        ("ce_type", &format!("com.1password.events.v2.{stream}")),
        ("content-type", "application/avro"),
        ("onepassword.connector", "acme"),
    ] {
        assert_eq!(message.header(name), Some(value), "{name}");
    }
    assert!(
        message
            .header("ce_source")
            .unwrap()
            .ends_with(&format!("/api/v2/{stream}"))
    );
    assert_eq!(record["connector"], "acme");
    assert_eq!(record["api_version"], "v2");
    assert_eq!(record["account_uuid"], ACCOUNT);
}

#[tokio::test]
async fn what_cannot_become_a_record_becomes_a_dead_letter_and_blocks_nothing() {
    let scene = Scene::start().await;
    let time = an_hour_ago();
    let good = json!({"uuid": "GOOD", "timestamp": time});
    let bad = [
        json!({"timestamp": time, "no": "uuid"}),
        json!({"uuid": "NOTIME", "timestamp": "yesterday"}),
        json!("not an object"),
    ];
    let large = json!({"uuid": "LARGE", "timestamp": time, "noise": noise(3_000_000)});
    // 2 MB of which zstd alone makes less than the topic takes, 1 MB: no other looks back so far.
    let echo = json!({"uuid": "ECHO", "timestamp": time, "noise": noise(100_000).repeat(20)});
    for item in bad.iter().chain([&large, &good, &echo]) {
        scene.simulator.insert(ACCOUNT, Stream::AuditEvents, item);
    }
    let worker = scene.worker();
    let metrics = metrics(&worker, "dead letters", |m| {
        m.sum("onepassword_dead_letters_total", &[]) >= 4.0
    })
    .await;
    assert!((metrics.sum("onepassword_events_total", &[]) - 2.0).abs() < f64::EPSILON);
    let dead = scene.read(&scene.topic("deadletters")).await;
    let mut seen: Vec<Value> = dead
        .iter()
        .map(|letter| serde_json::from_slice(letter.value.as_deref().unwrap()).unwrap())
        .collect();
    for item in bad.iter().chain([&large]) {
        let at = seen.iter().position(|letter| letter == item);
        seen.remove(at.unwrap_or_else(|| {
            panic!(
                "no dead letter for {}",
                &item.to_string()[..40.min(item.to_string().len())]
            )
        }));
    }
    assert!(seen.is_empty());
    let reasons: Vec<_> = dead
        .iter()
        .map(|letter| letter.header("onepassword.reason").unwrap())
        .collect();
    for reason in [
        "no uuid",
        "timestamp is not an RFC 3339 time",
        "not a JSON object",
        "too large",
    ] {
        assert!(
            reasons.iter().any(|told| told.contains(reason)),
            "{reason}: {reasons:?}"
        );
    }
    assert!(
        dead.iter()
            .all(|letter| letter.header("onepassword.stream") == Some("auditevents"))
    );
    assert_eq!(scene.messages(Stream::AuditEvents).await.len(), 2);
    scene.end(worker).await;
    scene.close().await;
}

fn an_hour_ago() -> String {
    (onepassword_kafka::clock::now() - jiff::SignedDuration::from_hours(1)).to_string()
}

/// Text that does not compress, as the broker's limit is on what is compressed.
fn noise(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.alphanumeric())
        .take(length)
        .collect()
}

#[tokio::test]
async fn an_event_from_the_future_is_taken_as_of_now() {
    let scene = Scene::start().await;
    scene.simulator.publish_when(
        ACCOUNT,
        Stream::AuditEvents,
        3,
        When::Ahead(std::time::Duration::from_hours(48)),
    );
    let worker = scene.worker();
    metrics(&worker, "the events", |m| {
        m.sum("onepassword_events_total", &["auditevents"]) >= 3.0
    })
    .await;
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    for message in scene.messages(Stream::AuditEvents).await {
        assert!(message.timestamp_ms <= Some(now));
        assert!(message.header("ce_time").is_some());
    }
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn an_idle_connector_writes_nothing_to_kafka() {
    let scene = Scene::start().await;
    scene.publish(10);
    // Nor does it where an empty page has a cursor of its own.
    let renewed = Rule::always(Fault::CursorRenewed).on(Stream::AuditEvents);
    scene.simulator.queue(renewed);
    let worker = scene.worker();
    scene.all_delivered().await;
    let polls = |m: &Metrics| m.sum("onepassword_requests_total", &["outcome=\"ok\""]);
    let settled = metrics(&worker, "a poll", |m| polls(m) > 8.0).await;
    let before = ends(&scene).await;
    metrics(&worker, "idle polls", |m| polls(m) >= polls(&settled) + 9.0).await;
    assert_eq!(ends(&scene).await, before);
    scene.end(worker).await;
    scene.finish().await;
}

/// Where every topic of the scene ends, control records included.
async fn ends(scene: &Scene) -> Vec<(String, Vec<i64>)> {
    let admin = Admin::new(&scene.bootstrap).unwrap();
    let mut ends = Vec::new();
    for what in [
        "signinattempts",
        "itemusages",
        "auditevents",
        "cursors",
        "deadletters",
        "connectors",
        "status",
    ] {
        let marks = admin.watermarks(&scene.topic(what)).await.unwrap();
        ends.push((
            what.to_owned(),
            marks.iter().map(|mark| mark.high).collect(),
        ));
    }
    ends
}

#[tokio::test]
async fn a_cursor_that_does_not_advance_alarms_instead_of_looping() {
    let scene = Scene::start().await;
    scene.publish(50);
    scene.simulator.update_faults(|faults| {
        faults
            .rules
            .push(Rule::once(Stream::AuditEvents, Fault::None));
        faults
            .rules
            .push(Rule::always(Fault::CursorStuck).on(Stream::AuditEvents));
    });
    let worker = scene.worker();
    logged(&worker, "does not move on from its cursor").await;
    metrics(&worker, "the task fails", |m| {
        m.sum("onepassword_task_state", &["auditevents", "FAILED"]) > 0.0
    })
    .await;
    metrics(&worker, "the others go on", |m| {
        m.sum("onepassword_events_total", &["itemusages"]) >= 50.0
    })
    .await;
    let asked = scene.simulator.requests().to("/api/v2/auditevents").count();
    assert!(asked < 10, "{asked} requests");
    scene.simulator.update_faults(|faults| faults.rules.clear());
    scene.publish(1);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn several_accounts_share_topics_and_not_their_troubles() {
    let scene = Scene::start().await;
    let other = "OTHERACCOUNT7777777777777A";
    let token = scene.simulator.issue(TokenSpec {
        account_uuid: other.to_owned(),
        ..TokenSpec::default()
    });
    let path = scene.program.write("other", token.as_str()).unwrap();
    let text = std::fs::read_to_string(scene.program.config()).unwrap();
    let more = format!(
        "  other:\n    onepassword.token: ${{file:{}}}\n    poll.interval.ms: 1000\n",
        path.display()
    );
    scene.program.configure(&(text + &more)).unwrap();
    scene.simulator.revoke(&scene.token);
    let worker = scene.worker();
    for count in [20.0, 40.0] {
        scene.simulator.publish(other, Stream::AuditEvents, 20);
        metrics(&worker, "the sound one goes on", |m| {
            m.sum("onepassword_events_total", &["connector=\"other\""]) >= count
        })
        .await;
        logged(&worker, "1Password refuses the token (401)").await;
    }
    let expected = scene.simulator.published(other, Stream::AuditEvents);
    let messages = scene.messages(Stream::AuditEvents).await;
    let report = onepassword_kafka_dev::reader::check(uuids(&expected), &messages);
    assert!(report.is_exactly_once(), "{report}");
    assert!(
        messages
            .iter()
            .all(|message| message.header("onepassword.connector") == Some("other"))
    );
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_topic_that_refuses_records_fails_its_task_only() {
    let scene = Scene::play(Script {
        connector: "page.limit: 10".to_owned(),
        ..Script::default()
    })
    .await;
    let admin = Admin::new(&scene.bootstrap).unwrap();
    let keeps = ("retention.ms", "-1");
    let refuses = [("message.timestamp.before.max.ms", "3600000"), keeps];
    let topic = scene.topic(Stream::AuditEvents);
    admin.create_topic(&topic, 1, &refuses).await.unwrap();
    // Two pages that are refused and sixteen that would be taken: more than are on their way at a time.
    scene.history(20);
    scene.publish(160);
    let worker = scene.worker();
    for stream in ["signinattempts", "itemusages"] {
        let arrived = |m: &Metrics| m.sum("onepassword_events_total", &[stream]) >= 180.0;
        metrics(&worker, "the others go on", arrived).await;
    }
    let told = ["Kafka does not take this page", "auditevents"];
    let told = worker.logged(|line| told.iter().all(|what| line.contains(what)));
    in_time("its task fails", told).await.unwrap();
    let of_others =
        |line: &&String| line.contains("does not take this page") && !line.contains("auditevents");
    assert_eq!(worker.log().iter().find(of_others), None);
    // No page has overtaken one that was refused, and none is skipped.
    assert!(scene.messages(Stream::AuditEvents).await.is_empty());
    admin.set_topic_config(&topic, keeps).await.unwrap();
    scene.all_delivered().await;
    scene.publish(10);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}
