//! The stack in containers, where a Docker engine answers.
//!
//! Containers keep their host ports when they are stopped and started, because these are chosen here and not by the
//! engine. A shell that outlives this process removes them with the `docker` program when this process dies before it
//! could do so itself; where that program is missing, only an orderly end removes them.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock, mpsc},
    time::{Duration, Instant},
};

use testcontainers::{
    ContainerAsync, ContainerRequest, GenericImage, ImageExt, core::IntoContainerPort,
    runners::AsyncRunner,
};
use tokio::{runtime::Runtime, task, time::sleep};

use super::{
    Part, Security, Services, StackError,
    broker::{CLUSTER_ID, Listeners, Proxied, variable},
    engine::Engine,
    ports::free_port,
    progress::{Progress, say},
    ready,
};
use crate::process::{Guard, tail};

/// A broker's and a registry's container.
#[derive(Debug)]
pub(super) struct Docker {
    kafka: Container,
    registry: Container,
    proxied: Option<SocketAddr>,
    /// Removes the containers should [`Drop`] not come to it.
    _guard: Guard,
}

#[derive(Debug)]
struct Container {
    part: Part,
    address: SocketAddr,
    /// Taken only by the end.
    handle: Option<ContainerAsync<GenericImage>>,
}

const KAFKA_IMAGE: (&str, &str) = ("apache/kafka", "4.1.0");
const REGISTRY_IMAGE: (&str, &str) = ("apicurio/apicurio-registry", "3.0.9");

/// The registry's port inside its container.
const REGISTRY_PORT: u16 = 8080;

const READY_TIMEOUT: Duration = Duration::from_mins(2);

const PAUSE: Duration = Duration::from_millis(100);

/// Seconds until the engine kills a container that was asked to stop.
const STOP_TIMEOUT: i32 = 20;

// === impl Docker ===

impl Docker {
    /// Starts both containers and waits until both services answer.
    pub(super) fn start(proxy: Option<u16>) -> Result<Self, StackError> {
        let engine = Engine::find()?;
        let progress = Progress::begin("starting Apache Kafka and Apicurio Registry in Docker");
        let started = runtime().block_on(Self::run(&engine, proxy));
        match &started {
            Ok(_) => progress.done("Apache Kafka and Apicurio Registry are up"),
            Err(error) => {
                drop(progress);
                say(&format!("Docker does not serve: {}", error.in_full()));
            }
        }
        started
    }

    async fn run(engine: &Engine, proxy: Option<u16>) -> Result<Self, StackError> {
        let port = || free_port().map_err(StackError::io("find a free port"));
        let names = [name(), name()];
        let guard = guard(engine, &names).map_err(StackError::io("start a shell"))?;
        let [kafka_name, registry_name] = &names;

        let proxied = match proxy {
            Some(advertised) => Some(Proxied {
                port: port()?,
                advertised,
            }),
            None => None,
        };
        let listeners = Listeners {
            bind: Ipv4Addr::UNSPECIFIED,
            plain: port()?,
            controller: port()?,
            proxied,
        };
        let registry_port = port()?;
        let (kafka, registry) = tokio::join!(
            Container::run(
                Part::Kafka,
                kafka_request(&listeners),
                kafka_name,
                listeners.plain
            ),
            Container::run(
                Part::Registry,
                registry_request(registry_port),
                registry_name,
                registry_port
            ),
        );
        Ok(Self {
            kafka: kafka?,
            registry: registry?,
            proxied: proxied.map(|proxied| local(proxied.port)),
            _guard: guard,
        })
    }

    fn container(&self, part: Part) -> &Container {
        match part {
            Part::Kafka => &self.kafka,
            Part::Registry => &self.registry,
        }
    }
}

impl Services for Docker {
    fn address(&self, part: Part) -> SocketAddr {
        self.container(part).address
    }

    fn proxied(&self) -> Option<SocketAddr> {
        self.proxied
    }

    fn security(&self) -> Option<Arc<Security>> {
        None
    }

    fn stop(&mut self, part: Part) -> Result<(), StackError> {
        let container = self.container(part).running();
        runtime()
            .block_on(container.stop_with_timeout(Some(STOP_TIMEOUT)))
            .map_err(refused)
    }

    fn start(&mut self, part: Part) -> Result<(), StackError> {
        let container = self.container(part);
        runtime().block_on(async {
            container.running().start().await.map_err(refused)?;
            container.answer().await
        })
    }
}

// === impl Container ===

impl Container {
    async fn run(
        part: Part,
        request: ContainerRequest<GenericImage>,
        name: &str,
        host_port: u16,
    ) -> Result<Self, StackError> {
        let request = request.with_container_name(name);
        let container = request.start().await.map_err(refused)?;
        let container = Self {
            part,
            address: local(host_port),
            handle: Some(container),
        };
        container.answer().await?;
        Ok(container)
    }

    fn running(&self) -> &ContainerAsync<GenericImage> {
        self.handle
            .as_ref()
            .expect("a container is taken only when it is dropped")
    }

    async fn answer(&self) -> Result<(), StackError> {
        let since = Instant::now();
        while !self.is_ready().await {
            let running = self.running().is_running().await.map_err(refused)?;
            if !running || since.elapsed() > READY_TIMEOUT {
                return Err(StackError::failed(
                    format!("waiting for {}", self.part),
                    self.last_lines().await,
                ));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn is_ready(&self) -> bool {
        let Self { part, address, .. } = *self;
        task::spawn_blocking(move || ready::answers(part, address))
            .await
            .unwrap_or(false)
    }

    async fn last_lines(&self) -> String {
        let printed = self.running().stdout_to_vec().await.unwrap_or_default();
        tail(&printed)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(container) = self.handle.take() {
            let (removed, wait) = mpsc::sync_channel::<()>(0);
            runtime().spawn(async move {
                if let Err(error) = container.rm().await {
                    say(&format!("cannot remove a container: {error}"));
                }
                drop(removed);
            });
            // Ends, with an error, when the sender is gone.
            let _ = wait.recv();
        }
    }
}

fn kafka_request(listeners: &Listeners) -> ContainerRequest<GenericImage> {
    let (image, tag) = KAFKA_IMAGE;
    let plain = listeners.plain;
    let mut request = published(GenericImage::new(image, tag), plain, plain)
        .with_env_var("CLUSTER_ID", CLUSTER_ID)
        .with_env_var("KAFKA_HEAP_OPTS", "-Xmx400m");
    if let Some(Proxied { port, .. }) = listeners.proxied {
        request = published(request, port, port);
    }
    for (name, value) in listeners.settings(None) {
        request = request.with_env_var(variable(&name), value);
    }
    request
}

/// Its database is a file, as with Java.
fn registry_request(port: u16) -> ContainerRequest<GenericImage> {
    let (image, tag) = REGISTRY_IMAGE;
    published(GenericImage::new(image, tag), port, REGISTRY_PORT)
        .with_env_var("APICURIO_DATASOURCE_URL", "jdbc:h2:file:/tmp/registry")
}

/// With `inside` reachable as `host` of this machine, and of no other.
fn published(
    request: impl Into<ContainerRequest<GenericImage>>,
    host: u16,
    inside: u16,
) -> ContainerRequest<GenericImage> {
    request
        .into()
        .with_mapped_port(host, inside.tcp())
        .with_host_config_modifier(|config| {
            let ports = config
                .port_bindings
                .iter_mut()
                .flat_map(|ports| ports.values_mut());
            for binding in ports.flatten().flatten() {
                binding.host_ip = Some(Ipv4Addr::LOCALHOST.to_string());
            }
        })
}

fn guard(engine: &Engine, names: &[String]) -> io::Result<Guard> {
    let mut command = vec!["docker", "-H", engine.host(), "rm", "--force", "--volumes"];
    command.extend(names.iter().map(String::as_str));
    Guard::at_end(&command)
}

fn name() -> String {
    format!("onepassword-kafka-{:016x}", fastrand::u64(..))
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// One for all containers, because their clients share connections, and those belong to the runtime that opened them.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("docker")
            .enable_all()
            .build()
            .expect("a process that could start can have one more thread")
    })
}

fn refused(error: impl std::error::Error) -> StackError {
    StackError::failed("Docker", error.to_string())
}
