//! `/ui/integrations/<name>`: one integration, with all that there is to know of it and to do with it.

use std::cmp::Reverse;

use askama::Template;
use axum::response::Response;

use super::{
    look::{self, Look},
    view::{Area, Frame, Parts, html, render},
};
use crate::{
    connector::{Control, Info, Overview, Poll, StreamOverview, Target, Trouble, shown_value},
    http::{answer::Failure, rest::Call},
};

#[derive(Template)]
#[template(path = "integration.html")]
struct View<'a> {
    frame: Frame,
    name: &'a str,
    in_file: bool,
    head: String,
    streams: String,
    polls: String,
    troubles: String,
    settings: String,
}

/// How it is, and what can be done.
#[derive(Template)]
#[template(path = "integration_head.html")]
struct Head<'a> {
    one: &'a Overview,
    may_change: bool,
}

/// Where each stream is.
#[derive(Template)]
#[template(path = "integration_streams.html")]
struct Streams<'a> {
    one: &'a Overview,
}

/// The latest polls, newest first.
#[derive(Template)]
#[template(path = "integration_polls.html")]
struct Polls<'a> {
    one: &'a Overview,
}

/// What went wrong lately, newest first.
#[derive(Template)]
#[template(path = "integration_troubles.html")]
struct Troubles<'a> {
    /// Which streams have each in common, and how it was last.
    troubles: Vec<(Vec<String>, &'a Trouble)>,
}

/// The settings, as they were written.
#[derive(Template)]
#[template(path = "integration_settings.html")]
struct Settings<'a> {
    info: &'a Info,
    notes: Vec<String>,
}

const HEAD: &str = "head";
const STREAMS: &str = "streams";
const POLLS: &str = "polls";
const TROUBLES: &str = "troubles";
const SETTINGS: &str = "settings";

pub(super) async fn view(call: Call<'_>, name: &str) -> Result<Response, Failure> {
    call.control.watch().await;
    let in_file = call.control.is_in_file(name).ok_or_else(|| missing(name))?;
    let frame = Frame::new(&call, Area::Integrations);
    let mut parts = parts(call.control, name, frame.is_admin);
    let mut part = |name| parts.remove(name).unwrap_or_default();
    Ok(html(&View {
        name,
        in_file,
        head: part(HEAD),
        streams: part(STREAMS),
        polls: part(POLLS),
        troubles: part(TROUBLES),
        settings: part(SETTINGS),
        frame,
    }))
}

/// All that changes by itself; nothing where there is no such integration any more.
pub(super) fn parts(control: &Control, name: &str, is_admin: bool) -> Parts {
    let (Some(one), Some(info)) = (control.overview(name), control.info(name)) else {
        return Parts::new();
    };
    let one = &one;
    let status = control.status(name);
    let head = Head {
        one,
        may_change: is_admin,
    };
    let settings = Settings {
        info: &info,
        notes: status.map(|status| status.notes).unwrap_or_default(),
    };
    let parts = [
        (HEAD, render(&head)),
        (STREAMS, render(&Streams { one })),
        (POLLS, render(&Polls { one })),
        (TROUBLES, render(&Troubles::of(one))),
        (SETTINGS, render(&settings)),
    ];
    parts.map(|(name, html)| (name.to_owned(), html)).into()
}

/// There is no such integration.
pub(super) fn missing(name: &str) -> Failure {
    Failure::not_found(format!("Connector {name} not found"))
}

// === impl Head ===

impl Head<'_> {
    fn is(&self, target: Target) -> bool {
        self.one.target == target
    }
}

// === impl Polls ===

impl<'a> Polls<'a> {
    /// Of all streams together.
    fn newest(&self) -> Vec<(&'a StreamOverview, &'a Poll)> {
        let of_stream = |stream: &'a StreamOverview| {
            let polls = stream.activity.polls.iter();
            polls.map(move |poll| (stream, poll))
        };
        let mut polls: Vec<_> = self.one.streams.iter().flat_map(of_stream).collect();
        polls.sort_by_key(|(_, poll)| Reverse(poll.began));
        polls
    }
}

// === impl Troubles ===

impl<'a> Troubles<'a> {
    fn of(one: &'a Overview) -> Self {
        let mut troubles: Vec<(Vec<String>, &Trouble)> = Vec::new();
        for stream in &one.streams {
            for trouble in &stream.activity.troubles {
                let name = stream.stream.look();
                let known = troubles
                    .iter_mut()
                    .find(|(_, known)| known.message == trouble.message);
                match known {
                    Some((streams, last)) => {
                        if !streams.contains(&name) {
                            streams.push(name);
                        }
                        if last.at < trouble.at {
                            *last = trouble;
                        }
                    }
                    None => troubles.push((vec![name], trouble)),
                }
            }
        }
        troubles.sort_by_key(|(_, trouble)| Reverse(trouble.at));
        Self { troubles }
    }
}

/// What is shown of a setting. A sealed token is long, and tells nobody anything but its key.
fn shown(setting: &str, value: &str) -> String {
    let value = shown_value(setting, value);
    match value
        .strip_prefix("${sealed:")
        .and_then(|rest| rest.split_once('.'))
    {
        Some((key, _)) => format!("${{sealed:{key}.…}}"),
        None => value.to_owned(),
    }
}
