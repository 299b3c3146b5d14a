//! Every fault does what it says, and the request after it is served.

use std::time::{Duration, Instant};

use reqwest::Response;

use super::*;
use crate::simulator::{
    ErrorShape, Faults, Introspection, RateLimitHeaders, RetryAfter, StatusFault,
};

const PATH: &str = "/api/v2/auditevents";

/// The answer to a plain request that meets the fault.
async fn meet(bench: &Bench, fault: Fault) -> reqwest::Result<Response> {
    bench.next(fault);
    bench.post(PATH, &json!({})).send().await
}

/// The JSON of an answer that was spoiled by the fault.
async fn page(bench: &Bench, fault: Fault) -> Value {
    meet(bench, fault).await.unwrap().json().await.unwrap()
}

async fn with_events() -> Bench {
    let bench = Bench::start().await;
    bench.simulator.publish(ACCOUNT, STREAM, 10);
    bench
}

#[tokio::test]
async fn statuses_come_in_every_shape_with_their_headers() {
    let bench = Bench::start().await;
    for code in [400, 401, 403, 404, 429, 500, 502, 503, 504] {
        let answer = meet(&bench, Fault::status(code)).await.unwrap();
        assert_eq!(answer.status().as_u16(), code);
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], code);
    }
    for (shape, sign) in [
        (
            ErrorShape::Spec,
            "{\"Error\":{\"Message\":\"Service Unavailable\"}}",
        ),
        (ErrorShape::Html, "<html>"),
        (ErrorShape::Text, "503 Service Unavailable\n"),
        (ErrorShape::Empty, ""),
    ] {
        let fault = StatusFault {
            shape,
            retry_after: Some(RetryAfter::Seconds(9)),
            rate_limit: Some(RateLimitHeaders {
                limit: 600,
                remaining: 0,
                reset: 9,
            }),
            ..StatusFault::of(503)
        };
        let answer = meet(&bench, Fault::Status(fault)).await.unwrap();
        assert_eq!(answer.headers()["retry-after"], "9");
        assert_eq!(answer.headers()["ratelimit-reset"], "9");
        assert!(answer.text().await.unwrap().starts_with(sign));
    }
    bench.page(&json!({})).await;
}

#[tokio::test]
async fn retry_after_can_be_a_date() {
    let bench = Bench::start().await;
    let fault = StatusFault {
        shape: ErrorShape::Empty,
        retry_after: Some(RetryAfter::HttpDate(30)),
        ..StatusFault::of(429)
    };
    let answer = meet(&bench, Fault::Status(fault)).await.unwrap();
    let date = answer.headers()["retry-after"].to_str().unwrap();
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
}

#[tokio::test]
async fn slowness_is_slow_and_ends() {
    let bench = with_events().await;
    let begun = Instant::now();
    let delay = Duration::from_millis(80);
    page(&bench, Fault::SlowHeaders { delay }).await;
    assert!(begun.elapsed() >= delay);
    let begun = Instant::now();
    let pause = Duration::from_millis(2);
    page(&bench, Fault::SlowBody { chunk: 200, pause }).await;
    assert!(begun.elapsed() >= pause * 10);
}

#[tokio::test]
async fn a_stalled_body_begins_and_never_ends() {
    let bench = with_events().await;
    let mut answer = meet(&bench, Fault::StalledBody).await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    let rest = async { while answer.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_millis(50), rest)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn connections_are_reset_before_and_within_the_answer() {
    let bench = with_events().await;
    meet(&bench, Fault::ResetBeforeAnswer).await.unwrap_err();
    let mut answer = meet(&bench, Fault::ResetMidBody).await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    let end = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    end.unwrap_err();
    bench.page(&json!({})).await;
    assert_eq!(bench.simulator.requests().count(PATH, 0), 1);
}

#[tokio::test]
async fn bodies_can_be_broken() {
    let bench = with_events().await;
    for fault in [Fault::TruncatedJson, Fault::NotJson] {
        let answer = meet(&bench, fault).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.json::<Value>().await.unwrap_err().is_decode());
    }
    let value = "text/html".to_owned();
    let answer = meet(&bench, Fault::ContentType { value }).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html");
    let answer = meet(&bench, Fault::Oversized { bytes: 1_000_000 })
        .await
        .unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.len() > 1_000_000);
    let oversized: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(oversized["items"], bench.page(&json!({})).await["items"]);
}

#[tokio::test]
async fn an_endless_body_can_be_left() {
    let bench = with_events().await;
    let mut answer = meet(&bench, Fault::Oversized { bytes: u64::MAX })
        .await
        .unwrap();
    let mut read = 0;
    while read < 5_000_000 {
        read += answer.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn items_can_be_null_absent_doubled_or_reversed() {
    let bench = with_events().await;
    let healthy = bench.page(&json!({})).await;
    let nothing = page(&bench, Fault::ItemsNull).await;
    assert_eq!(nothing.get("items"), Some(&Value::Null));
    assert_eq!(
        bench.page(&json!({"cursor": nothing["cursor"]})).await["items"],
        healthy["items"]
    );
    let absent = page(&bench, Fault::ItemsAbsent).await;
    assert_eq!(absent.get("items"), None);
    let doubled = page(&bench, Fault::DuplicateItems).await;
    assert_eq!(doubled["items"].as_array().unwrap().len(), 20);
    assert_eq!(doubled["items"][0], doubled["items"][1]);
    let reversed = page(&bench, Fault::ReversedItems).await;
    assert_eq!(reversed["items"][9], healthy["items"][0]);
}

#[tokio::test]
async fn cursors_can_be_missing_or_no_text() {
    let bench = with_events().await;
    assert_eq!(page(&bench, Fault::CursorMissing).await.get("cursor"), None);
    assert_eq!(
        page(&bench, Fault::CursorNull).await.get("cursor"),
        Some(&Value::Null)
    );
    assert_eq!(page(&bench, Fault::CursorNumber).await["cursor"], 7);
}

#[tokio::test]
async fn more_can_be_said_in_vain() {
    let bench = with_events().await;
    let begun = bench.page(&json!({"limit": 4})).await;
    let body = json!({"cursor": begun["cursor"]});
    bench.next(Fault::EmptyWithMore);
    let empty = bench.page(&body).await;
    assert_eq!(empty["items"], json!([]));
    assert_eq!(
        (&empty["has_more"], &empty["cursor"]),
        (&json!(true), &begun["cursor"])
    );
    bench.next(Fault::CursorStuck);
    let stuck = bench.page(&body).await;
    assert_eq!(stuck["items"].as_array().unwrap().len(), 4);
    assert_eq!(
        (&stuck["has_more"], &stuck["cursor"]),
        (&json!(true), &begun["cursor"])
    );
}

#[tokio::test]
async fn an_empty_page_can_have_a_cursor_of_its_own() {
    let bench = with_events().await;
    bench.simulator.queue(Rule::always(Fault::CursorRenewed));
    let mut page = bench.page(&json!({})).await;
    for _ in 0..3 {
        let next = bench.page(&json!({"cursor": page["cursor"]})).await;
        assert_eq!(next["items"], json!([]));
        assert_ne!(next["cursor"], page["cursor"]);
        page = next;
    }
    bench.simulator.publish(ACCOUNT, STREAM, 1);
    let next = bench.page(&json!({"cursor": page["cursor"]})).await;
    assert_eq!(next["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cursor_can_be_rejected_while_a_reset_is_served() {
    let bench = with_events().await;
    bench.simulator.queue(Rule::always(Fault::CursorRejected));
    let begun = bench.page(&json!({"limit": 4})).await;
    let answer = bench
        .post(PATH, &json!({"cursor": begun["cursor"]}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn gzip_can_be_forced_forbidden_and_broken() {
    let bench = with_events().await;
    let healthy = bench.page(&json!({})).await;
    assert_eq!(page(&bench, Fault::GzipOn).await["items"], healthy["items"]);
    assert_eq!(
        page(&bench, Fault::GzipOff).await["items"],
        healthy["items"]
    );
    for fault in [Fault::GzipBroken, Fault::GzipFalse] {
        meet(&bench, fault)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn introspection_can_be_absent_or_forbidden() {
    let bench = Bench::start().await;
    for (introspection, v1, v2) in [
        (Introspection::Healthy, 200, 200),
        (Introspection::WithoutAccount, 200, 200),
        (Introspection::WithoutV2, 200, 404),
        (Introspection::Absent, 404, 404),
        (Introspection::Forbidden, 403, 403),
    ] {
        bench.simulator.set_faults(Faults {
            introspection,
            ..Faults::default()
        });
        for (path, status) in [
            ("/api/auth/introspect", v1),
            ("/api/v2/auth/introspect", v2),
        ] {
            let answer = bench.get(path).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{introspection:?} {path}");
            let named = answer.text().await.unwrap().contains("account_uuid");
            let healthy = introspection == Introspection::Healthy;
            assert_eq!(named, healthy && path.contains("v2"));
        }
    }
}

#[tokio::test]
async fn a_rule_can_be_about_one_account_and_one_stream() {
    let bench = Bench::start().await;
    let mine = Rule {
        account: Some(ACCOUNT.to_owned()),
        ..Rule::always(Fault::status(500)).on(STREAM)
    };
    bench.simulator.queue(mine);
    let usages = bench
        .post("/api/v2/itemusages", &json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(usages.status(), StatusCode::OK);
    let audits = bench.post(PATH, &json!({})).send().await.unwrap();
    assert_eq!(audits.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let token = bench.simulator.issue(TokenSpec {
        account_uuid: "OTHER".to_owned(),
        ..TokenSpec::default()
    });
    Bench { token, ..bench }.page(&json!({})).await;
}
