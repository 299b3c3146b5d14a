//! Sealed secrets: `${sealed:…}` carries a secret in itself, encrypted with the worker's key.
//!
//! What follows `sealed:` is the key's id, a dot, and nonce, ciphertext and tag of AES-256-GCM in base64url. The nonce
//! is random, and id and format are authenticated too: whoever has no key can neither read a secret, nor alter it, nor
//! make one. The current key seals; it and the previous ones open, so that a key can be changed while what the last one
//! has sealed is still in use.

use std::{fmt, sync::Arc};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use openssl::{
    rand::rand_bytes,
    sha::Sha256,
    symm::{Cipher, decrypt_aead, encrypt_aead},
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::{LIMIT, Reference, Template};

/// The keys of a worker, the current one first. Its `Debug` form shows their ids.
#[derive(Debug, Clone, Default)]
pub struct Keyring(Arc<[SealingKey]>);

/// A key that seals and opens. Its `Debug` form shows its id.
#[derive(Clone)]
pub struct SealingKey {
    id: String,
    bytes: SecretSlice<u8>,
}

/// A secret that only a key opens. Its `Display` form shows which.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    key: String,
    /// Nonce, ciphertext and tag.
    bytes: Vec<u8>,
}

/// Why something is not sealed. None of these quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no key.
    #[error(
        "this worker has no key to seal with: its operator sets secrets.sealing.key, to what `openssl rand -base64 32` \
         makes; a reference such as ${{file:/run/secrets/acme}} or ${{env:ACME_TOKEN}} needs none"
    )]
    NoKey,
    /// Nothing there.
    #[error("the secret is empty")]
    Empty,
    /// Too much of it.
    #[error("the secret is longer than {} bytes", LIMIT)]
    TooLong,
    /// Line breaks and the like.
    #[error("the secret has line breaks or control characters in it")]
    Unprintable,
    /// Not what sealing has made.
    #[error("this is no sealed reference: one is written as ${{sealed:…}}, with nothing around it")]
    NotSealed,
    /// A sealed reference that this worker cannot open.
    #[error("the sealed reference {0}")]
    Closed(#[from] OpenError),
}

/// Why a sealed secret is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It may be good elsewhere.
    #[error("was sealed with a key that this worker does not have (secrets.sealing.key)")]
    UnknownKey,
    /// It is good nowhere.
    #[error("is damaged: seal the token again")]
    Damaged,
}

const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
/// Changes with the form of what is sealed.
const FORMAT: &str = "onepassword-kafka sealed 1";
/// Keeps a key's id apart from other hashes.
const ID: &str = "onepassword-kafka sealing key id";

// === impl Keyring ===

impl Keyring {
    /// A ring of these keys, the current one first. No two may have one id.
    #[must_use]
    pub fn new(keys: Vec<SealingKey>) -> Self {
        Self(keys.into())
    }

    /// Whether there is a key to seal with.
    #[must_use]
    pub fn can_seal(&self) -> bool {
        !self.0.is_empty()
    }

    /// The reference that `secret` is sealed in; white space around it is not part of it.
    ///
    /// # Errors
    ///
    /// There is no key, or the secret is empty, longer than 64 KiB or has control characters.
    pub fn seal(&self, secret: &SecretString) -> Result<String, SealError> {
        let key = self.0.first().ok_or(SealError::NoKey)?;
        let secret = secret.expose_secret().trim();
        if secret.is_empty() {
            return Err(SealError::Empty);
        }
        if secret.len() > LIMIT {
            return Err(SealError::TooLong);
        }
        if secret.contains(char::is_control) {
            return Err(SealError::Unprintable);
        }
        Ok(key.seal(secret).written())
    }

    /// The secret of a sealed reference, sealed with the current key.
    ///
    /// # Errors
    ///
    /// `reference` is none, or cannot be opened, or there is no key.
    pub fn reseal(&self, reference: &str) -> Result<String, SealError> {
        if !self.can_seal() {
            return Err(SealError::NoKey);
        }
        let template = Template::parse(reference.trim()).map_err(|_| SealError::NotSealed)?;
        let sealed = template.only_sealed().ok_or(SealError::NotSealed)?;
        self.seal(&self.open(sealed)?)
    }

    /// A key for another purpose, the same on all workers that have the same sealing key; none where there is none.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Option<[u8; 32]> {
        let key = self.0.first()?;
        let mut hash = Sha256::new();
        for part in [purpose.as_bytes(), key.bytes.expose_secret()] {
            hash.update(&part.len().to_be_bytes());
            hash.update(part);
        }
        Some(hash.finish())
    }

    /// Whether every sealed reference of `template` can be opened.
    ///
    /// # Errors
    ///
    /// Why the first one cannot.
    pub fn check(&self, template: &Template) -> Result<(), OpenError> {
        template
            .references()
            .try_for_each(|reference| match reference {
                Reference::Sealed(sealed) => self.open(sealed).map(drop),
                Reference::File(_) | Reference::Env(_) => Ok(()),
            })
    }

    pub(super) fn open(&self, sealed: &Sealed) -> Result<SecretString, OpenError> {
        let mut keys = self.0.iter();
        let key = keys.find(|key| key.id == sealed.key);
        key.ok_or(OpenError::UnknownKey)?.open(sealed)
    }
}

// === impl SealingKey ===

impl SealingKey {
    /// Reads 32 bytes in base64.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, without it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const MAKE: &str = "make one with `openssl rand -base64 32`";
        let bytes = BASE64_STANDARD
            .decode(text.trim())
            .map_err(|_| format!("is not base64: {MAKE}"))?;
        if bytes.len() != KEY_LENGTH {
            let length = bytes.len();
            return Err(format!(
                "is the base64 of {length} bytes, not of {KEY_LENGTH}: {MAKE}"
            ));
        }
        let mut hash = Sha256::new();
        hash.update(ID.as_bytes());
        hash.update(&bytes);
        let [a, b, c, d, ..] = hash.finish();
        Ok(Self {
            id: format!("{:08x}", u32::from_be_bytes([a, b, c, d])),
            bytes: bytes.into(),
        })
    }

    /// What sealed references call it. It says nothing about the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn seal(&self, secret: &str) -> Sealed {
        let mut nonce = [0; NONCE_LENGTH];
        rand_bytes(&mut nonce).expect("the system has random numbers");
        let mut tag = [0; TAG_LENGTH];
        let ciphertext = encrypt_aead(
            Cipher::aes_256_gcm(),
            self.bytes.expose_secret(),
            Some(&nonce),
            &authenticated(&self.id),
            secret.as_bytes(),
            &mut tag,
        );
        let ciphertext = ciphertext.expect("key and nonce have the cipher's lengths");
        Sealed {
            key: self.id.clone(),
            bytes: [&nonce[..], &ciphertext, &tag].concat(),
        }
    }

    fn open(&self, sealed: &Sealed) -> Result<SecretString, OpenError> {
        let (nonce, rest) = sealed
            .bytes
            .split_first_chunk::<NONCE_LENGTH>()
            .ok_or(OpenError::Damaged)?;
        let (ciphertext, tag) = rest
            .split_last_chunk::<TAG_LENGTH>()
            .ok_or(OpenError::Damaged)?;
        let opened = decrypt_aead(
            Cipher::aes_256_gcm(),
            self.bytes.expose_secret(),
            Some(nonce),
            &authenticated(&self.id),
            ciphertext,
            tag,
        );
        let secret = opened.map_err(|_| OpenError::Damaged)?;
        let secret = String::from_utf8(secret).map_err(|_| OpenError::Damaged)?;
        Ok(secret.into())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)
    }
}

// === impl Sealed ===

impl Sealed {
    /// Reads what follows `sealed:`; nothing where sealing has not made it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (key, bytes) = text.split_once('.')?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if key.len() != 8 || !key.bytes().all(is_digit) {
            return None;
        }
        Some(Self {
            key: key.to_owned(),
            bytes: BASE64_URL_SAFE_NO_PAD.decode(bytes).ok()?,
        })
    }

    fn written(&self) -> String {
        let bytes = BASE64_URL_SAFE_NO_PAD.encode(&self.bytes);
        format!("${{sealed:{}.{bytes}}}", self.key)
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.…", self.key)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({self})")
    }
}

fn authenticated(id: &str) -> Vec<u8> {
    format!("{FORMAT} {id}").into_bytes()
}

#[cfg(test)]
mod tests;
