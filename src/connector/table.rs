//! What may be set for a connector. This table is the only place that knows it.

use crate::setting::{Fallback, Importance, Kind, Setting, Width};

/// All that may be set, in the order of a form.
pub const TABLE: &[Setting] = &[
    NAME,
    CLASS,
    TASKS_MAX,
    TOKEN,
    URL,
    STREAMS,
    START_TIME,
    POLL_INTERVAL_MS,
    PAGE_LIMIT,
    KEY,
];

pub(super) const NAME: Setting = Setting::new(
    "name",
    Kind::String,
    Fallback::Words("the connector's own"),
    "Accepted as Kafka Connect has it: it must be the connector's name.",
)
.importance(Importance::Low)
.form("Common", "Connector name", Width::Medium);

pub(super) const CLASS: Setting = Setting::new(
    "connector.class",
    Kind::String,
    Fallback::Words("`OnePasswordEventsSource`"),
    "Accepted as Kafka Connect has it; there is no other.",
)
.importance(Importance::Low)
.form("Common", "Connector class", Width::Long)
.recommending(&[super::CLASS]);

pub(super) const TASKS_MAX: Setting = Setting::new(
    "tasks.max",
    Kind::Int,
    Fallback::Words("one task for each stream"),
    "Accepted as Kafka Connect has it, without effect: each stream is one task.",
)
.importance(Importance::Low)
.within(1, 2_147_483_647)
.form("Common", "Tasks max", Width::Short);

/// Where the token is kept.
pub const TOKEN: Setting = Setting::new(
    "onepassword.token",
    Kind::Password,
    Fallback::Required,
    "Bearer token of the Events Reporting integration, as a reference: `${file:/run/secrets/acme}` or \
     `${env:ACME_TOKEN}`, or `${sealed:…}` as `POST /ui/api/seal` makes it of a token. A file that changes is picked up \
     without a restart.",
)
.importance(Importance::High)
.form("1Password", "Token", Width::Long);

/// Where the Events API is.
pub const URL: Setting = Setting::new(
    "onepassword.url",
    Kind::String,
    Fallback::Words("the host that the token names"),
    "Base URL of the Events API, such as `https://events.1password.eu`. It must be one of 1Password's hosts or one of \
     the worker's `onepassword.allowed.hosts`.",
)
.importance(Importance::Low)
.form("1Password", "Address", Width::Long)
.recommending(&[
    "https://events.1password.com",
    "https://events.ent.1password.com",
    "https://events.1password.ca",
    "https://events.1password.eu",
]);

pub(super) const STREAMS: Setting = Setting::new(
    "streams",
    Kind::List,
    Fallback::Words("all that the token may read"),
    "The streams to read, with commas between them: `signinattempts`, `itemusages`, `auditevents`.",
)
.form("Reading", "Streams", Width::Long)
.choosing(&["signinattempts", "itemusages", "auditevents"]);

pub(super) const START_TIME: Setting = Setting::new(
    "start.time",
    Kind::String,
    Fallback::Value("earliest"),
    "Where a stream that was never read begins: `earliest` (the 120 days that 1Password keeps), `latest` (now), an RFC \
     3339 time, or an ISO 8601 duration back from now (`P7D`, `PT36H`).",
)
.form("Reading", "Start time", Width::Medium);

pub(super) const POLL_INTERVAL_MS: Setting = Setting::new(
    "poll.interval.ms",
    Kind::Long,
    Fallback::Value("300000"),
    "Pause after a poll that has reached the end, 1000 to 86400000. While there is more to read, there is no pause. \
     Where 1Password throttles the account, 900000 is a good value.",
)
.within(1_000, 86_400_000)
.form("Reading", "Poll interval (ms)", Width::Short);

pub(super) const PAGE_LIMIT: Setting = Setting::new(
    "page.limit",
    Kind::Int,
    Fallback::Value("1000"),
    "Events in one answer of the API at most, 1 to 1000. It applies to streams that begin anew.",
)
.importance(Importance::Low)
.within(1, 1_000)
.form("Reading", "Page limit", Width::Short);

pub(super) const KEY: Setting = Setting::new(
    "key",
    Kind::String,
    Fallback::Value("user"),
    "The key of the records: the uuid of the `user` who acted (or the event's where there is none), of the `event`, \
     of the `account`, or the name of the `connector`. Records with the same key stay in order.",
)
.form("Records", "Key", Width::Short)
.choosing(&["user", "event", "account", "connector"]);
