//! `GET /openapi.json`: a description of this API, which is written by hand beside this file.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use crate::connector::VERSION;

const TEXT: &str = include_str!("openapi.json");

pub(super) fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], text()).into_response()
}

fn text() -> String {
    TEXT.replacen("{version}", VERSION, 1)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::{super::resource::Resource, *};

    /// What the document says of each path: the methods, in capitals.
    fn documented() -> BTreeMap<String, BTreeSet<String>> {
        let document: Value = serde_json::from_str(&text()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let methods = |operations: &Value| {
            let names = operations.as_object().unwrap().keys();
            names
                .filter(|name| *name != "parameters")
                .map(|name| name.to_uppercase())
                .collect()
        };
        paths
            .iter()
            .map(|(path, operations)| (path.clone(), methods(operations)))
            .collect()
    }

    /// The resource of a documented path, with a `0` for each parameter.
    fn resource(path: &str) -> Resource {
        let segments = path.split('/').map(|segment| {
            if segment.starts_with('{') {
                "0"
            } else {
                segment
            }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        Resource::at(&path).unwrap_or_else(|failure| panic!("{path}: {failure:?}"))
    }

    /// The words in a text that begin with a capital, as variants do.
    fn variants(text: &str) -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
            .map(str::to_owned)
            .collect()
    }

    /// The variants of an enum in `resource.rs`.
    fn declared(name: &str) -> BTreeSet<String> {
        let source = include_str!("resource.rs");
        let (_, rest) = source.split_once(&format!("enum {name} {{\n")).unwrap();
        let (body, _) = rest.split_once("\n}").unwrap();
        let code = body.lines().filter(|line| !line.contains("///"));
        variants(&code.collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn each_documented_path_knows_the_documented_methods() {
        for (path, methods) in documented() {
            let known = resource(&path).methods().iter().map(ToString::to_string);
            assert_eq!(methods, known.collect(), "{path}");
        }
    }

    #[test]
    fn each_resource_is_documented() {
        let mut expected = declared("Resource");
        expected.append(&mut declared("Part"));
        for word in ["Part", "String"] {
            assert!(expected.remove(word), "{word}");
        }
        let paths = documented().into_keys();
        let found = paths.flat_map(|path| variants(&format!("{:?}", resource(&path))));
        assert_eq!(found.collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document: Value = serde_json::from_str(&text()).unwrap();
        let references: Vec<&str> = TEXT
            .split("\"$ref\": \"#")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert!(references.len() > 50, "{references:?}");
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_document_has_the_workers_version() {
        let document: Value = serde_json::from_str(&text()).unwrap();
        assert_eq!(document["info"]["version"], VERSION);
    }
}
