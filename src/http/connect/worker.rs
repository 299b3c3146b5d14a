//! `GET /` and `GET /health`: what this worker is, and whether it can be used.

use axum::{http::StatusCode, response::Response};
use serde::Serialize;

use crate::{
    build,
    connector::{Control, VERSION},
    http::answer::json,
};

#[derive(Serialize)]
struct Server {
    version: &'static str,
    commit: &'static str,
    kafka_cluster_id: String,
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    message: &'static str,
}

/// Connect's words for a worker that does not know the connectors yet (`WorkerStatus`, Kafka 4.1).
pub(super) const STARTING: &str = "Worker is still starting up.";

pub(super) fn version(control: &Control) -> Response {
    let server = Server {
        version: VERSION,
        commit: build::COMMIT,
        kafka_cluster_id: control.cluster_id(),
    };
    json(StatusCode::OK, &server)
}

pub(super) async fn health(control: &Control) -> Response {
    let (code, status, message) = if !control.is_ready() {
        (StatusCode::SERVICE_UNAVAILABLE, "starting", STARTING)
    } else if control.is_reachable().await {
        (
            StatusCode::OK,
            "healthy",
            "Worker has completed startup and is ready to handle requests.",
        )
    } else {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "unhealthy",
            "Worker was unable to handle this request and may be unable to handle other requests.",
        )
    };
    json(code, &Health { status, message })
}
