//! One pass along JSON whose syntax has been proved.
//!
//! `serde_json` vouches for every [`RawValue`], so that to find the members of an item again takes no second proof, and
//! no third for the objects in it. Where the syntax were wrong all the same, a scan ends early: it never panics.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// What lies ahead; its first character is a value's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a>(&'a str);

// === impl Scan ===

impl<'a> Scan<'a> {
    pub(super) fn of(json: &'a RawValue) -> Self {
        Self(json.get())
    }

    /// Passes the next value, of any type, and returns its text.
    pub(super) fn value(&mut self) -> &'a str {
        let json = self.0.as_bytes();
        let length = match json.first() {
            Some(b'"') => string(json).0,
            Some(b'{' | b'[') => nested(json),
            _ => scalar(json),
        };
        self.pass(length)
    }

    /// Passes the next value if it is a string. One of no Unicode (half of a surrogate pair) is none.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        self.is_at(b'"').then(|| self.quoted())?.1
    }

    /// Passes the next value, which should be an object: `each` gets every member's name, in order, and passes its value.
    pub(super) fn members(&mut self, mut each: impl FnMut(&str, &mut Self)) -> Option<()> {
        self.mark(b'{')?;
        while self.is_at(b'"') {
            let (quoted, name) = self.quoted();
            self.mark(b':')?;
            each(name.as_deref().unwrap_or(quoted), self);
            if self.mark(b',').is_none() {
                break;
            }
        }
        self.mark(b'}')
    }

    /// Passes a string; its JSON, and what it says.
    fn quoted(&mut self) -> (&'a str, Option<Cow<'a, str>>) {
        let (length, has_escapes) = string(self.0.as_bytes());
        let quoted = self.pass(length);
        let text = if has_escapes {
            serde_json::from_str(quoted).ok().map(Cow::Owned)
        } else {
            quoted.get(1..length - 1).map(Cow::Borrowed)
        };
        (quoted, text)
    }

    fn pass(&mut self, length: usize) -> &'a str {
        let (passed, ahead) = self.0.split_at_checked(length).unwrap_or((self.0, ""));
        self.0 = ahead;
        passed
    }

    /// Passes a mark, and the spaces around it.
    fn mark(&mut self, mark: u8) -> Option<()> {
        self.0 = self.0.trim_ascii_start();
        if !self.is_at(mark) {
            return None;
        }
        self.0 = self.0[1..].trim_ascii_start();
        Some(())
    }

    fn is_at(&self, mark: u8) -> bool {
        self.0.as_bytes().first() == Some(&mark)
    }
}

/// The length of the string at the beginning, with its quotes, and whether there are escapes in it.
fn string(json: &[u8]) -> (usize, bool) {
    let mut has_escapes = false;
    let mut at = 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return (at + 1, has_escapes),
            b'\\' => {
                has_escapes = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
    (json.len(), has_escapes)
}

/// The length of the object or list at the beginning.
fn nested(json: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at += string(&json[at..]).0;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the number, boolean or null at the beginning.
fn scalar(json: &[u8]) -> usize {
    json.iter()
        .position(|byte| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace())
        .unwrap_or(json.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(json: &str) -> Scan<'_> {
        Scan::of(serde_json::from_str(json).expect("JSON"))
    }

    fn members(json: &str) -> Option<Vec<(String, &str)>> {
        let mut members = Vec::new();
        scan(json).members(|name, value| members.push((name.to_owned(), value.value())))?;
        Some(members)
    }

    #[test]
    fn members_come_in_order_with_their_own_text() {
        let json = "{ \"a\" :1e3 ,\"b\\u0021\": \"}\\\",\" , \"\":[{\"x\":\"]\"}, {}]\n,\"a\":null,\"\\ud800\":{\"y\": [ ]} }";
        let expected = [
            ("a", "1e3"),
            ("b!", r#""}\",""#),
            ("", r#"[{"x":"]"}, {}]"#),
            ("a", "null"),
            (r#""\ud800""#, r#"{"y": [ ]}"#),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(members(json), Some(expected.into()));
        assert_eq!(members("{ }"), Some(Vec::new()));
        for other in ["[]", "7", "\"{}\"", "null"] {
            assert_eq!(members(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_string_is_none() {
        for other in ["[\"\"]", "7", "null", r#""\udc00""#] {
            assert_eq!(scan(other).string(), None, "{other}");
        }
        assert_eq!(scan(r#""\u00e9\"""#).string().unwrap(), "é\"");
    }

    proptest! {
        #[test]
        fn any_object_is_read_as_serde_json_reads_it(
            names in prop::collection::vec(any::<String>(), 0..5),
            text in any::<String>(),
        ) {
            let object: serde_json::Map<_, _> = names
                .into_iter()
                .map(|name| (name.clone(), serde_json::json!([{ name: text }, text, 1.5])))
                .collect();
            let json = serde_json::to_string_pretty(&object).unwrap();
            let read = members(&json).unwrap().into_iter();
            let read: serde_json::Map<_, _> = read
                .map(|(name, value)| (name, serde_json::from_str(value).unwrap()))
                .collect();
            prop_assert_eq!(read, object);
        }

        #[test]
        fn what_is_no_json_after_all_ends_a_scan(json in r#"[{"\\\[\]}:, a1\u{e9}]{0,12}"#) {
            let mut scan = Scan(&json);
            let _ = scan.members(|_, value| { value.value(); });
            let _ = scan.string();
        }
    }
}
