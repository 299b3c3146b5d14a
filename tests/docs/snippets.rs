//! Each snippet of the documentation says what runs it, and the examples are files that a test runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A block of code of a page.
#[derive(Debug)]
struct Snippet<'p> {
    page: &'p str,
    /// The line that it begins at.
    line: usize,
    /// The line before it, and before the comment that begins a generated section.
    mark: &'p str,
    code: String,
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where named tests are.
const TESTS: [&str; 3] = ["tests", "dev", "src"];

// === impl Snippet ===

impl<'p> Snippet<'p> {
    fn all(page: &'p str, text: &'p str) -> Vec<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let mut snippets = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            let indent = line.len() - line.trim_start().len();
            if line.trim_start().starts_with("```") {
                let body = lines[at + 1..].iter();
                let body = body.take_while(|line| line.trim() != "```");
                let body: Vec<_> = body
                    .map(|line| line.get(indent..).unwrap_or_default())
                    .collect();
                snippets.push(Self {
                    page,
                    line: at + 1,
                    mark: lines[..at]
                        .iter()
                        .rev()
                        .map(|line| line.trim())
                        .find(|line| !begins_section(line))
                        .unwrap_or_default(),
                    code: body.iter().flat_map(|line| [*line, "\n"]).collect(),
                });
                at += body.len() + 1;
            }
            at += 1;
        }
        snippets
    }

    /// What is wrong with its mark.
    fn mistakes(&self, sources: &str) -> Vec<String> {
        let mark = self.mark.strip_prefix("<!-- ");
        let mark = mark.and_then(|mark| mark.strip_suffix(" -->"));
        let said = mark.and_then(|mark| mark.split_once(": "));
        let wrong: Vec<String> = match said {
            Some(("run by", names)) => names
                .split(", ")
                .filter(|name| !exists(name, sources))
                .map(|name| format!("there is no {name}"))
                .collect(),
            Some(("not run", reason)) if !reason.trim().is_empty() => Vec::new(),
            _ => vec!["the line before says neither what runs it nor why nothing does".to_owned()],
        };
        let at = |what| format!("{}:{}: {what}", self.page, self.line);
        wrong.into_iter().map(at).collect()
    }
}

#[test]
fn every_snippet_says_what_runs_it() {
    let sources = sources();
    let mut mistakes = Vec::new();
    for page in pages() {
        let text = read(&page);
        for snippet in Snippet::all(&page, &text) {
            mistakes.extend(snippet.mistakes(&sources));
        }
    }
    assert_eq!(mistakes, Vec::<String>::new());
}

#[test]
fn a_snippet_without_a_word_or_with_a_wrong_one_is_found() {
    let text = "\
<!-- run by: every_snippet_says_what_runs_it, .ci/run --fast -->
```sh
true
```
1. In a list.
   <!-- not run: it needs an account -->
   ```yaml
   a:
     b: c
   ```
<!-- run by: a_test_of_dreams, .ci/dream -->
```sh
```
<!-- not run:  -->
```sh
```
Text.
```sh
```
";
    let snippets = Snippet::all("page", text);
    let code: Vec<_> = snippets.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(code, ["true\n", "a:\n  b: c\n", "", "", ""]);
    let sources = "fn every_snippet_says_what_runs_it() {";
    let mistakes: Vec<_> = snippets
        .iter()
        .flat_map(|one| one.mistakes(sources))
        .collect();
    assert_eq!(
        mistakes,
        [
            "page:12: there is no a_test_of_dreams",
            "page:12: there is no .ci/dream",
            "page:15: the line before says neither what runs it nor why nothing does",
            "page:18: the line before says neither what runs it nor why nothing does",
        ]
    );
}

#[test]
fn the_page_on_consuming_shows_the_examples_that_are_run() {
    let page = "docs/consuming.md";
    let text = read(page);
    let mut shown: Vec<_> = Snippet::all(page, &text)
        .into_iter()
        .map(|snippet| snippet.code)
        .collect();
    let mut files: Vec<_> = files(&Path::new(ROOT).join("examples/consume"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert!(files.len() > 5, "only {} examples were found", files.len());
    shown.sort();
    files.sort();
    assert_eq!(shown, files);
}

/// The README and the book.
pub(super) fn pages() -> Vec<String> {
    let book = files(&Path::new(ROOT).join("docs"));
    let pages = book
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "md"));
    let relative = pages.map(|path| path.strip_prefix(ROOT).unwrap().display().to_string());
    relative.chain(["README.md".to_owned()]).collect()
}

/// Such as `<!-- commands -->`.
fn begins_section(line: &str) -> bool {
    let name = line
        .strip_prefix("<!-- ")
        .and_then(|line| line.strip_suffix(" -->"));
    name.is_some_and(|name| !name.contains(' '))
}

/// A test of that name, or a script with what follows it.
fn exists(name: &str, sources: &str) -> bool {
    let is_test = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(is_test) {
        return sources.contains(&format!("fn {name}("));
    }
    let script = name.split(' ').next().unwrap_or_default();
    Path::new(ROOT).join(script).is_file()
}

fn sources() -> String {
    let all = TESTS
        .iter()
        .flat_map(|folder| files(&Path::new(ROOT).join(folder)));
    all.filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

pub(super) fn read(page: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(page)).unwrap()
}
