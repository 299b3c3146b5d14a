//! What Helm makes of the chart.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use onepassword_kafka_dev::chart::Helm;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

/// Where the chart is.
pub(crate) const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/onepassword-kafka");

/// The least that has to be set, with one secret.
pub(crate) const MINIMAL: &str = "\
image: {repository: registry.example.com/onepassword-kafka}
config:
  group.id: onepassword
  kafka.bootstrap.servers: kafka:9092
  schema.registry.url: http://registry:8081
  connectors:
    acme: {onepassword.token: '${file:/run/secrets/acme}'}
secrets:
  acme: {secretName: onepassword-acme, key: token}
";

/// The values files that show how the chart is used.
pub(crate) fn examples() -> Vec<PathBuf> {
    let files = fs::read_dir(format!("{CHART}/examples")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10, "only {} examples were found", files.len());
    files
}

/// All manifests as one text, or what Helm says against it.
pub(crate) fn render(helm: Helm, values: &[&Path]) -> Result<String, String> {
    let mut arguments = vec!["template", "release", CHART, "--namespace", "events"];
    for values in values {
        arguments.extend(["--values", values.to_str().unwrap()]);
    }
    let ended = helm.run(&arguments).unwrap();
    if ended.status.success() {
        return Ok(String::from_utf8(ended.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&ended.stderr).into_owned())
}

/// Likewise with values that stand in the test.
pub(crate) fn render_text(helm: Helm, values: &str) -> Result<String, String> {
    let file = tempfile(values);
    let rendered = render(helm, &[&file]);
    fs::remove_file(file).unwrap();
    rendered
}

/// What stands in a text of YAML, each of its documents.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents = Yaml::load_from_str(text).unwrap();
    documents
        .iter()
        .map(json)
        .filter(|document| !document.is_null())
        .collect()
}

/// The worker's file.
pub(crate) fn workers_file(rendered: &str) -> String {
    let mut files = documents(rendered).into_iter().filter_map(|manifest| {
        let file = manifest["data"]["worker.yaml"].as_str()?;
        Some(file.to_owned())
    });
    files.next().expect("there is a worker's file")
}

/// How `check --offline` ends for a worker's file, and what it says.
pub(crate) fn check(file: &str) -> Result<String, String> {
    let path = tempfile(file);
    let ended = Command::new(env!("CARGO_BIN_EXE_onepassword-kafka"))
        .args(["check", "--offline", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    fs::remove_file(path).unwrap();
    if ended.status.success() {
        return Ok(String::from_utf8(ended.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&ended.stderr).into_owned())
}

/// A file with this text, of which nobody else has the name.
pub(crate) fn tempfile(text: &str) -> PathBuf {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("chart-{}-{number}.yaml", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Boolean(boolean)) => Value::from(*boolean),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(members) => {
            let member = |(name, value): (&Yaml<'_>, &Yaml<'_>)| {
                (name.as_str().unwrap().to_owned(), json(value))
            };
            Value::Object(members.iter().map(member).collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}
