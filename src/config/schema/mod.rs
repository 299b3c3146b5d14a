//! The worker's file as a JSON schema (draft-07), from the declarations: for the chart's values.
//!
//! A name may be written with dots, nested, or both: `schema.registry.url: …`, `schema: {registry.url: …}`,
//! `schema.registry: {url: …}`. So each section of names is a definition, which knows what is below it under every part of its
//! name. Where a schema cannot tell, the program does: that a name stands twice, that a required one does not, and what has to
//! go together.
//!
//! It is stricter than the program in three things. A secret must be a reference, as the chart's file is no place for one. Texts
//! are texts: in values a number is what Helm makes of it, so that `007` would be `7`. And a list stands only where commas mean
//! something, a fraction only where librdkafka has fractions: of a whole number it would take the digits before the dot.

mod section;
mod value;

use serde_json::{Map, Value, json};

use self::section::Section;
use super::worker_tables;
use crate::{
    connector::{self, ignored},
    http::CREDENTIAL_TABLE,
    kafka::Properties,
};

/// Its names are those of users, with their settings below them.
const USERS: &str = "rest.credentials";

/// A property of librdkafka, which tells of them in its documentation only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// The words for its type, such as `integer` or `CSV flags`.
    pub kind: String,
}

/// The definition of the worker's file, `config`, and all that it refers to.
#[must_use]
pub fn definitions(properties: &[Property]) -> Map<String, Value> {
    let (worker, connector, user) = (worker(properties), connector(), user());
    let mut all = Map::new();
    worker.define("config", &mut all);
    all["config"]["properties"]["connectors"] = json!({
        "description": "The connectors, each with its name and its settings.",
        "type": ["object", "null"],
        "additionalProperties": section::reference("connector"),
    });
    connector.define("connector", &mut all);
    user.define("user", &mut all);
    all
}

fn worker(properties: &[Property]) -> Section {
    let mut section = Section::default();
    for setting in worker_tables().flatten() {
        section.put(setting.name, value::setting(setting));
    }
    for property in properties {
        let name = format!("kafka.{}", property.name);
        if section.value(&name).is_none() {
            section.put(&name, value::property(property));
        }
    }
    for (name, why) in Properties::owned() {
        section.put(&format!("kafka.{name}"), value::refused(why));
    }
    section.name_users(USERS, user().names("user"));
    section
}

fn connector() -> Section {
    let mut section = Section::default();
    for name in ignored() {
        match name.strip_suffix('.') {
            Some(name) => section.open(name),
            None => section.put(name, value::anything()),
        }
    }
    for setting in connector::TABLE {
        section.put(setting.name, value::setting(setting));
    }
    section
}

fn user() -> Section {
    let mut section = Section::default();
    for setting in CREDENTIAL_TABLE {
        let mut schema = value::setting(setting);
        // Hashes may stand in the file.
        if setting.name.ends_with("hash") {
            schema.as_object_mut().map(|schema| schema.remove("not"));
        }
        section.put(setting.name, schema);
    }
    section
}

#[cfg(test)]
mod tests;
