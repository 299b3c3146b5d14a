//! `GET /metrics`, `/livez` and `/readyz`, for Prometheus and Kubernetes.
//!
//! Live is a worker that answers. Ready is one that has its place in the group; an account that cannot be read does
//! not make it unready, for a restart would not mend that: the task's state says it.
//!
//! Whoever accepts `OpenMetrics`, as Prometheus does, gets it; everything else gets Prometheus' older text format.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE, HeaderValue, VARY},
    },
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Format, Metrics};

/// Whether the worker has its place in the group; handed to whoever finds out.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

#[derive(Clone)]
struct Monitored {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

// === impl Readiness ===

impl Readiness {
    /// From now on the worker is ready.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Serves until `shutdown`.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(render))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(Monitored { metrics, readiness });
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn render(State(monitored): State<Monitored>, headers: HeaderMap) -> impl IntoResponse {
    let accepts = |value: &HeaderValue| {
        let accepted = value.to_str().unwrap_or_default();
        accepted.contains("application/openmetrics-text")
    };
    let (format, kind) = if headers.get_all(ACCEPT).iter().any(accepts) {
        (Format::OpenMetrics, OPEN_METRICS)
    } else {
        (Format::Prometheus, PROMETHEUS)
    };
    let headers = [(CONTENT_TYPE, kind), (VARY, "accept")];
    (headers, monitored.metrics.render(format))
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(monitored): State<Monitored>) -> (StatusCode, &'static str) {
    if monitored.readiness.0.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the worker has no place in its group yet\n",
        )
    }
}
