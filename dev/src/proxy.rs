//! A TCP proxy in front of a broker that can cut a Kafka connection at a chosen moment.
//!
//! It reads Kafka's framing, four bytes of length before each request and response, and of a request the first eight
//! bytes: API key, version and correlation id, by which its response is known. So it can forward a request whole, wait
//! until the broker has answered it, and keep the answer to itself: what a client sees whose connection broke after the
//! broker had done the work. Connections with TLS are not understood.
//!
//! Clients stay on the proxy only if the broker sends them there: choose the proxy first, start the broker with its
//! [`Proxy::port`], then tell the proxy where the broker is.
//!
//! ```no_run
//! # use onepassword_kafka_dev::{proxy::{ApiKey, Proxy}, stack::Options};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = Proxy::start(0, None).await?;
//! let stack = Options::default().proxied_at(proxy.port()).start().await?;
//! proxy.forward_to(stack.proxy_upstream().expect("it was asked for"));
//! let cut = proxy.cut_after_request(ApiKey::EndTxn);
//! // … a client that bootstraps at `proxy.address()` commits a transaction …
//! cut.done().await;
//! # Ok(())
//! # }
//! ```

mod connection;

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::{JoinHandle, JoinSet},
};

/// A proxy on a port of the loopback interface; dropping it closes all of its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

/// Kinds of requests, by the names and numbers of Kafka's protocol.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names are the protocol's own")]
pub enum ApiKey {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    OffsetCommit,
    OffsetFetch,
    FindCoordinator,
    JoinGroup,
    Heartbeat,
    LeaveGroup,
    SyncGroup,
    ApiVersions,
    CreateTopics,
    InitProducerId,
    AddPartitionsToTxn,
    EndTxn,
}

/// Whether something is in force.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// A cut that was asked for and has not necessarily happened. It comes to pass also when this is dropped.
#[derive(Debug)]
pub struct Cut(oneshot::Receiver<()>);

/// What the proxy and its connections share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// While this is on, no byte moves.
    blackhole: watch::Sender<Switch>,
    /// Grows when all connections are to be closed.
    cuts: watch::Sender<u64>,
    /// How many requests of each kind were seen.
    counts: watch::Sender<HashMap<i16, u64>>,
}

#[derive(Debug)]
struct State {
    upstream: Option<SocketAddr>,
    refuse: Switch,
    rules: Vec<Rule>,
}

/// Cut the next request of a kind.
#[derive(Debug)]
struct Rule {
    key: i16,
    moment: Moment,
    done: oneshot::Sender<()>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Moment {
    BeforeRequest,
    AfterRequest,
}

// === impl Proxy ===

impl Proxy {
    /// Listens on `port` of the loopback interface, 0 for any, and forwards to `upstream`. Without one, connections are
    /// closed at once until [`Proxy::forward_to`] names it.
    ///
    /// # Errors
    ///
    /// When it cannot listen there.
    pub async fn start(port: u16, upstream: Option<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                upstream,
                refuse: Switch::Off,
                rules: Vec::new(),
            }),
            blackhole: watch::Sender::new(Switch::Off),
            cuts: watch::Sender::new(0),
            counts: watch::Sender::new(HashMap::new()),
        });
        let acceptor = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            port,
            shared,
            acceptor,
        })
    }

    /// The port that clients come to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address that clients come to, as `bootstrap.servers` takes it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Forwards connections that are made from now on to `upstream`.
    pub fn forward_to(&self, upstream: SocketAddr) {
        self.shared.state().upstream = Some(upstream);
    }

    /// Forwards the next request of this kind, waits for the broker's answer, keeps it, and closes the connection.
    #[expect(clippy::must_use_candidate, reason = "not everybody waits for it")]
    pub fn cut_after_request(&self, key: ApiKey) -> Cut {
        self.cut(key, Moment::AfterRequest)
    }

    /// Closes the connection on which the next request of this kind arrives; the broker does not see that request.
    #[expect(clippy::must_use_candidate, reason = "not everybody waits for it")]
    pub fn cut_before_request(&self, key: ApiKey) -> Cut {
        self.cut(key, Moment::BeforeRequest)
    }

    /// Closes all connections at once.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// While on: connections stay, new ones are accepted, but no byte moves in either direction, as when the network is
    /// partitioned. Turned off, everything that waited is delivered.
    pub fn blackhole(&self, switch: Switch) {
        self.shared.blackhole.send_replace(switch);
    }

    /// While on: new connections are closed at once. Those that exist stay; [`Proxy::cut_all`] closes them.
    pub fn refuse(&self, switch: Switch) {
        self.shared.state().refuse = switch;
    }

    /// How many requests of this kind have arrived, cut ones included.
    #[must_use]
    pub fn count(&self, key: ApiKey) -> u64 {
        self.shared
            .counts
            .borrow()
            .get(&key.number())
            .copied()
            .unwrap_or_default()
    }

    /// Waits until at least `count` requests of this kind have arrived.
    pub async fn seen(&self, key: ApiKey, count: u64) {
        let mut counts = self.shared.counts.subscribe();
        let enough = |counts: &HashMap<i16, u64>| counts.get(&key.number()) >= Some(&count);
        // The sender lives as long as the proxy.
        let _ = counts.wait_for(enough).await;
    }

    fn cut(&self, key: ApiKey, moment: Moment) -> Cut {
        let (done, receiver) = oneshot::channel();
        self.shared.state().rules.push(Rule {
            key: key.number(),
            moment,
            done,
        });
        Cut(receiver)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The acceptor owns the connections' tasks.
        self.acceptor.abort();
    }
}

// === impl ApiKey ===

impl ApiKey {
    /// The number that stands for it in a request.
    #[must_use]
    pub fn number(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::OffsetCommit => 8,
            Self::OffsetFetch => 9,
            Self::FindCoordinator => 10,
            Self::JoinGroup => 11,
            Self::Heartbeat => 12,
            Self::LeaveGroup => 13,
            Self::SyncGroup => 14,
            Self::ApiVersions => 18,
            Self::CreateTopics => 19,
            Self::InitProducerId => 22,
            Self::AddPartitionsToTxn => 24,
            Self::EndTxn => 26,
        }
    }
}

// === impl Cut ===

impl Cut {
    /// Waits until the connection has been cut, or the proxy is gone.
    pub async fn done(self) {
        // An error means that the proxy is gone.
        let _ = self.0.await;
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a new connection goes, if anywhere.
    fn upstream(&self) -> Option<SocketAddr> {
        let state = self.state();
        state.upstream.filter(|_| state.refuse == Switch::Off)
    }

    /// Counts a request and says whether, and when, its connection has to be cut.
    fn saw(&self, key: i16) -> Option<Rule> {
        self.counts
            .send_modify(|counts| *counts.entry(key).or_default() += 1);
        let mut state = self.state();
        let position = state.rules.iter().position(|rule| rule.key == key)?;
        Some(state.rules.remove(position))
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(serve(client, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let Some(upstream) = shared.upstream() else {
        return;
    };
    let Ok(broker) = TcpStream::connect(upstream).await else {
        return;
    };
    let mut cuts = shared.cuts.subscribe();
    tokio::select! {
        () = connection::relay(client, broker, &shared) => {}
        _ = cuts.changed() => {}
    }
}

#[cfg(test)]
mod tests;
