//! The bearer token, and what it says about itself.
//!
//! An Events Reporting token is a JSON Web Token. Its claims are read without checking the signature, for which
//! 1Password publishes no key: they say where to ask and warn early, and decide nothing that the service does not
//! decide again.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use url::Url;

/// A bearer token. Its debug form shows nothing of the text.
pub struct Token {
    text: SecretString,
    claims: Option<Claims>,
}

/// What a token says about itself; unverified, and each of them may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The host of the Events API that the token is for, perhaps with a port.
    pub host: Option<String>,
    /// The streams that the token may read, under the API's names.
    pub features: Vec<String>,
    /// The account that the token belongs to.
    pub account_uuid: Option<String>,
    /// When it expires.
    pub expires: Option<Timestamp>,
}

/// Why a token cannot be used. None of these quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing there.
    #[error("the token is empty: put an Events Reporting token where onepassword.token points")]
    Empty,
    /// Line breaks, control characters …
    #[error("the token has characters that no token has: is it really the file with the token?")]
    Unprintable,
    /// Another kind of 1Password token.
    #[error(
        "this is no Events Reporting token: ops_ tokens are service account tokens; issue one under Integrations > Events Reporting"
    )]
    ServiceAccount,
    /// Not a JSON Web Token, and no address to send it to.
    #[error(
        "this is no Events Reporting token, as it says nothing about its host; issue one under Integrations > Events Reporting, or set onepassword.url if this one is right"
    )]
    NoClaims,
    /// A token from before tokens named their host.
    #[error(
        "the token does not name its host, as old tokens do not: set onepassword.url, or issue a new token"
    )]
    NoHost,
    /// An audience that is no host.
    #[error("the token names a host that is none: set onepassword.url, or issue a new token")]
    BadHost,
}

/// The claims as they are written (RFC 7519; 1Password's own are prefixed with its domain).
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    aud: Audience,
    #[serde(default, rename = "1password.com/fts", deserialize_with = "list")]
    features: Vec<String>,
    #[serde(rename = "1password.com/auuid")]
    account_uuid: Option<String>,
    exp: Option<i64>,
}

/// RFC 7519 §4.1.3: a list, or one string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    Many(Vec<String>),
    One(String),
}

/// What tokens name as their audience that were issued before they named their host.
const LEGACY_AUDIENCE: &str = "com.1password.streamingservice";

// === impl Token ===

impl Token {
    /// Takes a token; white space around it is not part of it.
    ///
    /// # Errors
    ///
    /// A text that cannot be sent as a token, or is known to be one of another kind.
    pub fn read(text: &SecretString) -> Result<Self, TokenError> {
        let text = text.expose_secret().trim();
        match text {
            "" => return Err(TokenError::Empty),
            _ if text.starts_with("ops_") => return Err(TokenError::ServiceAccount),
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err(TokenError::Unprintable);
            }
            _ => {}
        }
        Ok(Self {
            claims: Claims::read(text),
            text: SecretString::from(text),
        })
    }

    /// What the token says about itself; `None` when it is no JSON Web Token.
    #[must_use]
    pub const fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Where to send the token: to `configured`, else to the host that it names.
    ///
    /// # Errors
    ///
    /// When neither is known.
    pub fn base_url(&self, configured: Option<&Url>) -> Result<Url, TokenError> {
        if let Some(url) = configured {
            return Ok(url.clone());
        }
        let claims = self.claims.as_ref().ok_or(TokenError::NoClaims)?;
        let host = claims.host.as_deref().ok_or(TokenError::NoHost)?;
        let url = Url::parse(&format!("https://{host}/")).map_err(|_| TokenError::BadHost)?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        (plain && anonymous)
            .then_some(url)
            .ok_or(TokenError::BadHost)
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.text
    }

    /// Whether `text` would give the token away.
    pub(super) fn is_in(&self, text: &str) -> bool {
        text.contains(self.text.expose_secret())
    }

    /// The value of `Authorization`.
    pub(super) fn bearer(&self) -> HeaderValue {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.text.expose_secret()))
            .expect("a token is printable ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

// === impl Claims ===

impl Claims {
    fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
        let json = BASE64_URL_SAFE_NO_PAD
            .decode(claims.trim_end_matches('='))
            .ok()?;
        let written: Written = serde_json::from_slice(&json).ok()?;
        Some(Self {
            host: written.aud.first().filter(|host| host != LEGACY_AUDIENCE),
            features: written.features,
            account_uuid: written.account_uuid,
            expires: written.exp.and_then(|end| Timestamp::from_second(end).ok()),
        })
    }
}

/// A list as servers written in Go print it: an empty one is `null`.
pub(super) fn list<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

// === impl Audience ===

impl Audience {
    fn first(self) -> Option<String> {
        match self {
            Self::Many(all) => all.into_iter().next(),
            Self::One(one) => Some(one),
        }
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Token {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(claims);
        Token::read(&format!("eyJhbGciOiJFUzI1NiJ9.{claims}.c2lnbmF0dXJl\n").into()).unwrap()
    }

    #[test]
    fn a_token_says_where_to_ask_and_what_it_may_read() {
        let token = token(
            r#"{"aud":["events.1password.eu"],"1password.com/fts":["itemusages"],"1password.com/auuid":"ACCOUNT","exp":1795000000}"#,
        );
        let expected = Claims {
            host: Some("events.1password.eu".to_owned()),
            features: vec!["itemusages".to_owned()],
            account_uuid: Some("ACCOUNT".to_owned()),
            expires: Some(Timestamp::from_second(1_795_000_000).unwrap()),
        };
        assert_eq!(token.claims(), Some(&expected));
        let url = token.base_url(None).unwrap();
        assert_eq!(url.as_str(), "https://events.1password.eu/");
    }

    #[test]
    fn the_configured_address_comes_first() {
        let url: Url = "https://events.ent.1password.com".parse().unwrap();
        for token in [
            token(r#"{"aud":"events.1password.ca"}"#),
            Token::read(&"opaque".into()).unwrap(),
        ] {
            assert_eq!(token.base_url(Some(&url)), Ok(url.clone()));
        }
    }

    #[test]
    fn a_token_without_a_usable_host_needs_the_address() {
        for (claims, error) in [
            ("{}", TokenError::NoHost),
            (
                r#"{"aud":["com.1password.streamingservice"]}"#,
                TokenError::NoHost,
            ),
            (r#"{"aud":["a/b"]}"#, TokenError::BadHost),
            (r#"{"aud":["user@host"]}"#, TokenError::BadHost),
            (r#"{"aud":["host?x"]}"#, TokenError::BadHost),
            (r#"{"aud":["not a host"]}"#, TokenError::BadHost),
        ] {
            assert_eq!(token(claims).base_url(None), Err(error), "{claims}");
        }
        let opaque = Token::read(&"opaque".into()).unwrap();
        assert_eq!(opaque.base_url(None), Err(TokenError::NoClaims));
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_without_quoting_it() {
        for (text, error) in [
            (" \n", TokenError::Empty),
            ("ops_eyJzZWNyZXQiOjF9", TokenError::ServiceAccount),
            ("two\nlines", TokenError::Unprintable),
            ("gehörnt", TokenError::Unprintable),
        ] {
            let refused = Token::read(&text.into()).unwrap_err();
            assert_eq!(refused, error);
        }
    }

    #[test]
    fn the_debug_form_shows_nothing_of_the_text() {
        let token = Token::read(&"hunter2".into()).unwrap();
        assert_eq!(format!("{token:?}"), "Token { claims: None, .. }");
    }
}
