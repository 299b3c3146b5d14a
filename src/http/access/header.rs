//! The `Authorization` header: `Basic` (RFC 7617) and `Bearer` (RFC 6750).

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;

/// What somebody shows to be let in.
#[derive(Debug)]
pub(super) enum Shown {
    Password {
        name: String,
        password: SecretString,
    },
    Token(SecretString),
}

// === impl Shown ===

impl Shown {
    /// What the headers show; none where that is nothing that can be understood.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Token(rest.into()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (name, password) = pair.split_once(':')?;
        Some(Self::Password {
            name: name.to_owned(),
            password: password.into(),
        })
    }
}

/// How to ask for a password.
pub(super) const ASK_PASSWORD: HeaderValue =
    HeaderValue::from_static(r#"Basic realm="onepassword-kafka", charset="UTF-8""#);

/// How to ask for a token.
pub(super) const ASK_TOKEN: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="onepassword-kafka""#);

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shown(values: &[&str]) -> Option<String> {
        let values = values
            .iter()
            .map(|value| (AUTHORIZATION, value.parse().unwrap()));
        Some(match Shown::read(&values.collect())? {
            Shown::Password { name, password } => {
                format!("password {name} {}", password.expose_secret())
            }
            Shown::Token(token) => format!("token {}", token.expose_secret()),
        })
    }

    #[test]
    fn passwords_and_tokens_are_understood() {
        for (value, expected) in [
            (
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                "password Aladdin open sesame",
            ),
            ("basic  w7w6YTpi", "password ü a:b"),
            ("Basic Og==", "password  "),
            ("bearer abc.def", "token abc.def"),
        ] {
            assert_eq!(shown(&[value]).as_deref(), Some(expected));
        }
    }

    #[test]
    fn anything_else_shows_nothing() {
        for values in [
            &[][..],
            &["Basic"],
            &["Bearer"],
            &["Basic nobase64!"],
            &["Basic /w=="],
            &["Basic bm9jb2xvbg=="],
            &["Digest username=\"a\""],
            &["Basic QTpi", "Bearer abc"],
        ] {
            assert_eq!(shown(values), None, "{values:?}");
        }
    }
}
