//! The client of the Events API against the simulator.

mod unreliable;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use onepassword_kafka::{
    clock,
    disposition::Disposition,
    event::{Cursor, Place, Stream},
    onepassword::{
        AllowedHosts, Answer, ApiError, Client, Limits, Outcome, Shared, Timeouts, http_client,
    },
};
use onepassword_kafka_dev::simulator::{
    Compression, ErrorShape, Fault, Introspection, Options, RateLimitHeaders, RetryAfter, Rule,
    Scope, Simulator, StatusFault, Stream as Published, Token, TokenSpec,
};
use serde_json::Value;

const STREAM: Stream = Stream::AuditEvents;

/// A simulator, and a client that may ask it.
struct Service {
    simulator: Simulator,
    token: Token,
    client: Client,
}

// === impl Service ===

impl Service {
    async fn start(options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let token = simulator.issue(TokenSpec::default());
        let client = connect(&shared(&simulator), &token);
        Self {
            simulator,
            token,
            client,
        }
    }

    fn next_answer(&self, fault: Fault) {
        self.simulator.queue(Rule {
            fault,
            scope: Scope::AnyStream,
            account: None,
            probability: 1.0,
            times: Some(1),
        });
    }

    async fn ask(&self) -> Result<Answer, ApiError> {
        self.client.fetch(STREAM, &start(), 1000).await
    }

    async fn failure(&self, fault: Fault) -> ApiError {
        self.next_answer(fault);
        match self.ask().await {
            Ok(answer) => answer.page().map(|_| ()).unwrap_err(),
            Err(error) => error,
        }
    }

    async fn refusal(&self, code: u16, shape: ErrorShape) -> ApiError {
        self.failure(Fault::Status(status(code, shape))).await
    }
}

fn shared(simulator: &Simulator) -> Shared {
    Shared {
        http: http_client(Some(&simulator.ca_file())).unwrap(),
        hosts: AllowedHosts::new(["localhost"]).unwrap(),
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        clock: clock::now,
    }
}

fn connect(shared: &Shared, token: &Token) -> Client {
    Client::connect(shared, None, &token.as_str().into()).unwrap()
}

fn start() -> Place {
    Place::Start("2020-01-01T00:00:00Z".parse().unwrap())
}

fn status(code: u16, shape: ErrorShape) -> StatusFault {
    StatusFault {
        shape,
        ..StatusFault::of(code)
    }
}

fn history(simulator: &Simulator, count: usize) -> Vec<Value> {
    let day = Duration::from_hours(24);
    simulator.history(TokenSpec::ACCOUNT, Published::AuditEvents, count, day);
    simulator.published(TokenSpec::ACCOUNT, Published::AuditEvents)
}

/// The error and its causes, as an operator may get to see them.
fn told(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let lines: Vec<_> = causes.map(|cause| format!("{cause}: {cause:?}")).collect();
    lines.join("\n")
}

#[tokio::test]
async fn a_backfill_is_read_page_by_page_to_its_end() {
    let service = Service::start(Options {
        compression: Compression::Gzip,
        ..Options::default()
    })
    .await;
    let published = history(&service.simulator, 2500);
    let (mut place, mut read, mut has_more) = (start(), Vec::new(), true);
    while has_more {
        let answer = service.client.fetch(STREAM, &place, 1000).await.unwrap();
        let page = answer.page().unwrap();
        read.extend(page.items.iter().map(|item| {
            let item: Value = serde_json::from_str(item.get()).unwrap();
            item
        }));
        (place, has_more) = (Place::After(page.cursor), page.has_more);
    }
    assert_eq!(read, published);
}

#[tokio::test]
async fn introspection_tells_account_and_features_and_falls_back_to_the_old_form() {
    let service = Service::start(Options::default()).await;
    let account = service.client.introspect().await.unwrap();
    assert_eq!(account.account_uuid.as_deref(), Some(TokenSpec::ACCOUNT));
    assert_eq!(account.features, Stream::ALL.map(Stream::name));
    assert!(account.issued_at.is_some());

    let without = |what| {
        move |faults: &mut onepassword_kafka_dev::simulator::Faults| faults.introspection = what
    };
    service
        .simulator
        .update_faults(without(Introspection::WithoutV2));
    let old = service.client.introspect().await.unwrap();
    assert_eq!((old.account_uuid, old.uuid), (None, account.uuid));

    for (what, outcome) in [
        (Introspection::Absent, Outcome::NotFound),
        (Introspection::Forbidden, Outcome::Forbidden),
    ] {
        service.simulator.update_faults(without(what));
        let error = service.client.introspect().await.unwrap_err();
        assert_eq!(error.outcome(), outcome);
    }
}

#[tokio::test]
async fn each_refusal_has_its_decision_and_its_advice() {
    let service = Service::start(Options::default()).await;
    let (fail, retry) = (Disposition::Fail, Disposition::Retry(None));
    for (code, outcome, disposition, advice) in [
        (302, Outcome::Redirect, fail, "check onepassword.url"),
        (
            400,
            Outcome::BadRequest,
            fail,
            "refuses the request for auditevents",
        ),
        (401, Outcome::Unauthorized, fail, "issue a new token"),
        (
            403,
            Outcome::Forbidden,
            fail,
            "1Password Business or Enterprise",
        ),
        (404, Outcome::NotFound, fail, "check onepassword.url"),
        (408, Outcome::ServerError, retry, "problem of its own"),
        (
            418,
            Outcome::BadRequest,
            fail,
            "refuses the request for auditevents",
        ),
        (
            429,
            Outcome::Throttled,
            retry,
            "raise poll.interval.ms to 900000",
        ),
        (500, Outcome::ServerError, retry, "problem of its own"),
        (503, Outcome::ServerError, retry, "problem of its own"),
    ] {
        for shape in [ErrorShape::Documented, ErrorShape::Spec, ErrorShape::Html] {
            let error = service.refusal(code, shape).await;
            assert_eq!(error.outcome(), outcome, "{code}");
            assert_eq!(error.disposition(), disposition, "{code}");
            let told = told(&error);
            assert!(
                told.contains(advice) && told.contains(&code.to_string()),
                "{told}"
            );
            assert!(!told.contains("html"), "{told}");
            assert_eq!(told.contains("1Password says: "), shape != ErrorShape::Html);
        }
    }
}

#[tokio::test]
async fn a_token_that_may_not_read_a_stream_is_told_so() {
    let service = Service::start(Options::default()).await;
    let token = service.simulator.issue(TokenSpec {
        features: vec![Published::ItemUsages],
        ..TokenSpec::default()
    });
    let client = connect(&shared(&service.simulator), &token);
    assert_eq!(client.claims().unwrap().features, ["itemusages"]);
    assert!(client.fetch(Stream::ItemUsages, &start(), 1).await.is_ok());
    let error = client.fetch(STREAM, &start(), 1).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not allowed to read auditevents"),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_cursor_says_how_to_go_on() {
    let service = Service::start(Options::default()).await;
    let place = Place::After(Cursor::new("unknown".to_owned()).unwrap());
    let error = service
        .client
        .fetch(STREAM, &place, 1000)
        .await
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Fail);
    assert!(
        error
            .to_string()
            .contains("refuses the stored cursor of auditevents"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("set the position to the time of the last event")
    );
}

#[tokio::test]
async fn the_longest_wait_that_is_named_is_kept() {
    let service = Service::start(Options::default()).await;
    let mut fault = status(503, ErrorShape::Documented);
    for (retry_after, reset, least, most) in [
        (Some(RetryAfter::Seconds(7)), None, 7, 7),
        (Some(RetryAfter::HttpDate(90)), None, 88, 90),
        (Some(RetryAfter::Seconds(7)), Some(40), 40, 40),
        (Some(RetryAfter::Seconds(90_000)), None, 3600, 3600),
    ] {
        fault.retry_after = retry_after;
        fault.rate_limit = reset.map(|reset| RateLimitHeaders {
            limit: 600,
            remaining: 0,
            reset,
        });
        let error = service.failure(Fault::Status(fault.clone())).await;
        let Disposition::Retry(Some(wait)) = error.disposition() else {
            panic!("{error:?}");
        };
        assert!((least..=most).contains(&wait.as_secs()), "{wait:?}");
    }
}

#[tokio::test]
async fn a_used_up_window_holds_all_requests_with_the_token() {
    let service = Service::start(Options::default()).await;
    let shared = shared(&service.simulator);
    let (first, second) = (
        connect(&shared, &service.token),
        connect(&shared, &service.token),
    );
    service.next_answer(Fault::Status(StatusFault {
        retry_after: Some(RetryAfter::Seconds(1)),
        ..status(429, ErrorShape::Documented)
    }));
    let asked = Instant::now();
    first.fetch(STREAM, &start(), 1).await.unwrap_err();
    second.fetch(Stream::ItemUsages, &start(), 1).await.unwrap();
    assert!(asked.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_token_is_sent_to_allowed_hosts_only() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let token = simulator.issue(TokenSpec {
        audience: Some("events.example.com".to_owned()),
        ..TokenSpec::default()
    });
    let error = Client::connect(&shared(&simulator), None, &token.as_str().into()).unwrap_err();
    assert!(error.to_string().contains("events.example.com"), "{error}");
    assert_eq!(error.disposition(), Disposition::Fail);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_by_a_new_client() {
    let service = Service::start(Options::default()).await;
    service.simulator.revoke(&service.token);
    let error = service.ask().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unauthorized);
    let renewed = service.simulator.issue(TokenSpec::default());
    let client = connect(&shared(&service.simulator), &renewed);
    assert!(client.fetch(STREAM, &start(), 1).await.is_ok());
}

#[tokio::test]
async fn nothing_shows_the_token() {
    let service = Service::start(Options::default()).await;
    let token = service.token.as_str();
    let answer = service.ask().await.unwrap();
    let error = service.refusal(401, ErrorShape::Documented).await;
    let shared = shared(&service.simulator);
    for shown in [
        format!("{:?}", service.client),
        format!("{shared:?}"),
        format!("{answer:?}"),
        told(&error),
    ] {
        for part in token.split('.') {
            assert!(!shown.contains(part), "{shown}");
        }
    }
}
