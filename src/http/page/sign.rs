//! Signing in and out. The form works without the script.

use std::net::IpAddr;

use askama::Template;
use axum::{
    body::{Body, to_bytes},
    http::{
        HeaderValue, StatusCode,
        header::{ORIGIN, RETRY_AFTER, SET_COOKIE},
        request::Parts,
    },
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;

use super::view;
use crate::http::{
    access::{Access, Denied},
    answer::Failure,
    origin::Scheme,
    query,
    rest::Port,
};

/// The form, with what somebody has typed before, and what was wrong with it.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    name: &'a str,
    then: &'a str,
    wrong: Option<String>,
    has_passwords: bool,
}

/// The longest form that is read.
const LIMIT: usize = 8 << 10;

pub(super) fn form(port: &Port, head: &Parts) -> Response {
    if port.access.is_open() {
        return Redirect::to("/ui/").into_response();
    }
    let then = query::values(&head.uri, "then");
    view::html(&SignIn {
        name: "",
        then: then.first().map_or("/ui/", |then| within(then)),
        wrong: None,
        has_passwords: port.access.has_passwords(),
    })
}

pub(super) async fn sign_in(
    port: &Port,
    peer: IpAddr,
    head: &Parts,
    body: Body,
) -> Result<Response, Failure> {
    let body = to_bytes(body, LIMIT)
        .await
        .map_err(|_| Failure::late(StatusCode::PAYLOAD_TOO_LARGE))?;
    let field = |name: &str| {
        let mut fields = form_urlencoded::parse(&body);
        let found = fields.find(|(key, _)| key == name);
        found.map_or_else(String::new, |(_, value)| value.into_owned())
    };
    let (name, then) = (field("name"), field("then"));
    let (name, then) = (name.trim(), within(&then));
    let attributes = attributes(port.scheme, head);
    let signed = port
        .access
        .sign_in(name, field("password").into(), peer, attributes);
    let why = match signed.await {
        Ok(cookie) => return Ok(([(SET_COOKIE, cookie)], Redirect::to(then)).into_response()),
        Err(why) => why,
    };
    let mut answer = view::html(&SignIn {
        name,
        then,
        wrong: Some(in_words(why)),
        has_passwords: port.access.has_passwords(),
    });
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    if let Denied::TooMany(wait) = why {
        *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        let seconds = Denied::seconds(wait);
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}

pub(super) fn out(port: &Port, head: &Parts) -> Response {
    let cookie = Access::sign_out(attributes(port.scheme, head));
    ([(SET_COOKIE, cookie)], Redirect::to("/ui/sign-in")).into_response()
}

fn in_words(why: Denied) -> String {
    match why {
        Denied::TooMany(wait) => format!(
            "Too many wrong passwords. Try again in {} s.",
            Denied::seconds(wait)
        ),
        _ => "There is no user with this name and password.".to_owned(),
    }
}

/// A script cannot read the cookie, and no other site's page sends it. Nor does it travel in the clear where TLS is spoken, be
/// it by a proxy.
fn attributes(scheme: Scheme, head: &Parts) -> &'static str {
    let origin = head.headers.get(ORIGIN).map(HeaderValue::as_bytes);
    let is_tls = scheme == Scheme::Https || origin.is_some_and(|it| it.starts_with(b"https:"));
    if is_tls {
        "Path=/; HttpOnly; SameSite=Strict; Secure"
    } else {
        "Path=/; HttpOnly; SameSite=Strict"
    }
}

/// Where to go on; never to another site.
fn within(then: &str) -> &str {
    let is_ours = then.starts_with("/ui/") && !then.contains(['\\', '\r', '\n']);
    if is_ours { then } else { "/ui/" }
}
