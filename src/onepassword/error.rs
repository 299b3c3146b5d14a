//! What went wrong with a request, in words that say what to do about it, and the decision that follows.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use reqwest::StatusCode;
use serde::Deserialize;

use super::advice::Advice;
use crate::{
    disposition::Disposition,
    event::{PageError, Place, Stream},
    outbound::{Failure, Unanswered},
};

/// A request that brought nothing usable. Neither form of it shows a token or a body.
#[derive(Debug)]
pub struct ApiError {
    outcome: Outcome,
    words: String,
    wait: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// How a request ended: a small, fixed set of labels for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A page, or an account.
    Ok,
    /// 429.
    Throttled,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// Any other 4xx.
    BadRequest,
    /// 3xx.
    Redirect,
    /// 408 and 5xx.
    ServerError,
    /// No answer, or not all of it.
    Network,
    /// An answer that says nothing.
    Malformed,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Introspection,
    Start(Stream),
    After(Stream),
}

/// An answer of status 200 that is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("not what introspection answers")]
    Account,
}

/// The two forms of an error's body: `{"status":…,"message":"…"}` as the reference 1.4.1 documents, and
/// `{"Error":{"Message":"…"}}` as the specification 1.2.0 does.
#[derive(Deserialize)]
#[serde(untagged)]
enum Complaint {
    Documented {
        message: String,
    },
    Spec {
        #[serde(rename = "Error")]
        error: SpecError,
    },
}

#[derive(Deserialize)]
struct SpecError {
    #[serde(rename = "Message")]
    message: String,
}

/// How much of the service's own words is passed on.
const LONGEST_QUOTE: usize = 200;

// === impl ApiError ===

impl ApiError {
    /// What to do about it.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self.outcome {
            Outcome::Throttled | Outcome::ServerError | Outcome::Network | Outcome::Malformed => {
                Disposition::Retry(self.wait)
            }
            _ => Disposition::Fail,
        }
    }

    /// The label under which it is counted.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// An answer with a status that is no success.
    pub(super) fn refused(
        ask: Ask,
        status: StatusCode,
        advice: Advice,
        said: Option<&str>,
    ) -> Self {
        let mut words = advise(ask, status);
        if let Some(quote) = said.and_then(quote) {
            words = format!("{words}; 1Password says: {quote}");
        }
        Self {
            outcome: Outcome::of(status),
            words,
            wait: advice.wait(),
            source: None,
        }
    }

    pub(super) fn unanswered(host: &str, error: Unanswered) -> Self {
        let failure = error.failure;
        let advice = match failure {
            Failure::UnknownHost => "; check onepassword.url and the network's DNS",
            Failure::Refused | Failure::Unreachable | Failure::Silent => {
                "; check the firewall, and whether HTTPS_PROXY is needed"
            }
            Failure::Proxy => "; check HTTPS_PROXY and NO_PROXY, and what the proxy allows",
            Failure::Tls => "; check onepassword.url, and what stands between here and 1Password",
            Failure::Certificate => {
                "; if this network inspects TLS, put its root certificate into onepassword.ca.file"
            }
            Failure::TooLong { .. } => {
                "; with a smaller page.limit it is shorter, from where the position is moved to"
            }
            Failure::Slow | Failure::Broken | Failure::Garbled => {
                "; if it stays so, check what stands between here and 1Password"
            }
        };
        Self {
            outcome: if failure.is_malformed() {
                Outcome::Malformed
            } else {
                Outcome::Network
            },
            words: format!("asking {host} fails: {error}{advice}"),
            wait: None,
            source: Some(error.into()),
        }
    }

    /// An answer with status 200 that is not what was asked for.
    pub(super) fn malformed(ask: Ask, content_type: &str, source: Malformed) -> Self {
        let guess = if content_type.contains("json") {
            ""
        } else {
            "; something between here and 1Password seems to answer in its place"
        };
        Self {
            outcome: Outcome::Malformed,
            words: format!(
                "the answer about {ask} is unusable: {source} (content type: {content_type}){guess}"
            ),
            wait: None,
            source: Some(source.into()),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

// === impl Outcome ===

impl Outcome {
    /// All labels, for metrics that begin at zero.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Throttled,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::BadRequest,
        Self::Redirect,
        Self::ServerError,
        Self::Network,
        Self::Malformed,
    ];

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Throttled => "throttled",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::Redirect => "redirect",
            Self::ServerError => "server_error",
            Self::Network => "network",
            Self::Malformed => "malformed",
        }
    }

    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            300..=399 => Self::Redirect,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            408 => Self::ServerError,
            429 => Self::Throttled,
            400..=499 => Self::BadRequest,
            _ => Self::ServerError,
        }
    }
}

// === impl Ask ===

impl Ask {
    pub(super) const fn page(stream: Stream, place: &Place) -> Self {
        match place {
            Place::Start(_) => Self::Start(stream),
            Place::After(_) => Self::After(stream),
        }
    }

    /// What traces call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Introspection => "introspect",
            Self::Start(stream) | Self::After(stream) => stream.name(),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Introspection => "the account",
            Self::Start(stream) | Self::After(stream) => stream.name(),
        })
    }
}

fn advise(ask: Ask, status: StatusCode) -> String {
    let code = status.as_u16();
    match (Outcome::of(status), ask) {
        (Outcome::Unauthorized, _) => format!(
            "1Password refuses the token ({code}): it is wrong, expired or revoked, or the Events Reporting \
             integration was deleted, or the token is not allowed to read {ask}; issue a new token under \
             Integrations > Events Reporting and put it where onepassword.token points"
        ),
        (Outcome::Forbidden, _) => format!(
            "1Password does not let this account read {ask} ({code}): Events Reporting needs 1Password Business \
             or Enterprise"
        ),
        (Outcome::NotFound, _) => format!(
            "there is no Events API at this address ({code}): check onepassword.url, or leave it out to use the \
             address that the token names"
        ),
        (Outcome::BadRequest, Ask::After(_)) if code == 400 => format!(
            "1Password refuses the stored cursor of {ask} ({code}): to go on, set the position to the time of the \
             last event, or delete it to begin at start.time (docs/replaying.md, \"Rewind\")"
        ),
        (Outcome::Throttled, _) => format!(
            "1Password asks for fewer requests ({code}): if it happens often, raise poll.interval.ms to 900000, \
             and see that nothing else uses this token"
        ),
        (Outcome::Redirect, _) => format!(
            "1Password's address answers with a redirect ({code}), which is not followed, as the token would go \
             with it: check onepassword.url"
        ),
        (Outcome::ServerError, _) => format!("1Password has a problem of its own ({code})"),
        _ => format!("1Password refuses the request for {ask} ({code})"),
    }
}

/// The service's own words, if the body is of one of the two known forms.
pub(super) fn said(body: &[u8]) -> Option<String> {
    let (Complaint::Documented { message }
    | Complaint::Spec {
        error: SpecError { message },
    }) = serde_json::from_slice(body).ok()?;
    Some(message)
}

/// As much of the service's words as an error message can bear, without those that tell who it was or from where.
fn quote(said: &str) -> Option<String> {
    let printable: String = said
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words = printable
        .split_whitespace()
        .map(|word| if is_personal(word) { "…" } else { word });
    let quote = words.collect::<Vec<_>>().join(" ");
    let quote: String = quote.chars().take(LONGEST_QUOTE).collect();
    Some(quote).filter(|quote| !quote.is_empty())
}

/// Whether an e-mail or an IP address is in a word.
fn is_personal(word: &str) -> bool {
    let is_address = |part: &str| {
        let part = part.trim_matches('.');
        part.parse::<IpAddr>().is_ok() || part.parse::<SocketAddr>().is_ok()
    };
    word.contains('@')
        || word
            .split(|c: char| !c.is_ascii_hexdigit() && c != '.' && c != ':')
            .any(|part| is_address(part) || is_address(part.trim_matches(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_known_forms_are_listened_to() {
        for (body, expected) in [
            (r#"{"status":401,"message":"no"}"#, Some("no")),
            (
                r#"{"Error":{"Message":"Bad Request"}}"#,
                Some("Bad Request"),
            ),
            (r#"{"message":7}"#, None),
            (r#"{"error":"no"}"#, None),
            (r#""no""#, None),
            ("<html>no</html>", None),
            ("404 page not found", None),
            ("", None),
        ] {
            assert_eq!(said(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn a_quote_is_short_and_printable() {
        let long = "é".repeat(500);
        assert_eq!(quote(&long).unwrap().chars().count(), LONGEST_QUOTE);
        assert_eq!(quote("a\r\nb \u{1b}[31m").as_deref(), Some("a b [31m"));
        assert_eq!(quote(" \n"), None);
    }

    #[test]
    fn a_quote_tells_nobody_and_no_place() {
        for word in [
            "ann@example.com",
            "<ann@example.com>,",
            "203.0.113.9",
            "203.0.113.9.",
            "(203.0.113.9:443)",
            "ip=203.0.113.9",
            "2001:db8::7",
            "[2001:db8::7]:443",
            "2001:db8::7:",
        ] {
            let said = format!("blocked {word} at 12:30, see 4.2");
            assert_eq!(
                quote(&said).as_deref(),
                Some("blocked … at 12:30, see 4.2"),
                "{word}"
            );
        }
    }

    #[test]
    fn the_labels_are_distinct() {
        let labels: std::collections::HashSet<_> =
            Outcome::ALL.into_iter().map(Outcome::as_str).collect();
        assert_eq!(labels.len(), Outcome::ALL.len());
    }
}
