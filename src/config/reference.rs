//! The reference documentation of all settings, from their declarations.

use std::fmt::Write;

use super::worker_tables;
use crate::{
    connector,
    http::CREDENTIAL_TABLE,
    setting::{Fallback, Setting},
};

/// All settings as Markdown: a table of the worker's, one of a user's of its REST API, and one of a connector's.
#[must_use]
pub fn reference() -> String {
    let mut text = "### The worker's settings\n\n".to_owned();
    table(&mut text, worker_tables().flatten());
    text.push_str("\n### A user's settings, below `rest.credentials` and a name\n\n");
    table(&mut text, CREDENTIAL_TABLE);
    text.push_str("\n### A connector's settings\n\n");
    table(&mut text, connector::TABLE);
    text
}

fn table<'a>(text: &mut String, settings: impl IntoIterator<Item = &'a Setting>) {
    text.push_str("| name | default | meaning |\n| --- | --- | --- |\n");
    for setting in settings {
        row(text, setting).expect("a string takes all that is written");
    }
}

fn row(text: &mut String, setting: &Setting) -> std::fmt::Result {
    write!(text, "| `{}` | ", setting.name)?;
    match setting.fallback {
        Fallback::Required => text.push_str("required"),
        Fallback::Value("") => text.push_str("none"),
        Fallback::Value(value) => write!(text, "`{value}`")?,
        Fallback::Words(words) => text.push_str(words),
    }
    writeln!(text, " | {} |", setting.doc)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_setting_has_one_row() {
        let reference = reference();
        let rows: Vec<_> = reference
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        for row in &rows {
            assert_eq!(row.matches('|').count(), 4, "{row}");
        }
        let settings: Vec<_> = worker_tables()
            .flatten()
            .chain(CREDENTIAL_TABLE)
            .chain(connector::TABLE)
            .collect();
        assert_eq!(rows.len(), settings.len());
        let names: HashSet<_> = settings.iter().map(|setting| setting.name).collect();
        assert_eq!(names.len(), settings.len());
    }

    #[test]
    fn a_row_has_name_default_and_meaning() {
        let reference = reference();
        for row in [
            "| `group.id` | required | Workers with ",
            "| `topics.shards` | `8` | Partitions of ",
            "| `onepassword.allowed.hosts` | none | Hosts that ",
            "| `streams` | all that the token may read | The streams ",
        ] {
            assert!(reference.contains(row), "{row}");
        }
    }
}
