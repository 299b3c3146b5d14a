//! YAML nodes as flat values.

use saphyr::{MarkedYaml, Scalar, YamlData};

use super::document::Document;
use crate::setting::{Mistakes, Value, Values};

/// Reads nodes; scalars in their written form come from the text itself.
pub(super) struct Flattener<'a> {
    text: Vec<char>,
    mistakes: &'a mut Mistakes,
}

// === impl Flattener ===

impl<'a> Flattener<'a> {
    /// For the nodes of `text`.
    pub(super) fn new(text: &str, mistakes: &'a mut Mistakes) -> Self {
        Self {
            text: text.chars().collect(),
            mistakes,
        }
    }

    /// Reads the node at the root.
    pub(super) fn document(&mut self, root: &MarkedYaml<'_>, into: &mut Document) {
        match &root.data {
            YamlData::Mapping(entries) => {
                for (name, node) in entries {
                    match self.name(name) {
                        Some(name) if name == "connectors" => self.connectors(node, into),
                        Some(name) if is_nearly(&name, "connectors") => {
                            self.refuse(
                                &name,
                                node,
                                "there is no such section, the nearest is connectors",
                            );
                        }
                        Some(name) => self.setting(name, node, &mut into.worker),
                        None => {}
                    }
                }
            }
            YamlData::Value(Scalar::Null) => {}
            _ => self.refuse("", root, "settings are expected, each as 'name: value'"),
        }
    }

    fn connectors(&mut self, node: &MarkedYaml<'_>, into: &mut Document) {
        match &node.data {
            YamlData::Mapping(entries) if !self.is_alias(node) => {
                for (name, node) in entries {
                    if let Some(name) = self.name(name) {
                        let values = self.connector(&name, node);
                        into.connectors.push((name, values));
                    }
                }
            }
            YamlData::Value(Scalar::Null) => {}
            _ => self.refuse(
                "connectors",
                node,
                "connectors are expected below it, each with its name and its settings",
            ),
        }
    }

    fn connector(&mut self, name: &str, node: &MarkedYaml<'_>) -> Values {
        let mut values = Values::default();
        match &node.data {
            YamlData::Mapping(entries) if !self.is_alias(node) => {
                for (name, node) in entries {
                    if let Some(name) = self.name(name) {
                        self.setting(name, node, &mut values);
                    }
                }
            }
            YamlData::Value(Scalar::Null) => {}
            _ => self.refuse(
                &format!("connectors.{name}"),
                node,
                "settings are expected below it",
            ),
        }
        values
    }

    fn setting(&mut self, name: String, node: &MarkedYaml<'_>, into: &mut Values) {
        if self.is_alias(node) {
            return self.refuse(
                &name,
                node,
                "is an alias (*): write what it stands for instead",
            );
        }
        match &node.data {
            YamlData::Mapping(entries) if !entries.is_empty() => {
                for (below, node) in entries {
                    if let Some(below) = self.name(below) {
                        self.setting(format!("{name}.{below}"), node, into);
                    }
                }
            }
            YamlData::Sequence(items) => self.list(name, node, items, into),
            YamlData::Mapping(_) | YamlData::Value(Scalar::Null) => {
                self.insert(name, node, Value::absent, into);
            }
            YamlData::Value(scalar) => {
                let text = self.written(scalar, node);
                self.insert(name, node, |line| Value::new(text, line), into);
            }
            _ => self.refuse(&name, node, "has a tag (!): write the value without one"),
        }
    }

    fn list(
        &mut self,
        name: String,
        node: &MarkedYaml<'_>,
        items: &[MarkedYaml<'_>],
        into: &mut Values,
    ) {
        let mut texts = Vec::new();
        for item in items {
            match &item.data {
                YamlData::Value(Scalar::Null) => {}
                YamlData::Value(scalar) if !self.is_alias(item) => {
                    texts.push(self.written(scalar, item));
                }
                _ => return self.refuse(&name, item, "a list has plain values only"),
            }
        }
        let text = texts.join(",");
        self.insert(name, node, |line| Value::new(text, line), into);
    }

    fn insert(
        &mut self,
        name: String,
        node: &MarkedYaml<'_>,
        value: impl FnOnce(Option<usize>) -> Value,
        into: &mut Values,
    ) {
        let line = node.span.start.line();
        if let Some(first) = into.line(&name) {
            return self.refuse(&name, node, &format!("is set already in line {first}"));
        }
        into.insert(name, value(Some(line)));
    }

    fn name(&mut self, node: &MarkedYaml<'_>) -> Option<String> {
        match &node.data {
            YamlData::Value(Scalar::Null) => self.refuse("", node, "a setting has no name"),
            YamlData::Value(Scalar::String(name)) if name == "<<" => {
                self.refuse("", node, "<< has no meaning here: write the settings out");
            }
            YamlData::Value(scalar) if !self.is_alias(node) => {
                return Some(self.written(scalar, node));
            }
            _ => self.refuse("", node, "a setting's name is a plain word"),
        }
        None
    }

    /// The text of a scalar; that of a number, say, is not what was made of it.
    fn written(&self, scalar: &Scalar<'_>, node: &MarkedYaml<'_>) -> String {
        if let Scalar::String(text) = scalar {
            return text.to_string();
        }
        // An anchor or a tag may stand before it; it has no blanks itself.
        let all: String = self.source(node).iter().collect();
        all.split_whitespace()
            .next_back()
            .unwrap_or_default()
            .to_owned()
    }

    fn is_alias(&self, node: &MarkedYaml<'_>) -> bool {
        self.source(node).first() == Some(&'*')
    }

    fn source(&self, node: &MarkedYaml<'_>) -> &[char] {
        let range = node.span.start.index()..node.span.end.index();
        self.text.get(range).unwrap_or_default()
    }

    fn refuse(&mut self, name: &str, node: &MarkedYaml<'_>, what: &str) {
        self.mistakes.add(name, Some(node.span.start.line()), what);
    }
}

/// Whether no more than two letters differ.
fn is_nearly(name: &str, section: &str) -> bool {
    strsim::osa_distance(name, section) <= 2
}
