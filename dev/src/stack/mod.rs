//! A real Apache Kafka and a real schema registry, for the demo, the tests and the benchmark alike.
//!
//! [`Stack::start`] takes the first of three ways that serves:
//!
//! 1. what `KAFKA_BOOTSTRAP_SERVERS` and `SCHEMA_REGISTRY_URL` name;
//! 2. containers, where a Docker engine answers;
//! 3. Java 17: programs that Maven fetches once into the user's cache folder.
//!
//! In the second and third case the broker (Apache Kafka 4.1.0 in `KRaft` mode) and the registry (Apicurio Registry 3.0.9,
//! which speaks Confluent's API) belong to this process: they and their folders vanish with the [`Stack`], and also when
//! the process is killed. Nothing of a stack depends on the async runtime that started it, so that tests, each of which
//! has its own, can share one.

pub(crate) mod artifacts;
mod broker;
mod docker;
mod engine;
mod java;
mod options;
pub(crate) mod ports;
pub(crate) mod progress;
mod ready;
mod security;

use std::{
    error::Error,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::{sync::OnceCell, task};

pub use self::{options::Options, security::Security};

/// A running broker and registry; those that this process has started end when this is dropped.
#[derive(Debug)]
pub struct Stack {
    bootstrap_servers: String,
    schema_registry_url: String,
    way: Way,
    proxied: Option<SocketAddr>,
    security: Option<Arc<Security>>,
    /// Nothing where somebody else runs them.
    services: Arc<Mutex<Option<Box<dyn Services>>>>,
}

/// Where a stack comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Somebody else runs it: `KAFKA_BOOTSTRAP_SERVERS` and `SCHEMA_REGISTRY_URL`.
    Environment,
    /// Containers of this process.
    Docker,
    /// Java processes of this process.
    Java,
}

/// Why there is no stack, or why it does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// One of the two variables is set without the other.
    #[error("{set} is set but {missing} is not: set both, or neither")]
    Half {
        /// The variable that is set.
        set: &'static str,
        /// The variable that is not.
        missing: &'static str,
    },
    /// None of the three ways serves.
    #[error(
        "there is no Kafka to work with; one of these would do:\n\
         - a Docker engine ({docker})\n\
         - Java 17 or newer, and Maven for the first time ({java})\n\
         - a Kafka and a schema registry of yours, named by {BOOTSTRAP_SERVERS} and {REGISTRY_URL}"
    )]
    Nowhere {
        /// What is wrong with the way over Docker.
        docker: String,
        /// What is wrong with the way over Java.
        java: String,
    },
    /// A secured broker runs on Java only.
    #[error("a secured Kafka needs Java 17 or newer, and Maven for the first time ({java})")]
    Unsecured {
        /// What is wrong with the way over Java.
        java: String,
    },
    /// A service of somebody else was to be stopped or started.
    #[error("the stack is not ours to stop or start: {BOOTSTRAP_SERVERS} names it")]
    NotOurs,
    /// A step has failed; `detail` is what the program behind it has printed.
    #[error("{what} failed: {detail}")]
    Failed {
        /// The step.
        what: String,
        /// The last lines of the program's output, or a short reason.
        detail: String,
    },
    /// The operating system has refused something.
    #[error("cannot {what}")]
    Io {
        /// What was refused.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// One of the two services.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Kafka,
    Registry,
}

/// A broker and a registry of this process. Every method blocks, and so does dropping it.
trait Services: fmt::Debug + Send {
    /// Where `part` listens for clients.
    fn address(&self, part: Part) -> SocketAddr;

    /// Where the proxied listener listens.
    fn proxied(&self) -> Option<SocketAddr>;

    /// What the secured listeners ask of clients.
    fn security(&self) -> Option<Arc<Security>>;

    /// Ends `part`, keeping its data.
    fn stop(&mut self, part: Part) -> Result<(), StackError>;

    /// Starts `part` with its old port and data, and waits until it answers.
    fn start(&mut self, part: Part) -> Result<(), StackError>;
}

const BOOTSTRAP_SERVERS: &str = "KAFKA_BOOTSTRAP_SERVERS";
const REGISTRY_URL: &str = "SCHEMA_REGISTRY_URL";

/// Where Apicurio Registry serves Confluent's API.
const REGISTRY_PATH: &str = "/apis/ccompat/v7";

static SHARED: OnceCell<Stack> = OnceCell::const_new();

// === impl Stack ===

impl Stack {
    /// Takes or starts a stack, and waits until it answers; the first time on a machine that takes a download.
    ///
    /// # Errors
    ///
    /// When there is none to have, with the reason in words for a person.
    pub async fn start() -> Result<Self, StackError> {
        Options::default().start().await
    }

    /// The one stack of this process, started when it is first asked for: for tests that leave it running.
    ///
    /// # Errors
    ///
    /// When there is none to have; the next call tries again.
    pub async fn shared() -> Result<&'static Self, StackError> {
        SHARED.get_or_try_init(Self::start).await
    }

    /// The broker's addresses, as `bootstrap.servers` takes them.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// The base URL of Confluent's API, without a slash at its end.
    #[must_use]
    pub fn schema_registry_url(&self) -> &str {
        &self.schema_registry_url
    }

    /// Where this stack comes from.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
    }

    /// Where the proxy that [`Options::proxied_at`] speaks of has to forward to.
    #[must_use]
    pub fn proxy_upstream(&self) -> Option<SocketAddr> {
        self.proxied
    }

    /// What the listeners that [`Options::secured`] speaks of ask of their clients.
    #[must_use]
    pub fn security(&self) -> Option<&Arc<Security>> {
        self.security.as_ref()
    }

    /// Ends the broker in an orderly way; its clients see their connections close.
    ///
    /// # Errors
    ///
    /// When it is not ours to stop.
    pub async fn stop_kafka(&self) -> Result<(), StackError> {
        self.with_services(|services| services.stop(Part::Kafka))
            .await
    }

    /// Starts the broker again on its old ports with its old data, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not start, or is not ours to start.
    pub async fn start_kafka(&self) -> Result<(), StackError> {
        self.with_services(|services| services.start(Part::Kafka))
            .await
    }

    /// Ends the registry in an orderly way.
    ///
    /// # Errors
    ///
    /// When it is not ours to stop.
    pub async fn stop_registry(&self) -> Result<(), StackError> {
        self.with_services(|services| services.stop(Part::Registry))
            .await
    }

    /// Starts the registry again on its old port with its old schemas, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not start, or is not ours to start.
    pub async fn start_registry(&self) -> Result<(), StackError> {
        self.with_services(|services| services.start(Part::Registry))
            .await
    }

    async fn with_services(
        &self,
        operation: impl FnOnce(&mut dyn Services) -> Result<(), StackError> + Send + 'static,
    ) -> Result<(), StackError> {
        let services = Arc::clone(&self.services);
        blocking(move || {
            let mut services = services.lock().unwrap_or_else(PoisonError::into_inner);
            operation(services.as_deref_mut().ok_or(StackError::NotOurs)?)
        })
        .await
    }

    fn foreign(bootstrap_servers: String, schema_registry_url: String) -> Self {
        Self {
            bootstrap_servers,
            schema_registry_url,
            way: Way::Environment,
            proxied: None,
            security: None,
            services: Arc::new(Mutex::new(None)),
        }
    }

    fn owned(way: Way, services: impl Services + 'static) -> Self {
        let registry = services.address(Part::Registry);
        Self {
            bootstrap_servers: services.address(Part::Kafka).to_string(),
            schema_registry_url: format!("http://{registry}{REGISTRY_PATH}"),
            way,
            proxied: services.proxied(),
            security: services.security(),
            services: Arc::new(Mutex::new(Some(Box::new(services)))),
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let services = self
            .services
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(services) = services {
            // On a thread, because ending blocks, and containers are ended by an async runtime of their own.
            let ending = thread::spawn(move || drop(services));
            // A panic there has already been reported.
            let _ = ending.join();
        }
    }
}

// === impl StackError ===

impl StackError {
    pub(crate) fn failed(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Failed {
            what: what.into(),
            detail: detail.into(),
        }
    }

    /// Together with its cause.
    fn in_full(&self) -> String {
        self.source()
            .map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"))
    }

    pub(crate) fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

// === impl Part ===

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kafka => "Apache Kafka",
            Self::Registry => "Apicurio Registry",
        })
    }
}

/// Runs what blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: impl FnOnce() -> Result<T, StackError> + Send + 'static,
) -> Result<T, StackError> {
    task::spawn_blocking(operation)
        .await
        .map_err(|error| StackError::failed("a thread", error.to_string()))?
}

#[cfg(test)]
mod tests;
