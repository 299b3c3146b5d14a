//! Why something is not done, in Kafka Connect's words where it has some.

use super::{CLASS, Desired, Properties, Settings, TABLE, is_class};
use crate::setting::{Kind, Mistake};

/// Why something is not done, in words for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such connector (404).
    #[error("{0}")]
    NotFound(String),
    /// It is there already, or cannot be changed here (409).
    #[error("{0}")]
    Conflict(String),
    /// What is asked makes no sense (400).
    #[error("{0}")]
    Invalid(String),
    /// Too much of it is asked at a time (503).
    #[error("{0}")]
    Busy(String),
    /// Kafka does not answer, or refuses (500).
    #[error("{0}")]
    Unavailable(String),
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn not_found(name: &str) -> Self {
        Self::NotFound(format!("Connector {name} not found"))
    }

    pub(super) fn unknown(name: &str) -> Self {
        Self::NotFound(format!("Unknown connector: {name}"))
    }

    pub(super) fn read_only(name: &str) -> Self {
        Self::Conflict(format!(
            "Connector {name} is declared in the workers' file and cannot be changed here: change it there"
        ))
    }
}

/// A configuration with its own name in it, which may not be another.
pub(super) fn named(name: &str, mut config: Properties) -> Result<Properties, Refusal> {
    if let Some(Some(other)) = config
        .get("name")
        .filter(|other| other.as_deref() != Some(name))
    {
        return Err(Refusal::Invalid(format!(
            "Connector name configuration ({other}) doesn't match connector name in the URL ({name})"
        )));
    }
    config.insert("name".to_owned(), Some(name.to_owned()));
    Ok(config)
}

/// A configuration that can be run.
pub(super) fn judge(
    desired: &Desired,
    name: &str,
    config: &Properties,
) -> Result<Settings, Refusal> {
    let Some(class) = config.get("connector.class").cloned().flatten() else {
        let config = shown(config);
        return Err(Refusal::Invalid(format!(
            "Connector config {{{config}}} contains no connector type"
        )));
    };
    if !is_class(&class) {
        return Err(Refusal::Invalid(format!(
            "Failed to find any class that implements Connector and which name matches {class}, available connectors \
             are: {CLASS}"
        )));
    }
    let (settings, mistakes) = desired.judge(name, config);
    if let Some(settings) = settings {
        return Ok(settings);
    }
    let words = |mistake: &Mistake| match mistake.name.as_str() {
        "name" => unnameable(Some(name)).unwrap_or_else(|| mistake.to_string()),
        _ => mistake.to_string(),
    };
    let mistakes: Vec<_> = mistakes.iter().map(words).collect();
    Err(Refusal::Invalid(format!(
        "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the above list \
         of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`",
        mistakes.len(),
        mistakes.join("\n")
    )))
}

/// What Kafka Connect says of names that it does not take.
pub(super) fn unnameable(name: Option<&str>) -> Option<String> {
    let Some(name) = name else {
        return Some(
            "Missing required configuration \"name\" which has no default value.".to_owned(),
        );
    };
    let (name, controls) = (name.trim_matches(' '), controls(name));
    let why = match (name, controls.as_str()) {
        ("", _) => "String may not be empty".to_owned(),
        (_, "") => return None,
        (_, controls) => format!(
            "String may not contain control sequences but had the following ASCII chars: {controls}"
        ),
    };
    Some(format!(
        "Invalid value {name} for configuration name: {why}"
    ))
}

fn controls(name: &str) -> String {
    let controls = name.chars().filter(|char| char.is_control());
    let controls: Vec<_> = controls.map(|char| u32::from(char).to_string()).collect();
    controls.join(", ")
}

/// What may be shown of a setting's value: one that could be a secret only where it is wholly a reference.
#[must_use]
pub fn shown_value<'v>(setting: &str, value: &'v str) -> &'v str {
    let reference = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    let is_reference = reference.is_some_and(|inside| !inside.contains(['$', '}']));
    if is_public(setting) || is_reference {
        value
    } else {
        "[hidden]"
    }
}

/// Whether a setting is one that holds no secret; a token may stand under a misspelt name.
fn is_public(setting: &str) -> bool {
    let known = TABLE.iter().find(|known| known.name == setting);
    known.is_some_and(|known| known.kind != Kind::Password)
}

/// A configuration as a message may show it.
fn shown(config: &Properties) -> String {
    let shown = config.iter().map(|(setting, value)| match value {
        Some(value) if is_public(setting) => format!("{setting}={value}"),
        Some(_) => format!("{setting}=[hidden]"),
        None => format!("{setting}=null"),
    });
    shown.collect::<Vec<_>>().join(", ")
}
