//! The broker's settings: one combined broker and controller, made for starting quickly.

use std::{fmt::Write, net::Ipv4Addr, path::Path};

use super::Security;

/// Where one broker listens, whichever way it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listeners {
    /// The address to bind to: loopback, or all in a container.
    pub(super) bind: Ipv4Addr,
    /// The port of clients that come straight to the broker.
    pub(super) plain: u16,
    /// The port of the controller.
    pub(super) controller: u16,
    /// The listener behind a proxy, if there is one.
    pub(super) proxied: Option<Proxied>,
}

/// A listener whose clients are told to come to a proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proxied {
    /// The broker's own port, where the proxy forwards to.
    pub(super) port: u16,
    /// The proxy's port, which the broker tells its clients.
    pub(super) advertised: u16,
}

/// The id under which the log folder is formatted; any 16 bytes in base 64 would do.
pub(super) const CLUSTER_ID: &str = "b25lcGFzc3dvcmQta2Fma2";

/// Little topics start quickly, groups do not wait for members that never come, and compaction can be watched.
const SETTINGS: &[(&str, &str)] = &[
    ("node.id", "1"),
    ("process.roles", "broker,controller"),
    ("controller.listener.names", "CONTROLLER"),
    ("inter.broker.listener.name", "PLAINTEXT"),
    (
        "listener.security.protocol.map",
        "PLAINTEXT:PLAINTEXT,PROXY:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
    ),
    ("auto.create.topics.enable", "false"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "1000"),
    ("log.cleaner.backoff.ms", "500"),
    ("offsets.topic.num.partitions", "4"),
    ("offsets.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("share.coordinator.state.topic.num.partitions", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.num.partitions", "4"),
    ("transaction.state.log.replication.factor", "1"),
];

// === impl Listeners ===

impl Listeners {
    /// All settings of a broker that listens here, its data folder excepted.
    pub(super) fn settings(&self, security: Option<&Security>) -> Vec<(String, String)> {
        let Self {
            bind,
            plain,
            controller,
            proxied,
        } = self;
        let (mine, theirs) = proxied.map_or_else(Default::default, |proxied| {
            (
                format!(",PROXY://{bind}:{}", proxied.port),
                format!(",PROXY://127.0.0.1:{}", proxied.advertised),
            )
        });
        let secured = |host: &str| security.map_or_else(String::new, |own| own.listeners(host));
        let listeners = format!(
            "PLAINTEXT://{bind}:{plain},CONTROLLER://127.0.0.1:{controller}{mine}{}",
            secured("127.0.0.1")
        );
        let advertised = format!(
            "PLAINTEXT://127.0.0.1:{plain}{theirs}{}",
            secured("localhost")
        );
        let own = [
            ("listeners", listeners),
            ("advertised.listeners", advertised),
            (
                "controller.quorum.voters",
                format!("1@127.0.0.1:{controller}"),
            ),
        ];
        let fixed = SETTINGS
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        fixed
            .chain(own)
            .map(|(name, value)| (name.to_owned(), value))
            .chain(security.map(Security::settings).unwrap_or_default())
            .collect()
    }

    /// The text of `server.properties` for a broker that keeps its data in `data`.
    pub(super) fn properties(&self, security: Option<&Security>, data: &Path) -> String {
        let mut text = format!("log.dirs={}\n", data.display());
        for (name, value) in self.settings(security) {
            writeln!(text, "{name}={value}").expect("a string takes every write");
        }
        text
    }
}

/// The environment variable that Kafka's images turn into the setting `name`.
pub(super) fn variable(name: &str) -> String {
    let name = name
        .replace('_', "__")
        .replace('-', "___")
        .replace('.', "_");
    format!("KAFKA_{}", name.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_the_proxied_listener_are_sent_to_the_proxy() {
        let listeners = Listeners {
            bind: Ipv4Addr::LOCALHOST,
            plain: 1,
            controller: 2,
            proxied: Some(Proxied {
                port: 3,
                advertised: 4,
            }),
        };
        let text = listeners.properties(None, Path::new("/data"));
        assert!(text.starts_with("log.dirs=/data\n"));
        assert!(text.contains(
            "\nlisteners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,PROXY://127.0.0.1:3\n"
        ));
        assert!(
            text.contains("\nadvertised.listeners=PLAINTEXT://127.0.0.1:1,PROXY://127.0.0.1:4\n")
        );
    }

    #[test]
    fn settings_become_variables_as_the_images_read_them() {
        assert_eq!(variable("node.id"), "KAFKA_NODE_ID");
        assert_eq!(variable("a-b_c.d"), "KAFKA_A___B__C_D");
    }
}
