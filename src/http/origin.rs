//! Where a request comes from. A page of somebody else's, open in a browser that reaches this port, must not be able to
//! change connectors; nor, where the port is this machine's only, read them by giving its own name this machine's address (DNS
//! rebinding).

use std::{fmt, net::IpAddr};

use axum::http::{HeaderMap, HeaderValue, Method, header, uri::Authority};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Askers {
    /// Programs on this machine: it is asked under its own names.
    Local,
    /// Anybody who reaches the port.
    Anybody,
}

/// How the port is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// In the clear, as far as this worker sees: a proxy before it may speak TLS.
    Http,
    Https,
}

// === impl Askers ===

impl Askers {
    /// Whether a request is refused, and why.
    pub(super) fn refuse(
        self,
        scheme: Scheme,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<&'static str> {
        let host = authority(headers, header::HOST.as_str());
        let names_another = match &host {
            Some(host) => !is_local(host),
            None => headers.contains_key(header::HOST),
        };
        if self == Self::Local && names_another {
            return Some("This worker is asked on its own machine only, as localhost or 127.0.0.1");
        }
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return None;
        }
        let is_foreign_site = is_of_another_site(headers);
        let origin = headers.get(header::ORIGIN);
        let is_foreign_origin = origin.is_some_and(|origin| {
            authority(headers, header::ORIGIN.as_str()) != host || !scheme.may_have(origin)
        });
        (is_foreign_site || is_foreign_origin)
            .then_some("Changes are refused from the pages of other sites")
    }
}

// === impl Scheme ===

impl Scheme {
    /// Whether a page of this origin can be this port's own. What stands in the clear on the way to an HTTPS port is
    /// anybody's.
    fn may_have(self, origin: &HeaderValue) -> bool {
        self == Self::Http || origin.as_bytes().starts_with(b"https://")
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Whether a browser says that another site's page asks.
pub(super) fn is_of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, Some(b"cross-site" | b"same-site"))
}

/// The host and port that a header names, with a scheme before them or without.
fn authority(headers: &HeaderMap, name: &str) -> Option<Authority> {
    let value = headers.get(name)?.to_str().ok()?;
    let (_, authority) = value.split_once("://").unwrap_or(("", value));
    authority.parse().ok()
}

fn is_local(host: &Authority) -> bool {
    let name = host.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name.ends_with(".localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn is_refused(askers: Askers, method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        askers
            .refuse(Scheme::Http, method, &headers.collect())
            .is_some()
    }

    #[test]
    fn a_page_that_came_in_the_clear_changes_nothing_over_tls() {
        let is_refused = |scheme, origin: &str| {
            let headers = [(header::HOST, "worker:8083"), (header::ORIGIN, origin)];
            let headers = headers.map(|(name, value)| (name, value.parse().unwrap()));
            Askers::Anybody
                .refuse(scheme, &Method::PUT, &HeaderMap::from_iter(headers))
                .is_some()
        };
        assert!(is_refused(Scheme::Https, "http://worker:8083"));
        for (scheme, origin) in [
            (Scheme::Https, "https://worker:8083"),
            (Scheme::Http, "http://worker:8083"),
            // Behind a proxy that speaks TLS.
            (Scheme::Http, "https://worker:8083"),
        ] {
            assert!(!is_refused(scheme, origin), "{origin}");
        }
    }

    #[test]
    fn programs_may_ask_for_anything() {
        for host in [
            "localhost:8083",
            "127.0.0.1:8083",
            "[::1]:8083",
            "a.localhost",
        ] {
            for method in [Method::GET, Method::POST] {
                assert!(
                    !is_refused(Askers::Local, &method, &[("host", host)]),
                    "{host}"
                );
            }
        }
        assert!(!is_refused(
            Askers::Anybody,
            &Method::PUT,
            &[("host", "worker.example:8083")]
        ));
    }

    #[test]
    fn a_page_of_another_site_may_change_nothing() {
        let host = ("host", "localhost:8083");
        for headers in [
            [host, ("origin", "https://evil.example")],
            [host, ("origin", "null")],
            [host, ("origin", "http://localhost:9999")],
            [host, ("sec-fetch-site", "cross-site")],
            [host, ("sec-fetch-site", "same-site")],
        ] {
            for askers in [Askers::Local, Askers::Anybody] {
                assert!(is_refused(askers, &Method::DELETE, &headers), "{headers:?}");
                assert!(!is_refused(askers, &Method::GET, &headers), "{headers:?}");
            }
        }
        for headers in [
            [host, ("origin", "http://localhost:8083")],
            [host, ("sec-fetch-site", "same-origin")],
        ] {
            assert!(
                !is_refused(Askers::Local, &Method::PUT, &headers),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_name_that_only_leads_here_reads_nothing() {
        let headers = [("host", "rebound.example:8083")];
        assert!(is_refused(Askers::Local, &Method::GET, &headers));
        assert!(is_refused(Askers::Local, &Method::GET, &[("host", "a b")]));
        assert!(!is_refused(Askers::Anybody, &Method::GET, &headers));
    }
}
