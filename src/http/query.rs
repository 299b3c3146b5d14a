//! What a query says.

use axum::http::Uri;
use url::form_urlencoded;

/// All that the query gives for `name`.
pub(super) fn values(uri: &Uri, name: &str) -> Vec<String> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// Whether the query says `true` for `name`, as Java reads it.
pub(super) fn is_true(uri: &Uri, name: &str) -> bool {
    values(uri, name)
        .first()
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_java_reads_it() {
        let truth = |query: &str| is_true(&format!("/?{query}").parse().unwrap(), "a");
        for query in ["a=true", "a=TRUE", "b=1&a=true&a=false"] {
            assert!(truth(query), "{query}");
        }
        for query in ["", "a", "a=", "a=yes", "b=true", "a=false&a=true"] {
            assert!(!truth(query), "{query}");
        }
        let expand = values(&"/?expand=info&expand&x=y".parse().unwrap(), "expand");
        assert_eq!(expand, ["info", ""]);
    }
}
