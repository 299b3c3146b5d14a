//! What is looked for: words, and what stands in a field.
//!
//! `ann reveal country:DE user.email:ann@ type:=password_ok "two words"`: all of it must be there. A word may be in any
//! value of an event. A field goes by its path from the root, or by the end of that, so `email` is in every `user.email`.
//! Quotation marks keep spaces and colons together; what begins with a digit has no field. The case of letters does not
//! matter, but behind `:=`, where the whole value has to be exactly so.

use std::borrow::Cow;

use memchr::memmem::Finder;

use crate::avro::Datum;

/// All that must be there; nothing is there always.
#[derive(Debug, Default)]
pub(super) struct Terms(Vec<Term>);

#[derive(Debug)]
struct Term {
    /// The path's end, in lower case; none for a word.
    field: Option<String>,
    how: How,
    /// As `how` compares it.
    text: String,
    /// Finds the text in an encoded record, whose ASCII letters are in lower case, where it can only lie there as it is.
    raw: Option<Finder<'static>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Somewhere in the value, whatever the case.
    Within,
    /// The whole value.
    Exactly,
}

/// A part of the text between spaces.
struct Part {
    text: String,
    /// Where the first quotation mark was.
    quoted_from: Option<usize>,
}

const LONGEST: usize = 1_024;
const MOST: usize = 16;
/// What numbers and times are written with, in lower case; the infinite and what is no number are null.
const OF_NUMBERS: &[u8] = b"0123456789+-.:tze";

// === impl Terms ===

impl Terms {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let terms = parts(text)?.into_iter().map(Term::parse);
        let terms = terms.collect::<Result<Vec<_>, _>>()?;
        if terms.len() > MOST {
            return Err(format!("has more than {MOST} terms"));
        }
        Ok(Self(terms))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an encoded record may have all of it. `texts_only` says that in its schema nothing but texts is shown in
    /// letters. `scratch` is of no meaning.
    pub(super) fn may_be_in(&self, value: &[u8], texts_only: bool, scratch: &mut Vec<u8>) -> bool {
        if !texts_only || self.0.iter().all(|term| term.raw.is_none()) {
            return true;
        }
        scratch.clear();
        scratch.extend_from_slice(value);
        scratch.make_ascii_lowercase();
        let mut raw = self.0.iter().filter_map(|term| term.raw.as_ref());
        raw.all(|raw| raw.find(scratch).is_some())
    }

    /// Whether bytes that cannot be decoded have the text of each.
    pub(super) fn lie_in(&self, value: &[u8]) -> bool {
        let text = String::from_utf8_lossy(value).to_lowercase();
        self.0
            .iter()
            .all(|term| text.contains(&term.text.to_lowercase()))
    }

    /// Whether an event has all of it.
    pub(super) fn are_in(&self, event: &Datum<'_>) -> bool {
        self.0.iter().all(|term| {
            let mut path = String::new();
            term.is_in(event, &mut path)
        })
    }
}

// === impl Term ===

impl Term {
    fn parse(part: Part) -> Result<Self, String> {
        let Part { text, quoted_from } = part;
        let colon = text
            .find(':')
            .filter(|colon| quoted_from.is_none_or(|from| *colon < from));
        // A time or an address is no field: these begin with no digit.
        let colon = colon.filter(|_| !text.starts_with(|char: char| char.is_ascii_digit()));
        let Some(colon) = colon else {
            return Ok(Self::new(None, How::Within, &text));
        };
        let (field, value) = (&text[..colon], &text[colon + 1..]);
        let is_quoted = quoted_from == Some(colon + 1);
        let (how, value) = match value.strip_prefix('=') {
            Some(value) if !is_quoted => (How::Exactly, value),
            _ => (How::Within, value),
        };
        if field.is_empty() {
            return Err(
                "has a colon without a field before it: put a word with a colon in quotation marks"
                    .to_owned(),
            );
        }
        if value.is_empty() {
            return Err("has a field without a value: write field:value".to_owned());
        }
        Ok(Self::new(Some(field.to_lowercase()), how, value))
    }

    fn new(field: Option<String>, how: How, text: &str) -> Self {
        let raw = text.to_ascii_lowercase().into_bytes();
        let can_be_of_a_number = raw.iter().all(|byte| OF_NUMBERS.contains(byte));
        Self {
            field,
            raw: (text.is_ascii() && !can_be_of_a_number).then(|| Finder::new(&raw).into_owned()),
            text: match how {
                How::Within => text.to_lowercase(),
                How::Exactly => text.to_owned(),
            },
            how,
        }
    }

    fn is_in(&self, datum: &Datum<'_>, path: &mut String) -> bool {
        match datum {
            Datum::Members(members) => {
                let length = path.len();
                members.iter().any(|(name, member)| {
                    path.truncate(length);
                    if self.field.is_some() {
                        if length > 0 {
                            path.push('.');
                        }
                        path.push_str(name);
                    }
                    self.is_in(member, path)
                })
            }
            Datum::List(items) => items.iter().any(|item| self.is_in(item, path)),
            _ => self.names(path) && shown(datum).is_some_and(|value| self.fits(&value)),
        }
    }

    fn names(&self, path: &str) -> bool {
        let Some(field) = &self.field else {
            return true;
        };
        let path = path.to_lowercase();
        let before = path.strip_suffix(field.as_str());
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    fn fits(&self, value: &str) -> bool {
        match self.how {
            How::Exactly => value == self.text,
            How::Within if self.text.is_ascii() => {
                let (value, text) = (value.as_bytes(), self.text.as_bytes());
                value
                    .windows(text.len())
                    .any(|part| part.eq_ignore_ascii_case(text))
            }
            How::Within => value.to_lowercase().contains(&self.text),
        }
    }
}

/// What a single value is shown as; null is none.
pub(crate) fn shown<'d>(datum: &'d Datum<'_>) -> Option<Cow<'d, str>> {
    match datum {
        Datum::Text(text) => Some(Cow::Borrowed(text)),
        Datum::Null | Datum::List(_) | Datum::Members(_) => None,
        Datum::Real(number) if !number.is_finite() => None,
        _ => serde_json::to_string(datum).ok().map(Cow::Owned),
    }
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|char| char.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(parts);
        }
        let mut part = Part {
            text: String::new(),
            quoted_from: None,
        };
        let mut is_quoted = false;
        while let Some(char) = chars.next_if(|char| is_quoted || !char.is_whitespace()) {
            match char {
                '"' => {
                    is_quoted = !is_quoted;
                    part.quoted_from.get_or_insert(part.text.len());
                }
                '\\' if is_quoted => part.text.extend(chars.next()),
                char => part.text.push(char),
            }
        }
        if is_quoted {
            return Err("has a quotation mark that is not closed".to_owned());
        }
        if part.text.is_empty() {
            return Err("has quotation marks with nothing between them".to_owned());
        }
        parts.push(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Datum<'static> {
        let text = |text: &'static str| Datum::Text(text.into());
        Datum::Members(vec![
            ("timestamp", text("2026-11-25T10:00:00.5Z")),
            ("country", Datum::Null),
            ("action", text("secure-copy")),
            (
                "user",
                Datum::Members(vec![
                    ("name", text("Zoë Müller")),
                    ("email", text("zoe@example.com")),
                    ("country", text("United States")),
                ]),
            ),
            (
                "location",
                Datum::Members(vec![("latitude", Datum::Real(43.5))]),
            ),
            ("used_version", Datum::Whole(17)),
            (
                "client",
                Datum::Members(vec![("ip_address", text("fe80::1"))]),
            ),
            ("tags", Datum::List(vec![text("one"), text("two")])),
            (
                "extra",
                Datum::Members(vec![("/client/build", text("\"beta\""))]),
            ),
        ])
    }

    fn finds(text: &str) -> bool {
        Terms::parse(text).unwrap().are_in(&event())
    }

    #[test]
    fn words_and_fields_find_an_event() {
        for text in [
            "",
            "  ",
            "zoe",
            "COPY Zoe@",
            "ZOË müll",
            "\"zoë müller\"",
            "\"fe80::1\"",
            "43.5 17",
            "10:00",
            "email:zoe@",
            "user.email:EXAMPLE",
            "USER.Email:example",
            "country:\"united states\"",
            "country:=\"United States\"",
            "used_version:=17",
            "ip_address:fe80::1",
            "tags:two",
            "/client/build:beta",
            "timestamp:2026-11",
            "\"secure\"-copy",
        ] {
            assert!(finds(text), "{text}");
        }
        for text in [
            "nobody",
            "zoe nobody",
            "mail:zoe",
            "email:secure",
            "country:null",
            "country:=\"united states\"",
            "country:=United",
            "used_version:=1",
            "\"country:United\"",
            "user:zoe",
            "name",
        ] {
            assert!(!finds(text), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let many = "a ".repeat(MOST + 1);
        let long = "a".repeat(LONGEST + 1);
        for (text, what) in [
            ("\"open", "not closed"),
            ("a:\"open", "not closed"),
            ("\"\"", "nothing between"),
            (":a", "without a field"),
            ("a:", "without a value"),
            ("a:=", "without a value"),
            ("a:\"\"", "without a value"),
            (&many, "more than 16 terms"),
            (&long, "longer than"),
        ] {
            let error = Terms::parse(text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn a_raw_record_is_looked_through_for_what_must_be_a_text() {
        let may_be = |text: &str, value: &[u8]| {
            let terms = Terms::parse(text).unwrap();
            terms.may_be_in(value, true, &mut Vec::new())
        };
        assert!(may_be("ANN email:example", b"\x05Ann@Example.com"));
        assert!(!may_be("bob", b"\x05ann@example.com"));
        // A number, a time or a letter beyond ASCII may be there in another form.
        for text in ["43.5", "10:00", "z", "2026-11-25T10:00Z", "müller"] {
            assert!(may_be(text, b""), "{text}");
        }
        let terms = Terms::parse("true").unwrap();
        assert!(terms.may_be_in(b"\x01", false, &mut Vec::new()));
        assert!(terms.lie_in(b"\x01 TRUE") && !terms.lie_in(b"\x01"));
    }
}
