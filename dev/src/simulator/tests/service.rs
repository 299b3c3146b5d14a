//! The service in good health: tokens, bodies, pages, cursors, limits.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::*;
use crate::simulator::{Advice, Compression, RateLimits, Scheme};

#[tokio::test]
async fn a_page_has_cursor_more_and_items() {
    let bench = Bench::start().await;
    bench.simulator.publish(ACCOUNT, STREAM, 5);
    let first = bench.page(&json!({"limit": 3})).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    assert_eq!(first["has_more"], true);
    let second = bench
        .page(&json!({"cursor": first["cursor"], "limit": 1}))
        .await;
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    assert_eq!(second["has_more"], false);
    let third = bench.page(&json!({"cursor": second["cursor"]})).await;
    assert_eq!(third["items"], json!([]));
    assert_eq!(third["cursor"], second["cursor"]);
}

#[tokio::test]
async fn a_full_last_page_says_more_and_the_next_is_empty() {
    let bench = Bench::start().await;
    bench.simulator.publish(ACCOUNT, STREAM, 2);
    let full = bench.page(&json!({"limit": 2})).await;
    assert_eq!(full["has_more"], true);
    let empty = bench.page(&json!({"cursor": full["cursor"]})).await;
    assert_eq!(empty["items"], json!([]));
    assert_eq!(empty["has_more"], false);
}

#[tokio::test]
async fn an_end_time_stays_with_the_cursor() {
    let bench = Bench::start().await;
    for hour in ["01", "02", "03"] {
        let item = json!({"uuid": hour, "timestamp": format!("2026-11-01T{hour}:00:00Z")});
        bench.simulator.insert(ACCOUNT, STREAM, &item);
    }
    let window = json!({"start_time": "2026-11-01T02:00:00Z", "end_time": "2026-11-01T03:00:00Z"});
    let page = bench.page(&window).await;
    assert_eq!(page["items"][0]["uuid"], "02");
    let next = bench.page(&json!({"cursor": page["cursor"]})).await;
    assert_eq!(next["items"], json!([]));
}

#[tokio::test]
async fn both_versions_tell_the_same_of_all_streams() {
    let bench = Bench::start().await;
    for stream in Stream::ALL {
        bench.simulator.publish(ACCOUNT, stream, 40);
        let mut uuids = Vec::new();
        for version in ["v1", "v2"] {
            let path = format!("/api/{version}/{stream}");
            let answer = bench.post(&path, &json!({})).send().await.unwrap();
            let page: Value = answer.json().await.unwrap();
            let items = page["items"].as_array().unwrap();
            uuids.push(
                items
                    .iter()
                    .map(|item| item["uuid"].clone())
                    .collect::<Vec<_>>(),
            );
            let modern = items
                .iter()
                .filter(|item| item.get("actor_type").is_some())
                .count();
            assert!(modern == 0 || version == "v2");
        }
        assert_eq!(uuids[0].len(), 40);
        assert_eq!(uuids[0], uuids[1]);
    }
}

#[tokio::test]
async fn introspection_describes_the_token_in_both_forms() {
    let bench = Bench::start().await;
    let v1: Value = bench
        .get("/api/auth/introspect")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let v2: Value = bench
        .get("/api/v2/auth/introspect")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(v2["account_uuid"], ACCOUNT);
    assert_eq!(
        v2["features"],
        json!(["signinattempts", "itemusages", "auditevents"])
    );
    assert_eq!(v1["UUID"], v2["uuid"]);
    assert_eq!(v1["Features"], v2["features"]);
    assert!(v1["IssuedAt"].is_string());
}

#[tokio::test]
async fn only_a_good_token_with_the_feature_reads() {
    let bench = Bench::start().await;
    let narrow = bench.simulator.issue(TokenSpec {
        features: vec![Stream::ItemUsages],
        ..TokenSpec::default()
    });
    let expired = bench.simulator.issue(TokenSpec {
        expires_in: Some(Duration::ZERO),
        ..TokenSpec::default()
    });
    let revoked = bench.simulator.issue(TokenSpec::default());
    bench.simulator.revoke(&revoked);
    let url = format!("{}/api/v1/auditevents", bench.simulator.url());
    for token in [
        narrow.as_str(),
        expired.as_str(),
        revoked.as_str(),
        "ops_nonsense",
    ] {
        let answer = bench
            .client
            .post(&url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let body: Value = answer.json().await.unwrap();
        assert!(body["Error"]["Message"].is_string());
    }
    let answer = bench.client.post(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn accounts_are_apart() {
    let bench = Bench::start().await;
    bench.simulator.publish("SOMEBODYELSE", STREAM, 3);
    assert_eq!(bench.page(&json!({})).await["items"], json!([]));
    let token = bench.simulator.issue(TokenSpec {
        account_uuid: "SOMEBODYELSE".to_owned(),
        ..TokenSpec::default()
    });
    let other = Bench { token, ..bench };
    assert_eq!(
        other.drain(json!({})).await.0,
        other.simulator.published("SOMEBODYELSE", STREAM)
    );
}

#[tokio::test]
async fn wrong_paths_methods_and_bodies_are_refused() {
    let bench = Bench::start().await;
    let unknown = bench.get("/api/v1/auth/introspect").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(unknown.text().await.unwrap(), "404 page not found\n");
    let method = bench.get("/api/v2/auditevents").send().await.unwrap();
    assert_eq!(method.status(), StatusCode::METHOD_NOT_ALLOWED);
    let body = json!({"limit": 1001});
    let answer = bench
        .post("/api/v2/auditevents", &body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], 400);
}

#[tokio::test]
async fn too_many_requests_are_turned_away_with_advice() {
    let bench = Bench::start().await;
    bench.simulator.set_rate_limits(Some(RateLimits {
        per_minute: 2,
        advice: Advice::Seconds,
        ..RateLimits::default()
    }));
    bench.page(&json!({})).await;
    bench.page(&json!({})).await;
    let answer = bench
        .post("/api/v2/itemusages", &json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds = answer.headers()["retry-after"].to_str().unwrap();
    assert!((1..=60).contains(&seconds.parse::<u32>().unwrap()));
}

#[tokio::test]
async fn requests_are_noted_without_the_token() {
    let bench = Bench::start().await;
    let page = bench.page(&json!({"limit": 5})).await;
    let more = bench.post("/api/v2/auditevents", &json!({"cursor": page["cursor"]}));
    more.header("user-agent", "test/1").send().await.unwrap();
    let requests = bench
        .simulator
        .requests_until(|seen| seen.total() == 2)
        .await;
    assert_eq!(requests.count("/api/v2/auditevents", 200), 2);
    let all: Vec<_> = requests.to("/api/v2/auditevents").collect();
    assert_eq!(all[0].body, json!({"limit": 5}));
    assert_eq!(all[1].cursor(), page["cursor"].as_str());
    assert_eq!(all[1].user_agent.as_deref(), Some("test/1"));
    assert_eq!(all[1].content_type.as_deref(), Some("application/json"));
    assert!(all[1].bearer);
    let text = serde_json::to_string(&requests).unwrap();
    assert!(!text.contains(bench.token.as_str()));
}

#[tokio::test]
async fn plain_http_and_gzip_can_be_chosen() {
    let bench = Bench::with(Options {
        scheme: Scheme::Http,
        compression: Compression::Gzip,
        ..Options::default()
    })
    .await;
    bench.simulator.publish(ACCOUNT, STREAM, 20);
    assert!(bench.simulator.url().starts_with("http://localhost:"));
    let asked = bench
        .post("/api/v2/auditevents", &json!({}))
        .send()
        .await
        .unwrap();
    assert!(
        asked.headers().get("content-length").is_none(),
        "decompressed"
    );
    let page: Value = asked.json().await.unwrap();
    assert_eq!(
        page["items"],
        json!(bench.simulator.published(ACCOUNT, STREAM))
    );
    let refused = bench.post("/api/v2/auditevents", &json!({}));
    let plain = refused
        .header("accept-encoding", "identity")
        .send()
        .await
        .unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
}

#[tokio::test]
async fn it_is_reached_by_the_name_that_it_was_given() {
    let options = Options {
        host: "simulator".to_owned(),
        ..Options::default()
    };
    let simulator = Simulator::start(options).await.unwrap();
    let (name, port) = simulator.authority().split_once(':').unwrap();
    assert_eq!(name, "simulator");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
    let pem = std::fs::read(simulator.ca_file()).unwrap();
    let client = Client::builder()
        .tls_certs_only([Certificate::from_pem(&pem).unwrap()])
        .no_proxy()
        .resolve(name, address)
        .build()
        .unwrap();
    let url = format!("{}/control/faults", simulator.url());
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn controls_work_over_http() {
    let bench = Bench::start().await;
    let publication = json!({"stream": "auditevents", "count": 3, "when": {"late": 60_000}});
    let answer = bench
        .post("/control/publish", &publication)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let listed = bench.get(&format!(
        "/control/published?account={ACCOUNT}&stream=auditevents"
    ));
    let listed: Value = listed.send().await.unwrap().json().await.unwrap();
    assert_eq!(listed, json!(bench.simulator.published(ACCOUNT, STREAM)));
    let rule = json!({"fault": {"kind": "status", "code": 502}, "times": 1});
    bench.post("/control/faults", &rule).send().await.unwrap();
    let faults: Value = bench
        .get("/control/faults")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(faults["rules"][0]["fault"]["code"], 502);
    let answer = bench
        .post("/api/v2/auditevents", &json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let seen: Value = bench
        .get("/control/requests")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        seen["counts"],
        json!([{"path": "/api/v2/auditevents", "status": 502, "count": 1}])
    );
}

#[tokio::test]
async fn tokens_can_be_issued_and_revoked_over_http() {
    let bench = Bench::start().await;
    let url = format!("{}/api/v2/auditevents", bench.simulator.url());
    let wish = json!({"features": ["auditevents"]});
    let answer = bench.post("/control/tokens", &wish).send().await.unwrap();
    let issued: Value = answer.json().await.unwrap();
    let token = issued["token"].as_str().unwrap();
    for status in [StatusCode::OK, StatusCode::UNAUTHORIZED] {
        let answer = bench.client.post(&url).bearer_auth(token).send();
        assert_eq!(answer.await.unwrap().status(), status);
        let revoked = bench.post("/control/tokens/revoke", &issued);
        revoked.send().await.unwrap();
    }
}

#[tokio::test]
async fn stopping_it_closes_the_port_and_connections() {
    let bench = Bench::start().await;
    let url = bench.simulator.url();
    bench.page(&json!({})).await;
    bench.simulator.stop().await;
    bench.client.get(url).send().await.unwrap_err();
}
