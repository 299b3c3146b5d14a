//! A section of names, and all ways to write what is below it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What may stand under a part of a name.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// The setting that has exactly this name.
    value: Option<Value>,
    /// What is below it, by the next part of the name.
    below: BTreeMap<String, Self>,
    /// Names below it that nobody has declared.
    undeclared: Undeclared,
}

#[derive(Debug, Default)]
enum Undeclared {
    /// There are none.
    #[default]
    None,
    /// Any, with anything below.
    Any,
    /// Those of users, each with these below it.
    Users(BTreeMap<String, Value>),
}

/// A definition elsewhere.
pub(super) fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

// === impl Section ===

impl Section {
    /// What `name` may be.
    pub(super) fn put(&mut self, name: &str, value: Value) {
        self.at(name).value = Some(value);
    }

    /// What `name` may be by now.
    pub(super) fn value(&mut self, name: &str) -> Option<&Value> {
        self.at(name).value.as_ref()
    }

    /// Allows anything below `name`.
    pub(super) fn open(&mut self, name: &str) {
        self.at(name).undeclared = Undeclared::Any;
    }

    /// Allows users below `name`, each with `names` below it.
    pub(super) fn name_users(&mut self, name: &str, names: BTreeMap<String, Value>) {
        self.at(name).undeclared = Undeclared::Users(names);
    }

    /// Everything below, under each part of its name; this section's definition is `own`.
    pub(super) fn names(&self, own: &str) -> BTreeMap<String, Value> {
        let mut names = BTreeMap::new();
        for (part, section) in &self.below {
            let definition = format!("{own}.{part}");
            names.insert(part.clone(), section.referred(&definition));
            let below = section.names(&definition).into_iter();
            names.extend(below.map(|(name, value)| (format!("{part}.{name}"), value)));
        }
        names
    }

    /// Adds its definition, and those of what is below, to `all`.
    pub(super) fn define(&self, own: &str, all: &mut Map<String, Value>) {
        if self.is_plain() {
            return;
        }
        let mut schema = self
            .value
            .clone()
            .unwrap_or_else(|| json!({"type": ["null"]}));
        if self.is_section() {
            self.add_names(own, &mut schema);
        }
        all.insert(own.to_owned(), schema);
        for (part, section) in &self.below {
            section.define(&format!("{own}.{part}"), all);
        }
    }

    fn add_names(&self, own: &str, schema: &mut Value) {
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.insert(0, json!("object"));
        }
        schema["properties"] = self.names(own).into_iter().collect();
        let (patterns, others) = match &self.undeclared {
            Undeclared::None => (self.patterns(), json!(false)),
            Undeclared::Any => (self.patterns(), json!(true)),
            Undeclared::Users(names) => (dotted("", names), reference("user")),
        };
        if !patterns.is_empty() {
            schema["patternProperties"] = patterns.into_iter().collect();
        }
        schema["additionalProperties"] = others;
    }

    /// Undeclared names below the sections below, as they are written here: as patterns.
    fn patterns(&self) -> BTreeMap<String, Value> {
        let mut patterns = BTreeMap::new();
        for (part, section) in &self.below {
            let begin = format!(r"{}\.", escaped(part));
            match &section.undeclared {
                Undeclared::None => {}
                Undeclared::Any => {
                    patterns.insert(format!("^{begin}"), json!(true));
                }
                // Where more dots follow, they are not the name's.
                Undeclared::Users(names) => {
                    patterns.insert(format!("^{begin}[^.]+$"), reference("user"));
                    patterns.extend(dotted(&begin, names));
                }
            }
            let below = section.patterns().into_iter();
            patterns.extend(
                below.map(|(pattern, value)| (format!("^{begin}{}", &pattern[1..]), value)),
            );
        }
        patterns
    }

    fn at(&mut self, name: &str) -> &mut Self {
        name.split('.').fold(self, |section, part| {
            section.below.entry(part.to_owned()).or_default()
        })
    }

    fn referred(&self, definition: &str) -> Value {
        match &self.value {
            Some(value) if self.is_plain() => value.clone(),
            _ => reference(definition),
        }
    }

    /// Whether it is too little for a definition.
    fn is_plain(&self) -> bool {
        let is_described = |value: &Value| value.get("description").is_some();
        !self.is_section()
            && self
                .value
                .as_ref()
                .is_some_and(|value| !is_described(value))
    }

    fn is_section(&self) -> bool {
        !self.below.is_empty() || !matches!(self.undeclared, Undeclared::None)
    }
}

/// A user's name, a dot, and one of `names`.
fn dotted(begin: &str, names: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let pattern = |name: &String| format!(r"^{begin}.+\.{}$", escaped(name));
    names
        .iter()
        .map(|(name, value)| (pattern(name), value.clone()))
        .collect()
}

fn escaped(name: &str) -> String {
    name.replace('.', r"\.")
}
