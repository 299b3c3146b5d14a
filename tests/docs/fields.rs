//! The fields of events, as the schemas have them.

use std::{env, fmt::Write, fs, ops::Range};

use onepassword_kafka::{avro, event::Stream};
use serde_json::Value;

/// A schema's fields as rows of a table.
#[derive(Default)]
struct Table {
    rows: String,
    /// Names of records, each with the field that has its rows.
    records: Vec<(String, String)>,
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/topics-and-schemas.md");
const BEGIN: &str = "<!-- fields -->\n";
const END: &str = "<!-- /fields -->";

// === impl Table ===

impl Table {
    fn of(schema: &Value) -> Self {
        let mut table = Self::default();
        table.fields("", schema);
        table
    }

    /// The rows of a record's fields, which stand below `parent`.
    fn fields(&mut self, parent: &str, record: &Value) {
        for field in record["fields"].as_array().unwrap() {
            let path = format!("{parent}{}", text(&field["name"]));
            let (kind, inner) = self.kind(&path, &field["type"]);
            let doc = text(&field["doc"]).replace('|', "\\|");
            writeln!(self.rows, "| `{path}` | {kind} | {doc} |").unwrap();
            if let Some(inner) = inner {
                self.fields(&format!("{path}."), inner);
            }
        }
    }

    /// What a type is called, and the record that is declared here.
    fn kind<'s>(&mut self, path: &str, schema: &'s Value) -> (String, Option<&'s Value>) {
        match schema {
            Value::Array(branches) => {
                let [null, branch] = branches.as_slice() else {
                    panic!("{path} has {} branches", branches.len());
                };
                assert_eq!(null, "null", "{path} begins with another branch");
                let (kind, inner) = self.kind(path, branch);
                (format!("{kind} or null"), inner)
            }
            Value::String(name) => {
                let known = self.records.iter().find(|(record, _)| record == name);
                let kind = known.map_or_else(
                    || name.clone(),
                    |(record, first)| format!("{record}, with the fields of `{first}`"),
                );
                (kind, None)
            }
            Value::Object(_) => match text(&schema["type"]) {
                "record" => {
                    let name = text(&schema["name"]).to_owned();
                    self.records.push((name.clone(), path.to_owned()));
                    (name, Some(schema))
                }
                "map" => (format!("map of {}", text(&schema["values"])), None),
                simple => {
                    let logical = text(&schema["logicalType"]);
                    (format!("{simple} ({logical})"), None)
                }
            },
            other => panic!("{path} has the type {other}"),
        }
    }
}

#[test]
fn the_fields_are_those_of_the_schemas() {
    let mut page = fs::read_to_string(PAGE).unwrap();
    let section = section(&page);
    if env::var_os("UPDATE_README").is_some() {
        page.replace_range(section, &reference());
        fs::write(PAGE, page).unwrap();
        return;
    }
    assert!(
        page[section] == reference(),
        "docs/topics-and-schemas.md has other fields than the schemas: UPDATE_README=1 cargo test --test docs"
    );
}

/// Every field of every schema has one row, however deep it is.
#[test]
fn no_field_is_left_out() {
    for stream in Stream::ALL {
        let schema = avro::schema(stream);
        let table = Table::of(&serde_json::from_str(schema).unwrap());
        let docs = schema.matches("\"doc\": ").count() - 1;
        let records = schema.matches("\"type\": \"record\"").count() - 1;
        assert_eq!(table.rows.lines().count(), docs - records, "{stream}");
        let columns = |row: &str| row.replace("\\|", "").matches('|').count();
        assert!(table.rows.lines().all(|row| columns(row) == 4), "{stream}");
    }
}

fn reference() -> String {
    Stream::ALL.map(chapter).join("\n")
}

fn chapter(stream: Stream) -> String {
    let schema: Value = serde_json::from_str(avro::schema(stream)).unwrap();
    format!(
        "### `onepassword.{stream}`\n\n\
         {doc} In Avro it is `{namespace}.{name}`, [schemas/{stream}.avsc](../schemas/{stream}.avsc).\n\n\
         | field | type | meaning |\n| --- | --- | --- |\n{rows}",
        doc = text(&schema["doc"]),
        namespace = text(&schema["namespace"]),
        name = text(&schema["name"]),
        rows = Table::of(&schema).rows,
    )
}

fn section(page: &str) -> Range<usize> {
    let begin = page.find(BEGIN).expect("the section begins") + BEGIN.len();
    begin..page.find(END).expect("the section ends")
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}
