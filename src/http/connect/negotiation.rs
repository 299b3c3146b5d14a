//! The gates behind the path: the method, the type of the body, and the types that the asker takes.

use axum::{
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, ALLOW, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};

use super::resource::Resource;
use crate::http::{
    answer::Failure,
    body::{BodyType, essence},
};

/// The order in which Connect lists methods.
const ORDER: [&str; 7] = ["HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH"];

/// The answer to OPTIONS.
pub(super) fn options(resource: &Resource) -> Response {
    let methods: Vec<&str> = ORDER
        .into_iter()
        .filter(|method| *method == "OPTIONS" || knows(resource, method))
        .collect();
    let headers = [
        (CONTENT_TYPE, "text/plain".to_owned()),
        (ALLOW, methods.join(",")),
    ];
    (headers, methods.join(", ")).into_response()
}

/// Whether the request passes.
pub(super) fn check(resource: &Resource, head: &Parts) -> Result<(), Failure> {
    if !knows(resource, head.method.as_str()) {
        return Err(Failure::Gate(StatusCode::METHOD_NOT_ALLOWED));
    }
    if resource.consumes_json() && BodyType::of(&head.headers)? == BodyType::Other {
        return Err(Failure::Gate(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    if !takes_json(&head.headers) {
        return Err(Failure::Gate(StatusCode::NOT_ACCEPTABLE));
    }
    Ok(())
}

fn knows(resource: &Resource, method: &str) -> bool {
    let method = if method == "HEAD" { "GET" } else { method };
    resource.methods().contains(&method)
}

/// Whether the asker takes JSON: the closest of its ranges decides (RFC 9110, 12.5.1).
fn takes_json(headers: &HeaderMap) -> bool {
    let ranges: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .filter(|range| !range.trim().is_empty())
        .collect();
    let closest = ranges.iter().filter_map(|range| judge(range)).max();
    ranges.is_empty() || closest.is_some_and(|(_, wanted)| wanted)
}

/// How close a range comes to JSON, and whether it is wanted; none where it does not take JSON in.
fn judge(range: &str) -> Option<(u8, bool)> {
    let closeness = match essence(range).as_str() {
        "application/json" => 2,
        "application/*" => 1,
        "*/*" | "*" => 0,
        _ => return None,
    };
    let unwanted = range
        .split(';')
        .filter_map(|parameter| parameter.trim().strip_prefix("q="))
        .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
    Some((closeness, !unwanted))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    fn judged(method: &str, path: &str, headers: &[(&str, &str)]) -> Result<(), Failure> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, _) = request.body(Body::empty()).unwrap().into_parts();
        check(&Resource::at(path)?, &head)
    }

    fn gate(status: u16) -> Result<(), Failure> {
        Err(Failure::Gate(StatusCode::from_u16(status).unwrap()))
    }

    #[test]
    fn a_method_that_a_resource_does_not_know_is_405() {
        for (method, path) in [
            ("POST", "/"),
            ("TRACE", "/"),
            ("FOO", "/"),
            ("PUT", "/connectors"),
            ("PUT", "/connectors/x"),
            ("DELETE", "/connectors/x/config"),
            ("HEAD", "/connectors/x/pause"),
            ("GET", "/connectors/x/tasks/0/restart"),
            ("POST", "/connectors/x/tasks"),
            ("GET", "/connector-plugins/x/config/validate"),
        ] {
            assert_eq!(judged(method, path, &[]), gate(405), "{method} {path}");
        }
        assert_eq!(judged("HEAD", "/connectors/x", &[]), Ok(()));
    }

    #[test]
    fn a_body_must_be_json_where_one_could_be_read() {
        let judge = |method, path, kind| judged(method, path, &[("content-type", kind)]);
        for kind in [
            "text/plain",
            "application/vnd.api+json",
            "application/merge-patch+json",
        ] {
            assert_eq!(judge("POST", "/connectors", kind), gate(415), "{kind}");
            assert_eq!(judge("PUT", "/connectors/x/pause", kind), gate(415));
            assert_eq!(judge("GET", "/", kind), Ok(()));
        }
        for kind in ["application/json; charset=utf-8", "Application/JSON", "*/*"] {
            assert_eq!(judge("POST", "/connectors", kind), Ok(()), "{kind}");
        }
        assert!(matches!(
            judge("POST", "/connectors", "garbage"),
            Err(Failure::Refused(StatusCode::BAD_REQUEST, _))
        ));
    }

    #[test]
    fn whoever_does_not_take_json_gets_406() {
        let judge = |accept| judged("GET", "/connectors", &[("accept", accept)]);
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/xml, application/json;q=0.1",
        ] {
            assert_eq!(judge(accept), Ok(()), "{accept}");
        }
        for accept in [
            "text/html",
            "application/vnd.kafka.v2+json",
            "garbage",
            "application/json;q=0, */*",
        ] {
            assert_eq!(judge(accept), gate(406), "{accept}");
        }
    }

    #[test]
    fn options_lists_the_methods_in_connects_order() {
        for (path, methods) in [
            ("/", "HEAD,GET,OPTIONS"),
            ("/connectors", "HEAD,POST,GET,OPTIONS"),
            ("/connectors/x", "HEAD,DELETE,GET,OPTIONS"),
            ("/connectors/x/config", "HEAD,GET,OPTIONS,PUT,PATCH"),
            ("/connectors/x/stop", "OPTIONS,PUT"),
        ] {
            let answer = options(&Resource::at(path).unwrap());
            assert_eq!(answer.headers()[ALLOW], methods);
            assert_eq!(answer.headers()[CONTENT_TYPE], "text/plain");
        }
    }
}
