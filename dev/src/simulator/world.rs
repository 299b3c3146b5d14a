//! The state that requests, controls and the simulator's owner share.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::{body::Bytes, http::HeaderMap};
use jiff::{SignedDuration, Timestamp};
use openssl::error::ErrorStack;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    answer::Envelope,
    author::Author,
    clock,
    faults::{Fault, Faults, Scope},
    journal::{Journal, Request, Requests},
    limits::Limiter,
    log::{Log, When},
    options::{Options, RateLimits},
    query,
    refusal::Refusal,
    stream::Stream,
    tokens::{Grant, Issuer},
};

/// One simulated service.
pub(super) struct World {
    pub(super) options: Options,
    pub(super) issuer: Issuer,
    logs: Mutex<Logs>,
    faults: Mutex<Faults>,
    chance: Mutex<fastrand::Rng>,
    rate_limits: Mutex<Option<RateLimits>>,
    limiter: Mutex<Limiter>,
    journal: Mutex<Journal>,
    /// Changes whenever the journal does.
    activity: watch::Sender<()>,
}

type Logs = BTreeMap<(String, Stream), Arc<Mutex<Log>>>;

/// Who asks: the id of a good token and what it may do, or `None`.
pub(super) type Caller = Option<(String, Grant)>;

// === impl World ===

impl World {
    pub(super) fn new(options: Options, authority: &str) -> Result<Self, ErrorStack> {
        Ok(Self {
            issuer: Issuer::new(authority, options.seed)?,
            logs: Mutex::default(),
            faults: Mutex::default(),
            chance: Mutex::new(fastrand::Rng::with_seed(options.seed)),
            rate_limits: Mutex::new(options.rate_limits),
            limiter: Mutex::default(),
            journal: Mutex::default(),
            activity: watch::Sender::default(),
            options,
        })
    }

    pub(super) fn publish(&self, account: &str, stream: Stream, count: usize, when: When) {
        let log = self.log(account, stream);
        lock(&log).publish(count, when, clock::now());
    }

    pub(super) fn insert(&self, account: &str, stream: Stream, item: &Value) {
        let log = self.log(account, stream);
        lock(&log).insert(item, clock::now());
    }

    pub(super) fn items(&self, account: &str, stream: Stream) -> Vec<Bytes> {
        lock(&self.log(account, stream)).items()
    }

    pub(super) fn count(&self, account: &str, stream: Stream) -> usize {
        lock(&self.log(account, stream)).len()
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(super) fn set_rate_limits(&self, limits: Option<RateLimits>) {
        *lock(&self.rate_limits) = limits;
        *lock(&self.limiter) = Limiter::default();
    }

    pub(super) fn requests(&self) -> Requests {
        lock(&self.journal).requests()
    }

    pub(super) fn activity(&self) -> watch::Receiver<()> {
        self.activity.subscribe()
    }

    pub(super) fn arrived(&self, request: Request) -> usize {
        let number = lock(&self.journal).arrived(request);
        self.activity.send_replace(());
        number
    }

    pub(super) fn answered(&self, number: usize, path: &str, status: u16) {
        lock(&self.journal).answered(number, path, status);
        self.activity.send_replace(());
    }

    /// Identifies the bearer of a request's token.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Caller {
        let header = headers.get("authorization")?.to_str().ok()?;
        self.issuer
            .check(header.strip_prefix("Bearer ")?, clock::now())
    }

    /// The fault that befalls a request.
    pub(super) fn fault(&self, scope: Scope, caller: &Caller) -> Fault {
        let account = caller.as_ref().map(|(_, grant)| grant.account.as_str());
        lock(&self.faults).strike(scope, account, &mut lock(&self.chance))
    }

    /// Lets a good token in, unless it comes too often.
    pub(super) fn admit(&self, caller: Caller) -> Result<Grant, Refusal> {
        let (token, grant) = caller.ok_or(Refusal::Unauthorized)?;
        let Some(limits) = *lock(&self.rate_limits) else {
            return Ok(grant);
        };
        match lock(&self.limiter).admit(&token, limits, Instant::now()) {
            Ok(()) => Ok(grant),
            Err(seconds) => Err(Refusal::TooMany(limits.advice.after(seconds))),
        }
    }

    /// Serves one page, and the cursor at which it began.
    pub(super) fn page(
        &self,
        caller: Caller,
        stream: Stream,
        body: &[u8],
    ) -> Result<(Envelope, String), Refusal> {
        let grant = self.admit(caller)?;
        if !grant.features.contains(&stream) {
            return Err(Refusal::Unauthorized);
        }
        let now = clock::now();
        let cursor = query::read(body, stream, now).map_err(Refusal::BadRequest)?;
        let log = self.log(&grant.account, stream);
        let page = lock(&log).page(&cursor, self.horizon(now));
        let envelope = Envelope {
            cursor: page.next.encode(),
            has_more: page.has_more,
            items: page.items,
        };
        Ok((envelope, cursor.encode()))
    }

    /// Where retention ends.
    fn horizon(&self, now: Timestamp) -> Timestamp {
        SignedDuration::try_from(self.options.retention)
            .ok()
            .and_then(|retention| now.checked_sub(retention).ok())
            .unwrap_or(Timestamp::MIN)
    }

    fn log(&self, account: &str, stream: Stream) -> Arc<Mutex<Log>> {
        let mut logs = lock(&self.logs);
        let log = logs.entry((account.to_owned(), stream)).or_insert_with(|| {
            let Options {
                seed,
                order,
                surprises,
                ..
            } = self.options;
            let author = Author::new(seed, account, stream, surprises);
            Arc::new(Mutex::new(Log::new(order, author)))
        });
        Arc::clone(log)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("options", &self.options)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// A test that panics while it holds a lock has failed already; others may go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
