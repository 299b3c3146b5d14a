//! A living simulator of the 1Password Events API.
//!
//! It listens with TLS, on the loopback address unless told otherwise, checks tokens, counts requests, keeps the events
//! of any number of accounts and serves them as the real service does in versions 1 and 2 (reference 1.4.1): sorted, in
//! pages, with stateless cursors. What it publishes comes from a seed; what it has published can be read back, so that
//! any run of a client can be checked event by event. Everything that can go wrong is a [`Fault`], set while it runs.
//!
//! Where the real service's behaviour is not known, this is what happens here: `start_time` is inclusive and `end_time`
//! exclusive, both to the millisecond; a cursor keeps its `end_time`; a cursor from before the end of retention goes on
//! with the oldest event that is left; v1 and v2 share cursors; rate limits are per token.

mod answer;
mod api;
mod author;
mod base64url;
mod catalog;
mod clock;
mod control;
mod cursor;
mod event;
mod faults;
mod ids;
mod journal;
mod limits;
mod log;
mod millis;
mod options;
mod query;
mod refusal;
mod server;
mod stream;
mod surprise;
mod tokens;
mod traffic;
mod world;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinHandle},
};

use self::world::World;
pub use self::{
    faults::{
        ErrorShape, Fault, Faults, Introspection, RateLimitHeaders, RetryAfter, Rule, Scope,
        StatusFault,
    },
    journal::{Count, Request, Requests},
    log::When,
    options::{Advice, Compression, Options, Order, RateLimits, Scheme},
    stream::Stream,
    tokens::{Token, TokenSpec},
};
use crate::tls::Identity;

/// A running service. Dropping it closes its port and all connections, and removes its files.
pub struct Simulator {
    world: Arc<World>,
    authority: String,
    /// Holds the authority's certificate.
    files: TempDir,
    server: JoinHandle<()>,
}

/// Live traffic; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "traffic ends when this is dropped"]
pub struct Traffic {
    task: AbortHandle,
}

// === impl Simulator ===

impl Simulator {
    /// Binds a port and begins to serve.
    ///
    /// # Errors
    ///
    /// If the port is taken, if no temporary file can be written, or if no keys can be made.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((options.listen, options.port)).await?;
        let authority = format!("{}:{}", options.host, listener.local_addr()?.port());
        let identity = Identity::of(&options.host)?;
        let files = tempfile::tempdir()?;
        std::fs::write(ca_file(&files), &identity.authority)?;
        let tls = match options.scheme {
            Scheme::Https => Some(identity.acceptor),
            Scheme::Http => None,
        };
        let world = Arc::new(World::new(options, &authority)?);
        let router = api::router(Arc::clone(&world));
        Ok(Self {
            world,
            authority,
            files,
            server: tokio::spawn(server::serve(listener, tls, router)),
        })
    }

    /// Closes the port and all connections, and returns when that is done.
    pub async fn stop(mut self) {
        self.server.abort();
        // It was aborted just now, so the only news is that it has ended.
        let _ended = (&mut self.server).await;
    }

    /// The base address, such as `https://localhost:41234`, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.world.options.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
        };
        format!("{scheme}://{}", self.authority)
    }

    /// Host and port, as tokens have them for their audience: `localhost:41234`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The certificate (PEM) that clients must trust; it goes when the simulator does. Present with plain HTTP, too.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        ca_file(&self.files)
    }

    /// Issues a token; any account may be named, and exists by that.
    ///
    /// # Panics
    ///
    /// If it would expire beyond the year 9999.
    #[must_use]
    pub fn issue(&self, spec: TokenSpec) -> Token {
        self.world.issuer.issue(spec)
    }

    /// Every token that was issued, also those that are good for nothing any more.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        self.world.issuer.issued()
    }

    /// From now on the token is answered with 401. No effect on a token of another simulator.
    pub fn revoke(&self, token: &Token) {
        self.world.issuer.revoke(token.as_str());
    }

    /// Publishes `count` events that happen now, at once.
    pub fn publish(&self, account: &str, stream: Stream, count: usize) {
        self.publish_when(account, stream, count, When::Now);
    }

    /// Publishes `count` events spread over the past `span`. Do it before a client reads: what it inserts in the
    /// past stays hidden from cursors that have gone further.
    pub fn history(&self, account: &str, stream: Stream, count: usize, span: Duration) {
        self.publish_when(account, stream, count, When::Spread(span));
    }

    /// Publishes `count` events with the given times.
    ///
    /// # Panics
    ///
    /// If the times are beyond the calendar (years -9999 to 9999), or `count` is beyond 31 bits.
    pub fn publish_when(&self, account: &str, stream: Stream, count: usize, when: When) {
        self.world.publish(account, stream, count, when);
    }

    /// Adds any JSON value as an item, also an impossible one. Its `timestamp` and `uuid` decide its place if it has
    /// them; without a time it happens now. Items with equal times and uuids are all served.
    pub fn insert(&self, account: &str, stream: Stream, item: &Value) {
        self.world.insert(account, stream, item);
    }

    /// Publishes `per_second` events a second, on the three streams in turn.
    ///
    /// # Panics
    ///
    /// If the rate is not positive.
    pub fn traffic(&self, account: &str, per_second: f64) -> Traffic {
        let pause = Duration::from_secs_f64(per_second.recip());
        let flow = traffic::flow(Arc::clone(&self.world), account.to_owned(), pause);
        Traffic {
            task: tokio::spawn(flow).abort_handle(),
        }
    }

    /// Everything that was published and inserted, in the API's order and in v2's form; also what is beyond retention.
    ///
    /// # Panics
    ///
    /// Never: what is kept is JSON.
    #[must_use]
    pub fn published(&self, account: &str, stream: Stream) -> Vec<Value> {
        let parse = |item| serde_json::from_slice(item).expect("the log holds JSON");
        let items = self.world.items(account, stream);
        items.iter().map(|item| parse(item)).collect()
    }

    /// How many items [`Simulator::published`] would give.
    #[must_use]
    pub fn published_count(&self, account: &str, stream: Stream) -> usize {
        self.world.count(account, stream)
    }

    /// The faults as they are now; rules that have fired are gone.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.world.faults().clone()
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Faults) {
        *self.world.faults() = faults;
    }

    /// Changes the faults; requests wait meanwhile.
    pub fn update_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.world.faults());
    }

    /// Puts a rule at the end of the script.
    pub fn queue(&self, rule: Rule) {
        self.update_faults(|faults| faults.rules.push(rule));
    }

    /// Replaces the rate limits and forgets what was counted; `None` lifts them.
    pub fn set_rate_limits(&self, limits: Option<RateLimits>) {
        self.world.set_rate_limits(limits);
    }

    /// What clients have asked so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.world.requests()
    }

    /// Waits until the requests satisfy a condition, and returns them. It waits for ever if they never do.
    ///
    /// # Panics
    ///
    /// Never: the simulator outlives the wait.
    pub async fn requests_until(&self, mut reached: impl FnMut(&Requests) -> bool) -> Requests {
        let mut activity = self.world.activity();
        loop {
            activity.mark_unchanged();
            let requests = self.requests();
            if reached(&requests) {
                return requests;
            }
            activity
                .changed()
                .await
                .expect("the world lives as long as self");
        }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("authority", &self.authority)
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// === impl Traffic ===

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn ca_file(files: &TempDir) -> PathBuf {
    Path::new(files.path()).join("ca.pem")
}

#[cfg(test)]
mod tests;
