//! The certificate with which TLS is spoken, and which is read again when its files change.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    sha::Sha256,
    ssl::{Ssl, SslAcceptor, SslMethod},
    x509::X509,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};
use tokio_openssl::SslStream;

use crate::setting::open;

/// The PEM files of a certificate with its chain, and of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Which of the files cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The certificate's.
    #[error("the certificate {0}")]
    Certificate(String),
    /// The key's.
    #[error("the key {0}")]
    Key(String),
}

/// The certificate of now.
pub(super) struct Certificate {
    files: TlsFiles,
    now: RwLock<Loaded>,
}

struct Loaded {
    acceptor: SslAcceptor,
    /// What was found at the last look, as a digest.
    seen: Result<[u8; 32], TlsError>,
}

/// What the files hold.
struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// How often it is looked whether the files have changed.
const LOOK: Duration = Duration::from_secs(5);
/// A longer file is no certificate.
const LONGEST: u64 = 1 << 20;

// === impl TlsFiles ===

impl TlsFiles {
    /// Whether the files can be used now.
    ///
    /// # Errors
    ///
    /// They cannot be read, are no PEM, or do not belong together.
    pub fn check(&self) -> Result<(), TlsError> {
        self.read()?.acceptor().map(drop)
    }

    fn read(&self) -> Result<Pem, TlsError> {
        Ok(Pem {
            certificate: read(&self.certificate).map_err(TlsError::Certificate)?,
            key: read(&self.key).map_err(TlsError::Key)?,
        })
    }
}

// === impl Certificate ===

impl Certificate {
    /// Reads the files.
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let pem = files.read()?;
        let loaded = Loaded {
            acceptor: pem.acceptor()?,
            seen: Ok(pem.digest()),
        };
        Ok(Self {
            files,
            now: RwLock::new(loaded),
        })
    }

    /// Begins TLS on a connection, with the certificate of now.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<SslStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let ssl = Ssl::new(self.acceptor().context())?;
        let mut stream = SslStream::new(ssl, stream)?;
        let accepted = Pin::new(&mut stream).accept().await;
        accepted.map_err(io::Error::other)?;
        Ok(stream)
    }

    /// Reads the files again when they change; never ends.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            sleep(LOOK).await;
            let certificate = Arc::clone(&self);
            let look = tokio::task::spawn_blocking(move || certificate.look());
            match look.await.expect("looking does not panic") {
                Ok(false) => {}
                Ok(true) => {
                    let until = self.valid_until();
                    tracing::info!(until, "the REST API has a new certificate");
                }
                Err(error) => {
                    tracing::error!(%error, "the REST API keeps the certificate that it has");
                }
            }
        }
    }

    /// Whether there is a new certificate. What is wrong with one is told once.
    fn look(&self) -> Result<bool, TlsError> {
        let pem = self.files.read();
        let seen = pem.as_ref().map(Pem::digest).map_err(TlsError::clone);
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if now.seen == seen {
            return Ok(false);
        }
        now.seen = seen;
        now.acceptor = pem?.acceptor()?;
        Ok(true)
    }

    fn valid_until(&self) -> Option<String> {
        let acceptor = self.acceptor();
        let certificate = acceptor.context().certificate()?;
        Some(certificate.not_after().to_string())
    }

    fn acceptor(&self) -> SslAcceptor {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.acceptor.clone()
    }
}

// === impl Pem ===

impl Pem {
    fn acceptor(&self) -> Result<SslAcceptor, TlsError> {
        let certificate =
            |error: ErrorStack| TlsError::Certificate(format!("cannot be used: {}", first(&error)));
        let chain = X509::stack_from_pem(&self.certificate).map_err(certificate)?;
        let mut chain = chain.into_iter();
        let own = chain.next().ok_or_else(|| {
            TlsError::Certificate("is not there: the file holds no PEM certificate".to_owned())
        })?;
        let key = self.key()?;
        if !own.public_key().map_err(certificate)?.public_eq(&key) {
            return Err(TlsError::Key("is that of another certificate".to_owned()));
        }
        let mut build = || {
            let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
            builder.set_certificate(&own)?;
            builder.set_private_key(&key)?;
            chain.try_for_each(|issuer| builder.add_extra_chain_cert(issuer))?;
            Ok(builder.build())
        };
        build().map_err(certificate)
    }

    /// A key with a passphrase is refused: OpenSSL would ask for it at the terminal.
    fn key(&self) -> Result<PKey<Private>, TlsError> {
        let mut locked = false;
        let key = PKey::private_key_from_pem_callback(&self.key, |_| {
            locked = true;
            Ok(0)
        });
        key.map_err(|_| {
            let what = if locked {
                "has a passphrase: write it without one, in a file that only the worker may read"
            } else {
                "is not there: the file holds no PEM key"
            };
            TlsError::Key(what.to_owned())
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(&self.certificate.len().to_be_bytes());
        hash.update(&self.certificate);
        hash.update(&self.key);
        hash.finish()
    }
}

fn first(error: &ErrorStack) -> String {
    let first = error
        .errors()
        .first()
        .and_then(openssl::error::Error::reason);
    first.unwrap_or("OpenSSL does not say why").to_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    // A pipe could wait for ever.
    if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err("is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let read = open(path)?.take(LONGEST).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
