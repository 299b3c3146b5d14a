//! Why no answer came, in an operator's words.
//!
//! The HTTP and TLS libraries tell causes apart only in text, so this reads text. The cause is told beside, as they
//! word it: that a certificate has expired, for example.

use std::{error::Error, fmt, io};

/// Why no answer came, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// DNS does not know the host.
    UnknownHost,
    /// Nobody listens there.
    Refused,
    /// The proxy refuses to connect.
    Proxy,
    /// The certificate is not trusted, expired, or another host's.
    Certificate,
    /// TLS fails for another reason.
    Tls,
    /// No connection for another reason.
    Unreachable,
    /// No head of an answer in time.
    Silent,
    /// A body that stalls or drips.
    Slow,
    /// The connection ended in the middle.
    Broken,
    /// A body beyond the bound.
    TooLong {
        /// In bytes.
        limit: usize,
    },
    /// A body that ends early or cannot be decompressed.
    Garbled,
}

/// A request without a whole answer; in words, the failure and what the library says of its cause.
#[derive(Debug, thiserror::Error)]
pub struct Unanswered {
    /// What happened.
    pub failure: Failure,
    source: Option<reqwest::Error>,
}

// === impl Failure ===

impl Failure {
    /// Whether something answered, if only nonsense.
    #[must_use]
    pub const fn is_malformed(self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::Garbled)
    }

    fn of(error: &reqwest::Error) -> Self {
        let told = told(error);
        let says = |words: &[&str]| words.iter().any(|word| told.contains(word));
        match () {
            () if error.is_dns() || says(&["dns error"]) => Self::UnknownHost,
            () if says(&["certificate"]) => Self::Certificate,
            () if says(&["tunnel", "proxy"]) => Self::Proxy,
            () if is_io(error, &[io::ErrorKind::ConnectionRefused]) => Self::Refused,
            () if says(&["ssl", "tls"]) => Self::Tls,
            () if error.is_connect() => Self::Unreachable,
            () if error.is_timeout() => Self::Silent,
            () if error.is_request() || is_io(error, BROKEN) => Self::Broken,
            () => Self::Garbled,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownHost => "its host name cannot be resolved (DNS)",
            Self::Refused => "the connection is refused",
            Self::Proxy => "the proxy (HTTPS_PROXY) does not let the connection through",
            Self::Certificate => "its TLS certificate is not trusted",
            Self::Tls => "the TLS handshake fails",
            Self::Unreachable => "no connection can be made",
            Self::Silent => "no answer came in time",
            Self::Slow => "the answer came too slowly",
            Self::Broken => "the connection broke off",
            Self::TooLong { limit } => {
                return write!(f, "the answer is longer than {} KiB", limit / 1024);
            }
            Self::Garbled => "the answer is cut off or wrongly compressed",
        })
    }
}

// === impl Unanswered ===

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.failure)?;
        match self.cause() {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl Unanswered {
    /// What tells more than the failure does.
    fn cause(&self) -> Option<String> {
        let mut causes = causes(self.source.as_ref()?).map(ToString::to_string);
        match self.failure {
            Failure::UnknownHost | Failure::Refused => None,
            // The innermost does not say what is wrong with it.
            Failure::Certificate => causes.find(|cause| cause.contains("certificate")),
            _ => causes.last(),
        }
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            source: None,
        }
    }
}

impl From<reqwest::Error> for Unanswered {
    fn from(error: reqwest::Error) -> Self {
        Self {
            failure: Failure::of(&error),
            source: Some(error.without_url()),
        }
    }
}

const BROKEN: &[io::ErrorKind] = &[
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::ConnectionAborted,
    io::ErrorKind::BrokenPipe,
];

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// The texts of all causes, in lower case. The error's own text names the address, and proves nothing.
fn told(error: &reqwest::Error) -> String {
    causes(error)
        .map(|cause| cause.to_string().to_lowercase())
        .collect::<Vec<_>>()
        .join(": ")
}

fn is_io(error: &reqwest::Error, kinds: &[io::ErrorKind]) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| kinds.contains(&cause.kind()))
}
