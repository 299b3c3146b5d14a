//! Another account, for connectors that are declared while workers run.

use onepassword_kafka_dev::{
    reader::check,
    simulator::{Stream, Token, TokenSpec},
};
use serde_json::{Value, json};

use crate::scene::{Scene, Script, uuids};

pub(crate) const ACCOUNT: &str = "OTHERACCOUNT7777777777777A";

/// Lets connectors refer to the files beside the worker's own.
pub(crate) fn script() -> Script {
    Script {
        worker: "secrets.dirs: [/]".to_owned(),
        ..Script::default()
    }
}

/// A token of the account.
pub(crate) fn token(scene: &Scene) -> Token {
    scene.simulator.issue(TokenSpec {
        account_uuid: ACCOUNT.to_owned(),
        ..TokenSpec::default()
    })
}

/// The settings of a connector of the account.
pub(crate) fn connector(scene: &Scene) -> Value {
    let path = scene.program.write("other", token(scene).as_str()).unwrap();
    json!({
        "connector.class": "OnePasswordEventsSource",
        "onepassword.token": format!("${{file:{}}}", path.display()),
        "poll.interval.ms": "1000",
    })
}

/// Publishes audit events of the account.
pub(crate) fn publish(scene: &Scene, count: usize) {
    scene.simulator.publish(ACCOUNT, Stream::AuditEvents, count);
}

/// Every event of the account, and of no other, is in a stream's topic exactly once.
pub(crate) async fn is_exactly_once(scene: &Scene, stream: Stream) {
    let published = scene.simulator.published(ACCOUNT, stream);
    let report = check(uuids(&published), &scene.messages(stream).await);
    assert!(report.is_exactly_once(), "{stream}: {report}");
}
