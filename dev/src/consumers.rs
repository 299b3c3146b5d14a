//! Programs that read topics, each run as its user would run it: in Python, in Java, and with kcat and Kafka's own tools.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    process::{Process, Scratch, last_lines},
    python::Package,
    stack::{
        StackError,
        artifacts::{Artifact, KAFKA, TOOLS, copy_dependencies},
        blocking,
    },
};

/// A program that has been started. Dropping it kills it.
#[derive(Debug)]
pub struct Consumer {
    process: Process,
    folder: Scratch,
}

/// Libraries of Java, as a project of Maven names them.
#[derive(Debug)]
pub struct Libraries(Artifact);

/// What the example in Java depends on.
pub const APICURIO: Libraries = Libraries(Artifact {
    folder: "apicurio-serde-3.1.7",
    title: "Apicurio's deserializer 3.1.7 (33 MB) through Maven",
    fetch: |folder| {
        let pom = include_str!("../../examples/consume/java/pom.xml");
        copy_dependencies(folder, pom, &folder.join("content"))
    },
});

/// The scripts of Kafka's distribution that are wanted, and what they run.
const SCRIPTS: [(&str, &str); 2] = [
    (
        "kafka-console-consumer.sh",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
    ),
    (
        "kafka-consumer-groups.sh",
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    ),
];

/// How often is looked at what a program has printed.
const LOOK: Duration = Duration::from_millis(50);
/// How long an orderly end may take: a consumer leaves its group.
const END: Duration = Duration::from_secs(20);

// === impl Consumer ===

impl Consumer {
    /// Runs a program in Python, with a package that is fetched first where that is necessary.
    ///
    /// # Errors
    ///
    /// When the package cannot be fetched, or there is no Python.
    pub async fn python(package: &'static Package, program: String) -> Result<Self, StackError> {
        blocking(move || {
            let python = package.python()?.display().to_string();
            let folder = folder(&[("consumer.py", &program)])?;
            Self::start(folder, &[&python, "consumer.py"])
        })
        .await
    }

    /// Runs a program in Java, which is one file of one class.
    ///
    /// # Errors
    ///
    /// When the libraries cannot be fetched, or there is no JDK.
    pub async fn java(libraries: &'static Libraries, program: String) -> Result<Self, StackError> {
        blocking(move || {
            let jars = libraries.0.folder()?.join("*").display().to_string();
            let folder = folder(&[("Consumer.java", &program)])?;
            Self::start(folder, &["java", "-cp", &jars, "Consumer.java"])
        })
        .await
    }

    /// Runs a script of the shell, for which Kafka's own scripts are on the path.
    ///
    /// # Errors
    ///
    /// When Kafka's tools cannot be fetched.
    pub async fn shell(script: String) -> Result<Self, StackError> {
        blocking(move || {
            let class_path = [KAFKA.folder()?, TOOLS.folder()?]
                .map(|jars| jars.join("*").display().to_string())
                .join(":");
            let folder = folder(&[("script", &script)])?;
            for (name, class) in SCRIPTS {
                let run = format!("#!/bin/sh\nexec java -cp '{class_path}' {class} \"$@\"\n");
                let path = folder.path().join(name);
                fs::write(&path, run)
                    .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
                    .map_err(StackError::io("write a script"))?;
            }
            Self::start(folder, &["sh", "-e", "script"])
        })
        .await
    }

    fn start(folder: Scratch, command: &[&str]) -> Result<Self, StackError> {
        let there = folder.path().display().to_string();
        let run = ["-c", r#"cd "$0" && exec "$@" >printed 2>errors"#, &there];
        let path = env::var("PATH").unwrap_or_default();
        let environment = [("PATH".to_owned(), format!("{there}:{path}"))];
        let arguments: Vec<_> = run.iter().chain(command).map(ToString::to_string).collect();
        // Where the shell says how the program was ended.
        let log = folder.path().join("log");
        let process = Process::start(Path::new("sh"), &arguments, &environment, &log)
            .map_err(StackError::io("run a consumer"))?;
        Ok(Self { process, folder })
    }

    /// Waits until it has printed `count` lines. It may have printed more.
    ///
    /// # Errors
    ///
    /// When it ends before, or does not print as many in time.
    pub async fn lines(&self, count: usize, patience: Duration) -> Result<Vec<String>, StackError> {
        let until = Instant::now() + patience;
        loop {
            let ended = self.process.ended_within(Duration::ZERO);
            let lines = lines(&self.folder);
            if lines.len() >= count {
                return Ok(lines);
            }
            if ended.is_some() || Instant::now() > until {
                return Err(self.failed(&format!("a consumer prints {} lines", lines.len())));
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until it ends by itself, and returns the lines that it has printed.
    ///
    /// # Errors
    ///
    /// When it fails, or does not end in time.
    pub async fn ended(self, patience: Duration) -> Result<Vec<String>, StackError> {
        blocking(move || match self.process.ended_within(patience) {
            Some(status) if status.success() => Ok(lines(&self.folder)),
            Some(status) => Err(self.failed(&format!("a consumer ends with {status}"))),
            None => Err(self.failed("a consumer does not end")),
        })
        .await
    }

    /// Asks it to end, as `kill` does, waits for it, and returns all lines that it has printed.
    ///
    /// # Errors
    ///
    /// When the runtime is shut down meanwhile.
    pub async fn end(self) -> Result<Vec<String>, StackError> {
        blocking(move || {
            self.process.stop(END);
            Ok(lines(&self.folder))
        })
        .await
    }

    fn failed(&self, what: &str) -> StackError {
        StackError::failed(what, last_lines(&self.folder.path().join("errors")))
    }
}

/// The complete lines of what has been printed so far.
fn lines(folder: &Scratch) -> Vec<String> {
    // It is not there before the program has begun.
    let printed = fs::read(folder.path().join("printed")).unwrap_or_default();
    let text = String::from_utf8_lossy(&printed);
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete.lines().map(str::to_owned).collect()
}

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> Result<Scratch, StackError> {
    let folder =
        Scratch::new_in(&env::temp_dir()).map_err(StackError::io("make a temporary folder"))?;
    for (name, text) in files {
        fs::write(folder.path().join(name), text).map_err(StackError::io("write a program"))?;
    }
    Ok(folder)
}
