//! Requests that nobody sends in good faith, each to a worker that must go on serving.

use std::net::SocketAddr;

use onepassword_kafka_dev::worker::Worker;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{ALICE, Guarded, ask, healthy, status};
use crate::scene::{in_time, logged};

/// Sends bytes, and reads until the worker closes.
async fn told(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The worker may have closed before all of it is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    // A reset is an end as well.
    let _ = in_time("the worker closes", reading).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of each answer.
fn codes(answer: &str) -> Vec<&str> {
    let lines = answer
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    lines.map(|line| &line[..3]).collect()
}

#[tokio::test]
async fn what_is_no_request_leaves_the_worker_serving() {
    let guarded = Guarded::new("rest.request.timeout.ms: 1000\n").await;
    let worker = guarded.scene.worker();
    healthy(&worker).await;
    let address = worker.rest().await.unwrap();
    let credentials = format!("authorization: Bearer {}\r\nhost: localhost", guarded.token);
    let long = "x".repeat(100_000);
    let many = "x: 1\r\n".repeat(1000);
    let garbage: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for (request, codes_expected) in [
        (format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n"), &["431"][..]),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), &["431"]),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), &["431"]),
        ("GET / HTTP/1.1\r\nx y: 1\r\n\r\n".to_owned(), &["400"]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &["400"]),
        ("GET  /  HTTP/1.1\r\n\r\n\r\n".to_owned(), &["400"]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        // Two lengths: another server could see another request in the body.
        (
            format!(
                "PUT / HTTP/1.1\r\n{credentials}\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n12345"
            ),
            &["400"],
        ),
        // Slow ones: nothing, half a head, half a body.
        (String::new(), &[]),
        (format!("GET / HTTP/1.1\r\n{credentials}\r\nx-ha"), &[]),
        (
            format!(
                "POST /connectors HTTP/1.1\r\n{credentials}\r\ncontent-type: application/json\r\n\
                 content-length: 100\r\n\r\n{{"
            ),
            &["408"],
        ),
        // A line break that would end the header.
        (
            format!("GET /connectors/a%0D%0Ax:%20y HTTP/1.1\r\n{credentials}\r\n\r\n"),
            &["400"],
        ),
    ] {
        let answer = told(address, request.as_bytes()).await;
        assert_eq!(
            codes(&answer),
            codes_expected,
            "{}\n{answer}",
            request.get(..200).unwrap_or(&request)
        );
        assert!(!answer.contains("x: y"), "{answer}");
        assert_eq!(
            status(&worker, ALICE, Method::GET, "/").await,
            StatusCode::OK
        );
    }
    assert_eq!(codes(&told(address, &garbage).await), ["400"]);
    // What is left open holds up neither the others nor the end.
    let mut open = Vec::new();
    for _ in 0..300 {
        open.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(
        status(&worker, ALICE, Method::GET, "/").await,
        StatusCode::OK
    );
    guarded.finish(worker).await;
    drop(open);
}

#[tokio::test]
async fn a_change_whose_asker_has_gone_is_made_and_logged() {
    let guarded = Guarded::new("").await;
    let worker = guarded.scene.worker();
    healthy(&worker).await;
    let path = "/connectors/acme/config";
    let config = ask(&worker, ALICE, Method::GET, path, json!({})).await;
    let config = config.text().await.unwrap();
    let mut stream = TcpStream::connect(worker.rest().await.unwrap())
        .await
        .unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        guarded.token,
        config.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The worker has begun when it wants the body.
    let mut go = [0; 25];
    let wanted = in_time("the body is wanted", stream.read_exact(&mut go));
    wanted.await.unwrap();
    assert_eq!(&go, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(config.as_bytes()).await.unwrap();
    drop(stream);
    let line = logged(&worker, "a change was asked for").await;
    assert!(line.contains(path) && line.contains(":200"), "{line}");
    guarded.finish(worker).await;
}

#[tokio::test]
async fn requests_that_mean_harm_are_refused() {
    let guarded = Guarded::new("").await;
    let worker = guarded.scene.worker();
    healthy(&worker).await;
    let address = worker.rest().await.unwrap();
    for path in [
        "/connectors/%2e%2e",
        "/connectors/..%2f..%2fetc%2fpasswd",
        "/connectors/a%00b/status",
        "/connectors/%ff",
        "//connectors",
        "/connectors/%5c..%5c",
    ] {
        // A client would tidy the path up.
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            guarded.token
        );
        let answer = told(address, request.as_bytes()).await;
        assert_eq!(codes(&answer), ["400"], "{path}");
        assert!(
            answer.contains(r#"{"error_code":400,"message":"the path has "#),
            "{answer}"
        );
    }
    let deep = |open: &str, close: &str| {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let body = format!("{{\"name\":\"deep\",\"config\":{text}}}");
        send(&worker, body)
    };
    assert_eq!(deep("[", "]").await, StatusCode::BAD_REQUEST);
    assert_eq!(deep("{\"a\":", "}").await, StatusCode::BAD_REQUEST);
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(send(&worker, large).await, StatusCode::PAYLOAD_TOO_LARGE);
    for name in ["a\r\nx: y", "a\0b", "../../etc", &"x".repeat(10_000)] {
        let body = json!({ "name": name, "config": {} });
        let answer = ask(&worker, ALICE, Method::POST, "/connectors", body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{name:?}");
        assert!(!answer.headers().contains_key("x"), "{name:?}");
    }
    assert_eq!(
        status(&worker, ALICE, Method::GET, "/connectors").await,
        StatusCode::OK
    );
    guarded.finish(worker).await;
}

async fn send(worker: &Worker, body: String) -> StatusCode {
    let url = format!("http://{}/connectors", worker.rest().await.unwrap());
    let request = ALICE.on(reqwest::Client::new().post(url));
    let request = request
        .header("content-type", "application/json")
        .body(body);
    in_time("an answer", request.send()).await.unwrap().status()
}
