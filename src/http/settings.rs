//! The settings of both ports.

use std::{net::SocketAddr, time::Duration};

use super::{
    access::User,
    server::Limits,
    tls::{TlsError, TlsFiles},
};
use crate::{
    secret::Reach,
    setting::{Fallback, Importance, Kind, Mistakes, Reader, Reported, Setting, Values, boolean},
};

/// Where the worker is asked, by whom, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where health and metrics are served.
    pub monitoring_listen: SocketAddr,
    /// Where the REST API is served.
    pub rest_listen: SocketAddr,
    /// How it is served.
    pub rest: Rest,
}

/// How the REST API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Who may ask; anybody where there is nobody.
    pub users: Vec<User>,
    /// The certificate, where TLS is spoken.
    pub tls: Option<TlsFiles>,
    /// How much a client may ask for.
    pub limits: Limits,
}

const MONITORING_LISTEN: Setting = Setting::new(
    "monitoring.listen",
    Kind::String,
    Fallback::Value("0.0.0.0:9464"),
    "Address and port of `/metrics`, `/livez` and `/readyz`.",
);

const REST_LISTEN: Setting = Setting::new(
    "rest.listen",
    Kind::String,
    Fallback::Value("127.0.0.1:8083"),
    "Address and port of Kafka Connect's REST API. Other machines can reach it only where there are \
     `rest.credentials`, or where `rest.anonymous` says so.",
);

const REST_ANONYMOUS: Setting = Setting::new(
    "rest.anonymous",
    Kind::Boolean,
    Fallback::Value("false"),
    "Whether the REST API may be reached from other machines without credentials: everybody who reaches it may read \
     all events, with the personal data in them, and change connectors.",
)
.importance(Importance::Low);

const REST_CERTIFICATE: Setting = Setting::new(
    "rest.tls.certificate.file",
    Kind::String,
    Fallback::Words("plain HTTP"),
    "PEM file with the certificate of the REST API, followed by those of its issuers. With it the API is HTTPS. A file \
     that changes is picked up without a restart.",
);

const REST_KEY: Setting = Setting::new(
    "rest.tls.key.file",
    Kind::String,
    Fallback::Words("plain HTTP"),
    "PEM file with the certificate's private key, without a passphrase.",
);

const REST_REQUEST_TIMEOUT: Setting = Setting::new(
    "rest.request.timeout.ms",
    Kind::Int,
    Fallback::Value("30000"),
    "How long a client of the REST API may take for the TLS handshake, for the head of a request and for its body, \
     each; a connection without a request is closed after it.",
)
.importance(Importance::Low)
.within(100, 3_600_000);

const REST_CONNECTIONS: Setting = Setting::new(
    "rest.max.connections",
    Kind::Int,
    Fallback::Value("256"),
    "How many connections the REST API has at a time; further ones wait.",
)
.importance(Importance::Low)
.within(1, 65_536);

// === impl Settings ===

impl Settings {
    /// All that may be set, beside the users.
    pub const TABLE: &'static [Setting] = &[
        MONITORING_LISTEN,
        REST_LISTEN,
        REST_ANONYMOUS,
        REST_CERTIFICATE,
        REST_KEY,
        REST_REQUEST_TIMEOUT,
        REST_CONNECTIONS,
    ];

    /// Where health and metrics are served; nothing where that is a mistake. No other setting's reference is followed.
    #[must_use]
    pub fn monitoring_listen(values: &Values, mistakes: &mut Mistakes) -> Option<SocketAddr> {
        let name = MONITORING_LISTEN.name;
        let own = values
            .get(name)
            .map(|value| (name.to_owned(), value.clone()));
        let mut own: Values = own.into_iter().collect();
        own.expand(&Reach::Everywhere, mistakes);
        let mut reader = Reader::new(&own, mistakes);
        reader.one(&MONITORING_LISTEN, address).ok()
    }

    /// Reads them; nothing where there is a mistake. `users` are those of the file, where there is none among them.
    pub fn parse(
        values: &Values,
        users: Option<Vec<User>>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        Self::read(users, &mut Reader::new(values, mistakes)).ok()
    }

    fn read(users: Option<Vec<User>>, reader: &mut Reader<'_>) -> Result<Self, Reported> {
        let monitoring_listen = reader.one(&MONITORING_LISTEN, address);
        let rest_listen = reader.one(&REST_LISTEN, address);
        let anonymous = reader.one(&REST_ANONYMOUS, boolean);
        let tls = tls(reader);
        if let (Ok(monitoring), Ok(rest), Ok(anonymous)) =
            (monitoring_listen, rest_listen, anonymous)
        {
            // Users that cannot be read are users.
            let has_users = users.as_ref().is_none_or(|users| !users.is_empty());
            who_may_ask(reader, rest, anonymous, has_users)?;
            ports(reader, monitoring, rest)?;
        }
        let request = reader.one(&REST_REQUEST_TIMEOUT, REST_REQUEST_TIMEOUT.whole::<u32>());
        let connections = reader.one(&REST_CONNECTIONS, REST_CONNECTIONS.whole::<u32>());
        anonymous?;
        Ok(Self {
            monitoring_listen: monitoring_listen?,
            rest_listen: rest_listen?,
            rest: Rest {
                users: users.ok_or(Reported)?,
                tls: tls?,
                limits: Limits {
                    connections: usize::try_from(connections?).map_err(|_| Reported)?,
                    request: Duration::from_millis(request?.into()),
                },
            },
        })
    }
}

// === impl Rest ===

impl Rest {
    /// Whether passwords and tokens come to `address` over a network in the clear.
    #[must_use]
    pub fn shows_passwords(&self, address: SocketAddr) -> bool {
        !self.users.is_empty() && self.tls.is_none() && !address.ip().is_loopback()
    }
}

fn who_may_ask(
    reader: &mut Reader<'_>,
    listen: SocketAddr,
    anonymous: bool,
    has_users: bool,
) -> Result<(), Reported> {
    if anonymous && has_users {
        let what = "says that nobody need say who they are, but there are rest.credentials: take one of both away";
        return Err(reader.refuse(&REST_ANONYMOUS, what));
    }
    if !anonymous && !has_users && !listen.ip().is_loopback() {
        let what = "can be reached from other machines, and whoever reaches it may change connectors and read all events: \
                    listen on 127.0.0.1:8083, configure rest.credentials or, where that is meant, set rest.anonymous: true";
        return Err(reader.refuse(&REST_LISTEN, what));
    }
    Ok(())
}

fn ports(
    reader: &mut Reader<'_>,
    monitoring: SocketAddr,
    rest: SocketAddr,
) -> Result<(), Reported> {
    if overlap(monitoring, rest) {
        let what = format!("is the same port as that of {}", MONITORING_LISTEN.name);
        return Err(reader.refuse(&REST_LISTEN, what));
    }
    Ok(())
}

fn tls(reader: &mut Reader<'_>) -> Result<Option<TlsFiles>, Reported> {
    let certificate = reader.file(&REST_CERTIFICATE);
    let key = reader.file(&REST_KEY);
    reader.together(&REST_CERTIFICATE, &REST_KEY)?;
    let (Some(certificate), Some(key)) = (certificate?, key?) else {
        return Ok(None);
    };
    let files = TlsFiles { certificate, key };
    match files.check() {
        Ok(()) => Ok(Some(files)),
        Err(error @ TlsError::Certificate(_)) => {
            Err(reader.refuse(&REST_CERTIFICATE, error.to_string()))
        }
        Err(error @ TlsError::Key(_)) => Err(reader.refuse(&REST_KEY, error.to_string())),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.trim()
        .parse()
        .map_err(|_| "is no address with a port: write it as 0.0.0.0:9464 or [::]:9464".to_owned())
}

/// Port 0 is any free one.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let same_address = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    same_address && a.port() == b.port() && a.port() != 0
}
