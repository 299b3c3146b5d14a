//! What the chart says twice is the same in both places. `UPDATE_CHART=1` writes the schema anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    process::Command,
};

use onepassword_kafka::config::schema::{self, Property};
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::Value;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/onepassword-kafka");

/// What follows in values.schema.json is made of the program's settings.
const BEGIN: &str = "\n  \"definitions\": ";

/// A longer line is broken where it can be.
const WIDTH: usize = 120;

#[test]
fn the_schema_of_values_is_that_of_the_settings() {
    let path = format!("{CHART}/values.schema.json");
    let text = fs::read_to_string(&path).unwrap();
    let (by_hand, _) = text.split_once(BEGIN).expect("the definitions begin");
    let definitions = schema::definitions(&librdkafkas_properties());
    let expected = format!("{by_hand}{BEGIN}{}\n}}\n", shown(&definitions.into(), 2));
    if env::var_os("UPDATE_CHART").is_some() {
        fs::write(path, expected).unwrap();
        return;
    }
    assert!(
        text == expected,
        "values.schema.json has other settings than the program: UPDATE_CHART=1 cargo test --test chart"
    );
}

#[test]
fn each_value_has_a_schema_and_is_written_out() {
    let text = fs::read_to_string(format!("{CHART}/values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut declared = names_of(&schema);
    // A parent chart's, which have no defaults here.
    declared.retain(|name| !["enabled", "global"].contains(&name.as_str()));
    let values = fs::read_to_string(format!("{CHART}/values.yaml")).unwrap();
    let written = &Yaml::load_from_str(&values).unwrap()[0];
    let written = written.as_mapping().unwrap().keys();
    let written: BTreeSet<_> = written
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(written, declared);
}

#[test]
fn the_chart_is_of_this_version() {
    let chart = fs::read_to_string(format!("{CHART}/Chart.yaml")).unwrap();
    let version = concat!("appVersion: ", env!("CARGO_PKG_VERSION"));
    assert!(
        chart.lines().any(|line| line == version),
        "Chart.yaml lacks {version}"
    );
}

fn names_of(schema: &Value) -> BTreeSet<String> {
    schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

/// What librdkafka's documentation has, but for what takes no text.
fn librdkafkas_properties() -> Vec<Property> {
    let documentation = fs::read_to_string(librdkafka().join("CONFIGURATION.md")).unwrap();
    let rows = documentation
        .lines()
        .filter(|line| line.contains(" | ") && !line.starts_with("Property "));
    let kinds = rows.filter_map(|row| {
        let name = row.split(' ').next()?;
        let (_, kind) = row.split_once("*Type: ")?;
        let (kind, _) = kind.split_once('*')?;
        let takes_text = !["see dedicated API", "pointer"].contains(&kind);
        (takes_text && name != "builtin.features").then(|| (name.to_owned(), kind.to_owned()))
    });
    // Some stand there twice, for all clients and for a topic.
    let kinds: BTreeMap<_, _> = kinds.collect();
    assert!(
        kinds.len() > 100,
        "only {} properties were found",
        kinds.len()
    );
    kinds
        .into_iter()
        .map(|(name, kind)| Property { name, kind })
        .collect()
}

/// The librdkafka that the program is built with.
fn librdkafka() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value =
        serde_json::from_slice(&metadata.stdout).expect("cargo tells what the program is made of");
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages
        .find(|package| package["name"] == "rdkafka-sys")
        .unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().join("librdkafka")
}

/// A value as JSON: on one line where it fits.
fn shown(value: &Value, indent: usize) -> String {
    let line = value.to_string();
    let (open, close, items): (_, _, Vec<_>) = match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!(
                    "{}: {}",
                    Value::from(name.as_str()),
                    shown(value, indent + 2)
                )
            };
            ('{', '}', members.iter().map(member).collect())
        }
        Value::Array(items) => (
            '[',
            ']',
            items.iter().map(|item| shown(item, indent + 2)).collect(),
        ),
        _ => return line,
    };
    let one = format!("{open}{}{close}", items.join(", "));
    if indent > 4 && !one.contains('\n') && indent + one.chars().count() <= WIDTH
        || items.is_empty()
    {
        return one;
    }
    let begin = format!("\n{}", " ".repeat(indent + 2));
    let end = " ".repeat(indent);
    format!(
        "{open}{begin}{}\n{end}{close}",
        items.join(&format!(",{begin}"))
    )
}
