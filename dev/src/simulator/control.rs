//! The simulator's own endpoints, for programs in other languages and for people with curl. No token is needed.
//!
//! | request | body or query | answer |
//! | --- | --- | --- |
//! | `GET /control/faults` | | [`Faults`] |
//! | `PUT /control/faults` | [`Faults`] | 204 |
//! | `POST /control/faults` | [`Rule`], put at the end of the script | 204 |
//! | `POST /control/publish` | [`Publication`] | 204 |
//! | `POST /control/insert` | `{"account","stream","item"}` | 204 |
//! | `GET /control/published` | `?account=&stream=` | the items, in the API's order |
//! | `GET /control/requests` | | [`Requests`] |
//! | `POST /control/tokens` | `{"account","features","expires_in"}` (milliseconds), all optional | `{"token":"…"}` |
//! | `POST /control/tokens/revoke` | `{"token":"…"}` | 204 |
//! | `PUT /control/rate_limits` | [`RateLimits`] or `null` | 204 |

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    faults::{Faults, Rule},
    journal::Requests,
    log::When,
    options::RateLimits,
    stream::Stream,
    tokens::TokenSpec,
    world::World,
};

/// What to publish.
#[derive(Debug, Deserialize)]
struct Publication {
    #[serde(flatten)]
    log: LogName,
    count: usize,
    #[serde(default)]
    when: When,
}

/// Any item to insert.
#[derive(Debug, Deserialize)]
struct Insertion {
    #[serde(flatten)]
    log: LogName,
    item: Value,
}

/// What kind of token is wanted.
#[derive(Debug, Deserialize)]
struct TokenWish {
    #[serde(default = "default_account")]
    account: String,
    #[serde(default = "default_features")]
    features: Vec<Stream>,
    /// Milliseconds.
    #[serde(default)]
    expires_in: Option<u64>,
}

/// A token's text.
#[derive(Debug, Deserialize, Serialize)]
struct TokenText {
    token: String,
}

/// Which events; the account may be left out.
#[derive(Debug, Deserialize)]
struct LogName {
    #[serde(default = "default_account")]
    account: String,
    stream: Stream,
}

type Shared = State<Arc<World>>;

pub(super) fn router() -> Router<Arc<World>> {
    Router::new()
        .route(
            "/control/faults",
            get(read_faults).put(replace_faults).post(add_rule),
        )
        .route("/control/publish", post(publish))
        .route("/control/insert", post(insert))
        .route("/control/published", get(published))
        .route("/control/requests", get(requests))
        .route("/control/tokens", post(issue))
        .route("/control/tokens/revoke", post(revoke))
        .route("/control/rate_limits", put(limit))
}

async fn read_faults(State(world): Shared) -> Json<Faults> {
    Json(world.faults().clone())
}

async fn replace_faults(State(world): Shared, Json(faults): Json<Faults>) -> StatusCode {
    *world.faults() = faults;
    StatusCode::NO_CONTENT
}

async fn add_rule(State(world): Shared, Json(rule): Json<Rule>) -> StatusCode {
    world.faults().rules.push(rule);
    StatusCode::NO_CONTENT
}

async fn publish(State(world): Shared, Json(wish): Json<Publication>) -> StatusCode {
    world.publish(&wish.log.account, wish.log.stream, wish.count, wish.when);
    StatusCode::NO_CONTENT
}

async fn insert(State(world): Shared, Json(wish): Json<Insertion>) -> StatusCode {
    world.insert(&wish.log.account, wish.log.stream, &wish.item);
    StatusCode::NO_CONTENT
}

async fn published(State(world): Shared, Query(log): Query<LogName>) -> Response {
    let items = world.items(&log.account, log.stream).join(&b","[..]);
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, [b"[", items.as_slice(), b"]"].concat()).into_response()
}

async fn requests(State(world): Shared) -> Json<Requests> {
    Json(world.requests())
}

async fn issue(State(world): Shared, Json(wish): Json<TokenWish>) -> Json<TokenText> {
    let token = world.issuer.issue(TokenSpec {
        account_uuid: wish.account,
        features: wish.features,
        expires_in: wish.expires_in.map(Duration::from_millis),
        ..TokenSpec::default()
    });
    let token = token.as_str().to_owned();
    Json(TokenText { token })
}

async fn revoke(State(world): Shared, Json(token): Json<TokenText>) -> StatusCode {
    world.issuer.revoke(&token.token);
    StatusCode::NO_CONTENT
}

async fn limit(State(world): Shared, Json(limits): Json<Option<RateLimits>>) -> StatusCode {
    world.set_rate_limits(limits);
    StatusCode::NO_CONTENT
}

fn default_account() -> String {
    TokenSpec::ACCOUNT.to_owned()
}

fn default_features() -> Vec<Stream> {
    TokenSpec::default().features
}
