//! A writer's schema, as far as reading a record and showing it needs it.
//!
//! Any schema of Avro 1.12 is read, whoever has registered it. Logical types other than dates and instants are shown as
//! what they are encoded as, which the specification allows.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// A schema that records can be decoded with.
#[derive(Debug)]
pub struct Shape {
    pub(super) root: Type,
    /// What has a name, by number: a record may lie within itself.
    pub(super) named: Vec<Named>,
}

/// What a value is encoded as, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Whole(Meaning),
    Float,
    Double,
    Bytes,
    Text,
    List(Box<Self>),
    Map(Box<Self>),
    Union(Vec<Self>),
    Named(usize),
}

/// What a whole number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Number,
    /// Days since 1970.
    Date,
    /// So many parts of a second since 1970.
    Instant(i64),
}

/// What a schema gives a name to.
#[derive(Debug)]
pub(super) enum Named {
    Record(Vec<(String, Type)>),
    Enum(Vec<String>),
    Fixed(usize),
}

/// A text that is no schema, in words that do not quote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema {0}")]
pub struct ShapeError(&'static str);

/// A reading of a schema.
#[derive(Default)]
struct Parser {
    named: Vec<Option<Named>>,
    numbers: HashMap<String, usize>,
}

/// How deep a schema may be nested; `serde_json` reads no deeper ones.
const DEEPEST: usize = 128;
/// How many records deep a path leads.
const DEEPEST_PATH: usize = 8;

// === impl Shape ===

impl Shape {
    /// Reads a schema's JSON.
    ///
    /// # Errors
    ///
    /// When it is no schema.
    pub fn parse(text: &str) -> Result<Self, ShapeError> {
        let json = serde_json::from_str(text).map_err(|_| ShapeError("is no JSON"))?;
        let mut parser = Parser::default();
        let root = parser.read(&json, "", 0)?;
        let named = parser.named.into_iter().collect::<Option<_>>();
        Ok(Self {
            root,
            named: named.expect("what has got a number is read to its end"),
        })
    }

    /// The paths of all that a record has but records, each once and in the schema's order.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect(&self.root, "", 0, &mut paths);
        paths
    }

    fn collect(&self, of: &Type, path: &str, depth: usize, paths: &mut Vec<String>) {
        match of {
            // What lies within itself comes to an end somewhere.
            Type::Named(number) if depth < DEEPEST_PATH => {
                if let Named::Record(fields) = &self.named[*number] {
                    for (name, of) in fields {
                        let path = match path {
                            "" => name.clone(),
                            path => format!("{path}.{name}"),
                        };
                        self.collect(of, &path, depth + 1, paths);
                    }
                    return;
                }
            }
            Type::Union(branches) => {
                for of in branches.iter().filter(|of| **of != Type::Null) {
                    self.collect(of, path, depth, paths);
                }
                return;
            }
            _ => {}
        }
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }

    /// Whether a text that is shown lies in the encoded record as it is: nothing is shown in letters but texts.
    #[must_use]
    pub fn shows_what_is_there(&self) -> bool {
        is_plain(&self.root)
            && self.named.iter().all(|named| match named {
                Named::Record(fields) => fields.iter().all(|(_, of)| is_plain(of)),
                Named::Enum(_) | Named::Fixed(_) => false,
            })
    }
}

fn is_plain(of: &Type) -> bool {
    match of {
        Type::Null | Type::Whole(_) | Type::Float | Type::Double | Type::Text | Type::Named(_) => {
            true
        }
        Type::Boolean | Type::Bytes => false,
        Type::List(of) | Type::Map(of) => is_plain(of),
        Type::Union(branches) => branches.iter().all(is_plain),
    }
}

// === impl Parser ===

impl Parser {
    fn read(&mut self, json: &Value, space: &str, depth: usize) -> Result<Type, ShapeError> {
        if depth > DEEPEST {
            return Err(ShapeError("is nested too deep"));
        }
        match json {
            Value::String(name) => self.by_name(name, space),
            Value::Array(branches) => {
                let branches = branches.iter().map(|of| self.read(of, space, depth + 1));
                branches.collect::<Result<_, _>>().map(Type::Union)
            }
            Value::Object(members) => self.complex(members, space, depth),
            _ => Err(ShapeError("has a type that is none")),
        }
    }

    fn by_name(&self, name: &str, space: &str) -> Result<Type, ShapeError> {
        Ok(match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" | "long" => Type::Whole(Meaning::Number),
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::Text,
            _ => {
                let number = self.numbers.get(&full_name(name, space));
                Type::Named(*number.ok_or(ShapeError("names a type that it does not have"))?)
            }
        })
    }

    fn complex(
        &mut self,
        members: &Map<String, Value>,
        space: &str,
        depth: usize,
    ) -> Result<Type, ShapeError> {
        let of = |name: &str| {
            let of = members.get(name);
            of.ok_or(ShapeError("has a type without a member that it needs"))
        };
        let kind = of("type")?;
        match kind.as_str() {
            Some("array") => Ok(Type::List(
                self.read(of("items")?, space, depth + 1)?.into(),
            )),
            Some("map") => Ok(Type::Map(
                self.read(of("values")?, space, depth + 1)?.into(),
            )),
            Some("record" | "error") => self.record(members, of("fields")?, space, depth),
            Some("enum") => {
                let number = self.define(members, space)?.0;
                let symbols = of("symbols")?.as_array();
                let symbols = symbols.ok_or(ShapeError("has an enum without symbols"))?;
                let symbols = symbols.iter().filter_map(Value::as_str);
                let symbols = symbols.map(str::to_owned).collect();
                self.named[number] = Some(Named::Enum(symbols));
                Ok(Type::Named(number))
            }
            Some("fixed") => {
                let number = self.define(members, space)?.0;
                let size = of("size")?.as_u64().and_then(|size| size.try_into().ok());
                let size = size.ok_or(ShapeError("has a fixed type without a size"))?;
                self.named[number] = Some(Named::Fixed(size));
                Ok(Type::Named(number))
            }
            _ => {
                let logical = members.get("logicalType").and_then(Value::as_str);
                let of = self.read(kind, space, depth + 1)?;
                Ok(meant(of, logical.unwrap_or_default()))
            }
        }
    }

    fn record(
        &mut self,
        members: &Map<String, Value>,
        fields: &Value,
        space: &str,
        depth: usize,
    ) -> Result<Type, ShapeError> {
        let (number, space) = self.define(members, space)?;
        let fields = fields.as_array();
        let fields = fields.ok_or(ShapeError("has a record without fields"))?;
        let mut read = Vec::with_capacity(fields.len());
        for field in fields {
            let name = field.get("name").and_then(Value::as_str);
            let (Some(name), Some(of)) = (name, field.get("type")) else {
                return Err(ShapeError("has a field without a name or a type"));
            };
            read.push((name.to_owned(), self.read(of, &space, depth + 1)?));
        }
        self.named[number] = Some(Named::Record(read));
        Ok(Type::Named(number))
    }

    /// Gives a named type its number, before what is in it is read. The second is the namespace within it.
    fn define(
        &mut self,
        members: &Map<String, Value>,
        space: &str,
    ) -> Result<(usize, String), ShapeError> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let name = text("name").ok_or(ShapeError("has a type without a name"))?;
        let name = full_name(name, text("namespace").unwrap_or(space));
        let number = self.named.len();
        self.named.push(None);
        let space = name.rsplit_once('.').map_or("", |(space, _)| space);
        let space = space.to_owned();
        match self.numbers.insert(name, number) {
            None => Ok((number, space)),
            Some(_) => Err(ShapeError("has two types of one name")),
        }
    }
}

fn full_name(name: &str, space: &str) -> String {
    if space.is_empty() || name.contains('.') {
        return name.to_owned();
    }
    format!("{space}.{name}")
}

fn meant(of: Type, logical: &str) -> Type {
    if of != Type::Whole(Meaning::Number) {
        return of;
    }
    Type::Whole(match logical {
        "date" => Meaning::Date,
        "timestamp-millis" => Meaning::Instant(1_000),
        "timestamp-micros" => Meaning::Instant(1_000_000),
        "timestamp-nanos" => Meaning::Instant(1_000_000_000),
        _ => Meaning::Number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{avro::schema, event::Stream};

    #[test]
    fn our_own_schemas_are_read_and_show_what_is_there() {
        for stream in Stream::ALL {
            assert!(Shape::parse(schema(stream)).unwrap().shows_what_is_there());
        }
    }

    #[test]
    fn the_paths_lead_to_all_that_an_event_has() {
        let paths = Shape::parse(schema(Stream::AuditEvents)).unwrap().paths();
        assert_eq!(paths[..2], ["uuid", "timestamp"]);
        for path in [
            "actor_details.email",
            "aux_details.email",
            "location.latitude",
            "extra",
        ] {
            assert!(paths.iter().any(|known| known == path), "{path}");
        }
        let within_itself =
            r#"{"type": "record", "name": "r", "fields": [{"name": "r", "type": ["null", "r"]}]}"#;
        assert_eq!(
            Shape::parse(within_itself).unwrap().paths(),
            ["r.r.r.r.r.r.r.r"]
        );
    }

    #[test]
    fn an_enum_or_bytes_are_not_shown_as_they_lie_there() {
        for schema in [
            r#""boolean""#,
            r#"["null", "bytes"]"#,
            r#"{"type": "enum", "name": "e", "symbols": ["A"]}"#,
            r#"{"type": "record", "name": "r", "fields": [{"name": "f", "type": {"type": "fixed", "name": "x", "size": 2}}]}"#,
        ] {
            assert!(
                !Shape::parse(schema).unwrap().shows_what_is_there(),
                "{schema}"
            );
        }
    }

    #[test]
    fn what_is_no_schema_is_refused_without_quoting_it() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        for (schema, what) in [
            ("hidden", "no JSON"),
            ("7", "a type that is none"),
            (&deep, "a type that is none"),
            (r#""hidden""#, "does not have"),
            (r#"{"type": "array"}"#, "a member that it needs"),
            (r#"{"type": "record", "fields": []}"#, "without a name"),
            (
                r#"{"type": "record", "name": "r", "fields": [{"name": "hidden"}]}"#,
                "without a name or a type",
            ),
            (
                r#"[{"type": "fixed", "name": "hidden", "size": 1}, {"type": "fixed", "name": "hidden", "size": 1}]"#,
                "two types",
            ),
        ] {
            let error = Shape::parse(schema).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
