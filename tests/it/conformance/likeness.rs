//! When two answers are the same: apart from what changes from run to run, from the order of what has none, and from what
//! only one of the two workers can have.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    client::{Answer, Body},
    mapping::{is_added, is_definition},
};

/// Members that tell one worker from another.
const OWN: &[&str] = &["version", "worker_id"];
/// Members of a status that only this worker has.
const NOTED: &[&str] = &["notes"];
/// Members of an offset beside the place to read on from.
const BESIDE: &[&str] = &[
    "events_total",
    "last_event_time",
    "last_event_uuid",
    "updated_at",
];

/// Brings both into the form in which they can be compared.
pub(super) fn align(theirs: &mut Answer, ours: &mut Answer, volatile: &[String]) {
    for answer in [&mut *theirs, &mut *ours] {
        if let Body::Json(value) = &mut answer.body {
            for pointer in volatile {
                if let Some(value) = value.pointer_mut(pointer) {
                    *value = "*".into();
                }
            }
            tidy(value);
        }
    }
    if let (Body::Json(theirs), Body::Json(ours)) = (&mut theirs.body, &mut ours.body) {
        share(theirs, ours);
        share(ours, theirs);
    }
}

/// Where two values differ, as JSON pointers, with what is there in each.
pub(super) fn differences(theirs: &Value, ours: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    compare(Some(theirs), Some(ours), "", &mut found);
    found
}

fn compare(
    theirs: Option<&Value>,
    ours: Option<&Value>,
    at: &str,
    found: &mut Vec<(String, String, String)>,
) {
    match (theirs, ours) {
        (Some(Value::Object(theirs)), Some(Value::Object(ours))) => {
            let names: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
            for name in names {
                let at = format!("{at}/{name}");
                compare(theirs.get(name), ours.get(name), &at, found);
            }
        }
        (Some(Value::Array(theirs)), Some(Value::Array(ours))) if theirs.len() == ours.len() => {
            for (number, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                compare(Some(theirs), Some(ours), &format!("{at}/{number}"), found);
            }
        }
        _ if theirs == ours => {}
        _ => {
            let text = |value: Option<&Value>| value.map_or("-".to_owned(), Value::to_string);
            found.push((at.to_owned(), text(theirs), text(ours)));
        }
    }
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for own in OWN.iter().chain(NOTED).chain(BESIDE) {
                members.remove(*own);
            }
            if let Some(cursor) = members.get_mut("cursor") {
                *cursor = "*".into();
            }
            if members.contains_key("error_count") {
                members.remove("groups");
            }
            if members.contains_key("errors") {
                members.remove("recommended_values");
            }
            if is_definition(members) {
                declare(members);
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => {
            for item in &mut *items {
                judged(item);
                tidy(item);
            }
            items.sort_by_key(order);
        }
        Value::String(text) => *text = paired(text),
        _ => {}
    }
}

/// Of a declaration, the name and the type can be the same; of the rest, that it is there.
fn declare(members: &mut Map<String, Value>) {
    for (name, value) in members {
        if !["name", "type"].contains(&name.as_str()) {
            *value = "*".into();
        }
    }
}

/// Of a setting that was judged, the judgement.
fn judged(item: &mut Value) {
    if let Value::Object(members) = item
        && members.contains_key("value")
        && members.len() == 2
    {
        members.remove("definition");
    }
}

/// Lists of texts, of settings and of offsets have no order; all others stay as they are.
fn order(item: &Value) -> String {
    let stream = || item.pointer("/partition/stream")?.as_str();
    let text = item.as_str().or_else(|| name(item)).or_else(stream);
    text.unwrap_or_default().to_owned()
}

/// Lists of settings keep those that both have, configurations of tasks the members that both have.
fn share(one: &mut Value, other: &Value) {
    match (one, other) {
        (Value::Array(items), Value::Array(others)) => {
            let names: BTreeSet<_> = others.iter().filter_map(name).collect();
            items.retain(|item| name(item).is_none_or(|name| names.contains(name)));
            for (item, other) in items.iter_mut().zip(others) {
                if is_task(item) && is_task(other) {
                    keep(&mut item["config"], &other["config"]);
                }
            }
        }
        (Value::Object(members), Value::Object(others)) => {
            for (name, member) in members {
                if let Some(other) = others.get(name) {
                    share(member, other);
                }
            }
        }
        _ => {}
    }
}

fn keep(config: &mut Value, other: &Value) {
    if let Value::Object(members) = config {
        members.retain(|name, _| other.get(name).is_some());
    }
}

fn is_task(item: &Value) -> bool {
    item.pointer("/id/task").is_some() && item.get("config").is_some()
}

/// Which setting it is that a list declares or judges.
fn name(item: &Value) -> Option<&str> {
    let setting = item.get("value").or_else(|| {
        let members = item.as_object()?;
        is_definition(members).then_some(item)
    });
    setting?.get("name")?.as_str()
}

/// A message with the pairs between braces, if it has any, in the order of the alphabet.
fn paired(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else {
        return text.to_owned();
    };
    let Some((pairs, after)) = rest.split_once("} ") else {
        return text.to_owned();
    };
    let mut pairs: Vec<_> = pairs.split(", ").filter(|pair| !is_added(pair)).collect();
    pairs.sort_unstable();
    format!("{before}{{{}}} {after}", pairs.join(", "))
}
