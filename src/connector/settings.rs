//! A connector's settings, typed.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::{
    CLASS as CLASS_NAME, Properties, TABLE, ignored, start,
    table::{
        CLASS, KEY, NAME, PAGE_LIMIT, POLL_INTERVAL_MS, START_TIME, STREAMS, TASKS_MAX, TOKEN, URL,
    },
};
use crate::{
    event::Stream,
    onepassword::{AllowedHosts, HostError},
    relay::{Connector, Key},
    secret::{Keyring, Reach, Template},
    setting::{Mistakes, Reader, Reported, Values, choice, refuse_unknown},
};

/// What somebody has written about a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What it is to do.
    pub connector: Connector,
    /// Its settings, as they were written.
    pub properties: Properties,
    /// What was written and has no effect, in words.
    pub notes: Vec<String>,
}

/// What the worker's operator allows whoever declares a connector.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// Where tokens may be sent.
    pub hosts: AllowedHosts,
    /// What may be referred to.
    pub references: Reach,
    /// What tokens are sealed with.
    pub keyring: Keyring,
}

const KEYS: [(&str, Key); 4] = [
    ("user", Key::User),
    ("event", Key::Event),
    ("account", Key::Account),
    ("connector", Key::Connector),
];

/// The longest name, as long as Kafka's longest topic name.
const LONGEST_NAME: usize = 249;

// === impl Settings ===

impl Settings {
    /// Reads the settings of the connector `name`; nothing where there is a mistake.
    ///
    /// All references but the token's are resolved, which does blocking file I/O. Times are judged by `now`.
    pub fn parse(
        name: &str,
        values: &Values,
        allowed: &Allowed,
        now: Timestamp,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut properties: Properties = values
            .iter()
            .map(|(name, value)| (name.to_owned(), value.text().map(str::to_owned)))
            .collect();
        properties.insert(NAME.name.to_owned(), Some(name.to_owned()));
        let (given, notes) = without_ignored(values);
        let is_known = refuse_unknown(&given, TABLE, mistakes);
        let given = expanded(given, &allowed.references, mistakes);
        let mut reader = Reader::new(&given, mistakes);
        let connector = Self::read(name, allowed, now, &mut reader).ok()?;
        is_known.ok().map(|()| Self {
            connector,
            properties,
            notes,
        })
    }

    fn read(
        name: &str,
        allowed: &Allowed,
        now: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<Connector, Reported> {
        let name = own_name(name, reader);
        let class = reader.maybe(&CLASS, class);
        let tasks_max = reader.maybe(&TASKS_MAX, TASKS_MAX.whole::<i32>());
        let token = token(reader, allowed);
        let url = reader.maybe(&URL, |text| url(text, &allowed.hosts));
        let streams = streams(reader);
        let start = reader.one(&START_TIME, |text| start::parse(text, now));
        let poll_interval = reader.one(&POLL_INTERVAL_MS, POLL_INTERVAL_MS.whole());
        let page_limit = reader.one(&PAGE_LIMIT, PAGE_LIMIT.whole());
        let key = reader.one(&KEY, choice(&KEYS));
        class.and(tasks_max)?;
        Ok(Connector {
            name: name?,
            token: token?,
            url: url?,
            streams: streams?,
            poll_interval: Duration::from_millis(poll_interval?),
            page_limit: page_limit?,
            start: start?,
            key: key?,
        })
    }
}

/// Whether a connector may have this name: as in Kafka Connect, nearly every one.
///
/// # Errors
///
/// A blank or overlong name, or one with control characters.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("a connector's name cannot be blank".to_owned());
    }
    if name.chars().any(char::is_control) {
        return Err("a connector's name cannot have control characters in it".to_owned());
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(format!(
            "a connector's name has {LONGEST_NAME} characters at most"
        ));
    }
    Ok(())
}

fn without_ignored(values: &Values) -> (Values, Vec<String>) {
    let mut given = values.clone();
    let mut notes = Vec::new();
    for name in values.names() {
        if let Some(note) = ignored::note(name) {
            notes.push(note);
            given.remove(name);
        }
    }
    (given, notes)
}

/// The token's references are resolved where it is used.
fn expanded(mut given: Values, reach: &Reach, mistakes: &mut Mistakes) -> Values {
    let token = given.remove(TOKEN.name);
    given.expand(reach, mistakes);
    if let Some(token) = token {
        given.insert(TOKEN.name.to_owned(), token);
    }
    given
}

fn own_name(name: &str, reader: &mut Reader<'_>) -> Result<String, Reported> {
    check_name(name).map_err(|what| reader.refuse(&NAME, what))?;
    reader.maybe(&NAME, |given| {
        if given == name {
            return Ok(());
        }
        Err(format!("is not the connector's name, which is '{name}'"))
    })?;
    Ok(name.to_owned())
}

/// Whether a connector of this class is ours, by its name alone or with a package before it.
#[must_use]
pub fn is_class(text: &str) -> bool {
    text.rsplit('.').next() == Some(CLASS_NAME)
}

fn class(text: &str) -> Result<(), String> {
    if is_class(text) {
        return Ok(());
    }
    Err(format!("is no connector here: there is only {CLASS_NAME}"))
}

fn token(reader: &mut Reader<'_>, allowed: &Allowed) -> Result<Template, Reported> {
    const REFERENCE: &str =
        "write a reference to it, such as ${file:/run/secrets/acme} or ${env:ACME_TOKEN}";
    let token = reader.maybe(&TOKEN, |text| {
        let template =
            Template::parse(text).map_err(|error| format!("is no reference: {error}"))?;
        if template.is_literal() {
            return Err(format!(
                "is written out: {REFERENCE}, or have it sealed (on the page, or with POST /ui/api/seal)"
            ));
        }
        let reach = &allowed.references;
        reach.check(&template).map_err(|error| error.to_string())?;
        // Those of the worker's file are opened when it is read.
        if allowed.references != Reach::Everywhere {
            let opened = allowed.keyring.check(&template);
            opened.map_err(|error| error.to_string())?;
        }
        Ok(template)
    })?;
    token.ok_or_else(|| reader.refuse(&TOKEN, format!("is missing: {REFERENCE}")))
}

fn url(text: &str, hosts: &AllowedHosts) -> Result<Url, String> {
    let url: Url = text
        .trim()
        .parse()
        .map_err(|_| "is no URL: write it as https://events.1password.com".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user in it: the token is all that 1Password wants".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("has something after its host: leave it out".to_owned());
    }
    hosts.check(&url).map_err(|error| match error {
        HostError::Insecure => {
            "is not https: plain http is for hosts on this machine only".to_owned()
        }
        // It does not name the host, for the value may be a reference's.
        HostError::Foreign(_) => {
            "is none of 1Password's hosts: where it is meant, the worker's operator allows it \
                                  with onepassword.allowed.hosts"
                .to_owned()
        }
    })?;
    Ok(url)
}

fn streams(reader: &mut Reader<'_>) -> Result<Option<Vec<Stream>>, Reported> {
    let read = reader.list(&STREAMS, |item| {
        item.parse().map_err(|_| {
            "is no stream: there are signinattempts, itemusages and auditevents".to_owned()
        })
    })?;
    let Some(mut streams) = read else {
        return Ok(None);
    };
    if streams.is_empty() {
        let what = "names no stream: leave it out to read all that the token may read";
        return Err(reader.refuse(&STREAMS, what));
    }
    streams.sort_unstable();
    let mut pairs = streams.iter().zip(&streams[1..]);
    if let Some((twice, _)) = pairs.find(|(one, next)| one == next) {
        return Err(reader.refuse(&STREAMS, format!("names {twice} twice")));
    }
    Ok(Some(streams))
}
