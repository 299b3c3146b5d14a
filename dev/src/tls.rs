//! A certificate authority of one month, a server certificate for the loopback names, and certificates of clients.

use std::{fmt, time::UNIX_EPOCH};

use openssl::{
    asn1::{Asn1Integer, Asn1Time},
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, PKeyRef, Private},
    ssl::{SslAcceptor, SslMethod},
    x509::{
        X509, X509Builder, X509Extension, X509Name, X509NameRef,
        extension::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage,
            SubjectAlternativeName, SubjectKeyIdentifier,
        },
    },
};

/// What a server needs to speak TLS, and what its clients need to trust it.
pub struct Identity {
    pub(crate) acceptor: SslAcceptor,
    /// The authority's certificate, PEM.
    pub authority: Vec<u8>,
    /// The server's certificate, PEM.
    pub certificate: Vec<u8>,
    /// The server's private key, PEM.
    pub key: Vec<u8>,
    issuer: Issuer,
}

/// A certificate and its private key, both PEM.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Validity {
    /// Today, and for a month: what somebody leaves running over a weekend goes on.
    Today,
    /// The day before.
    Yesterday,
}

/// The authority, with what it signs with.
struct Issuer {
    certificate: X509,
    key: PKey<Private>,
}

/// The server's name.
const LOCALHOST: &str = "localhost";

// === impl Identity ===

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes both key pairs and certificates; nothing is reused between runs.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot.
    pub fn create() -> Result<Self, ErrorStack> {
        Self::named(SubjectAlternativeName::new().dns(LOCALHOST).ip("127.0.0.1"))
    }

    /// As [`Identity::create`], for a server that is reached as `host`, too.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot.
    pub fn of(host: &str) -> Result<Self, ErrorStack> {
        let mut names = SubjectAlternativeName::new();
        Self::named(names.dns(host).dns(LOCALHOST).ip("127.0.0.1"))
    }

    /// As [`Identity::create`], but the server is `localhost` only, and not `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot.
    pub fn without_address() -> Result<Self, ErrorStack> {
        Self::named(SubjectAlternativeName::new().dns(LOCALHOST))
    }

    /// The certificate of a client whose subject is `CN=<name>`, signed by the same authority.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot.
    pub fn client(&self, name: &str, validity: Validity) -> Result<Certificate, ErrorStack> {
        let key = key()?;
        let usage = ExtendedKeyUsage::new().client_auth().build()?;
        let certificate = self.issuer.sign(name, &key, validity, vec![usage])?;
        Ok(Certificate {
            certificate: certificate.to_pem()?,
            key: key.private_key_to_pem_pkcs8()?,
        })
    }

    fn named(names: &SubjectAlternativeName) -> Result<Self, ErrorStack> {
        let authority_key = key()?;
        let issuer = Issuer {
            certificate: authority(&authority_key)?,
            key: authority_key,
        };
        let server_key = key()?;
        let extensions = vec![
            ExtendedKeyUsage::new().server_auth().build()?,
            names.build(&X509::builder()?.x509v3_context(None, None))?,
        ];
        let server = issuer.sign(LOCALHOST, &server_key, Validity::Today, extensions)?;
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_private_key(&server_key)?;
        acceptor.set_certificate(&server)?;
        Ok(Self {
            acceptor: acceptor.build(),
            authority: issuer.certificate.to_pem()?,
            certificate: server.to_pem()?,
            key: server_key.private_key_to_pem_pkcs8()?,
            issuer,
        })
    }
}

// === impl Certificate ===

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

// === impl Validity ===

impl Validity {
    /// Its first and its last second since 1970.
    fn bounds(self) -> (i64, i64) {
        const DAY: i64 = 24 * 60 * 60;
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX - 30 * DAY);
        match self {
            Self::Today => (now, now + 30 * DAY),
            Self::Yesterday => (now - 2 * DAY, now - DAY),
        }
    }
}

// === impl Issuer ===

impl Issuer {
    /// A certificate of `CN=<name>` that is no authority itself.
    fn sign(
        &self,
        name: &str,
        key: &PKeyRef<Private>,
        validity: Validity,
        extensions: Vec<X509Extension>,
    ) -> Result<X509, ErrorStack> {
        let issuer = self.certificate.subject_name();
        let mut builder = certificate(&*common_name(name)?, issuer, key, validity)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        for extension in extensions {
            builder.append_extension(extension)?;
        }
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let issued_by = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        builder.append_extension(issued_by)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(builder.build())
    }
}

fn authority(key: &PKeyRef<Private>) -> Result<X509, ErrorStack> {
    let name = common_name("Simulator authority")?;
    let mut builder = certificate(&name, &name, key, Validity::Today)?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    builder.append_extension(
        KeyUsage::new()
            .critical()
            .key_cert_sign()
            .crl_sign()
            .build()?,
    )?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn certificate(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKeyRef<Private>,
    validity: Validity,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    let (first, last) = validity.bounds();
    builder.set_not_before(&*Asn1Time::from_unix(first)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(last)?)?;
    Ok(builder)
}

fn common_name(name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(builder.build())
}

fn key() -> Result<PKey<Private>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&curve)?)
}
