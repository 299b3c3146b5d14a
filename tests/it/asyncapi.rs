//! docs/asyncapi.yaml is what is in the topics.

use std::{fs, path::Path};

use onepassword_kafka::{
    event,
    kafka::TopicSettings,
    setting::{Mistakes, Values},
};
use onepassword_kafka_dev::{admin::Admin, node::ASYNCAPI, reader::Message, simulator::Stream};
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Value, json};

use crate::scene::{ACCOUNT, Scene, metrics};

/// The document, as JSON.
struct Document(Value);

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/asyncapi.yaml");
const DEAD_LETTERS: &str = "deadletters";

// === impl Document ===

impl Document {
    fn read() -> Self {
        let text = fs::read_to_string(PATH).unwrap();
        Self(json_of(&Yaml::load_from_str(&text).unwrap()[0]))
    }

    /// What is at a JSON Pointer.
    fn at(&self, pointer: &str) -> &Value {
        let found = self.0.pointer(pointer);
        found.unwrap_or_else(|| panic!("there is no {pointer}"))
    }

    /// What a reference leads to.
    fn behind(&self, node: &Value) -> &Value {
        let reference = node["$ref"].as_str().unwrap();
        self.at(reference.strip_prefix('#').unwrap())
    }

    /// A channel's only message.
    fn message(&self, channel: &str) -> &Value {
        let messages = self.at(&format!("/channels/{channel}/messages"));
        let mut all = messages.as_object().unwrap().values();
        let (message, more) = (all.next().unwrap(), all.next());
        assert_eq!(more, None, "{channel}");
        self.behind(message)
    }

    /// A record has the headers of the channel's message and no others, with what they may hold.
    fn has_the_headers_of(&self, channel: &str, record: &Message) {
        let schema = self.behind(&self.message(channel)["headers"]);
        let properties = schema["properties"].as_object().unwrap();
        let required = schema["required"].as_array().unwrap().iter();
        let said = [
            properties.keys().map(String::as_str).collect(),
            required.filter_map(Value::as_str).collect(),
        ];
        let written = record.headers.iter().map(|(name, _)| name.as_str());
        let written = sorted(written.collect());
        assert_eq!(said.map(sorted), [written.clone(), written], "{channel}");
        for (name, property) in properties {
            let value = json!(record.header(name).unwrap());
            let is_const = property.get("const").is_none_or(|only| *only == value);
            let is_one = property["enum"]
                .as_array()
                .is_none_or(|all| all.contains(&value));
            assert!(is_const && is_one, "{channel}: {name}: {value}");
        }
        let content = self.message(channel)["contentType"].as_str();
        assert_eq!(record.header("content-type"), content);
    }
}

#[test]
fn every_reference_of_the_asyncapi_document_leads_somewhere() {
    let document = Document::read();
    let mut references = Vec::new();
    collect_references(&document.0, &mut references);
    assert!(references.len() > 10, "only {references:?} were found");
    for reference in references {
        match reference.strip_prefix('#') {
            Some(pointer) => assert!(document.0.pointer(pointer).is_some(), "{reference}"),
            None => assert!(Path::new(FOLDER).join(reference).is_file(), "{reference}"),
        }
    }
    for stream in Stream::ALL {
        let payload = &document.message(&stream.to_string())["payload"];
        let schema = format!("../schemas/{stream}.avsc");
        assert_eq!(payload["schema"]["$ref"], schema);
    }
}

#[test]
fn the_asyncapi_document_has_the_topics_of_a_file_without_settings() {
    let document = Document::read();
    let mut mistakes = Mistakes::new();
    let topics = TopicSettings::parse(&Values::default(), &mut mistakes).unwrap();
    let events =
        event::Stream::ALL.map(|stream| (stream.name(), topics.events(stream), topics.partitions));
    for (channel, address, partitions) in
        events
            .into_iter()
            .chain([(DEAD_LETTERS, topics.dead_letters(), 1)])
    {
        let said = document.at(&format!("/channels/{channel}"));
        assert_eq!(said["address"], address);
        assert_eq!(
            said["bindings"]["kafka"]["partitions"], partitions,
            "{channel}"
        );
    }
    assert_eq!(document.at("/info/version"), env!("CARGO_PKG_VERSION"));
    let channels = document.at("/channels").as_object().unwrap();
    assert_eq!(channels.len(), 4);
}

#[tokio::test]
async fn the_asyncapi_document_describes_the_records_and_topics_of_a_worker() {
    let scene = Scene::start().await;
    scene.publish(20);
    let bad = json!({"uuid": "NOTIME"});
    scene.simulator.insert(ACCOUNT, Stream::AuditEvents, &bad);
    let worker = scene.worker();
    metrics(&worker, "all events, and a dead letter", |seen| {
        seen.sum("onepassword_dead_letters_total", &[]) >= 1.0
            && seen.sum("onepassword_events_total", &[]) >= 60.0
    })
    .await;
    let document = Document::read();
    let admin = Admin::new(&scene.bootstrap).unwrap();
    let events = Stream::ALL.map(|stream| stream.to_string());
    for channel in events.iter().map(String::as_str).chain([DEAD_LETTERS]) {
        let topic = scene.topic(channel);
        let records = scene.read(&topic).await;
        assert!(!records.is_empty(), "{channel}");
        for record in &records {
            document.has_the_headers_of(channel, record);
        }
        let configs = admin.topic_configs(&topic).await.unwrap();
        let said = document.at(&format!(
            "/channels/{channel}/bindings/kafka/topicConfiguration"
        ));
        for (name, value) in said.as_object().unwrap() {
            // A list has one element here.
            let value = value.get(0).unwrap_or(value);
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(configs.get(name), Some(&text), "{channel}: {name}");
        }
    }
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
#[ignore = "it needs Node and npm: cargo test --test it asyncapi -- --ignored"]
async fn asyncapis_own_parser_takes_the_document() {
    let parse = include_str!("asyncapi/parse.mjs");
    let said = ASYNCAPI.run(parse, PATH).await.unwrap();
    let addresses = ["signinattempts", "itemusages", "auditevents", DEAD_LETTERS];
    let addresses = addresses.map(|channel| format!("onepassword.{channel}\n"));
    assert_eq!(said, addresses.concat());
}

fn collect_references<'v>(node: &'v Value, found: &mut Vec<&'v str>) {
    match node {
        Value::Object(members) => {
            found.extend(node["$ref"].as_str());
            members
                .values()
                .for_each(|inner| collect_references(inner, found));
        }
        Value::Array(all) => all
            .iter()
            .for_each(|inner| collect_references(inner, found)),
        _ => {}
    }
}

fn json_of(node: &Yaml<'_>) -> Value {
    if let Some(members) = node.as_mapping() {
        let members = members
            .iter()
            .map(|(name, inner)| (name.as_str().unwrap().to_owned(), json_of(inner)));
        return Value::Object(members.collect());
    }
    if let Some(all) = node.as_sequence() {
        return all.iter().map(json_of).collect();
    }
    match node.as_integer() {
        Some(number) => json!(number),
        None => json!(node.as_str().unwrap()),
    }
}

fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names
}
