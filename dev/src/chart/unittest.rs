//! helm-unittest, and Go, in which it is written.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{
    python::succeed,
    stack::{StackError, artifacts::Artifact},
};

/// A module as `go mod download -json` tells it.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "Dir", default)]
    folder: PathBuf,
    #[serde(rename = "Error", default)]
    error: String,
}

const UNITTEST: Artifact = Artifact {
    folder: "helm-unittest-1.1.2",
    title: "helm-unittest 1.1.2, and building it (some minutes)",
    fetch: build,
};

/// Whether this machine can build what is written in Go.
#[must_use]
pub fn has_go() -> bool {
    let asked = Command::new("go")
        .arg("version")
        .stdin(Stdio::null())
        .output();
    asked.is_ok_and(|told| told.status.success())
}

/// The program helm-unittest, which is built from its module's source.
///
/// # Errors
///
/// When there is no Go, or it cannot be built.
pub fn helm_unittest() -> Result<PathBuf, StackError> {
    Ok(UNITTEST.folder()?.join("helm-unittest"))
}

/// The folder of a module's source, which may not be written to.
pub(super) fn module(name: &str) -> Result<PathBuf, StackError> {
    let told = Command::new("go")
        .args(["mod", "download", "-json", name])
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .map_err(StackError::io("run Go"))?;
    let module: Module = serde_json::from_slice(&told.stdout)
        .map_err(|error| StackError::failed(format!("asking Go for {name}"), error.to_string()))?;
    if told.status.success() {
        return Ok(module.folder);
    }
    Err(StackError::failed(
        format!("downloading {name}"),
        module.error,
    ))
}

/// `go install` refuses a module that replaces another: its folder is copied, and built as a module of one's own.
fn build(folder: &Path) -> Result<(), StackError> {
    let source = module("github.com/helm-unittest/helm-unittest@v1.1.2")?;
    fs::create_dir(folder.join("content")).map_err(StackError::io("build helm-unittest"))?;
    let script = r#"
        set -e
        cp -r "$1" "$2/source"
        chmod -R u+w "$2/source"
        cd "$2/source"
        GOTOOLCHAIN=auto go build -trimpath -ldflags="-s -w" -o "$2/content/helm-unittest" ./cmd/helm-unittest
    "#;
    let folders = [&source, folder].map(|folder| folder.display().to_string());
    let arguments = [&["-c", script, "build"].map(str::to_owned)[..], &folders].concat();
    succeed(Path::new("sh"), &arguments, folder)
}
