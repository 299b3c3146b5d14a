//! Definitions of other people's resources, as their operators bring them: files of YAML, one for each kind.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::unittest::module;
use crate::{
    python::succeed,
    stack::{
        StackError,
        artifacts::{Artifact, copy_dependencies},
    },
};

const STRIMZI: Artifact = Artifact {
    folder: "strimzi-api-0.51.0",
    title: "Strimzi's API 0.51.0 (31 MB) through Maven",
    fetch: generate,
};
const PROMETHEUS: Artifact = Artifact {
    folder: "prometheus-operator-0.85.0",
    title: "the definitions of the Prometheus operator 0.85.0 (4 MB) through Go",
    fetch: |folder| {
        copy(
            folder,
            "github.com/prometheus-operator/prometheus-operator@v0.85.0",
            "example/prometheus-operator-crd",
            &["podmonitors", "prometheusrules", "servicemonitors"]
                .map(|kind| format!("monitoring.coreos.com_{kind}.yaml")),
        )
    },
};
const EXTERNAL_SECRETS: Artifact = Artifact {
    folder: "external-secrets-0.16.2",
    title: "the definitions of the External Secrets Operator 0.16.2 (20 MB) through Go",
    fetch: |folder| {
        copy(
            folder,
            "github.com/external-secrets/external-secrets@v0.16.2",
            "config/crds/bases",
            &["external-secrets.io_externalsecrets.yaml".to_owned()],
        )
    },
};

/// Strimzi publishes classes, and the generator that makes definitions of them; it has not published later ones of it.
const STRIMZI_POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>strimzi</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.strimzi</groupId>
      <artifactId>api</artifactId>
      <version>0.51.0</version>
    </dependency>
    <dependency>
      <groupId>io.strimzi</groupId>
      <artifactId>crd-generator</artifactId>
      <version>0.45.0</version>
    </dependency>
  </dependencies>
</project>
"#;

/// The folder with `KafkaTopic` and `KafkaUser`.
///
/// # Errors
///
/// When they cannot be fetched, or there is no Java.
pub fn strimzi() -> Result<PathBuf, StackError> {
    STRIMZI.folder()
}

/// The folder with `PodMonitor`, `PrometheusRule` and `ServiceMonitor`.
///
/// # Errors
///
/// When they cannot be fetched, or there is no Go.
pub fn prometheus() -> Result<PathBuf, StackError> {
    PROMETHEUS.folder()
}

/// The folder with `ExternalSecret`.
///
/// # Errors
///
/// When it cannot be fetched, or there is no Go.
pub fn external_secrets() -> Result<PathBuf, StackError> {
    EXTERNAL_SECRETS.folder()
}

fn generate(folder: &Path) -> Result<(), StackError> {
    let (jars, content) = (folder.join("jars"), folder.join("content"));
    copy_dependencies(folder, STRIMZI_POM, &jars)?;
    fs::create_dir(&content).map_err(StackError::io("generate Strimzi's definitions"))?;
    let definition = |class: &str, file: &str| {
        format!(
            "io.strimzi.api.kafka.model.{class}={}",
            content.join(file).display()
        )
    };
    let arguments = [
        "-cp".to_owned(),
        jars.join("*").display().to_string(),
        "io.strimzi.crdgenerator.CrdGenerator".to_owned(),
        "--target-kube".to_owned(),
        "1.25+".to_owned(),
        "--crd-api-version".to_owned(),
        "v1".to_owned(),
        definition("topic.KafkaTopic", "kafkatopics.yaml"),
        definition("user.KafkaUser", "kafkausers.yaml"),
    ];
    succeed(Path::new("java"), &arguments, folder)
}

fn copy(folder: &Path, name: &str, below: &str, files: &[String]) -> Result<(), StackError> {
    let content = folder.join("content");
    fs::create_dir(&content).map_err(StackError::io("copy definitions"))?;
    let source = module(name)?.join(below);
    for file in files {
        let text = fs::read(source.join(file)).map_err(StackError::io("read a definition"))?;
        fs::write(content.join(file), text).map_err(StackError::io("copy definitions"))?;
    }
    Ok(())
}
