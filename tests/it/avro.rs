//! What the encoder writes, against an independent reader and the schemas that are published.

use std::{collections::BTreeMap, fs, path::Path};

use apache_avro::{
    Schema,
    reader::datum::GenericDatumReader,
    schema_compatibility::{Compatibility, SchemaCompatibility},
    types::Value as Datum,
};
use onepassword_kafka::{
    avro::{Shape, decode, encode::encode, schema},
    event::{Event, Origin, Stream},
};
use proptest::{collection, option, prelude::*, test_runner::TestCaseResult};
use serde_json::{Map, Value, json, value::RawValue};

fn parsed(json: &str) -> Schema {
    Schema::parse_str(json).unwrap()
}

fn origin() -> Origin {
    Origin {
        connector: "acme".to_owned(),
        account_uuid: None,
    }
}

/// The item's record: as it was encoded, and as Avro's own reader decodes it.
fn round_trip(stream: Stream, item: &str) -> (Value, Value) {
    let (origin, item) = (origin(), serde_json::from_str::<&RawValue>(item).unwrap());
    let event = Event::read(stream, item, &origin).unwrap();
    let mut bytes = Vec::new();
    encode(&event, &mut bytes).unwrap();
    let schema = parsed(schema(stream));
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let mut rest = bytes.as_slice();
    let datum = reader.read_value(&mut rest).unwrap();
    assert!(rest.is_empty(), "{} bytes are left over", rest.len());
    let written = serde_json::to_value(&event).unwrap();
    assert_eq!(shown(stream, &bytes), readable(written.clone()));
    (written, plain(datum))
}

/// The record as a search shows it.
fn shown(stream: Stream, bytes: &[u8]) -> Value {
    let shape = Shape::parse(schema(stream)).unwrap();
    serde_json::to_value(decode(&shape, bytes).unwrap()).unwrap()
}

/// The same with a time that can be read.
fn readable(mut written: Value) -> Value {
    let micros = written["timestamp"].as_i64().unwrap();
    let time = jiff::Timestamp::from_microsecond(micros).unwrap();
    written["timestamp"] = json!(time.to_string());
    written
}

fn plain(datum: Datum) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Long(n) | Datum::TimestampMicros(n) => json!(n),
        Datum::Double(n) => json!(n),
        Datum::String(text) => Value::String(text),
        Datum::Union(_, datum) => plain(*datum),
        Datum::Map(entries) => entries
            .into_iter()
            .map(|(k, v)| (k, plain(v)))
            .collect::<Map<_, _>>()
            .into(),
        Datum::Record(fields) => fields
            .into_iter()
            .map(|(k, v)| (k, plain(v)))
            .collect::<Map<_, _>>()
            .into(),
        other => panic!("no event has {other:?}"),
    }
}

// === the reader agrees with the encoder ===

#[test]
fn hand_made_events_are_read_as_they_were_written() {
    let full_user = json!({"uuid": "U", "name": "Zoë 🦀", "email": "z@example.com", "user_type": "user", "user_account_uuid": "A"});
    let client = json!({"app_name": "a", "app_version": "1", "platform_name": "", "platform_version": "p",
                        "os_name": "o", "os_version": "v", "ip_address": "::1"});
    let location = json!({"country": "CA", "region": "ON", "city": "Toronto", "latitude": 43.5991, "longitude": -79});
    let session = json!({"uuid": "S", "login_time": "2024-01-01T00:00:00Z", "device_uuid": "d", "ip": "10.0.0.1"});
    let head = json!({"uuid": "E", "timestamp": "2024-12-02T11:54:21.24645983-03:00"});
    for (stream, fields) in [
        (Stream::SignInAttempts, json!({})),
        (
            Stream::SignInAttempts,
            json!({"session_uuid": "S", "category": "success", "type": "credentials_ok", "country": "FR",
                   "details": null, "target_user": full_user, "client": client, "location": location,
                   "account_uuid": "A", "new": {"deep": [1, null, "\n"]}}),
        ),
        (
            Stream::SignInAttempts,
            json!({"details": {"value": "Europe"}, "client": {"build": 7}}),
        ),
        (
            Stream::ItemUsages,
            json!({"used_version": 0, "vault_uuid": "v", "item_uuid": "i", "action": "reveal",
                   "user": full_user, "client": client, "location": location}),
        ),
        (
            Stream::ItemUsages,
            json!({"used_version": i64::MIN, "user": null, "client": "none"}),
        ),
        (
            Stream::AuditEvents,
            json!({"actor_uuid": "U", "actor_details": full_user, "actor_type": "user", "actor_account_uuid": "A",
                   "action": "join", "object_type": "gm", "object_uuid": "o", "object_details": full_user,
                   "aux_id": i64::MAX, "aux_uuid": "x", "aux_details": full_user, "aux_info": "{\"a\":1}",
                   "session": session, "location": location}),
        ),
    ] {
        let mut item = head.as_object().unwrap().clone();
        item.extend(fields.as_object().unwrap().clone());
        let (written, read) = round_trip(stream, &Value::from(item).to_string());
        assert_eq!(read, written, "{stream}");
    }
}

proptest! {
    #[test]
    fn no_sign_in_attempt_loses_a_value(item in item(Stream::SignInAttempts)) {
        nothing_is_lost(Stream::SignInAttempts, &item)?;
    }

    #[test]
    fn no_item_usage_loses_a_value(item in item(Stream::ItemUsages)) {
        nothing_is_lost(Stream::ItemUsages, &item)?;
    }

    #[test]
    fn no_audit_event_loses_a_value(item in item(Stream::AuditEvents)) {
        nothing_is_lost(Stream::AuditEvents, &item)?;
    }
}

/// Every leaf of the item is in its record: in its field, or in `extra`, at its own pointer or below an ancestor's.
fn nothing_is_lost(stream: Stream, item: &Value) -> TestCaseResult {
    let text = item.to_string();
    let (written, read) = round_trip(stream, &text);
    prop_assert_eq!(&read, &written);
    let item: Value = serde_json::from_str(&text).unwrap();
    prop_assert_eq!(lost(&item, &read), None, "{}: {}", text, read);
    Ok(())
}

/// The pointer of a leaf of the item that is not in the record.
pub(crate) fn lost(item: &Value, record: &Value) -> Option<String> {
    let mut leaves = Vec::new();
    collect_leaves(item, &mut String::new(), &mut leaves);
    let kept =
        |pointer: &str, leaf| in_field(record, pointer, leaf) || in_extra(record, pointer, leaf);
    leaves
        .into_iter()
        .find(|(pointer, leaf)| !kept(pointer, leaf))
        .map(|(pointer, _)| pointer)
}

fn collect_leaves<'v>(value: &'v Value, at: &mut String, leaves: &mut Vec<(String, &'v Value)>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(all) => all
            .iter()
            .enumerate()
            .map(|(n, v)| (n.to_string(), v))
            .collect(),
        _ => Vec::new(),
    };
    if children.is_empty() {
        leaves.push((at.clone(), value));
    }
    for (name, child) in children {
        let length = at.len();
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        collect_leaves(child, at, leaves);
        at.truncate(length);
    }
}

fn in_field(record: &Value, pointer: &str, leaf: &Value) -> bool {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let renamed = match (parent, name) {
        ("", "timestamp") => "timestamp_raw",
        ("", "timestamp_raw" | "connector" | "api_version" | "extra") => return false,
        ("", name) => name,
        (_, "type") => "user_type",
        ("/client", "ip") => "ip_address",
        (_, name) => name,
    };
    match record.pointer(&format!("{parent}/{renamed}")) {
        // A declared field that is null says as much as an absent one; an empty object says nothing more.
        Some(field) => {
            leaf.is_null()
                || same(leaf, field)
                || (field.is_object() && leaf.as_object().is_some_and(Map::is_empty))
        }
        None => false,
    }
}

/// Doubles hold integers, too; a double that prints differently from what was sent is not the same.
fn same(leaf: &Value, field: &Value) -> bool {
    let sent = leaf.to_string();
    leaf == field || field.as_f64().is_some_and(|n| n.to_string() == sent)
}

fn in_extra(record: &Value, pointer: &str, leaf: &Value) -> bool {
    record["extra"]
        .as_object()
        .unwrap()
        .iter()
        .any(|(at, json)| {
            let Some(below) = pointer.strip_prefix(at.as_str()) else {
                return false;
            };
            let kept: Value = serde_json::from_str(json.as_str().unwrap()).unwrap();
            kept.pointer(below) == Some(leaf)
        })
}

// === items as the API might send them one day ===

/// Items that have, of each field in the schema, the right value, null, any other JSON, or nothing, at every depth.
fn item(stream: Stream) -> impl Strategy<Value = Value> {
    let schema: Value = serde_json::from_str(schema(stream)).unwrap();
    let head = (
        "[A-Z0-9]{1,26}",
        "20[0-9]{2}-0[1-9]-1[0-9]T12:34:56(\\.[0-9]{1,9})?(Z|[+-]0[0-9]:30)",
    );
    (record(&schema), head).prop_map(|(mut item, (uuid, timestamp))| {
        item["uuid"] = uuid.into();
        item["timestamp"] = timestamp.into();
        item
    })
}

fn record(schema: &Value) -> BoxedStrategy<Value> {
    let fields = schema["fields"].as_array().unwrap().iter().map(|field| {
        let name = field["name"].as_str().unwrap().to_owned();
        let value =
            prop_oneof![6 => right(&field["type"]), 1 => Just(Value::Null), 1 => any_json()];
        option::weighted(0.8, value).prop_map(move |value| value.map(|value| (name.clone(), value)))
    });
    let unknown = prop_oneof![
        "[a-z]{1,8}",
        Just("type".to_owned()),
        Just("ip".to_owned()),
        ".{0,4}"
    ];
    let unknown = collection::btree_map(unknown, any_json(), 0..3);
    (fields.collect::<Vec<_>>(), unknown)
        .prop_map(|(fields, mut all)| {
            all.extend(fields.into_iter().flatten());
            Value::Object(all.into_iter().collect())
        })
        .boxed()
}

/// A value of an Avro type as the API writes it.
fn right(avro: &Value) -> BoxedStrategy<Value> {
    match avro {
        Value::Array(union) => right(&union[1]),
        Value::String(name) if name == "long" => any::<i64>().prop_map(Value::from).boxed(),
        Value::String(name) if name == "double" => prop_oneof![
            any::<f64>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from)
        ]
        .boxed(),
        Value::Object(record_type) if record_type["type"] == "record" => record(avro),
        _ => any::<String>().prop_map(Value::from).boxed(),
    }
}

fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            collection::btree_map(".{0,4}", inner, 0..3).prop_map(
                |members: BTreeMap<String, Value>| Value::Object(members.into_iter().collect())
            ),
        ]
    })
    .boxed()
}

// === the schemas may only grow ===

/// `FULL_TRANSITIVE` between two schemas: each reads what the other wrote, whatever it wrote.
fn are_compatible(one: &Schema, other: &Schema) -> bool {
    matches!(
        SchemaCompatibility::mutual_read(one, other),
        Ok(Compatibility::Full)
    )
}

#[test]
fn every_schema_reads_and_is_read_by_every_released_one() {
    for stream in Stream::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/released");
        let released: Vec<_> = fs::read_dir(folder.join(stream.name()))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!released.is_empty(), "{stream} has no released schema");
        for path in released {
            let old = parsed(&fs::read_to_string(&path).unwrap());
            assert!(
                are_compatible(&parsed(schema(stream)), &old),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn a_change_that_breaks_readers_is_found() {
    let current: Value = serde_json::from_str(schema(Stream::ItemUsages)).unwrap();
    let changed = |change: fn(&mut Vec<Value>)| {
        let mut schema = current.clone();
        change(schema["fields"].as_array_mut().unwrap());
        are_compatible(&parsed(&schema.to_string()), &parsed(&current.to_string()))
    };
    let addition = |fields: &mut Vec<Value>| {
        fields.push(json!({"name": "later", "type": ["null", "string"], "default": null}));
    };
    assert!(
        changed(addition),
        "a nullable field with a default may be added"
    );
    let breaking: [fn(&mut Vec<Value>); 5] = [
        |fields| fields.push(json!({"name": "later", "type": "string"})),
        |fields| fields.retain(|field| field["name"] != "connector"),
        |fields| fields[0]["type"] = "long".into(),
        |fields| fields[6]["type"] = json!(["null", "string"]),
        |fields| fields[6]["type"] = json!(["null", "long", "string"]),
    ];
    for (n, change) in breaking.into_iter().enumerate() {
        assert!(!changed(change), "change {n} is not found");
    }
}
