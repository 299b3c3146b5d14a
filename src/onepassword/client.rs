//! The client of the Events API: introspection and pages, v2.
//!
//! A request with a cursor carries the cursor alone, for the limit sticks to the cursor; one without carries limit
//! and start time in whole seconds. An empty request would mean "the last hour": it is never sent.

use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use reqwest::{
    RequestBuilder, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tracing::{Instrument, field::Empty};
use url::Url;

use super::{
    advice::Advice,
    error::{ApiError, Ask, Malformed, Outcome, said},
    host::{AllowedHosts, HostError},
    limits::{Limit, Limits},
    token::{Claims, Token, TokenError, list},
};
use crate::{
    clock::Clock,
    disposition::Disposition,
    event::{API_VERSION, Page, Place, Stream},
    outbound::{self, ClientError, Timeouts},
};

/// What the clients of one worker have in common.
#[derive(Debug, Clone)]
pub struct Shared {
    /// From [`http_client`]; it holds the open connections.
    pub http: reqwest::Client,
    /// Where tokens may be sent.
    pub hosts: AllowedHosts,
    /// How many requests are made.
    pub limits: Limits,
    /// How long answers may take.
    pub timeouts: Timeouts,
    /// To read dates in answers by.
    pub clock: Clock,
}

/// Asks one account's Events API with one token. A new token is a new client; making one costs nothing.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Arc<Token>,
    limit: Arc<Limit>,
    timeouts: Timeouts,
    clock: Clock,
}

/// What introspection tells of a token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// The Events Reporting integration's uuid.
    #[serde(alias = "UUID")]
    pub uuid: String,
    /// The account's uuid; servers before September 2025 do not tell it.
    #[serde(default)]
    pub account_uuid: Option<String>,
    /// The streams that the token may read, under the API's names.
    #[serde(default, alias = "Features", deserialize_with = "list")]
    pub features: Vec<String>,
    /// When the token was issued.
    #[serde(default, alias = "IssuedAt")]
    pub issued_at: Option<Timestamp>,
}

/// An answer with a page of events, which borrows from it: see [`Answer::page`].
pub struct Answer {
    /// The body, decompressed.
    pub body: Vec<u8>,
    /// When its last byte had come.
    pub received: Instant,
    ask: Ask,
    content_type: String,
}

/// Why there can be no client for a token.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The token itself.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Where it would be sent.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// The body of a request for a page.
#[derive(Serialize)]
#[serde(untagged)]
enum Query<'a> {
    After { cursor: &'a str },
    Start { limit: u16, start_time: String },
}

/// The longest body of a page: a thousand events have about 1 MiB.
const LONGEST_BODY: usize = 64 << 20;
/// The longest body of an error that is looked at.
const LONGEST_COMPLAINT: usize = 64 << 10;

/// The HTTP client that all clients of a worker share. `ca_file` holds PEM certificates to trust beside the system's.
///
/// # Errors
///
/// A file that cannot be read, or holds no certificate.
pub fn http_client(ca_file: Option<&Path>) -> Result<reqwest::Client, ClientError> {
    Ok(outbound::builder(ca_file)?.build()?)
}

// === impl Client ===

impl Client {
    /// A client for `token`, which is sent to `url` or, without one, to the host that the token names. Nothing is
    /// asked yet.
    ///
    /// # Errors
    ///
    /// A token that cannot be used, or a host that it must not be sent to.
    pub fn connect(
        shared: &Shared,
        url: Option<&Url>,
        token: &SecretString,
    ) -> Result<Self, ConnectError> {
        let token = Token::read(token)?;
        let base = token.base_url(url)?;
        shared.hosts.check(&base)?;
        Ok(Self {
            http: shared.http.clone(),
            base,
            limit: shared.limits.of(token.secret()),
            token: Arc::new(token),
            timeouts: shared.timeouts,
            clock: shared.clock,
        })
    }

    /// Where the client asks.
    #[must_use]
    pub const fn base_url(&self) -> &Url {
        &self.base
    }

    /// What the token says about itself; `None` when it is no JSON Web Token.
    #[must_use]
    pub fn claims(&self) -> Option<&Claims> {
        self.token.claims()
    }

    /// Asks what the token is good for: v2 first, then the old form where that is unknown.
    ///
    /// # Errors
    ///
    /// See [`ApiError::disposition`].
    pub async fn introspect(&self) -> Result<Account, ApiError> {
        let get = |path: &[&str]| self.ask(Ask::Introspection, self.http.get(self.url(path)));
        match get(&["api", API_VERSION, "auth", "introspect"]).await {
            Err(error) if error.outcome() == Outcome::NotFound => {
                get(&["api", "auth", "introspect"]).await?.account()
            }
            answer => answer?.account(),
        }
    }

    /// Asks for the page of `stream` at `place`, of at most `limit` events (1 to 1000; only a start has a say in it).
    ///
    /// # Errors
    ///
    /// See [`ApiError::disposition`].
    pub async fn fetch(
        &self,
        stream: Stream,
        place: &Place,
        limit: u16,
    ) -> Result<Answer, ApiError> {
        let url = self.url(&["api", API_VERSION, stream.name()]);
        let request = self.http.post(url).json(&Query::new(place, limit));
        self.ask(Ask::page(stream, place), request).await
    }

    async fn ask(&self, ask: Ask, request: RequestBuilder) -> Result<Answer, ApiError> {
        self.limit.until_ready().await;
        let span = tracing::info_span!(
            "request",
            otel.kind = "client",
            server.address = self.host(),
            request = ask.name(),
            error.type = Empty,
            otel.status_code = Empty,
        );
        let answer = self.exchange(ask, request).instrument(span.clone()).await;
        if let Err(error) = &answer {
            span.record("error.type", error.outcome().as_str())
                .record("otel.status_code", "ERROR");
        }
        answer
    }

    async fn exchange(&self, ask: Ask, request: RequestBuilder) -> Result<Answer, ApiError> {
        let request = request.header(AUTHORIZATION, self.token.bearer());
        let response = outbound::send(request, self.timeouts)
            .await
            .map_err(|error| ApiError::unanswered(self.host(), error))?;
        let advice = Advice::read(response.headers(), (self.clock)());
        if !response.status().is_success() {
            return Err(self.refusal(ask, response, advice).await);
        }
        self.hold(advice.pause());
        let content_type = content_type(response.headers().get(CONTENT_TYPE));
        let body = outbound::read_body(response, LONGEST_BODY, self.timeouts)
            .await
            .map_err(|error| ApiError::unanswered(self.host(), error))?;
        Ok(Answer {
            body,
            received: Instant::now(),
            ask,
            content_type,
        })
    }

    /// The error that an answer means; its body is read for the service's own words, and may as well be missing.
    async fn refusal(&self, ask: Ask, response: Response, advice: Advice) -> ApiError {
        let status = response.status();
        let body = outbound::read_body(response, LONGEST_COMPLAINT, self.timeouts).await;
        let said = said(&body.unwrap_or_default()).filter(|said| !self.token.is_in(said));
        let error = ApiError::refused(ask, status, advice, said.as_deref());
        if error.outcome() == Outcome::Throttled {
            self.hold(advice.wait());
        }
        error
    }

    /// What one stream is told, all streams of the token obey.
    fn hold(&self, wait: Option<Duration>) {
        if let Some(wait) = wait {
            self.limit.hold_until(Instant::now() + wait);
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http address has a path")
            .pop_if_empty()
            .extend(path);
        url
    }

    fn host(&self) -> &str {
        self.base.host_str().unwrap_or("1Password")
    }
}

// === impl Account ===

impl Account {
    /// Whether the token covers this stream.
    #[must_use]
    pub fn may_read(&self, stream: Stream) -> bool {
        self.features.iter().any(|feature| feature == stream.name())
    }
}

// === impl Answer ===

impl Answer {
    /// Reads the page.
    ///
    /// # Errors
    ///
    /// When the body is none: see [`ApiError::disposition`].
    pub fn page(&self) -> Result<Page<'_>, ApiError> {
        Page::read(&self.body).map_err(|error| self.malformed(Malformed::Page(error)))
    }

    fn account(&self) -> Result<Account, ApiError> {
        serde_json::from_slice(&self.body).map_err(|_| self.malformed(Malformed::Account))
    }

    fn malformed(&self, source: Malformed) -> ApiError {
        ApiError::malformed(self.ask, &self.content_type, source)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

// === impl ConnectError ===

impl ConnectError {
    /// What to do about it: only another setting or another token helps.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        Disposition::Fail
    }
}

// === impl Query ===

impl<'a> Query<'a> {
    fn new(place: &'a Place, limit: u16) -> Self {
        match place {
            Place::After(cursor) => Self::After {
                cursor: cursor.as_str(),
            },
            Place::Start(time) => Self::Start {
                limit,
                start_time: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            },
        }
    }
}

/// The header's value, cut to what an error message can bear.
fn content_type(header: Option<&HeaderValue>) -> String {
    let text = header.and_then(|value| value.to_str().ok());
    text.unwrap_or("none").chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cursor;

    fn body(place: &Place) -> String {
        serde_json::to_string(&Query::new(place, 1000)).unwrap()
    }

    #[test]
    fn a_request_carries_the_cursor_alone_or_limit_and_start_in_whole_seconds() {
        let cursor = Cursor::new("abc".to_owned()).unwrap();
        assert_eq!(body(&Place::After(cursor)), r#"{"cursor":"abc"}"#);
        let start = Place::Start("2026-07-27T01:02:03.999Z".parse().unwrap());
        assert_eq!(
            body(&start),
            r#"{"limit":1000,"start_time":"2026-07-27T01:02:03Z"}"#
        );
    }

    #[test]
    fn an_answer_of_no_use_says_why() {
        for (body, why) in [
            ("{}", "a page without a cursor"),
            (r#"{"items":[{"#, "it ends too early"),
            (r#"{"cursor":7}"#, "JSON of another shape"),
            ("<html>", "it is not JSON"),
        ] {
            let answer = Answer {
                body: body.into(),
                received: Instant::now(),
                ask: Ask::Start(Stream::AuditEvents),
                content_type: "text/html".to_owned(),
            };
            let error = answer.page().unwrap_err().to_string();
            assert!(
                error.contains(why) && error.contains("text/html"),
                "{error}"
            );
        }
    }

    #[test]
    fn both_forms_of_introspection_are_read() {
        let new = r#"{"uuid":"I","issued_at":"2026-01-01T00:00:00Z","features":["itemusages"],"account_uuid":"A"}"#;
        let old = r#"{"UUID":"I","IssuedAt":"2026-01-01T00:00:00Z","Features":["itemusages"]}"#;
        let new: Account = serde_json::from_str(new).unwrap();
        let old: Account = serde_json::from_str(old).unwrap();
        assert_eq!(new.account_uuid.as_deref(), Some("A"));
        let expected = Account {
            account_uuid: None,
            ..new
        };
        assert_eq!(old, expected);
        let none: Account = serde_json::from_str(r#"{"uuid":"I","features":null}"#).unwrap();
        assert_eq!(none.features, Vec::<String>::new());
    }
}
