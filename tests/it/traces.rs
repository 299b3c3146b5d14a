//! What the worker tells a collector of traces, over OTLP.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    routing::post,
};
use onepassword_kafka_dev::simulator::{Fault, Rule, Stream};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode as Outcome},
};
use prost::Message;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::operator::{Ended, run_with_file};
use crate::scene::{Scene, in_time, logged};

/// A collector that keeps what it is sent.
struct Collector {
    url: String,
    received: watch::Receiver<Received>,
    serving: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Received {
    services: Vec<String>,
    spans: Vec<Span>,
}

type Sender = Arc<Mutex<watch::Sender<Received>>>;

// === impl Collector ===

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = watch::channel(Received::default());
        let router = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(Arc::new(Mutex::new(sender)));
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            received,
            serving,
        }
    }

    /// Waits until what has come `fits`.
    async fn received(&self, what: &str, fits: impl FnMut(&Received) -> bool) -> Received {
        let mut received = self.received.clone();
        in_time(what, received.wait_for(fits))
            .await
            .unwrap()
            .clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(
    State(sender): State<Sender>,
    body: Bytes,
) -> ([(axum::http::HeaderName, &'static str); 1], StatusCode) {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    sender.lock().unwrap().send_modify(|received| {
        for resource in request.resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            received
                .services
                .push(text(&attributes, "service.name").to_owned());
            let scopes = resource.scope_spans.into_iter();
            received.spans.extend(scopes.flat_map(|scope| scope.spans));
        }
    });
    ([(CONTENT_TYPE, "application/x-protobuf")], StatusCode::OK)
}

// === impl Received ===

impl Received {
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Span> {
        self.spans.iter().filter(move |span| span.name == name)
    }

    fn is_of(span: &Span, stream: Stream) -> bool {
        text(&span.attributes, "stream") == stream.to_string()
    }
}

fn value<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    attribute.value.as_ref()?.value.as_ref()
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> &'a str {
    match value(attributes, name) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

fn number(span: &Span, name: &str) -> i64 {
    match value(&span.attributes, name) {
        Some(Value::IntValue(number)) => *number,
        _ => 0,
    }
}

async fn traced(collector: &Collector) -> Scene {
    let mut scene = Scene::start().await;
    scene.program = scene
        .program
        .clone()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_BSP_SCHEDULE_DELAY", "100");
    scene
}

#[tokio::test]
async fn a_trace_leads_from_a_poll_to_its_requests_and_its_transaction() {
    let collector = Collector::start().await;
    let scene = traced(&collector).await;
    scene.publish(5);
    let worker = scene.worker();
    scene.all_delivered().await;
    let received = collector
        .received(
            "a poll of each stream that has brought all, and its transaction",
            |received| {
                Stream::ALL.iter().all(|stream| {
                    let mut polls = received
                        .named("poll")
                        .filter(|span| Received::is_of(span, *stream));
                    polls.any(|poll| {
                        number(poll, "events") == 5 && links(received, poll).count() > 0
                    })
                })
            },
        )
        .await;
    scene.end(worker).await;
    assert!(
        received
            .services
            .iter()
            .all(|name| name == "onepassword-kafka")
    );
    for stream in Stream::ALL {
        let mut polls = received.named("poll");
        let poll = polls
            .find(|span| Received::is_of(span, stream) && number(span, "events") == 5)
            .unwrap();
        assert_eq!(text(&poll.attributes, "connector"), "acme");
        assert_eq!(number(poll, "pages"), 1);
        let mut requests = received.named("request");
        let request = requests
            .find(|span| {
                span.parent_span_id == poll.span_id
                    && text(&span.attributes, "request") == stream.to_string()
            })
            .unwrap();
        assert_eq!(request.trace_id, poll.trace_id);
        assert_eq!(request.kind(), SpanKind::Client);
        let committed = links(&received, poll).map(|transaction| number(transaction, "records"));
        assert!(committed.sum::<i64>() > 5, "events and a position");
    }
    scene.is_impersonal(&format!("{:?}", received.spans));
    scene.finish().await;
}

/// The transactions that a poll's pages were in.
fn links<'a>(received: &'a Received, poll: &'a Span) -> impl Iterator<Item = &'a Span> {
    received.named("transaction").filter(|transaction| {
        let mut links = transaction.links.iter();
        links.any(|link| link.span_id == poll.span_id)
    })
}

#[tokio::test]
async fn a_request_that_fails_says_how() {
    let collector = Collector::start().await;
    let scene = traced(&collector).await;
    scene
        .simulator
        .queue(Rule::once(Stream::AuditEvents, Fault::status(503)));
    scene.publish(1);
    let worker = scene.worker();
    scene.all_delivered().await;
    let failed = |span: &&Span| {
        span.status
            .as_ref()
            .is_some_and(|status| status.code() == Outcome::Error)
    };
    let received = collector
        .received("a failed request and its poll", |received| {
            received.named("request").any(|span| failed(&span))
                && received.named("poll").any(|span| failed(&span))
        })
        .await;
    let request = received.named("request").find(failed).unwrap();
    assert_eq!(text(&request.attributes, "error.type"), "server_error");
    assert_eq!(text(&request.attributes, "request"), "auditevents");
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_collector_that_does_not_answer_costs_traces_only() {
    let mut scene = Scene::start().await;
    scene.program = scene
        .program
        .clone()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .env("OTEL_BSP_SCHEDULE_DELAY", "100");
    scene.publish(3);
    let worker = scene.worker();
    scene.all_delivered().await;
    logged(&worker, "opentelemetry").await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn variables_that_ask_for_what_cannot_be_done_end_the_worker_with_a_word() {
    for (name, asked, words) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf only"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "grpc",
            "http/protobuf only",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "no address", "OTEL_"),
    ] {
        let mut scene = Scene::start().await;
        scene.program = scene
            .program
            .clone()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
            .env(name, asked);
        let Ended { status, err, .. } = run_with_file(&scene.program, &["run"]).await;
        assert_eq!(status, Some(1), "{err}");
        assert!(err.contains(words), "{words:?} is not in {err}");
        scene.close().await;
    }
}
