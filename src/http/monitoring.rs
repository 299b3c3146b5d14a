//! `GET /metrics`, `/livez` and `/readyz`, for Prometheus and Kubernetes.
//!
//! Live is a worker that answers. Ready is one that has its place in the group; an account that cannot be read does
//! not make it unready, for a restart would not mend that: the task's state says it.
//!
//! Whoever accepts `OpenMetrics`, as Prometheus does, gets it; everything else gets Prometheus' older text format.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
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

use super::server::{self, Limits};
use crate::metrics::{Format, Metrics};

/// Whether the worker has its place in the group; handed to whoever finds out.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

#[derive(Clone)]
struct Monitored {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// Anybody may connect: idle connections go soon, and all of them leave the process descriptors enough.
const LIMITS: Limits = Limits {
    connections: 256,
    request: Duration::from_secs(10),
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

// === impl Readiness ===

impl Readiness {
    /// From now on the worker is ready.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Serves until `shutdown`, and then until the last answer.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    shutdown: CancellationToken,
) {
    let router = Router::new()
        .route("/metrics", get(render))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(Monitored { metrics, readiness });
    server::serve(listener, None, LIMITS, router, shutdown).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::ConnectMetrics;

    #[tokio::test]
    async fn whoever_asks_has_the_limits_of_every_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/livez", listener.local_addr().unwrap());
        let metrics = Metrics::new(|counts| ConnectMetrics::new(Arc::default(), counts));
        let (readiness, shutdown) = (Readiness::default(), CancellationToken::new());
        let serving = serve(listener, Arc::new(metrics), readiness, shutdown.clone());
        let serving = tokio::spawn(serving);
        for (length, status) in [(1, 200), (8 << 10, 431)] {
            let request = reqwest::Client::new().get(&url);
            let asked = request.header("x", "x".repeat(length)).send();
            assert_eq!(asked.await.unwrap().status(), status);
        }
        shutdown.cancel();
        serving.await.unwrap();
    }
}
