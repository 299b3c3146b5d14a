//! The settings that belong to no adapter: the group, and the ports.

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    secret::Reach,
    setting::{
        Fallback, Importance, Kind, Mistakes, Reader, Reported, Setting, Values, boolean, text,
    },
};

/// The settings that belong to no adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) group_id: String,
    pub(super) monitoring_listen: SocketAddr,
    pub(super) rest_listen: SocketAddr,
    /// What connectors that others declare may refer to.
    pub(super) reach: Reach,
}

pub(super) const GROUP_ID: Setting = Setting::new(
    "group.id",
    Kind::String,
    Fallback::Required,
    "Workers with the same group share the connectors. It is also their consumer group.",
)
.importance(Importance::High);

pub(super) const MONITORING_LISTEN: Setting = Setting::new(
    "monitoring.listen",
    Kind::String,
    Fallback::Value("0.0.0.0:9464"),
    "Address and port of `/metrics`, `/livez` and `/readyz`.",
);

pub(super) const REST_LISTEN: Setting = Setting::new(
    "rest.listen",
    Kind::String,
    Fallback::Value("127.0.0.1:8083"),
    "Address and port of Kafka Connect's REST API.",
);

pub(super) const REST_ANONYMOUS: Setting = Setting::new(
    "rest.anonymous",
    Kind::Boolean,
    Fallback::Value("false"),
    "Whether the REST API may be reached from other machines, where everybody who reaches it may change connectors.",
)
.importance(Importance::Low);

pub(super) const SECRETS_DIRS: Setting = Setting::new(
    "secrets.dirs",
    Kind::List,
    Fallback::Value(""),
    "Folders below which connectors of the `connectors` topic may refer to files, as `${file:/run/secrets/acme}`. This \
     file may refer to any.",
);

pub(super) const SECRETS_ENV_PREFIX: Setting = Setting::new(
    "secrets.env.prefix",
    Kind::String,
    Fallback::Value(""),
    "What the environment variables begin with that connectors of the `connectors` topic may refer to, as \
     `${env:ONEPASSWORD_ACME}`; without it they may refer to none. This file may refer to any.",
);

/// As long as Kafka's longest topic name.
const LONGEST_GROUP: usize = 249;

// === impl Worker ===

impl Worker {
    pub(super) fn parse(values: &Values, mistakes: &mut Mistakes) -> Option<Self> {
        Self::read(&mut Reader::new(values, mistakes)).ok()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Reported> {
        let group_id = reader.one(&GROUP_ID, group);
        let monitoring_listen = reader.one(&MONITORING_LISTEN, address);
        let rest_listen = reader.one(&REST_LISTEN, address);
        let anonymous = reader.one(&REST_ANONYMOUS, boolean);
        let dirs = reader.list(&SECRETS_DIRS, folder);
        let env_prefix = reader.maybe(&SECRETS_ENV_PREFIX, prefix);
        let worker = Self {
            group_id: group_id?,
            monitoring_listen: monitoring_listen?,
            rest_listen: rest_listen?,
            reach: Reach::Within {
                dirs: dirs?.unwrap_or_default(),
                env_prefix: env_prefix?.unwrap_or_default(),
            },
        };
        if !anonymous? && !worker.rest_listen.ip().is_loopback() {
            let what = "can be reached from other machines, and whoever reaches it may change connectors: listen on \
                        127.0.0.1:8083 or, where that is meant, set rest.anonymous: true";
            return Err(reader.refuse(&REST_LISTEN, what));
        }
        if overlap(worker.monitoring_listen, worker.rest_listen) {
            let what = format!("is the same port as that of {}", MONITORING_LISTEN.name);
            return Err(reader.refuse(&REST_LISTEN, what));
        }
        Ok(worker)
    }
}

fn group(written: &str) -> Result<String, String> {
    let group = text(written)?;
    if group.chars().count() > LONGEST_GROUP {
        return Err(format!(
            "is too long, {LONGEST_GROUP} characters are the most"
        ));
    }
    Ok(group)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.trim()
        .parse()
        .map_err(|_| "is no address with a port: write it as 0.0.0.0:9464 or [::]:9464".to_owned())
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if !path.is_absolute() {
        return Err("is no absolute path: write it as /run/secrets".to_owned());
    }
    Ok(path)
}

fn prefix(written: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !written.chars().all(good) {
        return Err(
            "cannot begin a variable's name: these have letters, digits and '_'".to_owned(),
        );
    }
    Ok(written.to_owned())
}

/// Port 0 is any free one.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let same_address = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    same_address && a.port() == b.port() && a.port() != 0
}
