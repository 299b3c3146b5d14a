//! What one setting's value may be.

use serde_json::{Value, json};

use super::Property;
use crate::setting::{Fallback, Kind, Setting};

/// A reference somewhere in a text; then only the worker knows what the text is.
const REFERENCE: &str = r"\$\{";

/// A text without a reference. What is forbidden by it is not repeated in a message of Helm's, as what lacks a pattern is.
const LITERAL: &str = r"^([^$]|\$+[^{$])*\$*$";

/// The largest number that Helm does not round.
const LARGEST_EXACT: i64 = 1 << 53;

/// A setting's value, as it is declared.
pub(super) fn setting(setting: &Setting) -> Value {
    let mut schema = kind(setting);
    schema["description"] = json!(described(setting));
    if let Some(default) = setting.default_value().filter(|value| !value.is_empty()) {
        schema["default"] = match setting.kind {
            Kind::Int | Kind::Long | Kind::Boolean => {
                serde_json::from_str(default).expect("a declared default is of its kind")
            }
            Kind::String | Kind::Password | Kind::List => json!(default),
        };
    }
    schema
}

/// A property of librdkafka, which judges its value.
pub(super) fn property(property: &Property) -> Value {
    let is_secret = ["password", "secret", "passphrase", "key.pem"]
        .iter()
        .any(|end| property.name.ends_with(end));
    if is_secret {
        return secret();
    }
    match property.kind.as_str() {
        "float" => json!({"type": ["string", "number", "null"]}),
        "string" | "CSV flags" | "pattern list" => json!({
            "type": ["string", "integer", "boolean", "array", "null"],
            "items": {"type": ["string", "integer", "boolean"]},
        }),
        _ => json!({"type": ["string", "integer", "boolean", "null"]}),
    }
}

/// A property that nobody may set.
pub(super) fn refused(why: &str) -> Value {
    json!({"description": format!("It {why}."), "type": ["null"]})
}

/// A value without a meaning.
pub(super) fn anything() -> Value {
    json!({})
}

fn secret() -> Value {
    json!({"type": ["string", "null"], "not": literal()})
}

/// Secrets with commas between them, or as a list.
fn secrets() -> Value {
    json!({
        "type": ["string", "array", "null"],
        "not": literal(),
        "items": {"type": "string", "not": literal()},
    })
}

fn literal() -> Value {
    json!({"type": "string", "pattern": LITERAL})
}

fn kind(setting: &Setting) -> Value {
    match setting.kind {
        Kind::String => match words(setting) {
            Some(words) => {
                json!({"type": ["string", "null"], "pattern": format!(r"^\s*({words})\s*$|{REFERENCE}")})
            }
            None => json!({"type": ["string", "null"]}),
        },
        Kind::Password if setting.is_list => secrets(),
        Kind::Password => secret(),
        Kind::Int | Kind::Long => {
            let (least, most) = setting.range.expect("a number's setting has a range");
            json!({
                "type": ["integer", "string", "null"],
                "minimum": least,
                "maximum": most.min(LARGEST_EXACT),
                "pattern": format!(r"^\s*[-+]?[0-9]+\s*$|{REFERENCE}"),
            })
        }
        Kind::Boolean => {
            let pattern = format!(r"^\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])\s*$|{REFERENCE}");
            json!({"type": ["boolean", "string", "null"], "pattern": pattern})
        }
        Kind::List => match words(setting) {
            Some(words) => json!({
                "type": ["string", "array", "null"],
                "pattern": format!(r"^[\s,]*(({words})\s*(,[\s,]*|$))+$|{REFERENCE}"),
                "items": {"type": "string", "pattern": format!(r"^\s*({words})\s*$|{REFERENCE}")},
            }),
            None => json!({
                "type": ["string", "array", "null"],
                "items": {"type": "string"},
            }),
        },
    }
}

fn words(setting: &Setting) -> Option<String> {
    setting.is_choice.then(|| setting.recommended.join("|"))
}

fn described(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Required => format!("Required. {}", setting.doc),
        Fallback::Value(_) => setting.doc.to_owned(),
        Fallback::Words(words) => format!("{} Default: {words}.", setting.doc),
    }
}
