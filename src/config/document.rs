//! A YAML text as flat values with line numbers.
//!
//! `a: {b: c}` and `a.b: c` are the same. Scalars are kept as they were written (`1.10` stays `1.10`), and a setting
//! without a value is one that is not given. Below `connectors` stand names, and their settings below these.

use saphyr::{LoadableYamlNode, MarkedYaml, ScanError};

use super::flatten::Flattener;
use crate::setting::{Mistakes, Values};

/// The settings in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// The worker's own.
    pub(super) worker: Values,
    /// Each connector's, by name, in the order of the file.
    pub(super) connectors: Vec<(String, Values)>,
}

/// More marks of nested lists than these at the begin of one line are no settings.
const DEEPEST: usize = 32;

// === impl Document ===

impl Document {
    /// Reads a text. Where it is no YAML, that is the only mistake, and there is no document.
    pub(super) fn read(text: &str, mistakes: &mut Mistakes) -> Option<Self> {
        if let Some(line) = deep_line(text) {
            mistakes.add("", Some(line), "is nested too deeply");
            return None;
        }
        let documents = MarkedYaml::load_from_str(text)
            .map_err(|error| no_yaml(text, &error, mistakes))
            .ok()?;
        if let Some(second) = documents.get(1) {
            let what = "another document begins here: the worker's settings are one document";
            mistakes.add("", Some(second.span.start.line()), what);
        }
        let mut document = Self::default();
        if let Some(root) = documents.first() {
            Flattener::new(text, mistakes).document(root, &mut document);
        }
        Some(document)
    }
}

/// Nodes are dropped recursively: a line of thousands of nested lists would exhaust the stack.
fn deep_line(text: &str) -> Option<usize> {
    let is_deep = |line: &str| {
        let marks = line
            .split_whitespace()
            .take_while(|word| matches!(*word, "-" | "?" | ":"));
        marks.count() > DEEPEST
    };
    text.lines().position(is_deep).map(|index| index + 1)
}

fn no_yaml(text: &str, error: &ScanError, mistakes: &mut Mistakes) {
    // An unclosed bracket is found after the last line.
    let line = error.marker().line().min(text.lines().count());
    let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let what = match error.info() {
        "duplicated key in mapping" => {
            let name = written.split(':').next().unwrap_or_default().trim();
            format!("'{name}' stands twice in the same place")
        }
        info if info.starts_with("tabs ") => {
            "a tab stands where YAML wants spaces: indent with spaces".to_owned()
        }
        info if info.contains("parsing a flow ") && written.contains("${") => {
            "this is no YAML: inside of [ ] and { }, a reference needs quotes: \"${env:NAME}\""
                .to_owned()
        }
        info => format!("this is no YAML: {info}"),
    };
    mistakes.add("", Some(line), what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Value;

    fn values(pairs: &[(&str, &str, usize)]) -> Values {
        pairs
            .iter()
            .map(|&(name, text, line)| {
                let value = Value::new(text.to_owned(), Some(line));
                (name.to_owned(), value)
            })
            .collect()
    }

    fn read(text: &str) -> Result<Document, String> {
        let mut mistakes = Mistakes::new();
        let document = Document::read(text, &mut mistakes).unwrap_or_default();
        if mistakes.is_empty() {
            Ok(document)
        } else {
            Err(mistakes.to_string())
        }
    }

    #[test]
    fn maps_and_dots_are_the_same() {
        let expected = values(&[("a.b", "c", 1), ("a.d.e", "f", 2)]);
        for text in [
            "a.b: c\na.d.e: f",
            "a: {b: c,\n  d.e: f}",
            "a.b: c\na.d:     {e: f}",
        ] {
            assert_eq!(read(text).unwrap().worker, expected, "{text}");
        }
    }

    #[test]
    fn values_are_kept_as_they_were_written() {
        let text = "a: 1.10 # note\r\nb: 0x1F\nc: True\nd: \"5\"\ne: &x 007\nf: 'it''s'\ng: |\n  two\n  lines\n\
                    é: ${env:A}:${file:/b}\n";
        let expected = values(&[
            ("a", "1.10", 1),
            ("b", "0x1F", 2),
            ("c", "True", 3),
            ("d", "5", 4),
            ("e", "007", 5),
            ("f", "it's", 6),
            ("g", "two\nlines\n", 8),
            ("é", "${env:A}:${file:/b}", 10),
        ]);
        assert_eq!(read(text).unwrap().worker, expected);
    }

    #[test]
    fn lists_are_texts_with_commas() {
        let text = "a: [x, 1.10]\nb:\n  - y\n  - z\nc: []\n";
        let expected = values(&[("a", "x,1.10", 1), ("b", "y,z", 3), ("c", "", 5)]);
        assert_eq!(read(text).unwrap().worker, expected);
    }

    #[test]
    fn what_has_no_value_is_not_given() {
        for text in ["", "# nothing\n", "---\n", "connectors:\n"] {
            assert_eq!(read(text), Ok(Document::default()), "{text}");
        }
        let worker = read("a:\nb: ~\nc: null\nd: {}\n").unwrap().worker;
        assert_eq!(worker.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(worker.iter().count(), 0);
        assert_eq!(worker.line("b"), Some(2));
    }

    #[test]
    fn connectors_have_names_of_their_own() {
        let text = "connectors:\n  acme.eu:\n    key: user\n    page: {limit: 5}\n  12:\n";
        let document = read(text).unwrap();
        assert_eq!(document.worker, Values::default());
        let acme = values(&[("key", "user", 3), ("page.limit", "5", 4)]);
        let expected = [
            ("acme.eu".to_owned(), acme),
            ("12".to_owned(), Values::default()),
        ];
        assert_eq!(document.connectors, expected);
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line() {
        for (text, what) in [
            (
                "a: 1\nb: 2\na: 3\n",
                "line 3: 'a' stands twice in the same place",
            ),
            (
                "a:\n\tb: 1\n",
                "line 2: a tab stands where YAML wants spaces: indent with spaces",
            ),
            (
                "a: [${env:X}]\n",
                "line 1: this is no YAML: inside of [ ] and { }, a reference needs quotes: \"${env:NAME}\"",
            ),
            (
                "a: b: c\n",
                "line 1: this is no YAML: mapping values are not allowed in this context",
            ),
            (
                "a: [1, 2",
                "line 1: this is no YAML: while parsing a flow sequence, expected ',' or ']'",
            ),
        ] {
            assert_eq!(read(text), Err(what.to_owned()));
        }
        let deep = format!("a: 1\n{}x\n", "- ".repeat(500_000));
        assert_eq!(read(&deep), Err("line 2: is nested too deeply".to_owned()));
    }

    #[test]
    fn what_is_yaml_and_no_settings_is_told_all_at_once() {
        let text = "a: {b: 1}\na.b: 2\nc: &c 3\nd: *c\ne: !x y\nf: [[1]]\n? [g]\n: h\n<<: {i: 1}\n~: j\n\
                    connectors: {acme: 5, other: [x]}\n---\nk: 1\n";
        assert_eq!(
            read(text).unwrap_err().lines().collect::<Vec<_>>(),
            [
                "line 13: another document begins here: the worker's settings are one document",
                "a.b, line 2: is set already in line 1",
                "d, line 4: is an alias (*): write what it stands for instead",
                "e, line 5: has a tag (!): write the value without one",
                "f, line 6: a list has plain values only",
                "line 7: a setting's name is a plain word",
                "line 9: << has no meaning here: write the settings out",
                "line 10: a setting has no name",
                "connectors.acme, line 11: settings are expected below it",
                "connectors.other, line 11: settings are expected below it",
            ]
        );
        for text in ["just words", "- a\n- b\n", "5"] {
            let error = "line 1: settings are expected, each as 'name: value'";
            assert_eq!(read(text), Err(error.to_owned()));
        }
        let error = "connectors, line 2: connectors are expected below it, each with its name and its settings";
        assert_eq!(read("connectors:\n  - acme\n"), Err(error.to_owned()));
    }
}
