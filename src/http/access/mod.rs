//! Who may ask. Where the worker's file has users, each request shows a user's password or token.
//!
//! A password costs an argon2 run, on a thread where that holds up nothing, and one at a time: whoever tries many
//! keeps one core busy at most. A user who is unknown costs the same. Wrong ones have to wait, see [`throttle`].
//!
//! A password that was right once is right until the worker ends, for the file is read at its start only. So each user's
//! last one is remembered, as a hash with a key that this process alone has: the next request costs next to nothing, and
//! nobody else's failures can keep the user out.

mod header;
mod password;
mod session;
mod throttle;
mod token;
mod user;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderValue};
use openssl::{memcmp, rand::rand_bytes, sha::Sha256};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

pub(super) use self::user::Role;
use self::{
    header::{ASK_PASSWORD, ASK_TOKEN, Shown},
    session::{Sessions, Ticket},
    throttle::{Asker, Throttle},
    user::{ANONYMOUS, UNKNOWN},
};
pub use self::{
    password::PasswordHash,
    token::TokenHash,
    user::{CREDENTIAL_TABLE, User},
};
use crate::clock::Clock;

/// The door to an API.
#[derive(Debug)]
pub(super) struct Access {
    /// Nobody: then anybody may do anything.
    users: Vec<Known>,
    /// For hashes that never leave this process.
    key: [u8; 32],
    sessions: Sessions,
    clock: Clock,
    /// Whoever looks at a password holds it.
    turn: Arc<Semaphore>,
    throttle: Mutex<Throttle>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// Nothing was shown that can be understood.
    Nameless,
    /// What was shown is wrong.
    Wrong,
    /// There were too many wrong ones: after this time the next may be tried.
    TooMany(Duration),
}

#[derive(Debug)]
struct Known {
    user: User,
    /// The keyed hash of name and password when they were right.
    was_right: OnceLock<[u8; 32]>,
}

// === impl Access ===

impl Access {
    /// Lets `users` in, or, where there are none, anybody. Without a key of the group's, sessions are this worker's own.
    pub(super) fn new(users: Vec<User>, session_key: Option<[u8; 32]>, clock: Clock) -> Self {
        let session_key = session_key.unwrap_or_else(random);
        let known = |user| Known {
            user,
            was_right: OnceLock::new(),
        };
        Self {
            users: users.into_iter().map(known).collect(),
            key: random(),
            sessions: Sessions::new(&session_key),
            clock,
            turn: Arc::new(Semaphore::new(1)),
            throttle: Mutex::default(),
        }
    }

    /// Whether anybody may do anything.
    pub(super) fn is_open(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether anybody can sign in with a password.
    pub(super) fn has_passwords(&self) -> bool {
        let mut users = self.users.iter();
        users.any(|known| known.user.password.is_some())
    }

    /// What a client is told that it can show (`WWW-Authenticate`).
    pub(super) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let password = self.has_passwords().then_some(ASK_PASSWORD);
        let mut users = self.users.iter();
        let has_tokens = users.any(|known| known.user.token.is_some());
        let token = has_tokens.then_some(ASK_TOKEN);
        password.into_iter().chain(token)
    }

    /// Who asks from `address`, by the headers of the request.
    pub(super) async fn judge(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Caller, Denied> {
        if self.is_open() {
            return Ok(Caller {
                name: ANONYMOUS.into(),
                role: Role::Admin,
            });
        }
        match Shown::read(headers) {
            Some(Shown::Password { name, password }) => {
                self.by_password(&name, password, address).await
            }
            Some(Shown::Token(token)) => self.by_token(&token, address),
            None => self.by_session(headers).ok_or(Denied::Nameless),
        }
    }

    /// Begins a session: the value of `Set-Cookie`, with these attributes.
    pub(super) async fn sign_in(
        &self,
        name: &str,
        password: SecretString,
        address: IpAddr,
        attributes: &str,
    ) -> Result<HeaderValue, Denied> {
        self.by_password(name, password, address).await?;
        let known = self.known(name).ok_or(Denied::Wrong)?;
        Ok(self.sessions.begin(&known.user, (self.clock)(), attributes))
    }

    /// Ends a session: the value of `Set-Cookie`.
    pub(super) fn sign_out(attributes: &str) -> HeaderValue {
        session::end(attributes)
    }

    fn by_session(&self, headers: &HeaderMap) -> Option<Caller> {
        let ticket = Ticket::read(headers)?;
        let known = self.known(&ticket.name)?;
        let holds = self.sessions.holds(&ticket, &known.user, (self.clock)());
        holds.then(|| known.caller())
    }

    fn known(&self, name: &str) -> Option<&Known> {
        self.users.iter().find(|known| &*known.user.name == name)
    }

    async fn by_password(
        &self,
        name: &str,
        password: SecretString,
        address: IpAddr,
    ) -> Result<Caller, Denied> {
        let known = self.known(name);
        let shown = self.digest(&[name, password.expose_secret()]);
        let was_right = || known.filter(|known| known.was_right(&shown));
        if let Some(known) = was_right() {
            return Ok(known.caller());
        }
        let asker = Asker::new(address, self.digest(&[name]));
        // Whoever has to wait anyway does not wait for a turn.
        self.look(asker)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.expect("it is never closed");
        // Whoever had the turn before may have shown the same.
        if let Some(known) = was_right() {
            return Ok(known.caller());
        }
        self.begin(asker)?;
        let own = known.and_then(|known| known.user.password.clone());
        let (known, hash) = match own {
            Some(hash) => (known, Some(hash)),
            None => (None, self.anybodys(name)),
        };
        let judging = tokio::task::spawn_blocking(move || {
            let is_right = hash.is_some_and(|hash| hash.is_of(&password));
            // Not earlier, even where the asker has gone.
            drop(turn);
            is_right
        });
        let is_right = judging.await.expect("argon2 does not panic");
        let Some(known) = known.filter(|_| is_right) else {
            // A name that nobody has may be a password in the wrong place.
            let user = known.map_or(UNKNOWN, |known| &*known.user.name);
            tracing::warn!(user, peer = %address, "a wrong password was shown to the REST API");
            return Err(Denied::Wrong);
        };
        self.throttle().forgive(asker);
        // There may be two passwords with one hash, in theory; the first one is remembered.
        let _ = known.was_right.set(shown);
        Ok(known.caller())
    }

    /// A right token never waits.
    fn by_token(&self, token: &SecretString, address: IpAddr) -> Result<Caller, Denied> {
        let shown = TokenHash::of(token);
        let is_shown = |own: &TokenHash| own.is(&shown);
        // All of them, so that the time does not tell which is the right one.
        let right = self.users.iter().fold(None, |right, known| {
            let is_right = known.user.token.as_ref().is_some_and(is_shown);
            if is_right { Some(known) } else { right }
        });
        if let Some(known) = right {
            return Ok(known.caller());
        }
        self.begin(Asker::new(address, self.digest(&[])))?;
        tracing::warn!(peer = %address, "a wrong token was shown to the REST API");
        Err(Denied::Wrong)
    }

    fn begin(&self, asker: Asker) -> Result<(), Denied> {
        let begun = self.throttle().begin(asker, Instant::now());
        begun.map_err(Denied::TooMany)
    }

    fn look(&self, asker: Asker) -> Result<(), Denied> {
        let waits = self.throttle().wait(asker, Instant::now());
        waits.map_or(Ok(()), |wait| Err(Denied::TooMany(wait)))
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A hash to try in vain for whoever has none: always the same one for a name, as costly as some user's.
    fn anybodys(&self, name: &str) -> Option<PasswordHash> {
        let hashes = self
            .users
            .iter()
            .filter_map(|known| known.user.password.as_ref());
        let hashes: Vec<_> = hashes.collect();
        let pick = usize::from(self.digest(&[name])[0]).checked_rem(hashes.len())?;
        Some(hashes[pick].clone())
    }

    /// A hash that tells nobody else anything.
    fn digest(&self, parts: &[&str]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(&self.key);
        for part in parts {
            hash.update(&part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finish()
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand_bytes(&mut bytes).expect("the system has random numbers");
    bytes
}

// === impl Denied ===

impl Denied {
    /// How long to wait, in whole seconds.
    pub(super) fn seconds(wait: Duration) -> u64 {
        wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
    }
}

// === impl Known ===

impl Known {
    fn was_right(&self, shown: &[u8; 32]) -> bool {
        self.was_right
            .get()
            .is_some_and(|right| memcmp::eq(right, shown))
    }

    fn caller(&self) -> Caller {
        Caller {
            name: Arc::clone(&self.user.name),
            role: self.user.role,
        }
    }
}

#[cfg(test)]
mod tests;
