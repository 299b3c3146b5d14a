//! Passwords, which are known by their argon2 hashes only.

use std::fmt;

use argon2::{
    Algorithm, Argon2, MIN_SALT_LEN, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use secrecy::{ExposeSecret, SecretString};

/// The hash of a password, in PHC form. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(phc::PasswordHash);

/// The most memory that looking at one password may take, in KiB.
const MOST_MEMORY: u32 = 256 << 10;
/// The most work that it may be: KiB, times passes over them. That is a second or two.
const MOST_WORK: u32 = 1 << 20;

// === impl PasswordHash ===

impl PasswordHash {
    /// The hash of a password, with a salt of its own.
    #[must_use]
    pub fn of(password: &SecretString) -> Self {
        let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
        Self(hash.expect("the default parameters are good ones"))
    }

    /// Reads `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let hash = phc::PasswordHash::new(text.trim())
            .ok()
            .filter(is_argon2)
            .ok_or_else(|| {
                "is no argon2 hash: make one with onepassword-kafka hash-password".to_owned()
            })?;
        let cost = Params::try_from(&hash).map_err(|_| "has costs that argon2 does not have")?;
        let work = cost.m_cost().saturating_mul(cost.t_cost());
        if cost.m_cost() > MOST_MEMORY || work > MOST_WORK {
            return Err(format!(
                "costs too much at each sign-in: m may be {MOST_MEMORY} at most, and m times t {MOST_WORK}"
            ));
        }
        Ok(Self(hash))
    }

    /// Whether it is that of `password`. This takes a while, and is meant to.
    pub(super) fn is_of(&self, password: &SecretString) -> bool {
        let password = password.expose_secret().as_bytes();
        Argon2::default().verify_password(password, &self.0).is_ok()
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Whether a password can be compared with it at all.
fn is_argon2(hash: &phc::PasswordHash) -> bool {
    let is_known = |version| Version::try_from(version).is_ok();
    Algorithm::try_from(hash.algorithm.as_str()).is_ok()
        && hash.version.is_none_or(is_known)
        && hash.hash.is_some()
        && hash
            .salt
            .is_some_and(|salt| salt.as_ref().len() >= MIN_SALT_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `correct horse`, with the least costs that there are: made by the reference implementation.
    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$b6qJumA/4cblFXUKfEvM0w";

    #[test]
    fn a_hash_is_that_of_one_password() {
        let made = PasswordHash::of(&"Ünïcode".into());
        for hash in [&made, &PasswordHash::parse(&made.to_string()).unwrap()] {
            assert!(hash.is_of(&"Ünïcode".into()));
            assert!(!hash.is_of(&"ünïcode".into()));
        }
        assert_ne!(made, PasswordHash::of(&"Ünïcode".into()));
        let theirs = PasswordHash::parse(HASH).unwrap();
        assert!(theirs.is_of(&"correct horse".into()));
        assert!(!theirs.is_of(&"".into()));
        assert_eq!(format!("{theirs:?}"), "…");
    }

    #[test]
    fn what_cannot_be_compared_is_refused_with_the_way_to_make_one() {
        let made = "make one with onepassword-kafka hash-password";
        for (text, what) in [
            ("", made),
            ("hunter2", made),
            (
                "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
                made,
            ),
            (
                "$pbkdf2-sha256$i=1000$c2FsdHNhbHQ$bm9ub25vbm9ub25vbm9ubw",
                made,
            ),
            ("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ", made),
            (
                "$argon2id$v=7$m=8,t=1,p=1$c2FsdHNhbHQ$bm9ub25vbm9ub25vbm9ubw",
                made,
            ),
            (
                "$argon2id$v=19$m=8,t=1,p=1$c2Fs$bm9ub25vbm9ub25vbm9ubw",
                made,
            ),
            (
                "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$bm9ub25vbm9ub25vbm9ubw",
                "costs",
            ),
            (
                "$argon2id$v=19$m=999999,t=1,p=1$c2FsdHNhbHQ$bm9ub25vbm9ub25vbm9ubw",
                "costs too much",
            ),
            (
                "$argon2id$v=19$m=65536,t=99,p=1$c2FsdHNhbHQ$bm9ub25vbm9ub25vbm9ubw",
                "costs too much",
            ),
        ] {
            let error = PasswordHash::parse(text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
