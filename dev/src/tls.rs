//! A certificate authority of one day, and a server certificate for the loopback names.

use std::fmt;

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
        X509, X509Builder, X509Name, X509NameRef, X509Ref,
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
}

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
        let authority_key = key()?;
        let authority = authority(&authority_key)?;
        let server_key = key()?;
        let server = server(&server_key, &authority, &authority_key)?;
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_private_key(&server_key)?;
        acceptor.set_certificate(&server)?;
        Ok(Self {
            acceptor: acceptor.build(),
            authority: authority.to_pem()?,
            certificate: server.to_pem()?,
            key: server_key.private_key_to_pem_pkcs8()?,
        })
    }
}

fn authority(key: &PKeyRef<Private>) -> Result<X509, ErrorStack> {
    let name = name("Simulator authority")?;
    let mut builder = certificate(&name, &name, key)?;
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

fn server(
    key: &PKeyRef<Private>,
    issuer: &X509Ref,
    issuer_key: &PKeyRef<Private>,
) -> Result<X509, ErrorStack> {
    let mut builder = certificate(&*name("localhost")?, issuer.subject_name(), key)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let context = builder.x509v3_context(Some(issuer), None);
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .ip("127.0.0.1")
        .build(&context)?;
    let issued_by = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
    builder.append_extension(names)?;
    builder.append_extension(issued_by)?;
    builder.sign(issuer_key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn certificate(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKeyRef<Private>,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(1)?)?;
    Ok(builder)
}

fn name(common: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, common)?;
    Ok(builder.build())
}

fn key() -> Result<PKey<Private>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&curve)?)
}
