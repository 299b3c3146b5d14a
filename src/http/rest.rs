//! The REST port: what a request passes before Kafka Connect's API or the page answers it.
//!
//! Somebody known asks (401), from where that may be, and for what is theirs (403). A page's own form to sign in, and what
//! it is drawn with, are there for everybody.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, UPGRADE_INSECURE_REQUESTS},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Rest,
    access::{Access, Caller},
    answer::Failure,
    caller::{Wish, denied},
    connect, gzip,
    origin::{Askers, Scheme},
    page,
    server::{self, Limits, Peer},
    tls::Certificate,
};
use crate::{clock, connector::Control};

/// What each request is judged by.
pub(super) struct Port {
    pub(super) control: Control,
    pub(super) access: Access,
    askers: Askers,
    pub(super) scheme: Scheme,
    limits: Limits,
    /// The page's overview.
    drawn: Arc<page::Drawn>,
    /// Whatever streams ends then.
    ending: CancellationToken,
}

/// A request that has passed the gates.
pub(super) struct Call<'a> {
    pub(super) control: &'a Control,
    pub(super) caller: &'a Caller,
    pub(super) head: Parts,
    pub(super) body: Body,
    pub(super) scheme: Scheme,
    /// Whether users sign in at all.
    pub(super) has_users: bool,
    /// The page's overview.
    pub(super) drawn: &'a Arc<page::Drawn>,
    /// Whatever streams ends then.
    pub(super) ending: &'a CancellationToken,
}

/// Whose a path is.
enum Place {
    Page(page::Resource),
    Connect(Result<connect::Resource, Failure>),
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
) -> io::Result<impl Future<Output = ()>> {
    let certificate = rest.tls.map(Certificate::load).transpose();
    let certificate = certificate.map_err(io::Error::other)?.map(Arc::new);
    let access = Access::new(rest.users, control.session_key(), clock::now);
    // Another name for this machine is of no use to a page that has no credentials.
    let askers = if access.is_open() && listener.local_addr()?.ip().is_loopback() {
        Askers::Local
    } else {
        Askers::Anybody
    };
    let port = Port {
        control,
        access,
        askers,
        scheme: certificate.as_ref().map_or(Scheme::Http, |_| Scheme::Https),
        limits: rest.limits,
        drawn: Arc::default(),
        ending: shutdown.clone(),
    };
    let router = Router::new().fallback(answer).with_state(Arc::new(port));
    Ok(async move {
        let following = certificate
            .clone()
            .map(|certificate| tokio::spawn(certificate.follow()));
        server::serve(listener, certificate, rest.limits, router, shutdown).await;
        if let Some(following) = following {
            following.abort();
        }
    })
}

async fn answer(
    State(port): State<Arc<Port>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = server::timely(body, port.limits.request);
    let place = Place::of(&head);
    let is_compressed = matches!(place, Place::Page(_)) && gzip::is_taken(&head.headers);
    let answer = respond(port, peer, place, head, body).await;
    if is_compressed {
        gzip::compressed(answer).await
    } else {
        answer
    }
}

async fn respond(
    port: Arc<Port>,
    peer: SocketAddr,
    place: Place,
    head: Parts,
    body: Body,
) -> Response {
    if let Place::Page(resource) = &place
        && resource.is_open()
    {
        let open = match port.refuse(&head) {
            Ok(()) => page::open(&port, resource, peer.ip(), head, body).await,
            Err(failure) => Err(failure),
        };
        return open.unwrap_or_else(IntoResponse::into_response);
    }
    let caller = match port.access.judge(&head.headers, peer.ip()).await {
        Ok(caller) => caller,
        Err(why) => {
            let page = match &place {
                Place::Page(resource) => page::sign_in_first(resource, &head),
                Place::Connect(_) => None,
            };
            return page.unwrap_or_else(|| denied(why, &port.access, &head.headers));
        }
    };
    let wish = place.wish(&head);
    let Wish::Change { .. } = wish else {
        let answer = handle(&port, &caller, &wish, place, head, body).await;
        return answer.unwrap_or_else(IntoResponse::into_response);
    };
    // A change comes to its end, and into the log, also where the asker has gone meanwhile.
    let changing = tokio::spawn(async move {
        let answer = handle(&port, &caller, &wish, place, head, body).await;
        let answer = answer.unwrap_or_else(IntoResponse::into_response);
        wish.log(&caller, peer, answer.status());
        answer
    });
    changing.await.expect("a panic ends the process")
}

async fn handle(
    port: &Port,
    caller: &Caller,
    wish: &Wish,
    place: Place,
    head: Parts,
    body: Body,
) -> Result<Response, Failure> {
    port.refuse(&head)?;
    wish.check(caller)?;
    let call = Call {
        control: &port.control,
        caller,
        head,
        body,
        scheme: port.scheme,
        has_users: !port.access.is_open(),
        drawn: &port.drawn,
        ending: &port.ending,
    };
    match place {
        Place::Page(resource) => page::answer(call, resource).await,
        Place::Connect(resource) => connect::answer(call, resource?).await,
    }
}

// === impl Port ===

impl Port {
    /// Refuses what comes from where it may not.
    fn refuse(&self, head: &Parts) -> Result<(), Failure> {
        let why = self.askers.refuse(self.scheme, &head.method, &head.headers);
        why.map_or(Ok(()), |why| {
            Err(Failure::Refused(StatusCode::FORBIDDEN, why.to_owned()))
        })
    }
}

// === impl Place ===

impl Place {
    fn of(head: &Parts) -> Self {
        let path = head.uri.path();
        if path == "/" && is_opened_by_hand(&head.headers) {
            return Self::Page(page::Resource::Bare);
        }
        page::Resource::at(path)
            .map_or_else(|| Self::Connect(connect::Resource::at(path)), Self::Page)
    }

    /// A validation is a PUT, and changes nothing. A resource that is nowhere could not be changed, but somebody tries.
    fn wish(&self, head: &Parts) -> Wish {
        let is_validation = matches!(self, Self::Connect(Ok(resource)) if resource.is_validation());
        Wish::of(&head.method, head.uri.path(), is_validation)
    }
}

/// Whether a browser asks for something to show, as no other program does (Upgrade Insecure Requests, 3.2.1).
fn is_opened_by_hand(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    headers.contains_key(UPGRADE_INSECURE_REQUESTS)
        && accept.is_some_and(|accept| accept.contains("text/html"))
}
