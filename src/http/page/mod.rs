//! The page: what people see and do in a browser, below `/ui/`.
//!
//! Views are HTML that the worker makes; one script brings them up to date and sends what people do to the API, Kafka
//! Connect's or, where that has no word for it, the page's own below `/ui/api/`. Nothing is loaded from elsewhere, and the
//! policy that each view comes with forbids it.

mod api;
mod asset;
mod form;
mod integration;
mod look;
mod overview;
mod search;
mod sign;
mod view;

use std::net::IpAddr;

use axum::{
    body::Body,
    http::{Method, StatusCode, header::ALLOW, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;

pub(super) use self::overview::Drawn;
use self::{
    api::Api,
    asset::Asset,
    view::{Area, Frame},
};
use super::{
    answer::Failure,
    origin::is_of_another_site,
    path::{decoded, nowhere, segments},
    rest::{Call, Port},
};

/// What a path below `/ui` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    /// `/ui`, and where a browser begins.
    Bare,
    View(View),
    SignIn,
    SignOut,
    Asset(Asset),
    Api(Api),
    Nowhere,
}

/// What people look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum View {
    Overview,
    Add,
    Integration(String),
    Edit(String),
    Search,
}

// === impl Resource ===

impl Resource {
    /// The resource at `path`; none where the path is not the page's.
    pub(super) fn at(path: &str) -> Option<Self> {
        let segments = segments(path).ok()?;
        let below = segments.strip_prefix(&["ui"])?;
        if below.is_empty() && !path.ends_with('/') {
            return Some(Self::Bare);
        }
        Some(Self::below(below).unwrap_or(Self::Nowhere))
    }

    fn below(segments: &[&str]) -> Option<Self> {
        let view = match segments {
            [] => View::Overview,
            ["search"] => View::Search,
            ["add"] => View::Add,
            ["integrations", name, "edit"] => View::Edit(decoded(name).ok()?),
            ["integrations", name] => View::Integration(decoded(name).ok()?),
            ["sign-in"] => return Some(Self::SignIn),
            ["sign-out"] => return Some(Self::SignOut),
            ["api", name] => return Api::named(name).map(Self::Api),
            [name] => return Asset::named(name).map(Self::Asset),
            _ => return None,
        };
        Some(Self::View(view))
    }

    /// Whether it is there for whoever has not signed in.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::SignIn | Self::SignOut | Self::Asset(_))
    }

    fn methods(&self) -> &'static [Method] {
        match self {
            Self::SignIn => &[Method::GET, Method::HEAD, Method::POST],
            Self::SignOut => &[Method::POST],
            Self::Api(api) => api.methods(),
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// The answer to a method that it does not know.
    fn refuse(&self, method: &Method) -> Option<Response> {
        let methods = self.methods();
        if methods.contains(method) {
            return None;
        }
        let allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
        let allow = [(ALLOW, allowed.join(", "))];
        Some((allow, Failure::late(StatusCode::METHOD_NOT_ALLOWED)).into_response())
    }
}

/// What is there for everybody.
pub(super) async fn open(
    port: &Port,
    resource: &Resource,
    peer: IpAddr,
    head: Parts,
    body: Body,
) -> Result<Response, Failure> {
    if let Some(refused) = resource.refuse(&head.method) {
        return Ok(refused);
    }
    match resource {
        Resource::Asset(asset) => Ok(asset.answer(&head)),
        Resource::SignOut => Ok(sign::out(port, &head)),
        _ if head.method == Method::POST => sign::sign_in(port, peer, &head, body).await,
        _ => Ok(sign::form(port, &head)),
    }
}

/// What is there for whoever has signed in.
pub(super) async fn answer(call: Call<'_>, resource: Resource) -> Result<Response, Failure> {
    let is_view = !matches!(resource, Resource::Api(_));
    if !is_view && is_of_another_site(&call.head.headers) {
        let message =
            "The page's API is asked by this port's own pages, and by programs".to_owned();
        return Err(Failure::Refused(StatusCode::FORBIDDEN, message));
    }
    let frame = Frame::new(&call, Area::Integrations);
    match answered(call, resource).await {
        Err(failure) if is_view => Ok(view::failed(frame, failure)),
        answer => answer,
    }
}

async fn answered(call: Call<'_>, resource: Resource) -> Result<Response, Failure> {
    if !call.control.is_ready() {
        let message = "The worker is still starting up: try again in a moment.".to_owned();
        return Err(Failure::Refused(StatusCode::SERVICE_UNAVAILABLE, message));
    }
    if let Some(refused) = resource.refuse(&call.head.method) {
        return Ok(refused);
    }
    match resource {
        Resource::Bare => Ok(Redirect::to("/ui/").into_response()),
        Resource::View(View::Overview) => Ok(overview::view(call).await),
        Resource::View(View::Search) => Ok(search::view(&call)),
        Resource::View(View::Add) => Ok(form::add(&call)),
        Resource::View(View::Edit(name)) => form::edit(&call, &name),
        Resource::View(View::Integration(name)) => integration::view(call, &name).await,
        Resource::Api(api) => api::answer(call, api).await,
        _ => Err(nowhere()),
    }
}

/// Where somebody is sent who wants to look and has not signed in.
pub(super) fn sign_in_first(resource: &Resource, head: &Parts) -> Option<Response> {
    let is_view = matches!(resource, Resource::Bare | Resource::View(_));
    if !is_view || !matches!(head.method, Method::GET | Method::HEAD) {
        return None;
    }
    let wanted = head.uri.path_and_query()?.as_str();
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("then", wanted)
        .finish();
    Some(Redirect::to(&format!("/ui/sign-in?{query}")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_page_names_a_view_or_nothing() {
        let view = |view| Some(Resource::View(view));
        for (path, resource) in [
            ("/ui", Some(Resource::Bare)),
            ("/ui/", view(View::Overview)),
            ("/ui/add", view(View::Add)),
            ("/ui/search", view(View::Search)),
            (
                "/ui/integrations/a%20b",
                view(View::Integration("a b".to_owned())),
            ),
            ("/ui/integrations/a/edit", view(View::Edit("a".to_owned()))),
            ("/ui/api/live", Some(Resource::Api(Api::Live))),
            ("/ui/nowhere", Some(Resource::Nowhere)),
            ("/ui/integrations/a%2Fb", Some(Resource::Nowhere)),
            ("/ui/api/nothing", Some(Resource::Nowhere)),
            ("/connectors", None),
            ("/uix", None),
            ("/", None),
        ] {
            assert_eq!(Resource::at(path), resource, "{path}");
        }
        assert!(Resource::at("/ui/page.css").is_some_and(|resource| resource.is_open()));
        assert!(!Resource::at("/ui/").unwrap().is_open());
    }
}
