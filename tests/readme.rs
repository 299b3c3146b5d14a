//! The README's settings are those of the program, and the examples of the documentation are files that a worker takes.

use std::{env, fs, ops::Range};

use onepassword_kafka::{
    clock,
    config::{Config, reference},
};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const SECURITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md");
const SECRET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/readme-secret");
const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- /settings -->";

#[test]
fn the_settings_are_those_of_the_program() {
    let mut readme = fs::read_to_string(README).unwrap();
    let section = section(&readme);
    if env::var_os("UPDATE_README").is_some() {
        readme.replace_range(section, &reference());
        fs::write(README, readme).unwrap();
        return;
    }
    assert!(
        readme[section] == reference(),
        "README.md describes other settings than the program has: UPDATE_README=1 cargo test --test readme"
    );
}

#[test]
fn the_examples_are_files_that_a_worker_takes() {
    fs::write(SECRET, "user:password").unwrap();
    for document in [README, SECURITY] {
        let text = fs::read_to_string(document).unwrap();
        let blocks = text
            .split("```yaml\n")
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap_or_default());
        let files: Vec<_> = blocks.filter(|block| block.contains("group.id")).collect();
        assert!(!files.is_empty(), "{document} shows no worker's file");
        a_worker_takes(&files);
    }
}

fn a_worker_takes(files: &[&str]) {
    for file in files {
        let parsed = Config::parse(&with_secrets_at(SECRET, file), clock::now());
        assert_eq!(
            parsed.map(drop).map_err(|mistakes| mistakes.to_string()),
            Ok(()),
            "{file}"
        );
    }
}

fn section(readme: &str) -> Range<usize> {
    let begin = readme.find(BEGIN).expect("the section begins") + BEGIN.len();
    begin..readme.find(END).expect("the section ends")
}

/// Whatever secret an example names, this machine does not have it.
fn with_secrets_at(secret: &str, text: &str) -> String {
    let mut parts = text.split("${file:/run/secrets/");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, after) = part.split_once('}').expect("a reference is closed");
        replaced.extend(["${file:", secret, "}", after]);
    }
    replaced
}
