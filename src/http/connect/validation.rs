//! What may be set and what is wrong with a configuration, in the form of Kafka Connect's `ConfigInfos`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    connector::{Properties, TABLE},
    setting::{Kind, Setting, boolean, whole},
};

/// A whole configuration, judged.
#[derive(Debug, Serialize)]
pub(super) struct Validation {
    name: String,
    error_count: usize,
    groups: Vec<&'static str>,
    configs: Vec<Judged>,
}

/// A setting, as it is declared.
#[derive(Debug, Serialize)]
pub(super) struct Definition {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    default_value: Option<&'static str>,
    importance: &'static str,
    documentation: &'static str,
    group: Option<&'static str>,
    width: &'static str,
    display_name: String,
    dependents: [&'static str; 0],
    /// Its place in its group, from 1; -1 where it has none.
    order: i32,
}

#[derive(Debug, Serialize)]
struct Judged {
    definition: Definition,
    value: Judgement,
}

#[derive(Debug, Serialize)]
struct Judgement {
    name: String,
    value: Option<String>,
    recommended_values: &'static [&'static str],
    errors: Vec<String>,
    visible: bool,
}

/// What is wrong, by setting.
type Errors = BTreeMap<String, Vec<String>>;

/// What Connect shows of a password.
const HIDDEN: &str = "[hidden]";

// === impl Validation ===

impl Validation {
    /// `given` as a connector of `class`, with all that is wrong.
    pub(super) fn new(class: &str, given: &Properties, mut errors: Errors) -> Self {
        let error_count = errors.values().map(Vec::len).sum();
        let mut configs: Vec<Judged> = TABLE
            .iter()
            .zip(definitions())
            .map(|(setting, definition)| {
                let errors = errors.remove(setting.name).unwrap_or_default();
                let value = Judgement::new(setting, given, errors);
                Judged { definition, value }
            })
            .collect();
        configs.extend(errors.into_iter().map(Judged::undeclared));
        Self {
            name: class.to_owned(),
            error_count,
            groups: groups(),
            configs,
        }
    }
}

// === impl Definition ===

impl Definition {
    fn new(setting: &'static Setting, order: i32) -> Self {
        Self {
            name: setting.name.to_owned(),
            kind: setting.kind.name(),
            required: setting.is_required(),
            default_value: setting.default_value(),
            importance: setting.importance.name(),
            documentation: setting.doc,
            group: Some(setting.group),
            width: setting.width.name(),
            display_name: setting.display_name.to_owned(),
            dependents: [],
            order,
        }
    }

    /// Somebody sets what nobody has declared. Forms expect a definition even so.
    fn undeclared(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::String.name(),
            required: false,
            default_value: None,
            importance: "LOW",
            documentation: "This connector has no such setting.",
            group: None,
            width: "NONE",
            display_name: name.to_owned(),
            dependents: [],
            order: -1,
        }
    }
}

// === impl Judged ===

impl Judged {
    /// Its value is not shown: under a name that was misspelt it could be a secret.
    fn undeclared((name, errors): (String, Vec<String>)) -> Self {
        Self {
            definition: Definition::undeclared(&name),
            value: Judgement {
                name,
                value: None,
                recommended_values: &[],
                errors,
                visible: true,
            },
        }
    }
}

// === impl Judgement ===

impl Judgement {
    fn new(setting: &Setting, given: &Properties, errors: Vec<String>) -> Self {
        let given = given.get(setting.name).cloned().flatten();
        let value = match given {
            // A good one is a reference, which is no secret; this could be the secret itself.
            Some(_) if setting.kind == Kind::Password && !errors.is_empty() => {
                Some(HIDDEN.to_owned())
            }
            Some(given) => Some(given).filter(|given| is_of(setting.kind, given)),
            None => setting.default_value().map(str::to_owned),
        };
        Self {
            name: setting.name.to_owned(),
            value,
            recommended_values: setting.recommended,
            errors,
            visible: true,
        }
    }
}

/// Whether a text is a value of this type at all; Connect shows no other.
fn is_of(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::String | Kind::Password | Kind::List => true,
        Kind::Int => whole(i32::MIN..=i32::MAX)(text).is_ok(),
        Kind::Long => whole(i64::MIN..=i64::MAX)(text).is_ok(),
        Kind::Boolean => boolean(text).is_ok(),
    }
}

/// The settings that there are.
pub(super) fn definitions() -> Vec<Definition> {
    let mut places: BTreeMap<&str, i32> = BTreeMap::new();
    let definition = |setting: &'static Setting| {
        let place = places.entry(setting.group).or_default();
        *place += 1;
        Definition::new(setting, *place)
    };
    TABLE.iter().map(definition).collect()
}

/// The headings that settings belong under, in the order of a form.
fn groups() -> Vec<&'static str> {
    let mut groups = Vec::new();
    for setting in TABLE {
        if !groups.contains(&setting.group) {
            groups.push(setting.group);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connector::CLASS;

    fn judged(given: &[(&str, Option<&str>)], mistakes: &[(&str, &str)]) -> serde_json::Value {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
            .collect();
        let mut errors = Errors::new();
        for (name, what) in mistakes {
            let of_setting = errors.entry((*name).to_owned()).or_default();
            of_setting.push((*what).to_owned());
        }
        serde_json::to_value(Validation::new(CLASS, &given, errors)).unwrap()
    }

    fn of<'a>(answer: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
        let configs = answer["configs"].as_array().unwrap();
        let found = configs.iter().find(|one| one["value"]["name"] == name);
        found.unwrap_or_else(|| panic!("there is no {name}"))
    }

    #[test]
    fn every_setting_is_listed_with_its_definition_and_its_value() {
        let answer = judged(&[("page.limit", Some("100")), ("start.time", None)], &[]);
        assert_eq!(answer["name"], CLASS);
        assert_eq!(answer["error_count"], 0);
        assert_eq!(
            answer["groups"],
            json!(["Common", "1Password", "Reading", "Records"])
        );
        assert_eq!(answer["configs"].as_array().unwrap().len(), TABLE.len());
        let limit = of(&answer, "page.limit");
        let order = &limit["definition"]["order"];
        assert_eq!(
            *limit,
            json!({
                "definition": {
                    "name": "page.limit",
                    "type": "INT",
                    "required": false,
                    "default_value": "1000",
                    "importance": "LOW",
                    "documentation": limit["definition"]["documentation"],
                    "group": "Reading",
                    "width": "SHORT",
                    "display_name": "Page limit",
                    "dependents": [],
                    "order": order,
                },
                "value": {
                    "name": "page.limit",
                    "value": "100",
                    "recommended_values": [],
                    "errors": [],
                    "visible": true,
                },
            })
        );
        assert_eq!(of(&answer, "start.time")["value"]["value"], "earliest");
        assert_eq!(of(&answer, "name")["value"]["value"], json!(null));
        assert_eq!(
            of(&answer, "key")["value"]["recommended_values"],
            json!(["user", "event", "account", "connector"])
        );
    }

    #[test]
    fn errors_are_counted_and_shown_where_they_belong() {
        let answer = judged(
            &[("page.limit", Some("x")), ("page.limt", Some("hidden"))],
            &[
                ("page.limit", "is no whole number"),
                ("page.limt", "is no setting"),
                ("page.limit", "is too much"),
            ],
        );
        assert_eq!(answer["error_count"], 3);
        assert_eq!(
            of(&answer, "page.limit")["value"]["errors"],
            json!(["is no whole number", "is too much"])
        );
        assert_eq!(of(&answer, "page.limit")["value"]["value"], json!(null));
        let undeclared = of(&answer, "page.limt");
        assert_eq!(undeclared["definition"]["order"], -1);
        assert_eq!(undeclared["value"]["value"], json!(null));
        assert_eq!(undeclared["value"]["errors"], json!(["is no setting"]));
    }

    #[test]
    fn a_reference_is_shown_and_what_is_none_is_not() {
        let name = "onepassword.token";
        let good = judged(&[(name, Some("${env:TOKEN}"))], &[]);
        assert_eq!(of(&good, name)["value"]["value"], "${env:TOKEN}");
        let bad = judged(&[(name, Some("secret"))], &[(name, "is written out")]);
        assert_eq!(of(&bad, name)["value"]["value"], HIDDEN);
    }

    #[test]
    fn the_order_counts_within_a_group() {
        let of_group = |group: &str| -> Vec<i32> {
            let all = definitions().into_iter();
            all.filter(|one| one.group == Some(group))
                .map(|one| one.order)
                .collect()
        };
        assert_eq!(of_group("Common"), [1, 2, 3]);
        assert_eq!(of_group("Records"), [1]);
    }
}
