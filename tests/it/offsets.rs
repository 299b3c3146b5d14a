//! Positions looked at and altered over Kafka Connect's REST API, as its offsets.

use std::time::Duration;

use onepassword_kafka_dev::{reader::check, simulator::Stream, worker::Worker};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    other,
    rest::{ask, get, healthy, tasks_are},
    scene::{ACCOUNT, Scene, Script, in_time, logged, uuids},
};

const PATH: &str = "/connectors/acme/offsets";
const SEED: u64 = 77;

/// Where a stream is read next, as the API tells it.
async fn offset(worker: &Worker, stream: Stream) -> Option<Value> {
    let (status, body) = get(worker, PATH).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let offsets = body["offsets"].as_array().unwrap();
    let partition = json!({ "stream": stream.to_string() });
    let own = offsets.iter().find(|own| own["partition"] == partition);
    own.map(|own| own["offset"].clone())
}

fn alteration(offsets: &[(Stream, Value)]) -> Value {
    let offsets: Vec<_> = offsets
        .iter()
        .map(|(stream, offset)| json!({ "partition": { "stream": stream.to_string() }, "offset": offset }))
        .collect();
    json!({ "offsets": offsets })
}

async fn change(worker: &Worker, what: &str, status: StatusCode) {
    let path = format!("/connectors/acme/{what}");
    let (answer, body) = ask(worker, Method::PUT, &path, None).await;
    assert_eq!(answer, status, "{body}");
}

pub(crate) async fn stop(worker: &Worker) {
    change(worker, "stop", StatusCode::NO_CONTENT).await;
    tasks_are(worker, "acme", 0, "STOPPED").await;
}

pub(crate) async fn resume(worker: &Worker) {
    change(worker, "resume", StatusCode::ACCEPTED).await;
}

/// Every event of a stream is there so often.
async fn each_is_there(scene: &Scene, stream: Stream, times: usize) {
    let published = scene.simulator.published(ACCOUNT, stream);
    let report = check(uuids(&published), &scene.messages(stream).await);
    let is_so = match times {
        1 => report.is_exactly_once(),
        _ => {
            report.repeated.len() == published.len()
                && report.repeated.iter().all(|(_, count)| *count == times)
        }
    };
    assert!(is_so, "{stream}, {times} times: {report}");
}

#[tokio::test]
async fn a_rewind_is_one_step_and_its_cost_is_told_before() {
    const REWIND: &str = "/ui/api/rewind";
    let scene = Scene::start().await;
    scene.publish(30);
    let [one, two] = [scene.worker(), scene.worker()];
    for worker in [&one, &two] {
        healthy(worker).await;
    }
    scene.all_delivered().await;
    let cost = |from: &'static str| format!("{REWIND}?connector=acme&from={from}");
    for (from, events) in [("earliest", 90), ("latest", 0)] {
        let told = get(&one, &cost(from)).await;
        let wanted = json!({ "events": events, "exact": true });
        assert_eq!(told, (StatusCode::OK, wanted), "{from}");
    }
    for (body, status) in [
        (json!({ "connector": "acme", "from": "yesterday" }), 400),
        (json!({ "connector": "acme" }), 400),
        (
            json!({ "connector": "acme", "from": "latest", "x": 1 }),
            400,
        ),
        (json!({ "connector": "nobody", "from": "latest" }), 404),
    ] {
        let (answer, refusal) = ask(&one, Method::POST, REWIND, Some(&body)).await;
        assert_eq!(answer, status, "{refusal}");
    }

    for (worker, times) in [(&one, 2), (&two, 3)] {
        let body = json!({ "connector": "acme", "from": "earliest" });
        let (status, answer) = ask(worker, Method::POST, REWIND, Some(&body)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
        scene.delivered(90 * times).await;
        for stream in Stream::ALL {
            each_is_there(&scene, stream, times).await;
        }
    }
    tasks_are(&one, "acme", 3, "RUNNING").await;
    for worker in [one, two] {
        scene.end(worker).await;
    }
    scene.close().await;
}

#[tokio::test]
async fn offsets_are_shown_altered_and_reset_on_any_worker() {
    let scene = Scene::start().await;
    scene.publish(10);
    let workers = [scene.worker(), scene.worker()];
    let [one, two] = &workers;
    for worker in &workers {
        healthy(worker).await;
    }
    scene.all_delivered().await;
    in_time("offsets are shown", async {
        while offset(two, Stream::AuditEvents)
            .await
            .is_none_or(|at| at["events_total"] != 10)
        {}
    })
    .await;

    let early = alteration(&[
        (
            Stream::SignInAttempts,
            json!({ "start_time": "2020-01-01T00:00:00Z" }),
        ),
        (Stream::ItemUsages, Value::Null),
    ]);
    let (status, refusal) = ask(one, Method::PATCH, PATH, Some(&early)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = refusal["message"].as_str().unwrap();
    assert!(
        message.contains("must be in the STOPPED state"),
        "{message}"
    );
    stop(one).await;
    let audit = offset(one, Stream::AuditEvents).await;
    assert!(audit.as_ref().is_some_and(|at| at["cursor"].is_string()));

    for worker in [two, one] {
        let (status, body) = ask(worker, Method::PATCH, PATH, Some(&early)).await;
        let message = "The offsets for this connector have been altered successfully";
        assert_eq!(
            (status, body),
            (StatusCode::OK, json!({ "message": message }))
        );
        let sign_ins = offset(worker, Stream::SignInAttempts).await.unwrap();
        assert_eq!(sign_ins["start_time"], "2020-01-01T00:00:00Z");
        assert_eq!(sign_ins["events_total"], 10);
        assert_eq!(offset(worker, Stream::ItemUsages).await, None);
        assert_eq!(offset(worker, Stream::AuditEvents).await, audit);
    }
    resume(two).await;
    scene.delivered(50).await;
    stop(two).await;
    let (status, body) = ask(one, Method::DELETE, PATH, None).await;
    let message = "The offsets for this connector have been reset successfully";
    assert_eq!(
        (status, body),
        (StatusCode::OK, json!({ "message": message }))
    );
    assert_eq!(get(one, PATH).await.1, json!({ "offsets": [] }));
    resume(one).await;
    scene.delivered(80).await;
    for worker in workers {
        scene.end(worker).await;
    }
    each_is_there(&scene, Stream::SignInAttempts, 3).await;
    each_is_there(&scene, Stream::ItemUsages, 3).await;
    each_is_there(&scene, Stream::AuditEvents, 2).await;
    scene.close().await;
}

#[tokio::test]
async fn a_position_can_be_given_to_a_connector_that_never_ran() {
    let scene = Scene::play(other::script()).await;
    scene.publish(10);
    let worker = scene.worker();
    healthy(&worker).await;
    scene.all_delivered().await;
    stop(&worker).await;
    let audit = offset(&worker, Stream::AuditEvents).await.unwrap();
    let (_, mut config) = get(&worker, "/connectors/acme/config").await;
    config["connector.class"] = json!("OnePasswordEventsSource");
    config.as_object_mut().unwrap().remove("name");
    let creation = json!({ "name": "heir", "config": config, "initial_state": "STOPPED" });
    let (status, body) = ask(&worker, Method::POST, "/connectors", Some(&creation)).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let path = "/connectors/heir/offsets";
    let seed = Stream::ALL.map(|stream| (stream, audit.clone()));
    let (status, body) = ask(&worker, Method::PATCH, path, Some(&alteration(&seed))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let shown = get(&worker, path).await.1;
    assert_eq!(shown["offsets"][2]["offset"]["cursor"], audit["cursor"]);
    assert_eq!(shown["offsets"][2]["offset"]["events_total"], 0);
    scene.end(worker).await;
    scene.finish().await;
}

/// When a worker is killed that was asked to alter offsets.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// At some instant, likely before it has answered.
    Any,
    /// When what it was asked is in the log.
    Asked,
    /// When it has done that, and may be about to answer.
    Altered,
    /// When it has answered.
    Answered,
}

/// Kills a worker at a moment of altering offsets.
async fn alter_and_kill(
    scene: &Scene,
    worker: &mut Worker,
    moment: Moment,
    random: &mut fastrand::Rng,
    time: &str,
) {
    let body = alteration(&[(Stream::AuditEvents, json!({ "start_time": time }))]);
    let answered = ask(worker, Method::PATCH, PATH, Some(&body));
    let reached = async {
        match moment {
            Moment::Any => {
                let instant = Duration::from_micros(random.u64(0..400_000));
                tokio::time::sleep(instant).await;
            }
            Moment::Asked => while !is_asked(scene, time).await {},
            Moment::Altered => {
                logged(worker, "the positions are altered").await;
            }
            Moment::Answered => std::future::pending().await,
        }
    };
    tokio::select! {
        (status, body) = answered => assert_eq!(status, StatusCode::OK, "{body}"),
        () = reached => {}
    }
    worker.kill();
    scene.keep(worker);
}

/// Whether the log has an alteration to this time.
async fn is_asked(scene: &Scene, time: &str) -> bool {
    let records = scene.read(&scene.topic("connectors")).await;
    records.iter().any(|record| {
        let value = record.value.as_deref().unwrap_or_default();
        String::from_utf8_lossy(value).contains(time)
    })
}

#[tokio::test]
async fn a_rewind_survives_a_kill_at_any_instant_and_is_applied_once() {
    let scene = Scene::play(Script {
        kafka: "group.instance.id: the-only-one".to_owned(),
        ..Script::default()
    })
    .await;
    scene.publish(20);
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut worker = scene.worker();
    healthy(&worker).await;
    scene.all_delivered().await;
    let mut rewinds = 0;
    let moments = [Moment::Asked, Moment::Altered, Moment::Answered];
    for (kill, moment) in moments.into_iter().chain([Moment::Any; 6]).enumerate() {
        stop(&worker).await;
        let time = format!("2020-01-01T00:00:{kill:02}Z");
        alter_and_kill(&scene, &mut worker, moment, &mut random, &time).await;
        worker = scene.worker();
        healthy(&worker).await;
        resume(&worker).await;
        tasks_are(&worker, "acme", 3, "RUNNING").await;
        rewinds += usize::from(is_asked(&scene, &time).await);
        scene.delivered(60 + 20 * rewinds).await;
    }
    stop(&worker).await;
    scene.end(worker).await;
    assert!(rewinds >= moments.len(), "seed {SEED}: {rewinds} rewinds");
    each_is_there(&scene, Stream::SignInAttempts, 1).await;
    each_is_there(&scene, Stream::AuditEvents, 1 + rewinds).await;
    scene.close().await;
}
