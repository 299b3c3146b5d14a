//! Bearer tokens: JSON Web Tokens signed with ES256 (RFC 7518 §3.4), with the claims that the vendor's have.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    error::ErrorStack,
    nid::Nid,
    pkey::Private,
    sha::sha256,
};
use serde_json::json;

use super::{base64url, clock, ids, stream::Stream};

/// What a token is to be good for.
#[derive(Clone, Debug)]
pub struct TokenSpec {
    /// The streams it may read. Default: all three.
    pub features: Vec<Stream>,
    /// The account whose events it reads. Default: [`TokenSpec::ACCOUNT`].
    pub account_uuid: String,
    /// How long it is valid; zero gives an expired token. Default: `None`, for ever.
    pub expires_in: Option<Duration>,
    /// The first audience. Default: `None`, which is the simulator's own `host:port`.
    pub audience: Option<String>,
}

/// A token as it was issued. Dropping it changes nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
}

/// What the server knows about a token.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) features: Vec<Stream>,
    pub(super) account: String,
    pub(super) integration: String,
    pub(super) issued_at: Timestamp,
    expires_at: Option<Timestamp>,
    validity: Validity,
}

/// Signs tokens and remembers which ones are good.
pub(super) struct Issuer {
    key: EcKey<Private>,
    key_id: String,
    authority: String,
    random: Mutex<fastrand::Rng>,
    grants: Mutex<HashMap<String, Grant>>,
    issued: Mutex<Vec<Token>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validity {
    Good,
    Revoked,
}

// === impl TokenSpec ===

impl TokenSpec {
    /// The account that a default token belongs to.
    pub const ACCOUNT: &'static str = "SIMULATEDACCOUNT2345672345";
}

impl Default for TokenSpec {
    fn default() -> Self {
        Self {
            features: Stream::ALL.to_vec(),
            account_uuid: Self::ACCOUNT.to_owned(),
            expires_in: None,
            audience: None,
        }
    }
}

// === impl Token ===

impl Token {
    /// The text that goes behind `Authorization: Bearer`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The text is a secret, and stays out of logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

// === impl Issuer ===

impl Issuer {
    pub(super) fn new(authority: &str, seed: u64) -> Result<Self, ErrorStack> {
        let mut random = fastrand::Rng::with_seed(seed);
        Ok(Self {
            key: EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?,
            key_id: ids::lower(&mut random),
            authority: authority.to_owned(),
            random: Mutex::new(random),
            grants: Mutex::default(),
            issued: Mutex::default(),
        })
    }

    pub(super) fn issue(&self, spec: TokenSpec) -> Token {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let id = ids::lower(&mut random);
        let issued_at = clock::now();
        let grant = Grant {
            features: spec.features,
            account: spec.account_uuid,
            integration: ids::upper(&mut random),
            issued_at,
            expires_at: spec.expires_in.map(|life| {
                issued_at
                    .checked_add(life)
                    .expect("a token expires within the calendar")
            }),
            validity: Validity::Good,
        };
        let audience = spec.audience.unwrap_or_else(|| self.authority.clone());
        let text = self.sign(&id, &audience, &grant);
        self.grants().insert(id, grant);
        let token = Token { text };
        self.list().push(token.clone());
        token
    }

    /// Every token, in the order of issue.
    pub(super) fn issued(&self) -> Vec<Token> {
        self.list().clone()
    }

    pub(super) fn revoke(&self, text: &str) {
        let id = self.verified_id(text).unwrap_or_default();
        if let Some(grant) = self.grants().get_mut(&id) {
            grant.validity = Validity::Revoked;
        }
    }

    /// What the bearer of `text` may do; `None` if it is forged, unknown, revoked or expired.
    pub(super) fn check(&self, text: &str, now: Timestamp) -> Option<(String, Grant)> {
        let id = self.verified_id(text)?;
        let grant = self.grants().get(&id)?.clone();
        let alive = grant.expires_at.is_none_or(|end| now < end);
        (alive && grant.validity == Validity::Good).then_some((id, grant))
    }

    fn grants(&self) -> std::sync::MutexGuard<'_, HashMap<String, Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Token>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sign(&self, id: &str, audience: &str, grant: &Grant) -> String {
        let header = json!({"alg": "ES256", "kid": self.key_id, "typ": "JWT"});
        let mut claims = json!({
            "1password.com/auuid": grant.account,
            "1password.com/fts": grant.features,
            "aud": [audience],
            "iat": grant.issued_at.as_second(),
            "iss": "com.1password.b5",
            "jti": id,
            "sub": grant.integration,
        });
        if let Some(end) = grant.expires_at {
            claims["exp"] = end.as_second().into();
        }
        let signed = format!(
            "{}.{}",
            base64url::encode(header.to_string().as_bytes()),
            base64url::encode(claims.to_string().as_bytes())
        );
        let signature = self
            .signature(signed.as_bytes())
            .expect("a fresh P-256 key signs");
        format!("{signed}.{}", base64url::encode(&signature))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let signature = EcdsaSig::sign(&sha256(message), &self.key)?;
        let mut bytes = signature.r().to_vec_padded(32)?;
        bytes.extend(signature.s().to_vec_padded(32)?);
        Ok(bytes)
    }

    fn verified_id(&self, text: &str) -> Option<String> {
        let (signed, signature) = text.rsplit_once('.')?;
        let signature = base64url::decode(signature)?;
        let (r, s) = signature.split_at_checked(32)?;
        let number = |bytes| BigNum::from_slice(bytes).ok();
        let signature = EcdsaSig::from_private_components(number(r)?, number(s)?).ok()?;
        let genuine = signature
            .verify(&sha256(signed.as_bytes()), &self.key)
            .unwrap_or(false);
        let (_, claims) = signed.split_once('.')?;
        let claims: serde_json::Value = serde_json::from_slice(&base64url::decode(claims)?).ok()?;
        genuine.then(|| claims["jti"].as_str().map(str::to_owned))?
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_genuine_and_living_token_is_accepted() {
        let issuer = Issuer::new("localhost:1", 1).unwrap();
        let stranger = Issuer::new("localhost:1", 1).unwrap();
        let good = issuer.issue(TokenSpec::default());
        let expired = issuer.issue(TokenSpec {
            expires_in: Some(Duration::ZERO),
            ..TokenSpec::default()
        });
        let now = clock::now();
        let (_, grant) = issuer.check(good.as_str(), now).unwrap();
        assert_eq!(grant.account, TokenSpec::ACCOUNT);
        assert!(issuer.check(expired.as_str(), now).is_none());
        assert!(stranger.check(good.as_str(), now).is_none());
        assert!(issuer.check("not.a.token", now).is_none());
        issuer.revoke(good.as_str());
        assert!(issuer.check(good.as_str(), now).is_none());
    }
}
