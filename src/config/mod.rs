//! The worker's file: read as a whole, judged as a whole, before any port or broker is touched.
//!
//! Each part of the program owns its settings; here they are put together. References in the worker's own settings
//! are resolved once, when the file is read. A connector's token stays a reference, but one that leads nowhere is a
//! mistake here already.

mod document;
mod flatten;
mod installation;
mod reference;
pub mod schema;
mod sealing;
mod worker;

use std::{io::Read, net::SocketAddr, path::Path};

use jiff::Timestamp;

use self::{
    document::Document,
    sealing::{PREVIOUS_KEYS, SEALING_KEY, keyring},
    worker::{GROUP_ID, SECRETS_DIRS, SECRETS_ENV_PREFIX, Worker},
};
pub use self::{installation::Installation, reference::reference};
use crate::{
    avro::RegistrySettings,
    connector::{self, Allowed},
    http::{self, User},
    kafka::{Properties, TopicSettings},
    onepassword,
    secret::{Reach, Template},
    setting::{Fault, Mistakes, Setting, Value, Values, open, refuse_unknown},
};

/// All that a worker needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Workers with the same one share the connectors.
    pub group_id: String,
    /// librdkafka's properties.
    pub kafka: Properties,
    /// Where the schemas are.
    pub registry: RegistrySettings,
    /// How topics are named and created.
    pub topics: TopicSettings,
    /// Where the worker is asked, by whom, and how.
    pub http: http::Settings,
    /// How the Events API is asked.
    pub onepassword: onepassword::Settings,
    /// The connectors that the file declares.
    pub connectors: Vec<connector::Settings>,
    /// What is allowed to connectors that the file does not declare.
    pub allowed: Allowed,
}

/// A file longer than this is none of ours.
const FILE_LIMIT: u64 = 1 << 20;

// === impl Config ===

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// All mistakes in it, in the order of its lines.
    pub fn load(path: &Path, now: Timestamp) -> Result<Self, Mistakes> {
        let config = read(path).and_then(|text| Self::parse(&text, now));
        config.map_err(|mistakes| mistakes.in_file(path))
    }

    /// Where the worker serves health and metrics: as the file at `path` says, whatever else may be wrong with it, or
    /// without one by default.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no YAML, or says no address.
    pub fn monitoring_listen(path: Option<&Path>) -> Result<SocketAddr, Mistakes> {
        let listen = path
            .map_or(Ok(Values::default()), values)
            .and_then(|values| {
                let mut mistakes = Mistakes::new();
                let listen = http::Settings::monitoring_listen(&values, &mut mistakes);
                listen.ok_or(mistakes)
            });
        listen.map_err(|mistakes| match path {
            Some(path) => mistakes.in_file(path),
            None => mistakes,
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// All mistakes in it.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::new();
        let document = Document::read(text, &mut mistakes);
        let config = document.and_then(|document| judge(document, now, &mut mistakes));
        match config {
            Some(config) if mistakes.is_empty() => Ok(config),
            _ => Err(mistakes),
        }
    }
}

/// All tables of settings that a worker's file may have.
fn worker_tables() -> impl Iterator<Item = &'static [Setting]> {
    const GROUP: &[Setting] = &[GROUP_ID];
    const SECRETS: &[Setting] = &[SECRETS_DIRS, SECRETS_ENV_PREFIX, SEALING_KEY, PREVIOUS_KEYS];
    [
        GROUP,
        Properties::TABLE,
        RegistrySettings::TABLE,
        TopicSettings::TABLE,
        onepassword::Settings::TABLE,
        http::Settings::TABLE,
        SECRETS,
    ]
    .into_iter()
}

fn judge(document: Document, now: Timestamp, mistakes: &mut Mistakes) -> Option<Config> {
    let Document {
        worker: mut values,
        connectors,
    } = document;
    values.expand(&Reach::Everywhere, mistakes);
    let kafka = kafka(&values.split_off("kafka."), mistakes);
    let users = User::take_all(&mut values, mistakes);
    // What is unknown is noted; there is nothing else to do about it here.
    let _ = refuse_unknown(&values, worker_tables().flatten(), mistakes);
    let worker = Worker::parse(&values, mistakes);
    let keyring = keyring(&values, mistakes);
    let registry = RegistrySettings::parse(&values, mistakes);
    let topics = TopicSettings::parse(&values, mistakes);
    let onepassword = onepassword::Settings::parse(&values, mistakes);
    let http = http::Settings::parse(&values, users, mistakes);
    let operator = Allowed {
        hosts: onepassword::Settings::allowed_hosts(&values),
        references: Reach::Everywhere,
        keyring: keyring.clone().unwrap_or_default(),
    };
    let connectors = connectors
        .into_iter()
        .map(|(name, values)| connector(&name, &values, &operator, now, mistakes))
        // All of them first: a bad connector must not hide the next.
        .collect::<Vec<_>>();
    let worker = worker?;
    Some(Config {
        group_id: worker.group_id,
        kafka: kafka?,
        registry: registry?,
        topics: topics?,
        http: http?,
        onepassword: onepassword?,
        connectors: connectors.into_iter().collect::<Option<_>>()?,
        allowed: Allowed {
            hosts: operator.hosts,
            references: worker.reach,
            keyring: keyring?,
        },
    })
}

fn kafka(values: &Values, mistakes: &mut Mistakes) -> Option<Properties> {
    let mut inner = Mistakes::new();
    let properties = Properties::parse(values, &mut inner);
    mistakes.add_below("kafka", inner);
    properties
}

fn connector(
    name: &str,
    values: &Values,
    allowed: &Allowed,
    now: Timestamp,
    mistakes: &mut Mistakes,
) -> Option<connector::Settings> {
    let mut inner = Mistakes::new();
    let settings = connector::Settings::parse(name, values, allowed, now, &mut inner);
    // Whatever else may be wrong with the connector; what is wrong with the reference itself has been told already.
    let token = connector::TOKEN.name;
    let is_refused = inner.iter().any(|mistake| mistake.name == token);
    let written = values.get(token).and_then(Value::text);
    let template = written.and_then(|text| Template::parse(text).ok());
    if let Some(template) = template.filter(|_| !is_refused)
        && let Err(error) = template.resolve(&allowed.keyring)
    {
        inner.blame(Fault::Machine, token, values.line(token), error.to_string());
    }
    mistakes.add_below(&format!("connectors.{name}"), inner);
    settings
}

/// The worker's own settings as they are written, judged by nobody.
fn values(path: &Path) -> Result<Values, Mistakes> {
    let text = read(path)?;
    let mut mistakes = Mistakes::new();
    let document = Document::read(&text, &mut mistakes);
    document.map(|document| document.worker).ok_or(mistakes)
}

fn read(path: &Path) -> Result<String, Mistakes> {
    let mistake = |line, what: String| {
        let mut mistakes = Mistakes::new();
        mistakes.add("", line, what);
        mistakes
    };
    let file = open(path).map_err(|what| mistake(None, what))?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| mistake(None, format!("cannot be read: {error}")))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_LIMIT) {
        let what = format!("is longer than {FILE_LIMIT} bytes: this is no worker's file");
        return Err(mistake(None, what));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        mistake(
            Some(line),
            "is not UTF-8: save the file as UTF-8".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests;
