//! Kafka Connect's REST API, as far as a worker with one class of connectors has it.
//!
//! What a recorded worker of Connect 4.1 answers is answered here: paths, methods, codes, members and texts. A request
//! passes five gates: it comes from where it may (403) and, in the order in which
//! Connect's framework has them, its path names a resource (404), the resource knows its method (405), the body has a type
//! that can be read (415), and the asker takes JSON (406).
//!
//! It differs on purpose where a Java exception escapes there: a body that makes no sense is 400 here, with what is
//! wrong and where, and without the value. What workers ask of each other there (`POST …/tasks`, `PUT …/fence`) is not
//! served: workers here never call each other.

mod answer;
mod body;
mod connectors;
mod entities;
mod loggers;
mod negotiation;
mod openapi;
mod origin;
mod plugins;
mod query;
mod resource;
mod validation;
mod worker;

use std::io;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{answer::Failure, origin::Askers, resource::Resource};
use crate::connector::Control;

/// A request that has passed the gates.
struct Call<'a> {
    control: &'a Control,
    head: Parts,
    body: Body,
}

/// Serves until `shutdown`.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    control: Control,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let askers = if listener.local_addr()?.ip().is_loopback() {
        Askers::Local
    } else {
        Askers::Anybody
    };
    let router = Router::new().fallback(answer).with_state((control, askers));
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn answer(State((control, askers)): State<(Control, Askers)>, request: Request) -> Response {
    match handle(&control, askers, request).await {
        Ok(answer) => answer,
        Err(failure) => failure.into_response(),
    }
}

async fn handle(control: &Control, askers: Askers, request: Request) -> Result<Response, Failure> {
    let (head, body) = request.into_parts();
    if let Some(why) = askers.refuse(&head.method, &head.headers) {
        return Err(Failure::Refused(StatusCode::FORBIDDEN, why.to_owned()));
    }
    let resource = Resource::at(head.uri.path())?;
    if head.method == Method::OPTIONS {
        return Ok(negotiation::options(&resource));
    }
    negotiation::check(&resource, &head)?;
    let call = Call {
        control,
        head,
        body,
    };
    match resource {
        Resource::Root => Ok(worker::version(control)),
        Resource::Health => Ok(worker::health(control).await),
        Resource::OpenApi => Ok(openapi::document()),
        Resource::Connectors => connectors::all(call).await,
        Resource::Connector(name, part) => connectors::one(call, &name, &part).await,
        Resource::Plugins => Ok(plugins::list()),
        Resource::PluginConfig(plugin) => plugins::config(&call, &plugin),
        Resource::PluginValidation(plugin) => plugins::validate(call, &plugin).await,
        Resource::Loggers => Ok(loggers::all(&call)),
        Resource::Logger(name) => loggers::one(call, &name).await,
    }
}
