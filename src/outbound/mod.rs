//! Requests that leave this process: what the clients of 1Password and of the schema registry have in common.
//!
//! Proxies come from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. Redirects are not followed: one would carry a
//! credential to a host that nobody has allowed. Every wait and every body is bounded.

mod failure;
mod retry_after;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Certificate, ClientBuilder, RequestBuilder, Response, redirect::Policy};
use tokio::time::timeout;

pub use self::{
    failure::{Failure, Unanswered},
    retry_after::{LONGEST_WAIT, retry_after},
};

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From sending the request, connecting included, to the head of the answer.
    pub head: Duration,
    /// From one piece of the body to the next.
    pub idle: Duration,
    /// The whole body.
    pub body: Duration,
}

/// A client that cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file that is not there, or not for us.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file without certificates.
    #[error("there is no PEM certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// Certificates or keys that TLS does not take.
    #[error("the TLS settings are unusable")]
    Tls(#[from] reqwest::Error),
}

// === impl Timeouts ===

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            body: Duration::from_mins(2),
        }
    }
}

/// A client with the defaults of this program; `ca_file` holds PEM certificates to trust beside the system's.
///
/// # Errors
///
/// A file that cannot be read, or holds no certificate.
pub fn builder(ca_file: Option<&Path>) -> Result<ClientBuilder, ClientError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("onepassword-kafka/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .tcp_keepalive(Duration::from_secs(30));
    Ok(match ca_file {
        None => builder,
        Some(path) => builder.tls_certs_merge(certificates(path)?),
    })
}

/// The contents of a file that the settings name.
///
/// # Errors
///
/// With the file's name.
pub fn read_file(path: &Path) -> Result<Vec<u8>, ClientError> {
    fs::read(path).map_err(|source| ClientError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// Sends a request and waits for the head of its answer.
///
/// # Errors
///
/// When there is none, or not in time.
pub async fn send(request: RequestBuilder, timeouts: Timeouts) -> Result<Response, Unanswered> {
    let answer = timeout(timeouts.head, request.send()).await;
    Ok(answer.map_err(|_| Failure::Silent)??)
}

/// Reads a body of at most `limit` bytes after decompression.
///
/// # Errors
///
/// When it is longer, does not come in time, breaks off, or cannot be decompressed.
pub async fn read_body(
    response: Response,
    limit: usize,
    timeouts: Timeouts,
) -> Result<Vec<u8>, Unanswered> {
    timeout(timeouts.body, collect(response, limit, timeouts.idle))
        .await
        .map_err(|_| Failure::Slow)?
}

async fn collect(
    mut response: Response,
    limit: usize,
    idle: Duration,
) -> Result<Vec<u8>, Unanswered> {
    let told = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(told.unwrap_or_default().min(limit));
    loop {
        let chunk = timeout(idle, response.chunk()).await;
        match chunk.map_err(|_| Failure::Slow)?? {
            None => return Ok(body),
            Some(chunk) if body.len() + chunk.len() > limit => {
                return Err(Failure::TooLong { limit }.into());
            }
            Some(chunk) => body.extend_from_slice(&chunk),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let found = Certificate::from_pem_bundle(&read_file(path)?)?;
    if found.is_empty() {
        return Err(ClientError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}
