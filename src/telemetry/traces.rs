//! Traces over OTLP, for whoever collects them: on where `OTEL_EXPORTER_OTLP_ENDPOINT` or
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. The exporter's other variables hold as well
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
//!
//! A span tells what the worker has done for which connector and stream, and how much it was, and nothing that an event holds.
//! Lines of the log are no part of it.

use std::env;

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, SpanExporter,
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use crate::build;

/// The traces of this process; nothing where nobody collects them.
#[derive(Debug, Default)]
pub struct Traces(Option<SdkTracerProvider>);

/// Variables that ask for something which cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Another protocol.
    #[error(
        "the variables ask for the protocol {0:?}: traces are sent as {OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF} only"
    )]
    Protocol(String),
    /// An address or another value that the exporter does not take.
    #[error("traces cannot be sent as the variables OTEL_… say")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

const SERVICE: &str = "onepassword-kafka";
const SERVICE_NAME: &str = "service.name";

// === impl Traces ===

impl Traces {
    /// Makes ready to send them, where the environment says where to.
    pub(super) fn start() -> Result<Self, TracesError> {
        let endpoint = given(
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
            OTEL_EXPORTER_OTLP_ENDPOINT,
        );
        if endpoint.is_none() {
            return Ok(Self(None));
        }
        let protocol = given(
            OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
            OTEL_EXPORTER_OTLP_PROTOCOL,
        );
        if let Some(other) =
            protocol.filter(|name| name != OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF)
        {
            return Err(TracesError::Protocol(other));
        }
        let exporter = SpanExporter::builder().with_http().build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource())
            .build();
        Ok(Self(Some(provider)))
    }

    /// What turns spans of this program into traces.
    pub(super) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.0.as_ref()?.tracer(SERVICE);
        let own =
            filter_fn(|about| about.is_span() && about.target().starts_with("onepassword_kafka"));
        Some(
            tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_location(false)
                .with_threads(false)
                .with_filter(own),
        )
    }

    /// Sends what has not been sent. It blocks, for some seconds where nobody takes it.
    pub fn end(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// A count, in the type in which traces have numbers; an unsigned one would become a text.
#[must_use]
pub fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Who sends the traces. The environment knows better, where it says so.
fn resource() -> Resource {
    let told = Resource::builder().build();
    let name = told.get(&SERVICE_NAME.into());
    let builder =
        Resource::builder().with_attribute(KeyValue::new("service.version", build::VERSION));
    match name {
        Some(name) if !name.as_str().starts_with("unknown_service") => builder.build(),
        _ => builder.with_service_name(SERVICE).build(),
    }
}

/// A variable that is for traces alone or, where that is not set, the one for all that is sent.
fn given(for_traces: &str, for_all: &str) -> Option<String> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    set(for_traces).or_else(|| set(for_all))
}
