//! What is wrong with settings: all of it at once, each with its place and with what to do.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The setting's name; empty where the file itself is at fault.
    pub name: String,
    /// Its line in the file, where there is one.
    pub line: Option<usize>,
    /// What is wrong and what to do, without any secret.
    pub what: String,
    /// What is to blame for it.
    pub fault: Fault,
}

/// What is to blame for a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What is written.
    Text,
    /// This machine, which does not have what the text refers to; another one may.
    Machine,
}

/// Everything that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes {
    file: Option<PathBuf>,
    all: Vec<Mistake>,
}

// === impl Mistake ===

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, line, what, ..
        } = self;
        match line {
            Some(line) if name.is_empty() => write!(f, "line {line}: {what}"),
            Some(line) => write!(f, "{name}, line {line}: {what}"),
            None if name.is_empty() => f.write_str(what),
            None => write!(f, "{name}: {what}"),
        }
    }
}

// === impl Mistakes ===

impl Mistakes {
    /// Nothing wrong yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            file: None,
            all: Vec::new(),
        }
    }

    /// Notes one more, of the text.
    pub fn add(&mut self, name: &str, line: Option<usize>, what: impl Into<String>) {
        self.blame(Fault::Text, name, line, what);
    }

    /// Notes one more.
    pub fn blame(
        &mut self,
        fault: Fault,
        name: &str,
        line: Option<usize>,
        what: impl Into<String>,
    ) {
        self.all.push(Mistake {
            name: name.to_owned(),
            line,
            what: what.into(),
            fault,
        });
    }

    /// Takes over `inner`, whose names are relative to `prefix`.
    pub fn add_below(&mut self, prefix: &str, inner: Self) {
        self.all
            .extend(inner.all.into_iter().map(|mistake| Mistake {
                name: format!("{prefix}.{}", mistake.name),
                ..mistake
            }));
    }

    /// These mistakes as those of `file`, in the order of its lines.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self.all
            .sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        self
    }

    /// Takes out those that this machine is to blame for.
    #[must_use]
    pub fn split_off_machines(&mut self) -> Vec<Mistake> {
        let is_machines = |mistake: &mut Mistake| mistake.fault == Fault::Machine;
        self.all.extract_if(.., is_machines).collect()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.all.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut indent = "";
        if let Some(file) = &self.file {
            match self.all.len() {
                1 => write!(f, "{} has a mistake:", file.display())?,
                n => write!(f, "{} has {n} mistakes:", file.display())?,
            }
            indent = "\n  ";
        }
        for mistake in &self.all {
            write!(f, "{indent}{mistake}")?;
            indent = if self.file.is_some() { "\n  " } else { "\n" };
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_tells_its_place() {
        let mut mistakes = Mistakes::new();
        mistakes.add("topics.shards", Some(3), "is wrong");
        mistakes.add("topics.shards", None, "is wrong");
        mistakes.add("", Some(3), "is wrong");
        mistakes.add("", None, "is wrong");
        assert_eq!(
            mistakes.to_string(),
            "topics.shards, line 3: is wrong\ntopics.shards: is wrong\nline 3: is wrong\nis wrong"
        );
    }

    #[test]
    fn the_mistakes_of_a_file_come_in_the_order_of_its_lines() {
        let mut mistakes = Mistakes::new();
        mistakes.add("c", None, "is missing");
        mistakes.add("b", Some(2), "is wrong");
        let mut inner = Mistakes::new();
        inner.add("key", Some(1), "is wrong");
        mistakes.add_below("connectors.acme", inner);
        assert_eq!(
            mistakes.in_file(Path::new("/etc/worker.yaml")).to_string(),
            "/etc/worker.yaml has 3 mistakes:\n  connectors.acme.key, line 1: is wrong\n  b, line 2: is wrong\n  \
             c: is missing"
        );
    }

    #[test]
    fn one_mistake_is_not_several() {
        let mut mistakes = Mistakes::new();
        mistakes.add("b", Some(2), "is wrong");
        assert_eq!(
            mistakes.in_file(Path::new("w.yaml")).to_string(),
            "w.yaml has a mistake:\n  b, line 2: is wrong"
        );
    }
}
