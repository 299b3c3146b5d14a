//! The registry's client: what is promised against a real registry, what is refused against a porter who says no.

use std::{
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use onepassword_kafka::{
    avro::{Access, Credentials, Registration, Registry, Timeouts, schema},
    clock,
    disposition::Disposition,
    event::Stream,
};
use onepassword_kafka_dev::stack::Stack;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const SUBJECT: &str = "acme.itemusages-value";

fn schema_text() -> &'static str {
    schema(Stream::ItemUsages)
}

fn registry(
    urls: &[&str],
    registration: Registration,
    credentials: Option<Credentials>,
) -> Registry {
    let access = Access {
        urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
        credentials,
        ca_file: None,
        client_certificate: None,
        timeouts: Timeouts::default(),
    };
    Registry::new(access, registration, clock::now).unwrap()
}

fn registering(url: &str) -> Registry {
    registry(&[url], Registration::Automatic, None)
}

/// A subject that nobody else uses.
fn new_subject() -> String {
    format!("test-{:016x}.itemusages-value", fastrand::u64(..))
}

// === against a real registry ===

async fn real() -> &'static str {
    Stack::shared().await.unwrap().schema_registry_url()
}

async fn level_of(url: &str, subject: &str) -> Value {
    let answer = reqwest::get(format!("{url}/config/{subject}"))
        .await
        .unwrap();
    let json: Value = answer.json().await.unwrap();
    json["compatibilityLevel"].clone()
}

async fn set_level(url: &str, subject: &str, level: &str) {
    let request = reqwest::Client::new().put(format!("{url}/config/{subject}"));
    let answer = request.json(&json!({"compatibility": level})).send().await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn a_schema_is_registered_and_may_only_grow_from_then_on() {
    let (url, subject) = (real().await, new_subject());
    let by_hand = registry(&[url], Registration::ByHand, None);
    let error = by_hand.ensure(&subject, schema_text()).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Fail);
    assert!(
        error
            .to_string()
            .contains("onepassword-kafka schemas --register"),
        "{error}"
    );

    let id = registering(url)
        .ensure(&subject, schema_text())
        .await
        .unwrap();
    assert_eq!(
        registering(url)
            .ensure(&subject, schema_text())
            .await
            .unwrap(),
        id
    );
    assert_eq!(by_hand.ensure(&subject, schema_text()).await.unwrap(), id);
    assert_eq!(level_of(url, &subject).await, "FULL_TRANSITIVE");
}

#[tokio::test]
async fn a_level_that_somebody_has_set_is_kept() {
    let (url, subject) = (real().await, new_subject());
    registering(url)
        .register(&subject, schema_text())
        .await
        .unwrap();
    set_level(url, &subject, "BACKWARD").await;
    registering(url)
        .register(&subject, schema_text())
        .await
        .unwrap();
    assert_eq!(level_of(url, &subject).await, "BACKWARD");
}

#[tokio::test]
async fn a_schema_that_breaks_readers_is_refused_in_plain_words() {
    let (url, subject) = (real().await, new_subject());
    let mut broken: Value = serde_json::from_str(schema_text()).unwrap();
    broken["fields"][0]["type"] = "long".into();
    registering(url)
        .register(&subject, &broken.to_string())
        .await
        .unwrap();
    let error = registering(url)
        .ensure(&subject, schema_text())
        .await
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Fail);
    assert!(
        error.to_string().contains(&subject) && error.to_string().contains("not compatible"),
        "{error}"
    );
}

// === against a porter ===

/// Answers every request in the same way, and remembers them.
#[derive(Clone, Debug)]
struct Porter {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Answer,
}

/// What it says to a request's method and path.
type Answer = fn(&str) -> Response;

#[derive(Clone, Debug)]
struct Seen {
    line: String,
    authorization: Option<String>,
}

impl Porter {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let porter = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
            answer,
        };
        let host = porter.clone();
        let router = Router::new().fallback(async move |request: Request| host.open(&request));
        tokio::spawn(async move { axum::serve(listener, router).await });
        porter
    }

    fn open(&self, request: &Request) -> Response {
        let line = format!("{} {}", request.method(), request.uri().path());
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        let answer = (self.answer)(&line);
        let seen = Seen {
            line,
            authorization,
        };
        self.seen.lock().unwrap().push(seen);
        answer
    }

    fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|seen| seen.line.clone()).collect()
    }
}

fn refusal(status: u16) -> Response {
    let body = json!({"error_code": status, "message": "because\u{7} of reasons"});
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

fn registered() -> Response {
    json!({"id": 7}).to_string().into_response()
}

async fn refused(answer: Answer) -> (Disposition, String) {
    let porter = Porter::start(answer).await;
    let registry = registering(&porter.url);
    let error = registry.ensure(SUBJECT, schema_text()).await.unwrap_err();
    assert!(error.source().is_none());
    (error.disposition(), error.to_string())
}

#[tokio::test]
async fn each_refusal_has_its_decision_and_its_advice() {
    let (fail, retry) = (Disposition::Fail, Disposition::Retry(None));
    let answers: [(Answer, _, _); 9] = [
        (|_| refusal(401), fail, "refuses the credentials"),
        (|_| refusal(403), fail, "does not allow these credentials"),
        (|_| refusal(404), fail, "does not know subject"),
        (|_| refusal(409), fail, "not compatible"),
        (|_| refusal(422), fail, "refuses the request"),
        (|_| refusal(302), fail, "redirect"),
        (|_| refusal(429), retry, "refuses the request"),
        (|_| refusal(500), retry, "refuses the request"),
        (|_| refusal(503), retry, "refuses the request"),
    ];
    for (answer, disposition, words) in answers {
        let (decided, told) = refused(answer).await;
        assert_eq!(decided, disposition, "{told}");
        assert!(
            told.contains(words) && told.ends_with("it says: because of reasons"),
            "{told}"
        );
    }
    let (decided, told) = refused(|_| "<html>".into_response()).await;
    assert_eq!(decided, retry);
    assert!(
        told.contains("is no schema registry") && !told.contains("html"),
        "{told}"
    );
}

#[tokio::test]
async fn a_wait_that_is_named_is_kept() {
    let busy = |_: &str| (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "9")]).into_response();
    let (decided, _) = refused(busy).await;
    assert_eq!(decided, Disposition::Retry(Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn the_next_address_is_asked_where_one_does_not_answer() {
    let tired = Porter::start(|_| refusal(503)).await;
    let good = Porter::start(|_| registered()).await;
    let urls = ["http://127.0.0.1:1", &tired.url, &good.url];
    let registry = registry(&urls, Registration::ByHand, None);
    assert_eq!(registry.ensure(SUBJECT, schema_text()).await.unwrap().0, 7);
    let error = registering(urls[0])
        .ensure(SUBJECT, schema_text())
        .await
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry(None));
    assert!(
        error.to_string().contains("the connection is refused"),
        "{error}"
    );
}

#[tokio::test]
async fn each_subject_is_asked_for_once() {
    let porter = Porter::start(|_| registered()).await;
    let registry = registry(&[&porter.url], Registration::ByHand, None);
    for _ in 0..3 {
        registry.ensure(SUBJECT, schema_text()).await.unwrap();
    }
    assert_eq!(porter.seen(), [format!("POST /subjects/{SUBJECT}")]);
}

#[tokio::test]
async fn a_registry_that_keeps_its_levels_to_itself_is_no_reason_to_stop() {
    let porter = Porter::start(|line| match line.split(' ').next() {
        Some("GET") => refusal(404),
        Some("PUT") => refusal(403),
        _ => registered(),
    })
    .await;
    let registry = registering(&porter.url);
    assert_eq!(registry.ensure(SUBJECT, schema_text()).await.unwrap().0, 7);
    let config = format!("/config/{SUBJECT}");
    assert_eq!(
        porter.seen(),
        [
            format!("GET {config}"),
            format!("PUT {config}"),
            format!("POST /subjects/{SUBJECT}/versions"),
            format!("PUT {config}"),
        ]
    );
}

#[tokio::test]
async fn credentials_are_sent_and_not_shown() {
    let basic = Credentials::Basic {
        user: "me".to_owned(),
        password: "hunter2".into(),
    };
    for (credentials, header) in [
        (basic, "Basic bWU6aHVudGVyMg=="),
        (Credentials::Bearer("hunter2".into()), "Bearer hunter2"),
    ] {
        let porter = Porter::start(|_| refusal(401)).await;
        let registry = registry(&[&porter.url], Registration::ByHand, Some(credentials));
        let error = registry.ensure(SUBJECT, schema_text()).await.unwrap_err();
        assert_eq!(
            porter.seen.lock().unwrap()[0].authorization.as_deref(),
            Some(header)
        );
        assert!(!format!("{registry:?} {error:?} {error}").contains("hunter2"));
    }
}
