//! Bearer tokens, which are known by their SHA-256 hashes only.
//!
//! A slow hash is for what people think of. A token that [`TokenHash::create`] has drawn has 256 random bits, which
//! nobody guesses at any speed, and programs send theirs with each request.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{memcmp, rand::rand_bytes, sha::sha256};
use secrecy::{ExposeSecret, SecretString};

/// The hash of a token. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

const PREFIX: &str = "sha256:";

// === impl TokenHash ===

impl TokenHash {
    /// A new token, and its hash.
    #[must_use]
    pub fn create() -> (SecretString, Self) {
        let mut random = [0; 32];
        rand_bytes(&mut random).expect("the system has random numbers");
        let token = SecretString::from(URL_SAFE_NO_PAD.encode(random));
        let hash = Self::of(&token);
        (token, hash)
    }

    pub(super) fn of(token: &SecretString) -> Self {
        Self(sha256(token.expose_secret().as_bytes()))
    }

    /// Reads `sha256:` and 64 hexadecimal digits.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let digits = text.trim().strip_prefix(PREFIX);
        let hash = digits.and_then(bytes).map(Self);
        hash.ok_or_else(|| {
            format!("is no {PREFIX} with 64 hexadecimal digits: make one with onepassword-kafka new-token")
        })
    }

    /// Whether both are the same; how long this takes does not tell how much of them is.
    pub(super) fn is(&self, other: &Self) -> bool {
        memcmp::eq(&self.0, &other.0)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let digits: Vec<u32> = digits
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .filter_map(|pair| u8::try_from(pair[0] * 16 + pair.get(1)?).ok())
        .collect();
    if digits.len() == 64 {
        bytes.try_into().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf %s abc | sha256sum`
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_hash_is_that_of_one_token() {
        let hash = TokenHash::parse(ABC).unwrap();
        assert!(hash.is(&TokenHash::of(&"abc".into())));
        assert!(!hash.is(&TokenHash::of(&"abd".into())));
        assert_eq!(hash.to_string(), ABC);
        assert_eq!(TokenHash::parse(&ABC.replace('b', "B")).unwrap(), hash);
        assert_eq!(format!("{hash:?}"), "…");
    }

    #[test]
    fn every_token_is_a_new_one() {
        let (token, hash) = TokenHash::create();
        assert_eq!(token.expose_secret().len(), 43);
        assert!(hash.is(&TokenHash::of(&token)));
        assert_ne!(hash, TokenHash::create().1);
    }

    #[test]
    fn what_is_no_hash_is_refused_with_the_way_to_make_one() {
        for text in [
            "",
            "sha256:",
            "abc",
            &ABC[..70],
            &ABC[7..],
            &format!("{ABC}0"),
            "sha256:é",
        ] {
            let error = TokenHash::parse(text).unwrap_err();
            assert!(error.ends_with("onepassword-kafka new-token"), "{error}");
        }
    }
}
