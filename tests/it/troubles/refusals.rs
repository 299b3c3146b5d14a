//! 1Password says no, in each of its ways.

use std::time::{Duration, Instant};

use onepassword_kafka_dev::{
    simulator::{Fault, Introspection, RetryAfter, Rule, StatusFault, Stream, TokenSpec},
    worker::Metrics,
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{committed, give, path, state};
use crate::{
    operator::edit,
    other,
    rest::ask,
    scene::{Scene, in_time, logged, metrics},
};

#[tokio::test]
async fn a_revoked_token_fails_the_tasks_in_plain_words() {
    let scene = Scene::start().await;
    scene.simulator.revoke(&scene.token);
    let worker = scene.worker();
    let line = logged(&worker, "1Password refuses the token (401)").await;
    for words in [
        "expired or revoked",
        "issue a new token under Integrations > Events Reporting",
        "put it where onepassword.token points",
    ] {
        assert!(line.contains(words), "{words:?} in {line}");
    }
    for stream in Stream::ALL {
        state(&worker, stream, "FAILED").await;
    }
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_token_that_was_wrong_is_picked_up_within_seconds_and_without_a_restart() {
    let mut scene = Scene::start().await;
    edit(
        &scene,
        "poll.interval.ms: 1000",
        "poll.interval.ms: 3600000",
    );
    scene.simulator.revoke(&scene.token);
    scene.publish(5);
    let worker = scene.worker();
    for stream in Stream::ALL {
        state(&worker, stream, "FAILED").await;
    }
    let mended = Instant::now();
    give(&mut scene, TokenSpec::default());
    scene.all_delivered().await;
    assert!(mended.elapsed() < Duration::from_secs(20));
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_token_that_is_rotated_in_time_costs_nothing() {
    let mut scene = Scene::start().await;
    let worker = scene.worker();
    let accepted = "1Password has accepted the token";
    logged(&worker, accepted).await;
    let old = scene.token.clone();
    give(&mut scene, TokenSpec::default());
    let is_accepted_again = async {
        while worker
            .log()
            .iter()
            .filter(|line| line.contains(accepted))
            .count()
            < 2
        {
            tokio::task::yield_now().await;
        }
    };
    in_time("the next poll takes the new token", is_accepted_again).await;
    scene.publish(5);
    scene.all_delivered().await;
    scene.simulator.revoke(&old);
    scene.publish(5);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_account_without_the_plan_is_told_so() {
    let scene = Scene::start().await;
    let behave = |how| {
        scene
            .simulator
            .update_faults(|faults| faults.introspection = how);
    };
    behave(Introspection::Forbidden);
    scene.publish(3);
    let worker = scene.worker();
    logged(&worker, "needs 1Password Business").await;
    for stream in Stream::ALL {
        state(&worker, stream, "FAILED").await;
    }
    behave(Introspection::Healthy);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn an_address_without_an_events_api_is_told_so() {
    let scene = Scene::start().await;
    let behave = |how| {
        scene
            .simulator
            .update_faults(|faults| faults.introspection = how);
    };
    behave(Introspection::Absent);
    scene.publish(3);
    let worker = scene.worker();
    let line = logged(&worker, "there is no Events API at this address (404)").await;
    assert!(line.contains("check onepassword.url"), "{line}");
    behave(Introspection::Healthy);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_stream_that_is_refused_fails_alone_and_recovers_by_itself() {
    let scene = Scene::start().await;
    let worker = scene.worker();
    for (code, words) in [
        (401, "the token is not allowed to read auditevents"),
        (403, "does not let this account read auditevents (403)"),
        (404, "there is no Events API at this address (404)"),
    ] {
        scene.publish(1);
        scene.all_delivered().await;
        let rule = Rule::always(Fault::status(code)).on(Stream::AuditEvents);
        scene.simulator.queue(rule);
        logged(&worker, words).await;
        state(&worker, Stream::AuditEvents, "FAILED").await;
        scene.publish(1);
        let others = u32::try_from(scene.published() / 3).unwrap();
        committed(&worker, Stream::ItemUsages, others).await;
        committed(&worker, Stream::SignInAttempts, others).await;
        state(&worker, Stream::AuditEvents, "FAILED").await;
        scene.simulator.update_faults(|faults| faults.rules.clear());
        state(&worker, Stream::AuditEvents, "RUNNING").await;
    }
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_refused_cursor_waits_for_somebody_and_goes_on_where_it_was() {
    let scene = Scene::start().await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    let audit = path(Stream::AuditEvents);
    scene
        .simulator
        .queue(Rule::always(Fault::CursorRejected).on(Stream::AuditEvents));
    let line = logged(
        &worker,
        "1Password refuses the stored cursor of auditevents",
    )
    .await;
    assert!(line.contains("to go on, set the position"), "{line}");
    state(&worker, Stream::AuditEvents, "FAILED").await;
    scene.publish(5);
    committed(&worker, Stream::ItemUsages, 10).await;
    let refused = scene.simulator.requests();
    let refused = refused
        .to(&audit)
        .filter(|request| request.status == Some(400));
    let cursor = refused.last().unwrap().cursor().unwrap().to_owned();
    scene.simulator.update_faults(|faults| faults.rules.clear());
    scene.all_delivered().await;
    let requests = scene.simulator.requests();
    let mut after = requests
        .to(&audit)
        .skip_while(|request| request.status != Some(400))
        .filter(|request| request.status == Some(200));
    assert_eq!(after.next().unwrap().cursor(), Some(cursor.as_str()));
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn retry_after_is_honoured_in_both_of_its_forms_and_counted_as_throttled() {
    let scene = Scene::start().await;
    scene.publish(1);
    let worker = scene.worker();
    scene.all_delivered().await;
    let audit = path(Stream::AuditEvents);
    for (code, outcome, times, retry_after) in [
        (429, "throttled", 1, RetryAfter::Seconds(3)),
        (429, "throttled", 2, RetryAfter::HttpDate(3)),
        (503, "server_error", 1, RetryAfter::Seconds(3)),
    ] {
        let fault = Fault::Status(StatusFault {
            retry_after: Some(retry_after),
            ..StatusFault::of(code)
        });
        scene.publish(1);
        scene
            .simulator
            .queue(Rule::once(Stream::AuditEvents, fault));
        let asked = |status| {
            let audit = &audit;
            move |requests: &onepassword_kafka_dev::simulator::Requests| {
                requests.count(audit, status)
            }
        };
        let refused = scene
            .simulator
            .requests_until(|requests| asked(code)(requests) == times);
        let before = in_time("the API refuses", refused).await;
        let told = Instant::now();
        let served = scene
            .simulator
            .requests_until(|requests| asked(200)(requests) > asked(200)(&before));
        in_time("the worker asks again", served).await;
        // A date has whole seconds, so it may mean a second less.
        assert!(
            told.elapsed() > Duration::from_millis(1_900),
            "{retry_after:?}"
        );
        let label = ["connector=\"acme\"", &format!("outcome=\"{outcome}\"")];
        let count = f64::from(u32::try_from(times).unwrap());
        metrics(&worker, "it is counted", |m| {
            m.sum("onepassword_requests_total", &label) >= count
        })
        .await;
    }
    logged(&worker, "1Password asks for fewer requests (429)").await;
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn nobody_that_a_refusal_names_is_told_of() {
    let scene = Scene::start().await;
    let message = "Blocked: ann@example.com may not come from 203.0.113.9".to_owned();
    let fault = Fault::Status(StatusFault {
        message: Some(message),
        ..StatusFault::of(403)
    });
    scene
        .simulator
        .update_faults(|faults| faults.rules.push(Rule::always(fault)));
    let worker = scene.worker();
    for stream in Stream::ALL {
        state(&worker, stream, "FAILED").await;
    }
    logged(&worker, "1Password says: Blocked: … may not come from …").await;
    for line in worker.log() {
        let is_told = line.contains("ann@example.com") || line.contains("203.0.113.9");
        assert!(!is_told, "{line}");
    }
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn three_429_raise_the_poll_interval_to_a_quarter_of_an_hour() {
    let scene = Scene::play(other::script()).await;
    scene.publish(1);
    let worker = scene.worker();
    scene.all_delivered().await;
    scene.simulator.update_faults(|faults| {
        faults.rules.push(Rule::always(Fault::status(429)).times(3));
        scene.publish(1);
    });
    let line = logged(&worker, "1Password throttles this account").await;
    assert!(line.contains("Raise poll.interval.ms to 900000"), "{line}");
    metrics(&worker, "the interval is raised", |m| {
        m.sum("onepassword_poll_interval_seconds", &["acme"]) >= 900.0
            && m.sum("onepassword_throttled", &["acme"]) > 0.5
    })
    .await;
    scene.all_delivered().await;
    // Another account is polled each second, while this one rests.
    let creation = json!({ "name": "other", "config": other::connector(&scene) });
    let (status, created) = ask(&worker, Method::POST, "/connectors", Some(&creation)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let polls = |m: &Metrics, connector| {
        let connector = format!("connector=\"{connector}\"");
        m.sum(
            "onepassword_requests_total",
            &[&connector, "outcome=\"ok\""],
        )
    };
    let settled = metrics(&worker, "polls", |m| polls(m, "other") > 8.0).await;
    let enough = polls(&settled, "other") + 9.0;
    let later = metrics(&worker, "more polls", |m| polls(m, "other") >= enough).await;
    let rested = polls(&later, "acme") - polls(&settled, "acme");
    assert!(rested.abs() < f64::EPSILON, "{rested} polls");
    scene.end(worker).await;
    scene.finish().await;
}
