//! Where a token may be sent.

use url::Url;

/// The hosts that the operator allows beside 1Password's own.
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts;

/// A host that no token may be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is none of 1Password's hosts: the worker's onepassword.allowed.hosts would have to name it"
)]
pub struct HostError(pub String);

// === impl AllowedHosts ===

impl AllowedHosts {
    /// Whether a token may be sent to `url`.
    ///
    /// # Errors
    ///
    /// With the host's name.
    pub fn check(&self, url: &Url) -> Result<(), HostError> {
        let host = url.host_str().unwrap_or_default();
        let known = ["1password.com", "1password.ca", "1password.eu"];
        let known = known.iter().any(|domain| host.ends_with(domain));
        match known || host == "localhost" || host == "127.0.0.1" {
            true => Ok(()),
            false => Err(HostError(host.to_owned())),
        }
    }
}
