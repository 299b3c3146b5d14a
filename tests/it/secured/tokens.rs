//! OAUTHBEARER with the tokens of a provider: of a small one that lives in the test.

use std::time::UNIX_EPOCH;

use axum::{Json, Router, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use onepassword_kafka_dev::stack::Stack;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{check_with, delivers, has_no_password, scene, security, stack};
use crate::scene::Script;

/// `id:password-of-id` in base 64, as clients show it.
const CREDENTIALS: &str = "Basic aWQ6cGFzc3dvcmQtb2YtaWQ=";

/// A token for `worker` that nobody has signed, as the broker takes it.
fn token() -> String {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({ "sub": "worker", "iat": now, "exp": now + 600 });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))
}

/// Where tokens are issued to who shows the credentials.
async fn provider() -> String {
    let issue = async |headers: HeaderMap| {
        if headers["authorization"] != CREDENTIALS {
            let refusal = json!({ "error": "invalid_client" });
            return (StatusCode::UNAUTHORIZED, Json(refusal));
        }
        let issued = json!({ "access_token": token(), "token_type": "Bearer", "expires_in": 600 });
        (StatusCode::OK, Json(issued))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let router = Router::new().route("/token", post(issue));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn properties(stack: &Stack, url: &str) -> String {
    format!(
        "security.protocol: sasl_ssl\n\
         sasl.mechanism: OAUTHBEARER\n\
         sasl.oauthbearer.method: oidc\n\
         sasl.oauthbearer.client.id: id\n\
         sasl.oauthbearer.client.secret: password-of-id\n\
         sasl.oauthbearer.token.endpoint.url: {url}\n\
         ssl.ca.location: {}\n",
        security(stack).authority().display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_delivers_with_tokens_of_a_provider() {
    let stack = stack().await;
    let properties = properties(stack, &provider().await);
    let scene = scene(&security(stack).sasl(), &properties, Script::default()).await;
    let secret = ("password-of-id", "password-of-nobody");
    let ended = check_with(&scene, "wrong.yaml", &[secret]).await;
    ended.fails("Kafka topics", "no OAUTHBEARER token comes");
    ended.fails("Kafka topics", "kafka.sasl.oauthbearer.token.endpoint.url");
    has_no_password(&ended.out);
    delivers(scene).await;
}
