//! Views as answers: HTML, and the headers that keep it to itself.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
    response::{IntoResponse, Response},
};

use super::{integration, overview::Drawn};
use crate::{
    connector::Control,
    http::{access::Role, answer::Failure, rest::Call},
};

/// What stands around each view.
pub(super) struct Frame {
    area: Area,
    /// Who has signed in; nobody where nobody need.
    pub(super) user: Option<String>,
    /// Whether it may change anything.
    pub(super) is_admin: bool,
}

/// Where in the page a view is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Integrations,
    Search,
}

/// A view that changes by itself, part by part.
pub(super) enum Scene {
    Overview(Arc<Drawn>),
    Integration { name: String, is_admin: bool },
}

/// Parts of a view by their names, as HTML.
pub(super) type Parts = BTreeMap<String, String>;

/// Only what this port serves is loaded; a script makes HTML of the worker's answers in one place.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types page";

// === impl Frame ===

impl Frame {
    pub(super) fn new(call: &Call<'_>, area: Area) -> Self {
        Self {
            area,
            user: call.has_users.then(|| call.caller.name.to_string()),
            is_admin: call.caller.role == Role::Admin,
        }
    }

    pub(super) fn is(&self, area: Area) -> bool {
        self.area == area
    }
}

// === impl Scene ===

impl Scene {
    /// The overview's, or that of an integration.
    pub(super) fn new(call: &Call<'_>, integration: Option<String>) -> Result<Self, Failure> {
        let Some(name) = integration else {
            return Ok(Self::Overview(Arc::clone(call.drawn)));
        };
        if call.control.info(&name).is_none() {
            return Err(integration::missing(&name));
        }
        let is_admin = call.caller.role == Role::Admin;
        Ok(Self::Integration { name, is_admin })
    }

    /// All parts as they are now.
    pub(super) fn parts(&self, control: &Control) -> Arc<Parts> {
        match self {
            Self::Overview(drawn) => drawn.parts(control),
            Self::Integration { name, is_admin } => {
                integration::parts(control, name, *is_admin).into()
            }
        }
    }
}

/// What a template gives; writing to a text does not fail.
pub(super) fn render(template: &impl Template) -> String {
    template.render().expect("writing to a text does not fail")
}

#[derive(Template)]
#[template(path = "failed.html")]
struct Failed {
    frame: Frame,
    message: String,
}

/// The answer that says why there is no view.
pub(super) fn failed(frame: Frame, failure: Failure) -> Response {
    let (status, message) = match failure {
        Failure::Refused(status, message) => (status, message),
        Failure::Gate(status) => (status, "There is nothing here.".to_owned()),
    };
    let mut answer = html(&Failed { frame, message });
    *answer.status_mut() = status;
    answer
}

/// The answer that shows `template`. It holds what not everybody may see, so nothing keeps it.
pub(super) fn html(template: &impl Template) -> Response {
    let text = render(template);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        // Without an origin a form's request would look like another site's.
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
