//! A browser for tests of the web page: Chromium without a window, driven through `ChromeDriver`.
//!
//! Each [`Page`] is a Chromium of its own with an empty profile, so that nothing that one test leaves in it is seen by
//! another. It reaches this machine only, whatever a page asks for. All of it ends with its [`Browser`].

mod axe;
mod driver;
pub mod key;
mod page;
mod records;
mod webdriver;

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};

use self::{driver::Driver, webdriver::Session};
pub use self::{page::Page, records::Request};
use crate::{
    process::Scratch,
    stack::{StackError, blocking},
};

/// `ChromeDriver`, and the browsers that it has started. Dropping it ends them all.
#[derive(Debug)]
pub struct Browser {
    // The order is that of the end: processes first, then their folder.
    driver: Driver,
    scratch: Scratch,
    /// How many there have been, so that each has a profile of its own.
    pages: AtomicU32,
}

/// The colours that the user prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Dark letters.
    Light,
    /// Light letters.
    Dark,
}

/// No questions, no calls home, and no name or address but this machine's own.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

// === impl Browser ===

impl Browser {
    /// Starts `ChromeDriver`, after installing it where it is missing and that is possible.
    ///
    /// # Errors
    ///
    /// When it is missing, or does not start.
    pub async fn start() -> Result<Self, StackError> {
        blocking(Self::start_blocking).await
    }

    fn start_blocking() -> Result<Self, StackError> {
        let scratch =
            Scratch::new_in(&env::temp_dir()).map_err(StackError::io("make a temporary folder"))?;
        Ok(Self {
            driver: Driver::start(scratch.path())?,
            scratch,
            pages: AtomicU32::new(0),
        })
    }

    /// A blank page of this size in CSS pixels, in a browser of its own. It ends with this.
    ///
    /// # Panics
    ///
    /// When the browser does not start.
    pub async fn page(&self, look: Look, width: u32, height: u32) -> Page {
        let session = Session::start(self.driver.port, &self.capabilities()).await;
        let session = session.unwrap_or_else(|error| {
            let printed = self.driver.last_lines();
            panic!("Chromium does not start: {error}\n{printed}")
        });
        Page::prepare(session, look, width, height).await
    }

    fn capabilities(&self) -> Value {
        let number = self.pages.fetch_add(1, Ordering::Relaxed);
        let profile = self.scratch.path().join(format!("profile-{number}"));
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        if rustix::process::geteuid().is_root() {
            // Chromium refuses to run as root with its sandbox.
            arguments.push("--no-sandbox".to_owned());
        }
        json!({
            "goog:chromeOptions": {
                "args": arguments,
                "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
            },
            "timeouts": { "pageLoad": 30_000, "script": 30_000 },
            "goog:loggingPrefs": { "browser": "SEVERE", "performance": "ALL" },
        })
    }
}

#[cfg(test)]
mod tests;
