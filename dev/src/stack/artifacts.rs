//! Other people's programs, fetched once through their registries and kept in the user's cache folder.
//!
//! An artifact's folder is named after its version and appears by one rename, complete or not at all. A file lock lets
//! one process fetch while others that want the same wait for it.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::{StackError, progress::Progress};
use crate::process::{Process, Scratch, last_lines};

/// Something that can be fetched.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// The name of its folder in the cache: a name and a version.
    pub(crate) folder: &'static str,
    /// What it is and where from, for people.
    pub(crate) title: &'static str,
    /// Makes it, as `content` in a folder.
    pub(crate) fetch: fn(&Path) -> Result<(), StackError>,
}

/// Apache Kafka's broker with its dependencies: a folder of jars.
pub(crate) const KAFKA: Artifact = Artifact {
    folder: "kafka-4.1.0",
    title: "Apache Kafka 4.1.0 (54 MB) through Maven",
    fetch: fetch_kafka,
};

/// Kafka's own tools that are beside the broker.
pub(crate) const TOOLS: Artifact = Artifact {
    folder: "kafka-tools-4.1.0",
    title: "Apache Kafka's tools 4.1.0 (1 MB) through Maven",
    fetch: |folder| copy(folder, "org.apache.kafka:kafka-tools:4.1.0", "content"),
};

/// Apicurio Registry, unpacked.
pub(super) const REGISTRY: Artifact = Artifact {
    folder: "apicurio-registry-3.0.9",
    title: "Apicurio Registry 3.0.9 (109 MB) through Maven",
    fetch: fetch_registry,
};

const REGISTRY_COORDINATES: &str = "io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all";

/// Where Maven's plugin leaves what [`REGISTRY_COORDINATES`] names.
const REGISTRY_ARCHIVE: &str = "apicurio-registry-app-3.0.9-all.tar.gz";

/// The broker's own dependencies, and the logging backend that its distribution adds to them.
const KAFKA_POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>4.1.0</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
"#;

/// Copies the dependencies of a pom. The version is fixed so that every machine copies alike.
const COPY_DEPENDENCIES: &str =
    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Copies one artifact. Versions 3 ask for its parent's pom as well, which Apicurio has not published.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy";

/// A slow line needs its time; a dead one ends earlier, by Maven's own timeouts.
pub(crate) const DOWNLOAD_TIMEOUT: Duration = Duration::from_mins(30);

// === impl Artifact ===

impl Artifact {
    /// The artifact's folder in the cache, after fetching it if it is not there yet. May block for minutes.
    pub(crate) fn folder(&self) -> Result<PathBuf, StackError> {
        let cache = cache()?;
        let target = cache.join(self.folder);
        if target.is_dir() {
            return Ok(target);
        }
        let _lock = alone()?;
        if target.is_dir() {
            return Ok(target);
        }
        let progress = Progress::begin(&format!("downloading {}, once", self.title));
        let scratch = Scratch::new_in(&cache).map_err(StackError::io("use the cache folder"))?;
        (self.fetch)(scratch.path())?;
        fs::rename(scratch.path().join("content"), &target)
            .map_err(StackError::io("keep the download"))?;
        progress.done(&format!("downloaded {}", self.title));
        Ok(target)
    }
}

fn fetch_kafka(folder: &Path) -> Result<(), StackError> {
    copy_dependencies(folder, KAFKA_POM, &folder.join("content"))
}

/// Copies what `pom` depends on to `target`; `folder` is for what is needed meanwhile.
pub(crate) fn copy_dependencies(folder: &Path, pom: &str, target: &Path) -> Result<(), StackError> {
    fs::write(folder.join("pom.xml"), pom).map_err(StackError::io("write a pom"))?;
    maven(
        folder,
        &[
            "-f".to_owned(),
            folder.join("pom.xml").display().to_string(),
            COPY_DEPENDENCIES.to_owned(),
            format!("-DoutputDirectory={}", target.display()),
        ],
    )
}

fn fetch_registry(folder: &Path) -> Result<(), StackError> {
    copy(folder, REGISTRY_COORDINATES, "")?;
    let content = folder.join("content");
    fs::create_dir(&content).map_err(StackError::io("unpack the registry"))?;
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(folder.join(REGISTRY_ARCHIVE))
        .arg("-C")
        .arg(&content)
        .stdin(Stdio::null())
        .output()
        .map_err(StackError::io("run tar"))?;
    if unpacked.status.success() {
        return Ok(());
    }
    let detail = String::from_utf8_lossy(&unpacked.stderr).trim().to_owned();
    Err(StackError::failed("unpacking the registry", detail))
}

/// Copies one artifact to `target` in `folder`.
fn copy(folder: &Path, coordinates: &str, target: &str) -> Result<(), StackError> {
    maven(
        folder,
        &[
            COPY.to_owned(),
            format!("-Dartifact={coordinates}"),
            format!("-DoutputDirectory={}", folder.join(target).display()),
        ],
    )
}

/// Runs Maven; `folder` is for its log.
pub(crate) fn maven(folder: &Path, arguments: &[String]) -> Result<(), StackError> {
    let log = folder.join("maven.log");
    let mut all = ["-B", "-ntp", "-Dstyle.color=never"]
        .map(str::to_owned)
        .to_vec();
    all.extend_from_slice(arguments);
    let run =
        Process::start(Path::new("mvn"), &all, &[], &log).map_err(StackError::io("run Maven"))?;
    match run.ended_within(DOWNLOAD_TIMEOUT) {
        Some(status) if status.success() => Ok(()),
        Some(status) if status.code() == Some(127) => Err(StackError::failed(
            "downloading through Maven",
            "there is no `mvn` on the path",
        )),
        _ => Err(StackError::failed(
            "downloading through Maven",
            last_lines(&log),
        )),
    }
}

/// `$XDG_CACHE_HOME/onepassword-kafka`, or the same below `~/.cache`.
fn cache() -> Result<PathBuf, StackError> {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir);
    let cache = base.join("onepassword-kafka");
    fs::create_dir_all(&cache).map_err(StackError::io("create the cache folder"))?;
    Ok(cache)
}

/// Waits until nobody else fetches anything. Held until the returned file is dropped.
pub(crate) fn alone() -> Result<File, StackError> {
    let path = cache()?.join("lock");
    let lock = || {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(StackError::io("lock the cache folder"))
}
