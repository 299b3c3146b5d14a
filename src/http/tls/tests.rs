//! Tests of the certificate that changes.

use std::env;

use onepassword_kafka_dev::tls::Identity;
use openssl::symm::Cipher;

use super::*;

struct Scratch(TlsFiles);

impl Scratch {
    fn new(name: &str, identity: &Identity) -> Self {
        let path = |what| {
            let name = format!("onepassword-kafka-{}-{name}.{what}", std::process::id());
            env::temp_dir().join(name)
        };
        let files = TlsFiles {
            certificate: path("crt"),
            key: path("key"),
        };
        let scratch = Self(files);
        scratch.write(&identity.certificate, &identity.key);
        scratch
    }

    fn write(&self, certificate: &[u8], key: &[u8]) {
        fs::write(&self.0.certificate, certificate).unwrap();
        fs::write(&self.0.key, key).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0.certificate);
        let _ = fs::remove_file(&self.0.key);
    }
}

fn identity() -> Identity {
    Identity::create().unwrap()
}

fn served(certificate: &Certificate) -> Vec<u8> {
    let acceptor = certificate.acceptor();
    acceptor.context().certificate().unwrap().to_pem().unwrap()
}

#[test]
fn a_certificate_that_changes_is_picked_up() {
    let (old, new) = (identity(), identity());
    let files = Scratch::new("changes", &old);
    let certificate = Certificate::load(files.0.clone()).unwrap();
    assert_eq!(certificate.look(), Ok(false));
    assert_eq!(served(&certificate), old.certificate);
    files.write(&new.certificate, &new.key);
    assert_eq!(certificate.look(), Ok(true));
    assert_eq!(certificate.look(), Ok(false));
    assert_eq!(served(&certificate), new.certificate);
}

#[test]
fn a_broken_one_is_told_once_and_the_old_one_stays() {
    let (old, other) = (identity(), identity());
    let files = Scratch::new("broken", &old);
    let certificate = Certificate::load(files.0.clone()).unwrap();
    let cut = &old.certificate[..old.certificate.len() / 2];
    for (pem, key, what) in [
        (&b""[..], &old.key[..], "the certificate is not there"),
        (cut, &old.key, "the certificate cannot be used: "),
        (&old.certificate, b"no key", "the key is not there"),
        (
            &old.certificate,
            &other.key,
            "the key is that of another certificate",
        ),
    ] {
        files.write(pem, key);
        let error = certificate.look().unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
        assert_eq!(certificate.look(), Ok(false));
        assert_eq!(served(&certificate), old.certificate);
    }
    fs::remove_file(&files.0.key).unwrap();
    let error = certificate.look().unwrap_err().to_string();
    assert_eq!(error, "the key cannot be read: there is no such file");
    assert_eq!(certificate.look(), Ok(false));
    files.write(&other.certificate, &other.key);
    assert_eq!(certificate.look(), Ok(true));
}

#[test]
fn a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it() {
    let own = identity();
    let files = Scratch::new("passphrase", &own);
    let key = PKey::private_key_from_pem(&own.key).unwrap();
    let locked = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret");
    files.write(&own.certificate, &locked.unwrap());
    let error = files.0.check().unwrap_err().to_string();
    assert!(error.starts_with("the key has a passphrase"), "{error}");
}

#[test]
fn issuers_are_served_behind_the_certificate() {
    let own = identity();
    let files = Scratch::new("chain", &own);
    files.write(&[&own.certificate[..], &own.authority].concat(), &own.key);
    let certificate = Certificate::load(files.0.clone()).unwrap();
    assert_eq!(served(&certificate), own.certificate);
    let acceptor = certificate.acceptor();
    assert_eq!(acceptor.context().extra_chain_certs().len(), 1);
}
