//! `/ui/search`: events that are in Kafka, and those that come.

use askama::Template;
use axum::response::Response;

use super::{
    look::Look,
    view::{Area, Frame, html},
};
use crate::{event::Stream, http::rest::Call};

#[derive(Template)]
#[template(path = "search.html")]
struct View {
    frame: Frame,
    names: Vec<String>,
}

/// How far back is looked, as ISO 8601 durations, with their words.
const TIMES: [(&str, &str); 6] = [
    ("PT15M", "last 15 minutes"),
    ("PT1H", "last hour"),
    ("PT24H", "last 24 hours"),
    ("P7D", "last 7 days"),
    ("P30D", "last 30 days"),
    ("", "any time"),
];

/// How far back most people look.
fn is_usual(time: &str) -> bool {
    time == "P7D"
}

pub(super) fn view(call: &Call<'_>) -> Response {
    html(&View {
        frame: Frame::new(call, Area::Search),
        names: call.control.names(),
    })
}
