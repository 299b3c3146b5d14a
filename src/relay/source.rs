//! One connector's account, shared by its tasks: the token as it is now, and what introspection tells of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Board, Connector, Context, Seen, pace::Pace};
use crate::{
    disposition::Disposition,
    metrics::{INTROSPECT, Metrics},
    onepassword::{Account, ApiError, Client, ConnectError, Outcome, Shared},
    secret::{Keyring, SecretError},
};

/// Where a connector's tasks get their client from.
#[derive(Debug)]
pub(super) struct Source {
    connector: Arc<Connector>,
    api: Shared,
    keyring: Keyring,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    pace: Mutex<Pace>,
}

/// A token that 1Password has accepted.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) account: Account,
    token: SecretString,
}

/// Why there is no session, or no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

// === impl Source ===

impl Source {
    pub(super) fn new(connector: Arc<Connector>, context: &Context) -> Self {
        let pace = Mutex::new(Pace::new(connector.poll_interval));
        let source = Self {
            connector,
            api: context.api.clone(),
            keyring: context.keyring.clone(),
            metrics: Arc::clone(&context.metrics),
            board: Arc::clone(&context.board),
            session: tokio::sync::Mutex::default(),
            pace,
        };
        source.interval((context.clock)());
        source
    }

    /// The session of a token. A rotated one is introspected anew; whoever comes first asks for all.
    pub(super) async fn session(&self, token: SecretString) -> Result<Arc<Session>, SourceError> {
        let mut session = self.session.lock().await;
        if let Some(current) = session.as_ref().filter(|current| current.has(&token)) {
            return Ok(Arc::clone(current));
        }
        let client = Client::connect(&self.api, self.connector.url.as_ref(), &token)?;
        let account = client.introspect().await;
        self.note(INTROSPECT, &account);
        let opened = Arc::new(Session {
            account: account?,
            client,
            token,
        });
        let expiry = opened.client.claims().and_then(|claims| claims.expires);
        self.metrics.token_expiry(&self.connector.name, expiry);
        tracing::info!(
            connector = self.connector.name,
            host = opened.client.base_url().host_str(),
            features = opened.account.features.join(","),
            expires = expiry.map(tracing::field::display),
            "1Password has accepted the token"
        );
        self.board
            .connector_does(&self.connector.name, |connector| {
                connector.account = Some(opened.seen());
            });
        *session = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Has the token introspected again before it is next used.
    pub(super) async fn forget(&self) {
        *self.session.lock().await = None;
    }

    /// Whether the token is another one now.
    pub(super) fn token_differs(&self, from: &SecretString) -> bool {
        let now = self.token();
        now.is_ok_and(|now| now.expose_secret() != from.expose_secret())
    }

    /// The token as it is now.
    pub(super) fn token(&self) -> Result<SecretString, SecretError> {
        self.connector.token.resolve(&self.keyring)
    }

    /// Counts an answer, and slows down where it asks for that.
    pub(super) fn note<T>(&self, request: &'static str, answer: &Result<T, ApiError>) {
        let outcome = answer
            .as_ref()
            .map_or_else(ApiError::outcome, |_| Outcome::Ok);
        self.metrics
            .requested(&self.connector.name, request, outcome.as_str());
        if outcome == Outcome::Throttled {
            let now = (self.api.clock)();
            self.pace().throttled(now);
            self.interval(now);
        }
    }

    /// The poll interval in force.
    pub(super) fn interval(&self, now: Timestamp) -> Duration {
        let name = &self.connector.name;
        let mut pace = self.pace();
        let interval = pace.interval(now, name);
        self.metrics.pace(name, interval, pace.is_throttled(now));
        interval
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Session ===

impl Session {
    fn has(&self, token: &SecretString) -> bool {
        self.token.expose_secret() == token.expose_secret()
    }

    fn seen(&self) -> Seen {
        let host = self.client.base_url().host_str();
        let claims = self.client.claims();
        Seen {
            host: host.unwrap_or_default().to_owned(),
            uuid: self.account.account_uuid.clone(),
            features: self.account.features.clone(),
            expires: claims.and_then(|claims| claims.expires),
        }
    }
}

// === impl SourceError ===

impl SourceError {
    pub(super) fn disposition(&self) -> Disposition {
        match self {
            Self::Secret(_) => Disposition::Fail,
            Self::Connect(error) => error.disposition(),
            Self::Api(error) => error.disposition(),
        }
    }
}
