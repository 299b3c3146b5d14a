//! Whether 1Password accepts a connector's token: what introspection tells of it, asked once.

use jiff::Timestamp;

use crate::{
    event::Stream,
    onepassword::{ApiError, Client, ConnectError, Shared},
    relay::Connector,
    secret::{Keyring, SecretError},
};

/// A token that 1Password accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The host that has said so.
    pub host: String,
    /// The account that it belongs to, where that is known.
    pub account_uuid: Option<String>,
    /// What it may read, under the API's names.
    pub features: Vec<String>,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

/// Why a connector could not read its streams, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The token cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It cannot be sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It is not accepted.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It is accepted, and for too little.
    #[error("the token does not cover {0}: issue one that does")]
    Uncovered(String),
}

/// Asks 1Password about the token of `connector`. It does blocking file I/O, and waits as long as `api` says.
///
/// # Errors
///
/// As [`ProbeError`] says.
pub async fn probe(
    connector: &Connector,
    api: &Shared,
    keyring: &Keyring,
) -> Result<Accepted, ProbeError> {
    let token = connector.token.resolve(keyring)?;
    let client = Client::connect(api, connector.url.as_ref(), &token)?;
    let account = client.introspect().await?;
    let missing: Vec<_> = connector
        .streams
        .iter()
        .flatten()
        .filter(|stream| !account.may_read(**stream))
        .map(|stream| stream.name())
        .collect();
    if !missing.is_empty() {
        return Err(ProbeError::Uncovered(missing.join(", ")));
    }
    if !Stream::ALL.iter().any(|stream| account.may_read(*stream)) {
        return Err(ProbeError::Uncovered("any stream".to_owned()));
    }
    let claims = client.claims();
    let claimed = claims.and_then(|claims| claims.account_uuid.clone());
    Ok(Accepted {
        host: client.base_url().host_str().unwrap_or_default().to_owned(),
        account_uuid: account.account_uuid.or(claimed),
        features: account.features,
        issued_at: account.issued_at,
        expires_at: claims.and_then(|claims| claims.expires),
    })
}
