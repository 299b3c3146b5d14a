//! What an answer's headers say about the next request.
//!
//! 1Password documents 429, and no headers with it, for v2; for v3 it announces "one or more" of the `RateLimit`
//! headers (draft-ietf-httpapi-ratelimit-headers). Every form in use is understood: `RateLimit-Remaining` and
//! `RateLimit-Reset` of the early drafts, the same with `X-`, and `RateLimit: …;r=0;t=30` of the later ones.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

use crate::outbound::{LONGEST_WAIT, retry_after};

/// The waits that an answer names, each at most an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Advice {
    retry_after: Option<Duration>,
    /// Requests that are left in the present window.
    remaining: Option<u64>,
    /// Until the window ends.
    reset: Option<Duration>,
}

// === impl Advice ===

impl Advice {
    pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Self {
        let combined = |name| parameter(headers.get("ratelimit")?.to_str().ok()?, name);
        let number = |names: [&str; 2], short| {
            let plain = names.into_iter().find_map(|name| integer(headers, name));
            plain.or_else(|| combined(short))
        };
        Self {
            retry_after: retry_after(headers, now),
            remaining: number(["ratelimit-remaining", "x-ratelimit-remaining"], "r"),
            reset: number(["ratelimit-reset", "x-ratelimit-reset"], "t")
                .map(|reset| seconds_until(reset, now).min(LONGEST_WAIT)),
        }
    }

    /// After a refusal: the longest wait that was named. A window that is not used up is none.
    pub(super) fn wait(self) -> Option<Duration> {
        let reset = self.reset.filter(|_| self.remaining.unwrap_or(0) == 0);
        self.retry_after.max(reset)
    }

    /// After a success: how long nothing more is allowed, if the window is used up.
    pub(super) fn pause(self) -> Option<Duration> {
        self.reset.filter(|_| self.remaining == Some(0))
    }
}

fn integer(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A parameter of the first item in a structured list (RFC 9651): `"default";r=0;t=30`.
fn parameter(list: &str, name: &str) -> Option<u64> {
    let mut parts = list.split(',').next()?.split(';').map(str::trim);
    let value = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
    value.parse().ok()
}

/// Some services send seconds to wait, some the second at which to come back.
fn seconds_until(reset: u64, now: Timestamp) -> Duration {
    let epoch = u64::try_from(now.as_second()).unwrap_or(0);
    Duration::from_secs(if reset > epoch / 2 {
        reset.saturating_sub(epoch)
    } else {
        reset
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Advice {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        Advice::read(&headers.collect(), now)
    }

    #[test]
    fn after_a_refusal_the_longest_wait_counts() {
        for (headers, wait) in [
            (&[][..], None),
            (&[("retry-after", "5")], Some(5)),
            (&[("retry-after", "5"), ("ratelimit-reset", "40")], Some(40)),
            (
                &[("retry-after", "50"), ("ratelimit-reset", "40")],
                Some(50),
            ),
            (
                &[("ratelimit", r#""default";r=0;t=30, "hour";r=9;t=900"#)],
                Some(30),
            ),
            (
                &[("ratelimit-remaining", "9"), ("ratelimit-reset", "3000")],
                None,
            ),
            (
                &[("retry-after", "5"), ("ratelimit", r#""hour";r=9;t=900"#)],
                Some(5),
            ),
            (&[("x-ratelimit-reset", "1795000060")], Some(60)),
            (&[("ratelimit-reset", "86400")], Some(3600)),
            (&[("ratelimit-reset", "soon")], None),
        ] {
            assert_eq!(
                read(headers).wait(),
                wait.map(Duration::from_secs),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_used_up_window_is_waited_for_and_no_other() {
        let reset = ("ratelimit-reset", "30");
        for (headers, pause) in [
            (&[reset][..], None),
            (&[("ratelimit-remaining", "1"), reset], None),
            (&[("ratelimit-remaining", "0"), reset], Some(30)),
            (&[("x-ratelimit-remaining", "0"), reset], Some(30)),
            (&[("ratelimit-remaining", "0")], None),
            (&[("ratelimit", r#""minute";r=0;t=12"#)], Some(12)),
        ] {
            assert_eq!(
                read(headers).pause(),
                pause.map(Duration::from_secs),
                "{headers:?}"
            );
        }
    }
}
