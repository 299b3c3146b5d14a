//! Words about what takes a while: a spinner on a terminal, a plain line on standard error elsewhere.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Something that is under way; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    spinner: Option<ProgressBar>,
    since: Instant,
}

// === impl Progress ===

impl Progress {
    /// Says that `what` has begun.
    pub(crate) fn begin(what: &str) -> Self {
        let spinner = stderr().is_terminal().then(|| spin(what));
        if spinner.is_none() {
            say(what);
        }
        Self {
            spinner,
            since: Instant::now(),
        }
    }

    /// Says that it is done: `what`, and how long it has taken.
    pub(crate) fn done(self, what: &str) {
        let seconds = self.since.elapsed().as_secs_f64();
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        say(&format!("{what} ({seconds:.1} s)"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

/// Writes one line to standard error.
pub(super) fn say(line: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(stderr(), "{line}");
}

fn spin(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}")
        .expect("the template is valid");
    let spinner = ProgressBar::new_spinner()
        .with_style(style)
        .with_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}
