//! Packages of npm, each fetched once into the user's cache folder.

use std::{fs, path::Path, time::Duration};

use crate::{
    process::{Scratch, last_lines},
    python::ended,
    stack::{StackError, artifacts::Artifact, blocking},
};

/// Packages of npm.
#[derive(Debug)]
pub struct Packages(Artifact);

/// `AsyncAPI`'s own parser, with its knowledge of Avro.
pub const ASYNCAPI: Packages = Packages(Artifact {
    folder: "asyncapi-parser-3.6.6",
    title: "AsyncAPI's parser 3.6.6 (55 MB) from npm",
    fetch: |folder| {
        install(
            folder,
            &[
                "@asyncapi/parser@3.6.6",
                "@asyncapi/avro-schema-parser@3.1.0",
            ],
        )
    },
});

/// A slow line needs its time.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_mins(10);
/// Longer than any script takes.
const PATIENCE: Duration = Duration::from_mins(2);

// === impl Packages ===

impl Packages {
    /// Runs a module that may import the packages to its end, and returns what it prints.
    ///
    /// # Errors
    ///
    /// When the packages cannot be fetched, or the module fails.
    pub async fn run(&'static self, module: &str, argument: &str) -> Result<String, StackError> {
        let (module, argument) = (module.to_owned(), argument.to_owned());
        blocking(move || self.run_blocking(&module, argument)).await
    }

    fn run_blocking(&self, module: &str, argument: String) -> Result<String, StackError> {
        let packages = self.0.folder()?;
        let scratch = Scratch::new_in(&std::env::temp_dir())
            .map_err(StackError::io("make a temporary folder"))?;
        // A module looks for packages beside itself.
        let file = scratch.path().join("module.mjs");
        fs::write(&file, module)
            .and_then(|()| {
                let there = scratch.path().join("node_modules");
                std::os::unix::fs::symlink(packages.join("node_modules"), there)
            })
            .map_err(StackError::io("write a module"))?;
        let log = scratch.path().join("log");
        succeed(
            "node",
            &[file.display().to_string(), argument],
            &log,
            PATIENCE,
        )?;
        fs::read_to_string(&log).map_err(StackError::io("read what Node has printed"))
    }
}

fn install(folder: &Path, packages: &[&str]) -> Result<(), StackError> {
    let content = folder.join("content").display().to_string();
    let npm = [
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        &content,
    ];
    let arguments: Vec<_> = npm
        .iter()
        .chain(packages)
        .map(ToString::to_string)
        .collect();
    fs::create_dir(&content).map_err(StackError::io("make a folder"))?;
    succeed("npm", &arguments, &folder.join("log"), DOWNLOAD_TIMEOUT)
}

fn succeed(
    program: &str,
    arguments: &[String],
    log: &Path,
    patience: Duration,
) -> Result<(), StackError> {
    let status = ended(Path::new(program), arguments, log, patience)?;
    if status.success() {
        return Ok(());
    }
    Err(StackError::failed(program, last_lines(log)))
}
