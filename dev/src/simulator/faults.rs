//! What can go wrong, as data: which fault, on which requests, how often.
//!
//! The rules form a script. Each request takes the first rule that fits it; a rule that has fired its number of times is
//! gone. So a queue of rules with `times` 1 reads "the next request gets this, the one after it gets that", and
//! [`Fault::None`] in between lets one request through.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{millis, stream::Stream};

/// Everything that is wrong at present; [`Faults::default`] is a healthy service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The script; the first rule that fits a request is applied to it.
    pub rules: Vec<Rule>,
    /// How the two introspection endpoints behave.
    pub introspection: Introspection,
    /// The shape of all error bodies that no rule decides.
    pub error_shape: ErrorShape,
}

/// One fault, and the requests that it strikes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What happens.
    pub fault: Fault,
    /// To which requests. Default: to those of any stream.
    #[serde(default)]
    pub scope: Scope,
    /// Only to those with a valid token of this account. Default: `None`, any token or none.
    #[serde(default)]
    pub account: Option<String>,
    /// How likely it is for each request, 0 to 1. Default: 1.
    #[serde(default = "certain")]
    pub probability: f64,
    /// How many requests it strikes before it is removed. Default: `None`, until the faults are changed.
    #[serde(default)]
    pub times: Option<u32>,
}

/// The requests that a rule is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// POSTs for any stream.
    #[default]
    AnyStream,
    /// POSTs for one stream, in either version.
    Stream(Stream),
    /// Introspection, in either version. Faults about pages do nothing there.
    Introspection,
}

/// What can happen to a request. In JSON: `{"kind":"status","code":503}` and so on, durations in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Nothing: the request is served as usual.
    None,
    /// An error answer; takes precedence over authentication and the request's own faults.
    Status(StatusFault),
    /// The answer begins only after a while.
    SlowHeaders {
        /// How long the client waits for the first byte.
        #[serde(with = "millis")]
        delay: Duration,
    },
    /// The body arrives in drips.
    SlowBody {
        /// Bytes a drip.
        chunk: usize,
        /// The wait before each drip.
        #[serde(with = "millis")]
        pause: Duration,
    },
    /// Half of the body arrives, the rest never; the connection stays open.
    StalledBody,
    /// The connection is reset where an answer was due.
    ResetBeforeAnswer,
    /// The connection is reset after half of the body.
    ResetMidBody,
    /// The body ends in the middle of the JSON; lengths agree, as from a broken proxy.
    TruncatedJson,
    /// A valid answer after this many bytes of white space.
    Oversized {
        /// How many bytes of white space; beyond memory is fine, they are made while they are sent.
        bytes: u64,
    },
    /// A page of HTML with status 200, as from a captive portal.
    NotJson,
    /// A valid answer with another `Content-Type`.
    ContentType {
        /// The header's value; one that cannot be a header is replaced by `text/plain`.
        value: String,
    },
    /// `"items":null` for an empty page: the cursor stays where the request began, so nothing is lost.
    ItemsNull,
    /// An empty page without `items`; the rest as in [`Fault::ItemsNull`].
    ItemsAbsent,
    /// No `cursor`.
    CursorMissing,
    /// `"cursor":null`.
    CursorNull,
    /// `"cursor":7`.
    CursorNumber,
    /// An empty page that says there is more; the cursor stays where the request began, so nothing is lost.
    EmptyWithMore,
    /// Where the page is empty, another cursor for the place where the request began.
    CursorRenewed,
    /// The items of the page, `has_more` true, and the cursor from before them: the next page is this one again.
    CursorStuck,
    /// 400 to a request with a cursor; a reset is served.
    CursorRejected,
    /// Each item of the page twice.
    DuplicateItems,
    /// The page's items in reverse.
    ReversedItems,
    /// Compressed even if the client did not offer to accept it.
    GzipOn,
    /// Not compressed even if the client accepts it.
    GzipOff,
    /// Says gzip, and breaks off after a part of it.
    GzipBroken,
    /// Says gzip, and is not.
    GzipFalse,
}

/// An error answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusFault {
    /// The status code, 100 to 999; others are answered as 500.
    pub code: u16,
    /// What it says. Default: the code's own phrase.
    #[serde(default)]
    pub message: Option<String>,
    /// The body's shape. Default: [`ErrorShape::ByVersion`].
    #[serde(default)]
    pub shape: ErrorShape,
    /// When to come back. Default: not said.
    #[serde(default)]
    pub retry_after: Option<RetryAfter>,
    /// `RateLimit-*` headers. Default: none.
    #[serde(default)]
    pub rate_limit: Option<RateLimitHeaders>,
}

/// The shape of an error body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// [`ErrorShape::Spec`] for v1, [`ErrorShape::Documented`] for v2.
    #[default]
    ByVersion,
    /// `{"Error":{"Message":"…"}}`, as the specification 1.2.0 has it and v1 was seen to answer.
    Spec,
    /// `{"status":401,"message":"…"}`, as the reference 1.4.1 documents.
    Documented,
    /// A page of HTML, as gateways send.
    Html,
    /// One line of text.
    Text,
    /// No body.
    Empty,
}

/// The two forms of `Retry-After` (RFC 9110 §10.2.3), both in seconds from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u32),
    /// The date so many seconds from now.
    HttpDate(u32),
}

/// The headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimitHeaders {
    /// Requests in a window.
    pub limit: u32,
    /// Requests left in it.
    pub remaining: u32,
    /// Seconds until it ends.
    pub reset: u32,
}

/// How introspection behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Introspection {
    /// Both versions answer.
    #[default]
    Healthy,
    /// v2 is unknown (`404 page not found`), v1 answers.
    WithoutV2,
    /// Both answer, but v2 does not name the account, as before API reference 1.4.1.
    WithoutAccount,
    /// Both are unknown.
    Absent,
    /// Both answer 403.
    Forbidden,
}

// === impl Faults ===

impl Faults {
    /// The fault for one request; uses up one of its rule's times.
    pub(super) fn strike(
        &mut self,
        scope: Scope,
        account: Option<&str>,
        random: &mut fastrand::Rng,
    ) -> Fault {
        let struck = self
            .rules
            .iter()
            .position(|rule| rule.fits(scope, account) && random.f64() < rule.probability);
        let Some(index) = struck else {
            return Fault::None;
        };
        let rule = &mut self.rules[index];
        let fault = rule.fault.clone();
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.rules.remove(index);
            }
        }
        fault
    }
}

// === impl Rule ===

impl Rule {
    /// The fault on every request of any stream, until the faults are changed.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self {
            fault,
            scope: Scope::AnyStream,
            account: None,
            probability: certain(),
            times: None,
        }
    }

    /// The fault on the next request of one stream.
    #[must_use]
    pub fn once(stream: Stream, fault: Fault) -> Self {
        Self::always(fault).on(stream).times(1)
    }

    /// The same for one stream only.
    #[must_use]
    pub fn on(self, stream: Stream) -> Self {
        Self {
            scope: Scope::Stream(stream),
            ..self
        }
    }

    /// The same for the next `times` requests only.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// The same with a probability, 0 to 1.
    #[must_use]
    pub fn with_probability(self, probability: f64) -> Self {
        Self {
            probability,
            ..self
        }
    }

    fn fits(&self, scope: Scope, account: Option<&str>) -> bool {
        let stream = matches!((self.scope, scope), (Scope::AnyStream, Scope::Stream(_)));
        let spent = self.times == Some(0);
        let account = self.account.is_none() || self.account.as_deref() == account;
        (stream || self.scope == scope) && account && !spent
    }
}

// === impl Fault ===

impl Fault {
    /// An error answer with the version's usual body and no further headers.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status(StatusFault::of(code))
    }
}

// === impl StatusFault ===

impl StatusFault {
    /// With the version's usual body and no further headers.
    #[must_use]
    pub const fn of(code: u16) -> Self {
        Self {
            code,
            message: None,
            shape: ErrorShape::ByVersion,
            retry_after: None,
            rate_limit: None,
        }
    }
}

fn certain() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strike(faults: &mut Faults, stream: Stream) -> Fault {
        let mut random = fastrand::Rng::with_seed(1);
        faults.strike(Scope::Stream(stream), None, &mut random)
    }

    #[test]
    fn rules_are_a_script_for_each_stream() {
        let mut faults = Faults {
            rules: vec![
                Rule::once(Stream::AuditEvents, Fault::status(503)),
                Rule::once(Stream::AuditEvents, Fault::None),
                Rule::always(Fault::ItemsNull).times(2),
            ],
            ..Faults::default()
        };
        assert_eq!(strike(&mut faults, Stream::ItemUsages), Fault::ItemsNull);
        assert_eq!(strike(&mut faults, Stream::AuditEvents), Fault::status(503));
        assert_eq!(strike(&mut faults, Stream::AuditEvents), Fault::None);
        assert_eq!(strike(&mut faults, Stream::AuditEvents), Fault::ItemsNull);
        assert_eq!(strike(&mut faults, Stream::AuditEvents), Fault::None);
        assert_eq!(faults, Faults::default());
    }

    #[test]
    fn probability_is_honoured_and_repeatable() {
        let mut faults = Faults {
            rules: vec![Rule::always(Fault::ItemsNull).with_probability(0.25)],
            ..Faults::default()
        };
        let mut count = || {
            let mut random = fastrand::Rng::with_seed(7);
            (0..1000)
                .filter(|_| {
                    faults.strike(Scope::Stream(Stream::AuditEvents), None, &mut random)
                        != Fault::None
                })
                .count()
        };
        let first = count();
        assert!((200..300).contains(&first), "{first}");
        assert_eq!(count(), first);
    }

    #[test]
    fn json_may_leave_out_what_has_a_default() {
        let faults: Faults = serde_json::from_value(json!({"rules": [
            {"fault": {"kind": "status", "code": 429, "retry_after": {"seconds": 2}}, "times": 3},
            {"fault": {"kind": "slow_headers", "delay": 50}, "scope": {"stream": "itemusages"}},
        ]}))
        .unwrap();
        assert_eq!(faults.rules[0].times, Some(3));
        let delay = Duration::from_millis(50);
        assert_eq!(faults.rules[1].fault, Fault::SlowHeaders { delay });
        let text = serde_json::to_string(&faults).unwrap();
        assert_eq!(serde_json::from_str::<Faults>(&text).unwrap(), faults);
    }
}
