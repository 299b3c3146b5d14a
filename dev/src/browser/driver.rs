//! `ChromeDriver`: found on the path, or installed by name from Debian's packages, and started.

use std::{
    env,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    process::{Process, Scratch},
    stack::{StackError, artifacts, progress::Progress},
};

/// A running `ChromeDriver`. Dropping it ends it, and the browsers that it has started.
#[derive(Debug)]
pub(super) struct Driver {
    /// Where it listens, on the loopback interface.
    pub(super) port: u16,
    process: Process,
}

/// The browser, what drives it, and letters for it to draw.
const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-dejavu-core"];

/// Installs the packages `"$@"` as root, or as somebody who may become root without being asked for a password.
const INSTALL: &str = r#"
set -e
as=
[ "$(id -u)" = 0 ] || as='sudo -n'
$as apt-get update -qq
$as env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
  install -qq --yes --no-install-recommends "$@"
"#;

/// What a machine must have for this.
const NEEDED: &str = "Chromium (or Chrome) and ChromeDriver, which must be on the path, are needed: \
    on Debian the packages chromium, chromium-driver and fonts-dejavu-core";

/// A slow line needs its time.
const INSTALL_TIMEOUT: Duration = Duration::from_mins(15);

/// Far more than a slow machine needs.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The pause between two looks into what `ChromeDriver` prints.
const PAUSE: Duration = Duration::from_millis(10);

// === impl Driver ===

impl Driver {
    /// Starts it on a port that it chooses; whatever it writes goes below `folder`. May block for minutes.
    pub(super) fn start(folder: &Path) -> Result<Self, StackError> {
        let program = find_or_install()?;
        let home = folder.display().to_string();
        let environment = ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"]
            .map(|name| (name.to_owned(), home.clone()));
        let arguments = ["--port=0".to_owned()];
        let process = Process::start(&program, &arguments, &environment, &folder.join("log"))
            .map_err(StackError::io("start ChromeDriver"))?;
        let since = Instant::now();
        loop {
            let ended = process.ended_within(PAUSE);
            let printed = process.last_lines();
            if let Some(port) = port(&printed) {
                return Ok(Self { port, process });
            }
            if ended.is_some() || since.elapsed() > START_TIMEOUT {
                return Err(StackError::failed("starting ChromeDriver", printed));
            }
        }
    }

    /// The last lines of what it has printed.
    pub(super) fn last_lines(&self) -> String {
        self.process.last_lines()
    }
}

/// The port that `ChromeDriver` says it listens on.
fn port(printed: &str) -> Option<u16> {
    let (_, rest) = printed.split_once("started successfully on port ")?;
    rest.split_once('.')?.0.parse().ok()
}

fn find_or_install() -> Result<PathBuf, StackError> {
    if let Some(program) = find() {
        return Ok(program);
    }
    let _lock = artifacts::alone()?;
    if let Some(program) = find() {
        return Ok(program);
    }
    let progress = Progress::begin("installing Chromium and ChromeDriver, once");
    install()?;
    let program = find().ok_or_else(|| StackError::failed(NEEDED, "not found"))?;
    progress.done("installed Chromium and ChromeDriver");
    Ok(program)
}

/// It finds the browser by itself, wherever each system has it.
fn find() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join("chromedriver"))
        .find(|path| path.is_file())
}

fn install() -> Result<(), StackError> {
    let scratch =
        Scratch::new_in(&env::temp_dir()).map_err(StackError::io("make a temporary folder"))?;
    let arguments = [&["-c", INSTALL, "sh"][..], &PACKAGES].concat();
    let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
    let log = scratch.path().join("log");
    let run = Process::start(Path::new("sh"), &arguments, &[], &log)
        .map_err(StackError::io("run apt-get"))?;
    match run.ended_within(INSTALL_TIMEOUT) {
        Some(status) if status.success() => Ok(()),
        _ => Err(StackError::failed(NEEDED, run.last_lines())),
    }
}
