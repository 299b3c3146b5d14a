//! What the registry's refusals mean, in words that say what to do.

use std::{error::Error, fmt, time::Duration};

use reqwest::StatusCode;
use serde::Deserialize;

use crate::{
    disposition::Disposition,
    outbound::{Failure, Unanswered},
};

/// A schema without an id. It shows no credential.
#[derive(Debug)]
pub struct RegistryError {
    words: String,
    disposition: Disposition,
    /// What the registry said; the few codes that are no failure are told apart by it.
    status: Option<StatusCode>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The body of every error (Schema Registry API, "Errors").
#[derive(Deserialize)]
struct Complaint {
    message: String,
}

/// How much of the registry's own words is passed on.
const LONGEST_QUOTE: usize = 500;

// === impl RegistryError ===

impl RegistryError {
    /// What to do about it.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.disposition
    }

    pub(super) const fn is_not_found(&self) -> bool {
        matches!(self.status, Some(StatusCode::NOT_FOUND))
    }

    /// Whether another registry of the same cluster might do better.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self.disposition, Disposition::Retry(_))
    }

    pub(super) fn refused(
        host: &str,
        subject: &str,
        status: StatusCode,
        wait: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let mut words = advise(host, subject, status);
        if let Some(quote) = quote(body) {
            words = format!("{words}; it says: {quote}");
        }
        Self {
            words,
            disposition: match status.as_u16() {
                408 | 429 | 500..=599 => Disposition::Retry(wait),
                _ => Disposition::Fail,
            },
            status: Some(status),
            source: None,
        }
    }

    pub(super) fn unanswered(host: &str, error: Unanswered) -> Self {
        let advice = match error.failure {
            Failure::Certificate => {
                "; name the authority that signed it in schema.registry.ssl.ca.location"
            }
            Failure::UnknownHost | Failure::Refused | Failure::Unreachable => {
                "; check schema.registry.url"
            }
            _ => "",
        };
        Self {
            words: format!("asking the schema registry at {host} fails: {error}{advice}"),
            disposition: Disposition::Retry(None),
            status: None,
            source: Some(error.into()),
        }
    }

    pub(super) fn malformed(host: &str) -> Self {
        Self {
            words: format!(
                "what answers at {host} is no schema registry: check schema.registry.url"
            ),
            disposition: Disposition::Retry(None),
            status: None,
            source: None,
        }
    }

    pub(super) fn no_address() -> Self {
        Self {
            words: "schema.registry.url names no address".to_owned(),
            disposition: Disposition::Stop,
            status: None,
            source: None,
        }
    }

    pub(super) fn unregistered(subject: &str) -> Self {
        Self {
            words: format!(
                "this version's schema is not registered under {subject}, and schema.registry.auto.register is off: \
                 register it with onepassword-kafka schemas --register"
            ),
            disposition: Disposition::Fail,
            status: None,
            source: None,
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

fn advise(host: &str, subject: &str, status: StatusCode) -> String {
    let code = status.as_u16();
    match code {
        401 => format!("the schema registry at {host} refuses the credentials ({code})"),
        403 => format!(
            "the schema registry at {host} does not allow these credentials to use subject {subject} ({code})"
        ),
        404 => format!("the schema registry at {host} does not know subject {subject} ({code})"),
        409 => format!(
            "the schema is not compatible with those under subject {subject} ({code}): were they registered by \
             another program? use another topic prefix or subject strategy, or delete the subject"
        ),
        300..=399 => format!(
            "the schema registry at {host} answers with a redirect ({code}), which is not followed: check \
             schema.registry.url"
        ),
        _ => format!(
            "the schema registry at {host} refuses the request for subject {subject} ({code})"
        ),
    }
}

fn quote(body: &[u8]) -> Option<String> {
    let Complaint { message } = serde_json::from_slice(body).ok()?;
    let printable = message.chars().filter(|c| !c.is_control());
    let quote: String = printable.take(LONGEST_QUOTE).collect();
    Some(quote.trim().to_owned()).filter(|quote| !quote.is_empty())
}
