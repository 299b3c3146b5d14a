//! Keeps the tree in order: layers point one way, every file says what it is for and stays short, nothing is left
//! undone.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

/// The layers of `src/`, lowest first. A module uses itself and those of lower layers; siblings are strangers, but for
/// the mechanisms of layer 2, which may use each other in the order listed.
const LAYERS: &[&[&str]] = &[
    &["event"],
    &["clock"],
    &["disposition"],
    &["build"],
    &["backoff"],
    &["shutdown"],
    &["telemetry"],
    &["metrics"],
    &["outbound"],
    &["secret"],
    &["setting"],
    &["onepassword", "avro", "kafka"],
    &["relay"],
    &["connector"],
    &["http"],
    &["config"],
    &["app"],
    &["check", "health", "schemas", "credentials", "cli"],
    &["acls"],
    &["main", "lib"],
];

const LONGEST_FILE: usize = 400;

/// A source file and what it says.
struct File {
    path: PathBuf,
    text: String,
}

#[test]
fn modules_use_lower_layers_only() {
    assert_eq!(upward_uses(&sources("src")), Vec::<String>::new());
}

#[test]
fn every_file_says_what_it_is_for_and_is_short_and_finished() {
    let files: Vec<File> = ["src", "dev", "tests", "benches"]
        .into_iter()
        .flat_map(sources)
        .collect();
    assert!(files.len() > 40, "only {} files were found", files.len());
    assert_eq!(untidy(&files), Vec::<String>::new());
}

#[test]
fn an_image_is_built_with_every_file_that_is_built_in() {
    let ignored = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.dockerignore"));
    let ignored = ignored.expect("there is a .dockerignore");
    let files: Vec<File> = ["src", "dev/src"].into_iter().flat_map(sources).collect();
    assert_eq!(left_out(&files, &ignored), Vec::<String>::new());
    assert_eq!(
        left_out(&files, "*\n!src\n!dev\n!examples\n"),
        [
            "schemas/signinattempts.avsc",
            "schemas/itemusages.avsc",
            "schemas/auditevents.avsc"
        ]
    );
}

#[test]
fn a_planted_violation_of_each_kind_is_found() {
    let file = |path: &str, text: &str| File {
        path: path.into(),
        text: text.to_owned(),
    };
    let up = file("src/event/mod.rs", "//! Doc.\nuse crate::kafka::Error;\n");
    let sibling = file(
        "src/avro/mod.rs",
        "//! Doc.\nfn f() { crate::onepassword::g(); }\n",
    );
    let nested = file(
        "src/backoff.rs",
        "//! Doc.\nuse crate::{\n    disposition::Disposition,\n    relay::{Worker, Key},\n};\n",
    );
    let homeless = file("src/utils.rs", "//! Doc.\n");
    assert_eq!(
        upward_uses(&[up, sibling, nested, homeless]),
        [
            "src/event/mod.rs uses kafka",
            "src/avro/mod.rs uses onepassword",
            "src/backoff.rs uses relay",
            "src/utils.rs is in no layer",
        ]
    );
    let silent = file("src/a.rs", "use std::fs;\n");
    let undone = file(
        "src/b.rs",
        &format!("//! Doc.\n// {}: later\n", concat!("TO", "DO")),
    );
    let long = file(
        "src/c.rs",
        &format!("//! Doc.\n{}", "\n".repeat(LONGEST_FILE)),
    );
    assert_eq!(
        untidy(&[silent, undone, long]),
        [
            "src/a.rs: no module doc",
            "src/b.rs: something is left undone",
            "src/c.rs: 401 lines, 400 at most"
        ]
    );
}

fn upward_uses(files: &[File]) -> Vec<String> {
    let height: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(height, layer)| layer.iter().map(move |module| (*module, height)))
        .collect();
    let mut found = Vec::new();
    for file in files {
        let own = module_of(&file.path);
        let Some(own_height) = height.get(own.as_str()) else {
            found.push(format!("{} is in no layer", file.path.display()));
            continue;
        };
        for used in uses(&file.text) {
            let lower = height
                .get(used.as_str())
                .is_some_and(|used_height| used_height < own_height);
            if used != own && !lower {
                found.push(format!("{} uses {used}", file.path.display()));
            }
        }
    }
    found
}

fn untidy(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for File { path, text } in files {
        let path = path.display();
        if !text.starts_with("//! ") {
            found.push(format!("{path}: no module doc"));
        }
        if [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("XX", "X"),
        ]
        .iter()
        .any(|word| text.contains(word))
        {
            found.push(format!("{path}: something is left undone"));
        }
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            found.push(format!("{path}: {lines} lines, {LONGEST_FILE} at most"));
        }
    }
    found
}

/// Files that are built into the program although `.dockerignore` leaves them out of what an image is built with.
fn left_out(files: &[File], ignored: &str) -> Vec<String> {
    let allowed: Vec<_> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let mut found = Vec::new();
    for File { path, text } in files {
        for (_, rest) in text
            .match_indices("include_str!(\"")
            .map(|(at, call)| text.split_at(at + call.len()))
        {
            let (written, _) = rest.split_once('"').expect("a text has an end");
            let mut built_in = path.parent().expect("a file is in a folder").to_owned();
            for component in Path::new(written).components() {
                match component {
                    Component::ParentDir => assert!(built_in.pop(), "{written} leaves the tree"),
                    component => built_in.push(component),
                }
            }
            if !allowed.iter().any(|allowed| built_in.starts_with(allowed)) {
                found.push(built_in.display().to_string());
            }
        }
    }
    found
}

/// The modules of the crate that a text names, as `crate::x…` or within `crate::{x…, y…}`.
fn uses(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(heads(list)),
            None => found.push(word(rest)),
        }
    }
    found.retain(|module| module.starts_with(|c: char| c.is_ascii_lowercase()) && module != "self");
    found
}

/// The first word of each item of a braced list, whose opening brace is gone already.
fn heads(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = vec![word(list.trim_start())];
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(word(list[at + 1..].trim_start())),
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// `src/kafka/error.rs` and `src/kafka.rs` are both of `kafka`.
fn module_of(path: &Path) -> String {
    let part = path.iter().nth(1).expect("a path below src");
    part.to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Every Rust file below a folder, by its path from the root of the repository.
fn sources(folder: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                files.push(File {
                    path: path
                        .strip_prefix(root)
                        .expect("it lies below the root")
                        .to_owned(),
                    text,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
