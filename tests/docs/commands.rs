//! Commands that stand in a line of the documentation are some that cargo takes.

use super::snippets::{pages, read};

/// What follows these options is no name of a test.
const WITH_VALUE: [&str; 9] = [
    "--bench",
    "--bin",
    "--example",
    "--features",
    "--package",
    "--profile",
    "--target",
    "--test",
    "-p",
];

#[test]
fn every_test_command_is_one_that_cargo_takes() {
    let mut commands = 0;
    let mut mistakes = Vec::new();
    for page in pages() {
        for command in test_commands(&read(&page)) {
            commands += 1;
            mistakes.extend(mistake(&command).map(|what| format!("{page}: {command}: {what}")));
        }
    }
    assert!(commands > 10, "only {commands} commands were found");
    assert_eq!(mistakes, Vec::<String>::new());
}

#[test]
fn a_test_command_with_several_names_is_found() {
    let text = "\
Run `cargo test --test it a b` or `cargo
test c`, `cargo test`, `cargo testing a b`, `cargo test --test it -- a b`, and
```sh
cargo test a `b` c
```
`cargo test --lib --test=it a b # c d`, `cargo test --test it a -- --ignored b`.
";
    let commands = test_commands(text);
    assert_eq!(
        commands,
        [
            "cargo test --test it a b",
            "cargo test c",
            "cargo test",
            "cargo test --test it -- a b",
            "cargo test --lib --test=it a b # c d",
            "cargo test --test it a -- --ignored b",
        ]
    );
    let wrong: Vec<_> = commands
        .iter()
        .filter(|command| mistake(command).is_some())
        .collect();
    assert_eq!(
        wrong,
        [
            "cargo test --test it a b",
            "cargo test --lib --test=it a b # c d"
        ]
    );
}

/// What stands between back ticks and is such a command, with one space between words; no blocks.
fn test_commands(page: &str) -> Vec<String> {
    let mut is_block = false;
    let prose = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    });
    let prose: Vec<_> = prose.collect();
    let code = prose.join(" ");
    code.split('`')
        .skip(1)
        .step_by(2)
        .map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|code| code == "cargo test" || code.starts_with("cargo test "))
        .collect()
}

/// Cargo itself takes one name; what is behind `--` goes to the tests, which take any number.
fn mistake(command: &str) -> Option<&'static str> {
    let words = command.split(' ').skip(2);
    let mut words = words.take_while(|word| !matches!(*word, "--" | "#"));
    let mut names = 0;
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            names += 1;
        }
    }
    (names > 1).then_some("several names need -- before them")
}
