//! Kafka Connect's REST API, as far as a worker with one class of connectors has it.
//!
//! What a recorded worker of Connect 4.1 answers is answered here: paths, methods, codes, members and texts. A request
//! passes seven gates: somebody known asks (401), from where that may be, and for what is theirs (403); and, in the order
//! in which Connect's framework has them, its path names a resource (404), the resource knows its method (405), the body
//! has a type that can be read (415), and the asker takes JSON (406).
//!
//! It differs on purpose where a Java exception escapes there: a body that makes no sense is 400 here, with what is
//! wrong and where, and without the value. What workers ask of each other there (`POST …/tasks`, `PUT …/fence`) is not
//! served: workers here never call each other.

mod answer;
mod body;
mod caller;
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

use std::{io, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{
    answer::Failure,
    caller::{Wish, denied},
    origin::{Askers, Scheme},
    resource::Resource,
};
use super::{
    Rest,
    access::{Access, Caller},
    server::{self, Limits, Peer},
    tls::Certificate,
};
use crate::connector::Control;

/// What each request is judged by.
struct Api {
    control: Control,
    access: Access,
    askers: Askers,
    scheme: Scheme,
    limits: Limits,
}

/// A request that has passed the gates.
struct Call<'a> {
    control: &'a Control,
    head: Parts,
    body: Body,
    scheme: Scheme,
}

/// What serves until `shutdown`.
///
/// # Errors
///
/// When the listener or the certificate cannot be used.
pub fn serve(
    listener: TcpListener,
    control: Control,
    rest: Rest,
    shutdown: CancellationToken,
) -> io::Result<impl Future<Output = io::Result<()>>> {
    let certificate = rest.tls.map(Certificate::load).transpose();
    let certificate = certificate.map_err(io::Error::other)?.map(Arc::new);
    let access = Access::new(rest.users);
    // Another name for this machine is of no use to a page that has no credentials.
    let askers = if access.is_open() && listener.local_addr()?.ip().is_loopback() {
        Askers::Local
    } else {
        Askers::Anybody
    };
    let api = Api {
        control,
        access,
        askers,
        scheme: certificate.as_ref().map_or(Scheme::Http, |_| Scheme::Https),
        limits: rest.limits,
    };
    let router = Router::new().fallback(answer).with_state(Arc::new(api));
    Ok(async move {
        let following = certificate
            .clone()
            .map(|certificate| tokio::spawn(certificate.follow()));
        server::serve(listener, certificate, rest.limits, router, shutdown).await;
        if let Some(following) = following {
            following.abort();
        }
        Ok(())
    })
}

async fn answer(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let caller = match api.access.judge(&head.headers, peer.ip()).await {
        Ok(caller) => caller,
        Err(why) => return denied(why, &api.access),
    };
    let resource = Resource::at(head.uri.path());
    let wish = Wish::of(&head.method, head.uri.path(), resource.as_ref().ok());
    let body = server::timely(body, api.limits.request);
    let Wish::Change { .. } = wish else {
        let answer = handle(&api, &caller, &wish, resource, head, body).await;
        return answer.unwrap_or_else(IntoResponse::into_response);
    };
    // A change comes to its end, and into the log, also where the asker has gone meanwhile.
    let changing = tokio::spawn(async move {
        let answer = handle(&api, &caller, &wish, resource, head, body).await;
        let answer = answer.unwrap_or_else(IntoResponse::into_response);
        wish.log(&caller, peer, answer.status());
        answer
    });
    changing.await.expect("a panic ends the process")
}

async fn handle(
    api: &Api,
    caller: &Caller,
    wish: &Wish,
    resource: Result<Resource, Failure>,
    head: Parts,
    body: Body,
) -> Result<Response, Failure> {
    let (control, scheme) = (&api.control, api.scheme);
    if let Some(why) = api.askers.refuse(scheme, &head.method, &head.headers) {
        return Err(Failure::Refused(StatusCode::FORBIDDEN, why.to_owned()));
    }
    wish.check(caller)?;
    let resource = resource?;
    if head.method == Method::OPTIONS {
        return Ok(negotiation::options(&resource));
    }
    negotiation::check(&resource, &head)?;
    let call = Call {
        control,
        head,
        body,
        scheme,
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
