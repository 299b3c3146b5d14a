//! What somebody has written: flat names, each with its text and its line.

use std::{collections::BTreeMap, fmt};

use super::{Fault, Kind, Mistakes};
use crate::secret::{self, ExpandError, Reach};

/// The longest part of a value that a message quotes.
const QUOTED: usize = 80;

/// Settings as they were written, before anybody has judged them.
///
/// Its `Debug` form shows names and lines only, for values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, Value>);

/// One setting's text. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    text: String,
    origin: Origin,
    /// Its line in the file, where there is one.
    pub line: Option<usize>,
}

/// Where a value's text came from: only what was written in plain sight may be quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// It stands there as it is.
    Plain,
    /// It was read through references; this is what stands there.
    Reference(String),
    /// It could not be read, and that has been reported.
    Unreadable,
    /// Only the name stands there.
    Absent,
}

// === impl Values ===

impl Values {
    /// The value of `name`, where one is given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| value.is_given())
    }

    /// Sets `name`, and returns what stood there.
    pub fn insert(&mut self, name: String, value: Value) -> Option<Value> {
        self.0.insert(name, value)
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// All that are given, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0
            .iter()
            .filter(|(_, value)| value.is_given())
            .map(|(name, value)| (name.as_str(), value))
    }

    /// All names, also those without a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The line of `name`, where it has one.
    #[must_use]
    pub fn line(&self, name: &str) -> Option<usize> {
        self.0.get(name).and_then(|value| value.line)
    }

    /// Takes out all values whose names begin with `prefix`, and takes it off their names.
    #[must_use]
    pub fn split_off(&mut self, prefix: &str) -> Self {
        self.0
            .extract_if(.., |name, _| name.starts_with(prefix))
            .map(|(name, value)| (name[prefix.len()..].to_owned(), value))
            .collect()
    }

    /// Resolves the references in each text. A value that cannot be read is reported once, and reading it later fails
    /// silently.
    pub fn expand(&mut self, reach: &Reach, mistakes: &mut Mistakes) {
        for (name, value) in self.0.iter_mut().filter(|(_, value)| value.is_given()) {
            match secret::expand(&value.text, reach) {
                Ok(text) if text == value.text => {}
                Ok(text) => {
                    let written = std::mem::replace(&mut value.text, text);
                    value.origin = Origin::Reference(written);
                }
                Err(error) => {
                    let fault = match error {
                        ExpandError::Secret(_) => Fault::Machine,
                        _ => Fault::Text,
                    };
                    mistakes.blame(fault, name, value.line, error.to_string());
                    value.origin = Origin::Unreadable;
                }
            }
        }
    }
}

impl FromIterator<(String, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Values without lines, such as those of a request.
impl FromIterator<(String, String)> for Values {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        values
            .into_iter()
            .map(|(name, text)| (name, Value::new(text, None)))
            .collect()
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

// === impl Value ===

impl Value {
    /// A text that stands in `line`.
    #[must_use]
    pub const fn new(text: String, line: Option<usize>) -> Self {
        Self {
            text,
            origin: Origin::Plain,
            line,
        }
    }

    /// A name without a text in `line`.
    #[must_use]
    pub const fn absent(line: Option<usize>) -> Self {
        Self {
            text: String::new(),
            origin: Origin::Absent,
            line,
        }
    }

    /// The text; none where it could not be read, which has been reported already.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.origin {
            Origin::Plain | Origin::Reference(_) => Some(&self.text),
            Origin::Unreadable | Origin::Absent => None,
        }
    }

    fn is_given(&self) -> bool {
        self.origin != Origin::Absent
    }

    /// Whether messages may show the text itself.
    #[must_use]
    pub fn is_plain(&self, kind: Kind) -> bool {
        self.origin == Origin::Plain && kind != Kind::Password
    }

    /// The value as a message may show it: never a secret, never what a reference led to.
    #[must_use]
    pub fn shown(&self, kind: Kind) -> String {
        self.shown_part(kind, &self.text)
    }

    /// Likewise for `part` of the value.
    pub(super) fn shown_part(&self, kind: Kind, part: &str) -> String {
        match &self.origin {
            _ if kind == Kind::Password => "the value".to_owned(),
            Origin::Plain => quoted(part),
            Origin::Reference(written) => format!("the value of {}", plain(written)),
            Origin::Unreadable | Origin::Absent => "the value".to_owned(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "(line {line})"),
            None => f.write_str("…"),
        }
    }
}

/// Numbers as they are, other texts in quotes.
fn quoted(text: &str) -> String {
    if text.parse::<i128>().is_ok() {
        plain(text)
    } else {
        format!("'{}'", plain(text))
    }
}

/// On one line, not too much of it, and without the user and password that an address may have.
fn plain(text: &str) -> String {
    let text = match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}…{}", &text[..scheme + 3], &text[at..])
        }
        _ => text.to_owned(),
    };
    let line = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(QUOTED);
    let cut = text.chars().nth(QUOTED).map(|_| '…');
    line.chain(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Mistake, *};

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs
            .iter()
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    }

    #[test]
    fn messages_quote_what_was_written_and_nothing_else() {
        let value = Value::new("a\nb".to_owned(), None);
        assert_eq!(value.shown(Kind::String), "'a b'");
        assert_eq!(value.shown(Kind::Password), "the value");
        assert_eq!(Value::new("-5".to_owned(), None).shown(Kind::Int), "-5");
        let address = Value::new("https://me:hidden@host/a".to_owned(), None);
        assert_eq!(address.shown(Kind::String), "'https://…@host/a'");
        let long = Value::new("é".repeat(81), None).shown(Kind::String);
        assert_eq!(long, format!("'{}…'", "é".repeat(80)));
    }

    #[test]
    fn what_a_reference_leads_to_is_not_quoted() {
        let mut values = values(&[
            ("a", "${env:CARGO_PKG_LICENSE}"),
            ("b", "plain"),
            ("c", "${bad"),
        ]);
        let mut mistakes = Mistakes::new();
        values.expand(&Reach::Everywhere, &mut mistakes);
        let a = values.get("a").unwrap();
        assert_eq!(a.text(), Some("Apache-2.0"));
        assert_eq!(
            a.shown(Kind::String),
            "the value of ${env:CARGO_PKG_LICENSE}"
        );
        assert_eq!(values.get("b").unwrap().shown(Kind::String), "'plain'");
        assert_eq!(values.get("c").unwrap().text(), None);
        assert_eq!(
            mistakes.to_string(),
            "c: a reference begins with ${ and is not closed by }"
        );
    }

    #[test]
    fn what_another_machine_may_have_is_this_machines_fault() {
        let mut values = values(&[("a", "${file:/no/such}"), ("b", "${file:no/such}")]);
        let mut mistakes = Mistakes::new();
        values.expand(&Reach::Everywhere, &mut mistakes);
        let names = |mistakes: &[Mistake]| -> Vec<_> {
            mistakes
                .iter()
                .map(|mistake| mistake.name.clone())
                .collect()
        };
        assert_eq!(names(&mistakes.split_off_machines()), ["a"]);
        assert!(mistakes.to_string().starts_with("b: "));
    }

    #[test]
    fn debug_shows_no_value() {
        let mut values = values(&[("a", "hidden")]);
        values.insert("b".to_owned(), Value::new("hidden".to_owned(), Some(3)));
        assert_eq!(format!("{values:?}"), r#"{"a": …, "b": (line 3)}"#);
    }

    #[test]
    fn a_section_is_split_off_under_shorter_names() {
        let mut all = values(&[("kafka.acks", "1"), ("kafkaesque", "2")]);
        assert_eq!(all.split_off("kafka."), values(&[("acks", "1")]));
        assert_eq!(all, values(&[("kafkaesque", "2")]));
    }
}
