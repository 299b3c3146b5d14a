//! Records as a table that spreadsheets read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    connector::{Record, columns},
    event::Stream,
};

/// Which columns there are.
pub(super) struct Table {
    /// Of what an event has, each a path.
    columns: Vec<String>,
}

const FIRST: [&str; 6] = [
    "stream",
    "kafka.topic",
    "kafka.partition",
    "kafka.offset",
    "kafka.timestamp",
    "kafka.key",
];
/// What has no column of its own, and why there is nothing.
const LAST: [&str; 2] = ["other", "unreadable"];

// === impl Table ===

impl Table {
    /// One for events of these streams.
    pub(super) fn new(streams: &[Stream]) -> Self {
        Self {
            columns: columns(streams),
        }
    }

    pub(super) fn head(&self) -> Vec<u8> {
        let columns = self.columns.iter().map(String::as_str);
        line(FIRST.into_iter().chain(columns).chain(LAST))
    }

    pub(super) fn row(&self, record: &Record) -> Vec<u8> {
        let value = record.value.as_ref();
        let value = value.and_then(|json| serde_json::from_str(json.get()).ok());
        let (mut cells, mut other) = (BTreeMap::new(), BTreeMap::new());
        self.spread("", value.unwrap_or_default(), &mut cells, &mut other);
        let mut row = vec![
            record.stream.to_string(),
            record.topic.clone(),
            record.partition.to_string(),
            record.offset.to_string(),
            record.timestamp.to_string(),
            record.key.clone().unwrap_or_default(),
        ];
        row.extend(
            self.columns
                .iter()
                .map(|column| cells.remove(column).unwrap_or_default()),
        );
        row.push(if other.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&other).unwrap_or_default()
        });
        row.push(record.unreadable.clone().unwrap_or_default());
        line(row.iter().map(String::as_str))
    }

    /// A row that is no record.
    pub(super) fn remark(&self, words: &str) -> Vec<u8> {
        let empty = FIRST.len() + self.columns.len() + LAST.len() - 2;
        let cells = std::iter::repeat_n("", empty);
        line(cells.chain(["", words]))
    }

    fn spread(
        &self,
        path: &str,
        value: Value,
        cells: &mut BTreeMap<String, String>,
        other: &mut BTreeMap<String, Value>,
    ) {
        if self.columns.iter().any(|column| column == path) {
            cells.insert(path.to_owned(), shown(value));
            return;
        }
        match value {
            Value::Null => {}
            Value::Object(members) => {
                for (name, member) in members {
                    let path = match path {
                        "" => name,
                        path => format!("{path}.{name}"),
                    };
                    self.spread(&path, member, cells, other);
                }
            }
            value => {
                other.insert(path.to_owned(), value);
            }
        }
    }
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Object(members) if members.is_empty() => String::new(),
        value => value.to_string(),
    }
}

fn line<'c>(cells: impl Iterator<Item = &'c str>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer
        .write_record(cells.map(harmless))
        .expect("memory takes all that is written");
    writer
        .into_inner()
        .expect("memory takes all that is written")
}

/// What a spreadsheet would take for a formula becomes a text (OWASP, "CSV Injection"). A negative number stays one.
fn harmless(cell: &str) -> String {
    const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if cell.starts_with(FORMULA) && cell.parse::<f64>().is_err() {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    fn record(value: &Value) -> Record {
        Record {
            stream: Stream::ItemUsages,
            topic: "t.itemusages".to_owned(),
            partition: 1,
            offset: 7,
            timestamp: "2026-11-25T10:00:00Z".parse().unwrap(),
            key: Some("U".to_owned()),
            headers: Vec::new(),
            value: Some(to_raw_value(value).unwrap()),
            unreadable: None,
            raw: None,
        }
    }

    fn cells(row: &[u8]) -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(row);
        let row = reader.records().next().unwrap().unwrap();
        row.iter().map(str::to_owned).collect()
    }

    #[test]
    fn each_value_is_below_its_name_and_what_is_new_is_kept() {
        let table = Table::new(&[Stream::ItemUsages]);
        let head = cells(&table.head());
        let row = cells(&table.row(&record(&json!({
            "uuid": "E",
            "user": {"name": "Zoë, \"Z\"\nMüller", "shoe_size": 38},
            "location": {"latitude": -43.5},
            "used_version": 0,
            "extra": {"/a": "1"},
        }))));
        assert_eq!(head.len(), row.len());
        let cell = |name: &str| &*row[head.iter().position(|column| column == name).unwrap()];
        for (name, value) in [
            ("stream", "itemusages"),
            ("kafka.offset", "7"),
            ("uuid", "E"),
            ("user.name", "Zoë, \"Z\"\nMüller"),
            ("location.latitude", "-43.5"),
            ("location.city", ""),
            ("used_version", "0"),
            ("extra", "{\"/a\":\"1\"}"),
            ("other", "{\"user.shoe_size\":38}"),
        ] {
            assert_eq!(cell(name), value, "{name}");
        }
        let remark = cells(&table.remark("there may be more"));
        assert_eq!(
            (remark.len(), &*remark[remark.len() - 1]),
            (head.len(), "there may be more")
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        let table = Table::new(&[Stream::ItemUsages]);
        for name in ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1"] {
            let row = cells(&table.row(&record(&json!({"user": {"name": name}}))));
            assert!(row.contains(&format!("'{name}")), "{row:?}");
        }
    }
}
