//! The settings that belong to no other part: the group, and what connectors may refer to.

use std::path::PathBuf;

use crate::{
    secret::Reach,
    setting::{Fallback, Importance, Kind, Mistakes, Reader, Reported, Setting, Values, text},
};

/// The settings that belong to no other part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) group_id: String,
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
        let dirs = reader.list(&SECRETS_DIRS, folder);
        let env_prefix = reader.maybe(&SECRETS_ENV_PREFIX, prefix);
        Ok(Self {
            group_id: group_id?,
            reach: Reach::Within {
                dirs: dirs?.unwrap_or_default(),
                env_prefix: env_prefix?.unwrap_or_default(),
            },
        })
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
