//! `/connector-plugins`: the one class of connectors that there is, its settings, and what is wrong with some.

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use url::form_urlencoded;

use super::{
    entities::KIND,
    validation::{Validation, definitions},
};
use crate::{
    connector::{CLASS, Properties, VERSION, is_class},
    http::{
        answer::{Failure, json},
        body,
        rest::Call,
    },
};

#[derive(Serialize)]
struct Plugin {
    class: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
}

/// The version by Connect's count; that of our own build is as good.
const CONNECT_VERSION: &str = "4.1.0";

/// All plugins. `connectorsOnly` makes no difference: converters and transformations have no place here.
pub(super) fn list() -> Response {
    let plugin = Plugin {
        class: CLASS,
        kind: KIND,
        version: VERSION,
    };
    json(StatusCode::OK, &[plugin])
}

/// What may be set.
pub(super) fn config(call: &Call<'_>, plugin: &str) -> Result<Response, Failure> {
    if !is_class(plugin) {
        return Err(Failure::not_found(format!("Unknown plugin {plugin}.")));
    }
    let query = call.head.uri.query().unwrap_or_default();
    check_version(query)?;
    Ok(json(StatusCode::OK, &definitions()))
}

/// What is wrong with a configuration.
pub(super) async fn validate(call: Call<'_>, plugin: &str) -> Result<Response, Failure> {
    let body = body::read(&call.head.headers, call.body).await?;
    let given = body::properties(&body)?;
    let class = class(plugin, &given)?;
    let validation = Validation::new(class, &given, call.control.validate(&given));
    Ok(json(StatusCode::OK, &validation))
}

/// The class that a configuration is for, which must be that of the path.
fn class<'a>(plugin: &str, given: &'a Properties) -> Result<&'a str, Failure> {
    let class = given.get("connector.class").and_then(Option::as_deref);
    let class = class.ok_or_else(|| Failure::invalid("connector.class is missing"))?;
    if !alias(class).ends_with(alias(plugin)) {
        return Err(Failure::invalid(format!(
            "Included connector type {class} does not match request type {plugin}"
        )));
    }
    if !is_class(class) {
        return Err(Failure::invalid(format!(
            "connector.class is no connector here: there is only {CLASS}"
        )));
    }
    Ok(class)
}

fn check_version(query: &str) -> Result<(), Failure> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    match pairs.find(|(name, _)| name == "version") {
        Some((_, version)) if version != VERSION && version != CONNECT_VERSION => {
            Err(Failure::invalid(format!(
                "Plugin {CLASS} not found that matches the version range [{version},{version}], available versions: \
                 [{CONNECT_VERSION}]"
            )))
        }
        _ => Ok(()),
    }
}

/// Connect's short form of a class.
fn alias(class: &str) -> &str {
    match class.strip_suffix("Connector") {
        Some("") | None => class,
        Some(short) => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(plugin: &str, class: Option<&str>) -> Result<String, String> {
        let given = Properties::from([("connector.class".to_owned(), class.map(str::to_owned))]);
        match super::class(plugin, &given) {
            Ok(class) => Ok(class.to_owned()),
            Err(Failure::Refused(StatusCode::BAD_REQUEST, message)) => Err(message),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_class_must_be_that_of_the_path() {
        let full = "org.example.OnePasswordEventsSource";
        assert_eq!(judged(CLASS, Some(CLASS)), Ok(CLASS.to_owned()));
        assert_eq!(judged(CLASS, Some(full)), Ok(full.to_owned()));
        assert_eq!(
            judged(CLASS, Some("FileStreamSink")),
            Err("Included connector type FileStreamSink does not match request type OnePasswordEventsSource".to_owned())
        );
        assert_eq!(
            judged("org.example.Nope", Some("org.example.Nope")),
            Err(
                "connector.class is no connector here: there is only OnePasswordEventsSource"
                    .to_owned()
            )
        );
        assert_eq!(
            judged(CLASS, None),
            Err("connector.class is missing".to_owned())
        );
    }

    #[test]
    fn only_our_version_is_there() {
        assert_eq!(check_version("x=1"), Ok(()));
        assert_eq!(check_version("version=4.1.0"), Ok(()));
        assert_eq!(check_version(&format!("version={VERSION}")), Ok(()));
        assert!(check_version("version=9.9").is_err());
    }
}
