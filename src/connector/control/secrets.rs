//! Tokens: sealed before they are stored, and tried before their connector is declared.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::timeout;

use super::{
    super::probe::{Accepted, probe},
    Control,
};
use crate::{
    connector::{Properties, Refusal, refusal::judge},
    onepassword::{Shared, Timeouts},
    relay::Connector,
    secret::SealError,
};

/// How long 1Password may take to say whether it accepts a token.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long each part of its answer may take.
const PART: Duration = Duration::from_secs(10);
/// What a connector is called that has no name yet.
const NAMELESS: &str = "connector";

// === impl Control ===

impl Control {
    /// Whether tokens can be sealed.
    #[must_use]
    pub fn can_seal(&self) -> bool {
        self.0.parts.keyring.can_seal()
    }

    /// The key that sessions of the page are signed with; none where the workers share no secret.
    #[must_use]
    pub fn session_key(&self) -> Option<[u8; 32]> {
        self.0.parts.keyring.derived("onepassword-kafka sessions")
    }

    /// The reference that a token is sealed in.
    ///
    /// # Errors
    ///
    /// As [`SealError`] says.
    pub fn seal(&self, secret: &SecretString) -> Result<String, SealError> {
        self.0.parts.keyring.seal(secret)
    }

    /// A sealed reference, sealed with the current key.
    ///
    /// # Errors
    ///
    /// As [`SealError`] says.
    pub fn reseal(&self, reference: &str) -> Result<String, SealError> {
        self.0.parts.keyring.reseal(reference)
    }

    /// What 1Password says of the token of a configuration, which may still be without a name, or why it cannot be
    /// used, in words that say what to do.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub async fn probe(&self, config: &Properties) -> Result<Result<Accepted, String>, Refusal> {
        let name = config.get("name").and_then(Option::as_deref);
        let name = name.unwrap_or(NAMELESS);
        let settings = judge(&self.desired(), name, config)?;
        Ok(self.ask(&settings.connector).await)
    }

    /// The same for a connector that is declared.
    ///
    /// # Errors
    ///
    /// There is none, or its settings are wrong.
    pub async fn probe_declared(&self, name: &str) -> Result<Result<Accepted, String>, Refusal> {
        let declared = self.desired().get(name).cloned();
        let declared = declared.ok_or_else(|| Refusal::not_found(name))?;
        let connector = declared.connector.map_err(Refusal::Invalid)?;
        Ok(self.ask(&connector).await)
    }

    async fn ask(&self, connector: &Connector) -> Result<Accepted, String> {
        let parts = &self.0.parts;
        let api = Shared {
            timeouts: Timeouts {
                head: PART,
                idle: PART,
                body: PART,
            },
            ..parts.api.clone()
        };
        let asked = timeout(PATIENCE, probe(connector, &api, &parts.keyring)).await;
        match asked {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "1Password does not answer within {} s, or has asked for fewer requests with this token: try again in some \
                 minutes; if it stays so, check the firewall, and whether HTTPS_PROXY is needed",
                PATIENCE.as_secs()
            )),
        }
    }
}
