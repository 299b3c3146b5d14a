//! Who asks: what is said to those who are not let in, what a caller may do, and the line in the log behind each change.

use std::net::SocketAddr;

use axum::{
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};

use super::{
    access::{Access, Caller, Denied, Role},
    answer::Failure,
};
use crate::telemetry::AUDIT;

/// What is asked for, as far as it matters who asks.
pub(super) enum Wish {
    Look,
    Change { method: Method, path: String },
}

// === impl Wish ===

impl Wish {
    /// Nothing changes by a safe method, nor where there is nothing to change.
    pub(super) fn of(method: &Method, path: &str, is_validation: bool) -> Self {
        let looks = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if looks || is_validation {
            return Self::Look;
        }
        Self::Change {
            method: method.clone(),
            path: path.to_owned(),
        }
    }

    /// Whether it is the caller's to have.
    pub(super) fn check(&self, caller: &Caller) -> Result<(), Failure> {
        match (self, caller.role) {
            (Self::Look, _) | (_, Role::Admin) => Ok(()),
            (Self::Change { .. }, Role::Viewer) => Err(Failure::Refused(
                StatusCode::FORBIDDEN,
                format!("{} may look only: changes need the role admin", caller.name),
            )),
        }
    }

    /// Writes down who has changed what, or has tried to.
    pub(super) fn log(&self, caller: &Caller, peer: SocketAddr, status: StatusCode) {
        if let Self::Change { method, path } = self {
            tracing::info!(
                target: AUDIT,
                user = &*caller.name,
                %peer,
                %method,
                path,
                status = status.as_u16(),
                "a change was asked for over REST"
            );
        }
    }
}

/// The answer to somebody who is not let in. A page's script asks for no password of the browser's own.
pub(super) fn denied(why: Denied, access: &Access, headers: &HeaderMap) -> Response {
    let refused =
        |status, message: &str| Failure::Refused(status, message.to_owned()).into_response();
    let mut answer = match why {
        Denied::Nameless => refused(
            StatusCode::UNAUTHORIZED,
            "This worker wants to know who asks: show a user's name and password (Basic) or a token (Bearer)",
        ),
        Denied::Wrong => refused(
            StatusCode::UNAUTHORIZED,
            "The name and password, or the token, are wrong",
        ),
        Denied::TooMany(wait) => {
            let seconds = Denied::seconds(wait);
            let message = format!("Too many wrong passwords or tokens: try again in {seconds} s");
            let refused = refused(StatusCode::TOO_MANY_REQUESTS, &message);
            return ([(RETRY_AFTER, seconds.to_string())], refused).into_response();
        }
    };
    let mode = headers.get("sec-fetch-mode").map(HeaderValue::as_bytes);
    if matches!(mode, None | Some(b"navigate")) {
        for challenge in access.challenges() {
            answer.headers_mut().append(WWW_AUTHENTICATE, challenge);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        clock,
        http::{User, connect::Resource},
    };

    fn caller(role: Role) -> Caller {
        Caller {
            name: "bob".into(),
            role,
        }
    }

    fn may(role: Role, method: &Method, path: &str) -> bool {
        let is_validation = Resource::at(path).is_ok_and(|resource| resource.is_validation());
        Wish::of(method, path, is_validation)
            .check(&caller(role))
            .is_ok()
    }

    #[test]
    fn a_viewer_looks_and_validates_and_changes_nothing() {
        let validate = "/connector-plugins/A/config/validate";
        for (method, path) in [
            (Method::GET, "/connectors"),
            (Method::HEAD, "/"),
            (Method::OPTIONS, "/connectors/x/config"),
            (Method::PUT, validate),
        ] {
            assert!(may(Role::Viewer, &method, path), "{method} {path}");
        }
        for (method, path) in [
            (Method::POST, "/connectors"),
            (Method::PUT, "/connectors/x/pause"),
            (Method::PATCH, "/connectors/x/config"),
            (Method::DELETE, "/connectors/x"),
            (Method::PUT, "/nowhere"),
            (Method::TRACE, "/connectors"),
            (Method::PUT, "/connectors/validate/config"),
        ] {
            assert!(!may(Role::Viewer, &method, path), "{method} {path}");
            assert!(may(Role::Admin, &method, path), "{method} {path}");
        }
    }

    #[test]
    fn whoever_is_not_let_in_is_told_what_to_show_or_how_long_to_wait() {
        let access = Access::new(Vec::<User>::new(), None, clock::now);
        assert_eq!(
            denied(Denied::Wrong, &access, &HeaderMap::new()).status(),
            401
        );
        let wait = Duration::from_millis(1500);
        let answer = denied(Denied::TooMany(wait), &access, &HeaderMap::new());
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()[RETRY_AFTER]),
            (429, &"2".parse().unwrap())
        );
    }
}
