//! Programs in Python, each fetched once into an environment of its own in the user's cache folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use crate::{
    process::{Process, Scratch, last_lines},
    stack::{
        StackError,
        artifacts::{Artifact, DOWNLOAD_TIMEOUT},
        blocking,
    },
};

/// A package of the Python Package Index.
#[derive(Debug)]
pub struct Package(Artifact);

/// How a program has ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it has succeeded.
    pub status: ExitStatus,
    /// All that it has printed.
    pub printed: String,
}

/// A tester that asks an API for what its `OpenAPI` document promises.
pub const SCHEMATHESIS: Package = Package(Artifact {
    folder: "schemathesis-4.32.5",
    title: "schemathesis 4.32.5 from PyPI",
    fetch: |folder| install(folder, &["schemathesis==4.32.5", "hypothesis==6.170.17"]),
});

/// Confluent's client of Kafka, and its deserializer of Avro.
pub const CONFLUENT: Package = Package(Artifact {
    folder: "confluent-kafka-2.16.1",
    title: "confluent-kafka 2.16.1 from PyPI",
    fetch: |folder| install(folder, &["confluent-kafka[avro,schemaregistry]==2.16.1"]),
});

/// A client of Kafka Connect.
pub const KAFKA_CONNECT: Package = Package(Artifact {
    folder: "kafka-connect-py-1.0.0",
    title: "kafka-connect-py 1.0.0 from PyPI",
    fetch: |folder| install(folder, &["kafka-connect-py==1.0.0"]),
});

/// Kubernetes' own schemas, and what judges objects by them.
pub const KUBERNETES_VALIDATE: Package = Package(Artifact {
    folder: "kubernetes-validate-1.37.0",
    title: "kubernetes-validate 1.37.0 (22 MB) from PyPI",
    fetch: |folder| {
        install(
            folder,
            &[
                "kubernetes-validate==1.37.0",
                "jsonschema==4.25.1",
                "PyYAML==6.0.3",
            ],
        )
    },
});

/// What a machine must have for this.
const NEEDED: &str = "python3 with its module venv is needed: on Debian the package python3-venv";

// === impl Package ===

impl Package {
    /// Runs Python to its end, in a folder of its own. The first run fetches the package.
    ///
    /// # Errors
    ///
    /// When the package cannot be fetched, or the program does not end in time.
    pub async fn run(
        &'static self,
        arguments: Vec<String>,
        patience: Duration,
    ) -> Result<Ended, StackError> {
        blocking(move || self.run_blocking(&arguments, patience)).await
    }

    /// Where its Python is; the first call fetches the package, and blocks.
    pub(crate) fn python(&self) -> Result<PathBuf, StackError> {
        Ok(self.0.folder()?.join("bin/python"))
    }

    fn run_blocking(&self, arguments: &[String], patience: Duration) -> Result<Ended, StackError> {
        let python = self.python()?;
        let scratch = Scratch::new_in(&std::env::temp_dir())
            .map_err(StackError::io("make a temporary folder"))?;
        let there = [scratch.path(), &python].map(|path| path.display().to_string());
        let shell = ["-c", r#"cd "$0" && exec "$@""#].map(str::to_owned);
        let all = [&shell, &there, arguments].concat();
        let log = scratch.path().join("log");
        let status = ended(Path::new("sh"), &all, &log, patience)?;
        let printed = fs::read(&log).map_err(StackError::io("read what Python has printed"))?;
        Ok(Ended {
            status,
            printed: String::from_utf8_lossy(&printed).into_owned(),
        })
    }
}

/// Makes an environment with `packages`. It is moved afterwards, so only its `bin/python` can be started.
pub(crate) fn install(folder: &Path, packages: &[&str]) -> Result<(), StackError> {
    let content = folder.join("content");
    let venv = ["-m", "venv"].map(str::to_owned).into_iter();
    let venv: Vec<String> = venv.chain([content.display().to_string()]).collect();
    succeed(Path::new("python3"), &venv, folder)
        .map_err(|error| StackError::failed(NEEDED, error.to_string()))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let pip: Vec<String> = pip
        .iter()
        .chain(packages)
        .map(ToString::to_string)
        .collect();
    succeed(&content.join("bin/python"), &pip, folder)
}

pub(crate) fn succeed(
    program: &Path,
    arguments: &[String],
    folder: &Path,
) -> Result<(), StackError> {
    let log = folder.join("log");
    let status = ended(program, arguments, &log, DOWNLOAD_TIMEOUT)?;
    if status.success() {
        return Ok(());
    }
    Err(StackError::failed(arguments.join(" "), last_lines(&log)))
}

pub(crate) fn ended(
    program: &Path,
    arguments: &[String],
    log: &Path,
    patience: Duration,
) -> Result<ExitStatus, StackError> {
    let process =
        Process::start(program, arguments, &[], log).map_err(StackError::io("run a program"))?;
    process
        .ended_within(patience)
        .ok_or_else(|| StackError::failed("a program does not end", process.last_lines()))
}
