//! From Connect's connector that reads a file to ours: the table that says what stands for what.

use serde_json::{Map, Value, json};

use super::{
    client::{Answer, Body, Headers},
    transcript::Exchange,
};

/// The class, by each of its names, the longest first.
const CLASSES: &[&str] = &[
    "org.apache.kafka.connect.file.FileStreamSourceConnector",
    "FileStreamSourceConnector",
    "FileStreamSource",
];
const CLASS: &str = "OnePasswordEventsSource";

/// What every configuration has besides: one task, which looks often.
const ADDED: &[(&str, &str)] = &[("streams", "signinattempts"), ("poll.interval.ms", "1000")];

/// Settings, theirs and ours. The path of the file and those that mean nothing stand for any setting that is kept as it
/// is, for ours refuses what it does not know.
const SETTINGS: &[(&str, &str)] = &[
    ("topic", "onepassword.token"),
    ("batch.size", "page.limit"),
    ("file", "producer.override.file"),
    ("x", "producer.override.x"),
    ("z", "producer.override.z"),
    ("n", "producer.override.n"),
    ("b", "producer.override.b"),
    ("flag", "producer.override.flag"),
    ("ratio", "producer.override.ratio"),
    ("new.key", "producer.override.new.key"),
    ("not.there", "producer.override.not.there"),
];

/// The topics, each of which stands for the reference to the token.
const TOPICS: &[&str] = &[
    "golden",
    "golden2",
    "golden-f",
    "golden-is",
    "golden-n",
    "other",
];

/// What makes a task fail, and stands for the reference to a token that is refused.
const FAILING: &[&str] = &["/etc/passwd/x", "bad topic!"];

/// Files, each of which stands for a stream.
const STREAMS: &[(&str, &str)] = &[
    ("/var/lib/connect/data/in.txt", "signinattempts"),
    ("/no/such/file", "itemusages"),
    ("/other", "auditevents"),
];

/// The ends of the file. Any other place in it stands for as many seconds after the epoch.
const ENDS: &[u64] = &[29, 58];

/// A setting's default.
const DEFAULT: (&str, &str, &str) = ("batch.size", "2000", "1000");

/// Words of messages. The list of connectors is cut off in the recording, and one message names a Java exception.
const WORDS: &[(&str, &str)] = &[
    (
        "connectors are: ",
        "connectors are: OnePasswordEventsSource",
    ),
    ("org.apache.kafka.connect.errors.ConnectException: ", ""),
    ("\"topic\"", "\"onepassword.token\""),
    ("configuration topic", "configuration onepassword.token"),
    ("configuration batch.size", "configuration page.limit"),
];

/// How a message begins that has all settings in it.
const CONFIG: &str = "Connector config {";

/// What stands for what in one scene.
#[derive(Debug)]
pub(super) struct Mapping {
    /// The reference to the token.
    pub(super) token: String,
    /// The reference to a token that 1Password refuses.
    pub(super) refused: String,
    /// Where events go.
    pub(super) topic: String,
}

// === impl Mapping ===

impl Mapping {
    /// The body of a request: a text, for it need not be JSON.
    pub(super) fn request(&self, theirs: &str) -> String {
        let added = ADDED.iter().fold(String::new(), |text, (name, value)| {
            text + &format!(", \"{name}\": \"{value}\"")
        });
        let mut text = theirs.to_owned();
        if theirs.contains("\"offsets\"") {
            text = offsets(text);
        }
        for class in CLASSES {
            let pair = |class: &str| format!("\"connector.class\": \"{class}\"");
            text = text.replace(&pair(class), &(pair(CLASS) + &added));
        }
        for (theirs, ours) in SETTINGS {
            text = text.replace(&format!("\"{theirs}\": "), &format!("\"{ours}\": "));
        }
        let fails = FAILING.iter().any(|failing| theirs.contains(failing));
        for topic in TOPICS.iter().chain(FAILING) {
            let pair = |value: &str| format!("\"onepassword.token\": \"{value}\"");
            text = text.replace(&pair(topic), &pair(self.reference(fails)));
        }
        text
    }

    /// The answer that ours should give.
    pub(super) fn answer(&self, theirs: &Exchange) -> Answer {
        let headers: Vec<_> = theirs.answer_headers.iter().collect();
        let header = |name: &str| {
            let header = headers
                .iter()
                .find(|(own, _)| own.eq_ignore_ascii_case(name));
            header.map(|(_, value)| value.as_str())
        };
        let text = theirs.text.as_deref().unwrap_or_default();
        let json = theirs.answer.clone();
        Answer {
            status: theirs.status,
            headers: Headers::of(header),
            body: json.map_or_else(|| Body::of(text), |json| Body::Json(self.value(json))),
        }
    }

    fn value(&self, theirs: Value) -> Value {
        match theirs {
            Value::Object(members) if members.contains_key("connector.class") => {
                self.config(members)
            }
            Value::Object(members) if members.contains_key("filename") => partition(&members),
            Value::Object(members) if members.contains_key("position") => offset(&members),
            Value::Object(members) => {
                let mapped = members.into_iter().map(|(name, value)| match value {
                    Value::Array(topics) if name == "topics" => (name, self.topics(&topics)),
                    other => (name, self.value(other)),
                });
                Value::Object(self.setting(mapped.collect()))
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::String(text) => Value::String(worded(&text)),
            other => other,
        }
    }

    fn config(&self, theirs: Map<String, Value>) -> Value {
        let fails = theirs
            .values()
            .any(|value| FAILING.iter().any(|failing| value == failing));
        let is_ours = theirs["connector.class"]
            .as_str()
            .is_some_and(|class| CLASSES.contains(&class));
        let added = ADDED
            .iter()
            .filter(|_| is_ours)
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        let mapped = theirs.into_iter().map(|(name, value)| {
            let value = match &value {
                Value::String(topic) if name == "topic" && is_topic(topic) => {
                    self.reference(fails).into()
                }
                Value::String(class) if name == "connector.class" => named(class).into(),
                _ => value,
            };
            (setting(&name), value)
        });
        mapped.chain(added).collect()
    }

    /// One setting as it is declared or judged.
    fn setting(&self, mut theirs: Map<String, Value>) -> Map<String, Value> {
        let name = theirs.get("name").and_then(Value::as_str);
        let Some(name) = name.filter(|_| theirs.contains_key("errors") || is_definition(&theirs))
        else {
            return theirs;
        };
        let (own, (with_default, default, our_default)) = (name.to_owned(), DEFAULT);
        theirs.insert("name".to_owned(), setting(&own).into());
        if own == with_default && theirs.get("value") == Some(&default.into()) {
            theirs.insert("value".to_owned(), our_default.into());
        }
        if own == "topic" {
            if let Some(kind) = theirs.get_mut("type") {
                *kind = "PASSWORD".into();
            }
            if let Some(Value::String(topic)) = theirs.get_mut("value")
                && is_topic(topic)
            {
                self.token.clone_into(topic);
            }
        }
        theirs
    }

    fn topics(&self, theirs: &[Value]) -> Value {
        let ours = theirs.iter().map(|_| Value::from(self.topic.as_str()));
        ours.collect()
    }

    fn reference(&self, fails: bool) -> &str {
        if fails { &self.refused } else { &self.token }
    }
}

/// The body of a request that alters offsets.
fn offsets(mut text: String) -> String {
    for (file, stream) in STREAMS {
        let pair = |file: &str| format!("\"filename\": \"{file}\"");
        text = text.replace(&pair(file), &format!("\"stream\": \"{stream}\""));
    }
    for seconds in 0..10_u64 {
        let pair = |end: &str| format!("\"position\": {seconds}{end}");
        for end in ["}", ","] {
            let time = format!("\"start_time\": \"{}\"{end}", time(seconds));
            text = text.replace(&pair(end), &time);
        }
    }
    text.replace("\"filename\": ", "\"stream\": ")
        .replace("\"position\": ", "\"start_time\": ")
}

fn partition(theirs: &Map<String, Value>) -> Value {
    let file = &theirs["filename"];
    let stream = STREAMS.iter().find(|(own, _)| file == own);
    json!({ "stream": stream.map_or_else(|| file.clone(), |(_, stream)| (*stream).into()) })
}

fn offset(theirs: &Map<String, Value>) -> Value {
    match theirs["position"].as_u64() {
        Some(end) if ENDS.contains(&end) => json!({ "cursor": "*" }),
        place => json!({ "start_time": time(place.unwrap()) }),
    }
}

fn time(seconds: u64) -> String {
    format!("1970-01-01T00:00:{seconds:02}Z")
}

/// Whether it declares a setting.
pub(super) fn is_definition(members: &Map<String, Value>) -> bool {
    members.contains_key("importance")
}

/// Whether a pair of a message, such as `streams=auditevents`, is one that only ours has.
pub(super) fn is_added(pair: &str) -> bool {
    ADDED
        .iter()
        .any(|(name, value)| pair == format!("{name}={value}"))
}

fn is_topic(text: &str) -> bool {
    TOPICS.contains(&text) || FAILING.contains(&text)
}

fn setting(theirs: &str) -> String {
    let known = SETTINGS.iter().find(|(name, _)| *name == theirs);
    known.map_or(theirs, |(_, ours)| ours).to_owned()
}

/// A text with our name of the class, such as the target of a request.
pub(super) fn named(theirs: &str) -> String {
    CLASSES
        .iter()
        .fold(theirs.to_owned(), |text, class| text.replace(class, CLASS))
}

fn worded(theirs: &str) -> String {
    let text = WORDS.iter().fold(named(theirs), |text, (theirs, ours)| {
        text.replace(theirs, ours)
    });
    let pairs = text
        .strip_prefix(CONFIG)
        .and_then(|rest| rest.split_once('}'));
    let Some((pairs, rest)) = pairs else {
        return text;
    };
    let mapped = pairs.split(", ").map(|pair| match pair.split_once('=') {
        Some(("topic", _)) => "onepassword.token=[hidden]".to_owned(),
        Some((name, value)) => format!("{}={value}", setting(name)),
        None => pair.to_owned(),
    });
    format!("{CONFIG}{}}}{rest}", mapped.collect::<Vec<_>>().join(", "))
}
