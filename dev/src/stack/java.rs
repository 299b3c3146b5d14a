//! The stack on Java: broker and registry as two processes below a folder that vanishes with them.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    Options, Part, Security, Services, StackError,
    artifacts::{KAFKA, REGISTRY, TOOLS},
    broker::{CLUSTER_ID, Listeners, Proxied},
    ports::free_port,
    progress::Progress,
    ready,
    security::Tool,
};
use crate::process::{Process, Scratch};

/// A broker and a registry of this process's own.
#[derive(Debug)]
pub(super) struct Java {
    // The order is that of the end: processes first, then their folder.
    kafka: Service,
    registry: Service,
    _scratch: Scratch,
}

/// One of the two, running or not.
#[derive(Debug)]
struct Service {
    launch: Launch,
    process: Option<Process>,
}

/// How to start one of the two, as often as wanted.
#[derive(Clone, Debug)]
struct Launch {
    part: Part,
    java: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    address: SocketAddr,
    /// Where the proxy forwards to.
    proxied: Option<SocketAddr>,
    security: Option<Arc<Security>>,
}

/// The oldest Java that both programs run on.
const JAVA_VERSION: u32 = 17;

/// Far more than a slow machine needs.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// How long an orderly stop may take; a broker writes its state to disk.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The pause between two questions whether a service is up.
const PAUSE: Duration = Duration::from_millis(50);

/// How often other ports are tried when somebody else was quicker to take one.
const ATTEMPTS: usize = 5;

/// For short-lived Java: do not optimize, do not spawn collector threads, leave no files in the temporary folder.
const QUICK: [&str; 3] = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
];

const LOGGING: &str = "\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
";

// === impl Java ===

impl Java {
    /// Starts both at the same time and waits until both answer; fetches them first where that is necessary.
    pub(super) fn start(options: Options) -> Result<Self, StackError> {
        let java = find_java()?;
        let (jars, application) = (KAFKA.folder()?, REGISTRY.folder()?);
        let scratch =
            Scratch::new_in(&env::temp_dir()).map_err(StackError::io("create a folder"))?;
        let progress = Progress::begin("starting Apache Kafka and Apicurio Registry on Java");
        let folder = scratch.path();
        let (kafka, registry) = thread::scope(|scope| {
            let kafka = scope.spawn(|| Service::start(|| kafka(&java, &jars, folder, options)));
            let registry = Service::start(|| registry(&java, &application, folder));
            (
                kafka.join().expect("starting a broker does not panic"),
                registry,
            )
        });
        let java = Self {
            kafka: kafka?,
            registry: registry?,
            _scratch: scratch,
        };
        progress.done("Apache Kafka and Apicurio Registry are up");
        Ok(java)
    }

    fn service(&mut self, part: Part) -> &mut Service {
        match part {
            Part::Kafka => &mut self.kafka,
            Part::Registry => &mut self.registry,
        }
    }
}

impl Services for Java {
    fn address(&self, part: Part) -> SocketAddr {
        match part {
            Part::Kafka => self.kafka.launch.address,
            Part::Registry => self.registry.launch.address,
        }
    }

    fn proxied(&self) -> Option<SocketAddr> {
        self.kafka.launch.proxied
    }

    fn security(&self) -> Option<Arc<Security>> {
        self.kafka.launch.security.clone()
    }

    fn stop(&mut self, part: Part) -> Result<(), StackError> {
        if let Some(process) = self.service(part).process.take() {
            process.stop(STOP_TIMEOUT);
        }
        Ok(())
    }

    fn start(&mut self, part: Part) -> Result<(), StackError> {
        let service = self.service(part);
        if service.process.is_none() {
            service.process = Some(service.launch.run()?);
        }
        Ok(())
    }
}

// === impl Service ===

impl Service {
    /// Starts what `prepare` describes, which chooses new ports each time it is called.
    fn start(prepare: impl Fn() -> Result<Launch, StackError>) -> Result<Self, StackError> {
        let mut attempt = 1;
        loop {
            let launch = prepare()?;
            match launch.run() {
                Ok(process) => {
                    return Ok(Self {
                        launch,
                        process: Some(process),
                    });
                }
                Err(_) if attempt < ATTEMPTS && launch.address_was_taken() => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

// === impl Launch ===

impl Launch {
    fn run(&self) -> Result<Process, StackError> {
        let process = Process::start(&self.java, &self.arguments, &self.environment, &self.log)
            .map_err(StackError::io("start Java"))?;
        let since = Instant::now();
        while !ready::answers(self.part, self.address) {
            if let Some(status) = process.ended_within(PAUSE) {
                let what = format!("starting {} ({status})", self.part);
                return Err(StackError::failed(what, process.last_lines()));
            }
            if since.elapsed() > START_TIMEOUT {
                let what = format!("waiting for {}", self.part);
                return Err(StackError::failed(what, process.last_lines()));
            }
        }
        Ok(process)
    }

    fn address_was_taken(&self) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| {
            log.contains("Address already in use") || log.contains("BindException")
        })
    }
}

fn kafka(java: &Path, jars: &Path, folder: &Path, options: Options) -> Result<Launch, StackError> {
    let port = || free_port().map_err(StackError::io("find a free port"));
    let proxied = match options.proxy {
        Some(advertised) => Some(Proxied {
            port: port()?,
            advertised,
        }),
        None => None,
    };
    let listeners = Listeners {
        bind: Ipv4Addr::LOCALHOST,
        plain: port()?,
        controller: port()?,
        proxied,
    };
    let tool = |jars: &Path| {
        let tools = TOOLS.folder()?;
        let class_path = format!("{}:{}", class_path(jars), class_path(&tools));
        Ok::<_, StackError>(Tool {
            java: java.to_owned(),
            class_path,
        })
    };
    let security = options
        .users
        .map(|users| Security::create(folder, users, &tool(jars)?));
    let security = security.transpose()?.map(Arc::new);
    let settings = folder.join("server.properties");
    let logging = folder.join("log4j2.properties");
    let properties = listeners.properties(security.as_deref(), &folder.join("kafka"));
    fs::write(&settings, properties)
        .and_then(|()| fs::write(&logging, LOGGING))
        .map_err(StackError::io("write the broker's settings"))?;
    format_storage(java, jars, &settings, security.as_deref())?;
    let log4j = format!("-Dlog4j2.configurationFile={}", logging.display());
    let arguments = [
        "-Xmx400m",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        &log4j,
        "-cp",
        &class_path(jars),
        "kafka.Kafka",
    ];
    Ok(Launch {
        part: Part::Kafka,
        java: java.to_owned(),
        arguments: strings(&arguments)
            .chain([settings.display().to_string()])
            .collect(),
        environment: Vec::new(),
        log: folder.join("kafka.log"),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, listeners.plain)),
        proxied: proxied.map(|proxied| SocketAddr::from((Ipv4Addr::LOCALHOST, proxied.port))),
        security,
    })
}

fn format_storage(
    java: &Path,
    jars: &Path,
    settings: &Path,
    security: Option<&Security>,
) -> Result<(), StackError> {
    let formatted = Command::new(java)
        .args(QUICK)
        .args([
            "-cp",
            &class_path(jars),
            "kafka.tools.StorageTool",
            "format",
        ])
        .args(["--ignore-formatted", "--cluster-id", CLUSTER_ID, "--config"])
        .arg(settings)
        .args(security.map(Security::format_arguments).unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .map_err(StackError::io("start Java"))?;
    if formatted.status.success() {
        return Ok(());
    }
    let detail = String::from_utf8_lossy(&formatted.stderr).trim().to_owned();
    Err(StackError::failed("formatting the broker's folder", detail))
}

/// Its database is a file, so that a registry that was stopped still knows its ids when it starts again.
fn registry(java: &Path, application: &Path, folder: &Path) -> Result<Launch, StackError> {
    let port = free_port().map_err(StackError::io("find a free port"))?;
    let database = format!("jdbc:h2:file:{}", folder.join("registry").display());
    let environment = [
        ("QUARKUS_HTTP_HOST", "127.0.0.1"),
        ("QUARKUS_HTTP_PORT", &port.to_string()),
        ("QUARKUS_MANAGEMENT_ENABLED", "false"),
        ("APICURIO_DATASOURCE_URL", &database),
    ];
    let jar = application
        .join("apicurio-registry-app-3.0.9-runner.jar")
        .display()
        .to_string();
    Ok(Launch {
        part: Part::Registry,
        java: java.to_owned(),
        arguments: strings(&QUICK)
            .chain(strings(&["-Xmx256m", "-jar", &jar]))
            .collect(),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        log: folder.join("registry.log"),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        proxied: None,
        security: None,
    })
}

fn class_path(jars: &Path) -> String {
    jars.join("*").display().to_string()
}

fn strings<'a>(texts: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    texts.iter().map(|text| (*text).to_owned())
}

/// `$JAVA_HOME/bin/java`, or `java` on the path, if it is new enough.
fn find_java() -> Result<PathBuf, StackError> {
    let java = env::var_os("JAVA_HOME")
        .map(|home| PathBuf::from(home).join("bin/java"))
        .filter(|java| java.exists())
        .unwrap_or_else(|| PathBuf::from("java"));
    let asked = Command::new(&java)
        .arg("-version")
        .stdin(Stdio::null())
        .output();
    let version = asked
        .ok()
        .and_then(|output| java_version(&String::from_utf8_lossy(&output.stderr)));
    match version {
        Some(version) if version >= JAVA_VERSION => Ok(java),
        Some(version) => Err(StackError::failed(
            "looking for Java",
            format!("this one is version {version}, {JAVA_VERSION} is needed"),
        )),
        None => Err(StackError::failed(
            "looking for Java",
            "there is no `java` on the path",
        )),
    }
}

/// The major version in what `java -version` prints, such as 17 in `openjdk version "17.0.15" 2025-04-15`.
fn java_version(printed: &str) -> Option<u32> {
    let quoted = printed.split('"').nth(1)?;
    quoted
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_tells_its_version() {
        assert_eq!(
            java_version("openjdk version \"17.0.15\" 2025-04-15\n"),
            Some(17)
        );
        assert_eq!(
            java_version("openjdk version \"21\" 2023-09-19 LTS"),
            Some(21)
        );
        assert_eq!(java_version("java version \"1.8.0_401\""), Some(1));
        assert_eq!(java_version("sh: java: not found"), None);
    }
}
