//! `/ui/add` and `/ui/integrations/<name>/edit`: a form drawn from the declared settings.
//!
//! What most people fill in has a place of its own here; every other setting of the table is drawn as it is declared, folded
//! under "Advanced". What the form says becomes a configuration in the script, which sends it to Kafka Connect's API.

use askama::Template;
use axum::response::Response;

use super::{
    integration::missing,
    look::{self, Look},
    view::{Area, Frame, html},
};
use crate::{
    connector::{CLASS, Info, Properties, TABLE, URL, shown_value},
    event::Stream,
    http::{answer::Failure, rest::Call},
    setting::{Setting, Width},
};

#[derive(Template)]
#[template(path = "form.html")]
struct View<'a> {
    frame: Frame,
    /// Whether the worker can seal tokens.
    can_seal: bool,
    /// The integration that is changed; none where one is added.
    name: Option<&'a str>,
    /// Its configuration, as JSON: what the form does not know stays in it.
    config: String,
    host: Field<'a>,
    token: &'a str,
    minutes: String,
    start: Start<'a>,
    streams: Vec<(Stream, bool)>,
    advanced: Vec<Field<'a>>,
}

/// A setting that is drawn as it is declared.
struct Field<'a> {
    setting: &'static Setting,
    value: &'a str,
}

/// Where reading begins: one of the usual places, or in the words of the setting.
enum Start<'a> {
    Usual(&'static str),
    Other(&'a str),
}

/// Settings that have a place of their own in the form, or none at all.
const PLACED: [&str; 8] = [
    "name",
    "connector.class",
    "tasks.max",
    "onepassword.token",
    "onepassword.url",
    "poll.interval.ms",
    "start.time",
    "streams",
];

/// The usual places to begin, with their words.
const STARTS: [(&str, &str); 3] = [
    ("latest", "now"),
    ("P7D", "with the last 7 days"),
    (
        "earliest",
        "with everything that 1Password keeps (120 days)",
    ),
];

const MINUTE: f64 = 60_000.0;

/// The form that adds an integration.
pub(super) fn add(call: &Call<'_>) -> Response {
    let config = Properties::from([("connector.class".to_owned(), Some(CLASS.to_owned()))]);
    html(&View::new(call, None, &config))
}

/// The form that changes one.
pub(super) fn edit(call: &Call<'_>, name: &str) -> Result<Response, Failure> {
    let Info { config, .. } = call.control.info(name).ok_or_else(|| missing(name))?;
    Ok(html(&View::new(call, Some(name), &config)))
}

// === impl View ===

impl<'a> View<'a> {
    fn new(call: &Call<'_>, name: Option<&'a str>, config: &'a Properties) -> Self {
        let value = |setting: &str| config.get(setting).and_then(Option::as_deref);
        let chosen =
            value("streams").map(|list| list.split(',').map(str::trim).collect::<Vec<_>>());
        let is_chosen = |stream: Stream| {
            let chosen = chosen.as_ref();
            chosen.is_none_or(|chosen| chosen.contains(&stream.name()))
        };
        let others = TABLE
            .iter()
            .filter(|setting| !PLACED.contains(&setting.name));
        let field = |setting: &'static Setting| Field {
            setting,
            value: value(setting.name).unwrap_or_default(),
        };
        Self {
            frame: Frame::new(call, Area::Integrations),
            can_seal: call.control.can_seal(),
            name,
            config: serde_json::to_string(&shown(config)).expect("it is plain data"),
            host: field(&URL),
            token: value("onepassword.token")
                .filter(|token| shown_value("onepassword.token", token) == *token)
                .unwrap_or_default(),
            minutes: minutes(value("poll.interval.ms").unwrap_or("300000")),
            start: Start::of(value("start.time").unwrap_or("earliest")),
            streams: Stream::ALL.map(|stream| (stream, is_chosen(stream))).into(),
            advanced: others.map(field).collect(),
        }
    }
}

// === impl Field ===

impl Field<'_> {
    fn is_long(&self) -> bool {
        self.setting.width == Width::Long
    }

    /// Whether one of a few values is to be chosen; an address may also be another one.
    fn is_choice(&self) -> bool {
        !self.is_long() && !self.setting.recommended.is_empty()
    }

    /// Whether its value is none of the few, such as a reference.
    fn is_other(&self) -> bool {
        !self.value.is_empty() && !self.setting.recommended.contains(&self.value)
    }

    fn is(&self, value: &str) -> bool {
        self.value == value || self.value.is_empty() && self.setting.default_value() == Some(value)
    }
}

// === impl Start ===

impl<'a> Start<'a> {
    fn of(value: &'a str) -> Self {
        let usual = STARTS.into_iter().find(|(usual, _)| *usual == value);
        usual.map_or(Self::Other(value), |(usual, _)| Self::Usual(usual))
    }

    fn is(&self, value: &str) -> bool {
        matches!(self, Self::Usual(usual) if *usual == value)
    }

    fn other(&self) -> Option<&'a str> {
        match self {
            Self::Usual(_) => None,
            Self::Other(value) => Some(value),
        }
    }
}

/// A configuration without what could be a secret.
fn shown(config: &Properties) -> Properties {
    let is_shown = |name: &str, value: &Option<String>| {
        let value = value.as_deref().unwrap_or_default();
        shown_value(name, value) == value
    };
    let shown = config.iter().filter(|(name, value)| is_shown(name, value));
    shown
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Milliseconds in minutes; what is no number stays as it is written.
fn minutes(millis: &str) -> String {
    millis.trim().parse::<f64>().map_or_else(
        |_| millis.to_owned(),
        |millis| (millis / MINUTE).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_place() {
        let is_declared = |name: &&str| TABLE.iter().any(|setting| setting.name == *name);
        assert!(PLACED.iter().all(is_declared));
        assert!(STARTS.iter().all(|(value, _)| Start::of(value).is(value)));
        assert_eq!(Start::of("PT36H").other(), Some("PT36H"));
    }

    #[test]
    fn an_interval_is_told_in_minutes() {
        for (millis, text) in [("300000", "5"), ("90000", "1.5"), ("x", "x")] {
            assert_eq!(minutes(millis), text);
        }
    }
}
