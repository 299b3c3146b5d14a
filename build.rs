//! Tells the program what it is built from: the commit, and when.
//!
//! `ONEPASSWORD_KAFKA_COMMIT` names the commit where there is no repository, as in an image. `SOURCE_DATE_EPOCH` is the time
//! where a build shall be the same every time (<https://reproducible-builds.org/specs/source-date-epoch/>). Another one makes all C
//! code be built again, so `ONEPASSWORD_KAFKA_BUILT` may be the time instead.

use std::{
    env,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

const COMMIT: &str = "ONEPASSWORD_KAFKA_COMMIT";
const BUILT: &str = "ONEPASSWORD_KAFKA_BUILT";
const EPOCH: &str = "SOURCE_DATE_EPOCH";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={COMMIT}");
    println!("cargo::rerun-if-env-changed={BUILT}");
    println!("cargo::rerun-if-env-changed={EPOCH}");
    let commit = given(COMMIT).or_else(committed);
    let time = given(BUILT).or_else(|| given(EPOCH)).unwrap_or_else(now);
    let is_time = time.parse::<u32>().is_ok();
    assert!(
        is_time,
        "{BUILT} or {EPOCH} is {time:?}: write seconds since 1970"
    );
    println!(
        "cargo::rustc-env=BUILD_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
    println!("cargo::rustc-env=BUILD_SECONDS={time}");
}

fn given(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The commit that is checked out.
fn committed() -> Option<String> {
    // What is checked out, and the branches, one of which each new commit moves.
    for name in ["HEAD", "refs/heads"] {
        println!(
            "cargo::rerun-if-changed={}",
            git(&["rev-parse", "--git-path", name])?
        );
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build has no clock to be told by"
)]
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs().to_string()
}
