//! Kafka Connect's REST API, as far as a worker with one class of connectors has it.
//!
//! What a recorded worker of Connect 4.1 answers is answered here: paths, methods, codes, members and texts. Behind the
//! port's own gates a request passes four more, in the order in which Connect's framework has them: its path names a resource
//! (404), the resource knows its method (405), the body has a type that can be read (415), and the asker takes JSON (406).
//!
//! It differs on purpose where a Java exception escapes there: a body that makes no sense is 400 here, with what is
//! wrong and where, and without the value. What workers ask of each other there (`POST …/tasks`, `PUT …/fence`) is not
//! served: workers here never call each other.

mod body;
mod connectors;
mod entities;
mod loggers;
mod negotiation;
mod openapi;
mod plugins;
mod resource;
mod validation;
mod worker;

use axum::{http::Method, response::Response};

pub(super) use self::resource::Resource;
use super::{answer::Failure, rest::Call};

/// What the resource answers to a request that has passed the port's gates.
pub(super) async fn answer(call: Call<'_>, resource: Resource) -> Result<Response, Failure> {
    let control = call.control;
    if call.head.method == Method::OPTIONS {
        return Ok(negotiation::options(&resource));
    }
    negotiation::check(&resource, &call.head)?;
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
