//! What the worker's file says about 1Password.

use std::{num::NonZeroU32, path::PathBuf};

use super::{AllowedHosts, Limits, host::AllowedHost};
use crate::setting::{
    Fallback, Importance, Kind, Mistakes, Reader, Reported, Setting, Value, Values, whole,
};

/// The settings of the Events API's clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where tokens may be sent.
    pub allowed_hosts: AllowedHosts,
    /// PEM certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How many requests a minute are made with one token.
    pub requests_per_minute: NonZeroU32,
}

/// The most requests a minute where the host is not 1Password: a simulator may be asked as fast as it can.
const UNLIMITED: i64 = 1_000_000;

const ALLOWED_HOSTS: Setting = Setting::new(
    "onepassword.allowed.hosts",
    Kind::List,
    Fallback::Value(""),
    "Hosts that connectors may name beside 1Password's own (`*.1password.com`, `.ca`, `.eu`), each as `host` or \
     `host:port`. Plain `http` is possible to hosts on this machine only.",
)
.importance(Importance::Low);

const CA_FILE: Setting = Setting::new(
    "onepassword.ca.file",
    Kind::String,
    Fallback::Words("the system's certificates"),
    "PEM file with certificates to trust beside the system's, for networks that inspect TLS. Proxies come from \
     `HTTPS_PROXY` and `NO_PROXY`.",
);

const REQUESTS_PER_MINUTE: Setting = Setting::new(
    "onepassword.requests.per.minute",
    Kind::Int,
    Fallback::Value("490"),
    "How many requests a minute are made with one token, at most 490: this keeps below 1Password's 600 a minute and \
     30,000 an hour. Lower it where other tools use the same token. Only where `onepassword.allowed.hosts` is set, a \
     simulator may be asked faster.",
)
.importance(Importance::Low)
.within(1, UNLIMITED);

// === impl Settings ===

impl Settings {
    /// All that may be set.
    pub const TABLE: &'static [Setting] = &[ALLOWED_HOSTS, CA_FILE, REQUESTS_PER_MINUTE];

    /// Reads them; nothing where there is a mistake.
    pub fn parse(values: &Values, mistakes: &mut Mistakes) -> Option<Self> {
        Self::read(&mut Reader::new(values, mistakes)).ok()
    }

    /// The hosts that `values` allow, whatever else may be wrong with them.
    #[must_use]
    pub fn allowed_hosts(values: &Values) -> AllowedHosts {
        let listed = values.get(ALLOWED_HOSTS.name).and_then(Value::text);
        let hosts = listed.unwrap_or_default().split(',');
        AllowedHosts(
            hosts
                .filter_map(|entry| AllowedHost::parse(entry.trim()).ok())
                .collect(),
        )
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Reported> {
        let hosts = reader.list(&ALLOWED_HOSTS, |entry| {
            AllowedHost::parse(entry).map_err(|error| error.to_string())
        });
        let ca_file = reader.file(&CA_FILE);
        let most = match &hosts {
            Ok(Some(hosts)) if hosts.is_empty() => Limits::PER_MINUTE.get().into(),
            _ => UNLIMITED,
        };
        let requests = reader.one(&REQUESTS_PER_MINUTE, whole(1..=most));
        let requests = requests.map(|number| u32::try_from(number).map(NonZeroU32::new));
        Ok(Self {
            allowed_hosts: AllowedHosts(hosts?.unwrap_or_default()),
            ca_file: ca_file?,
            requests_per_minute: requests?
                .ok()
                .flatten()
                .expect("1 is the least, and the most is a million"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let values = pairs
            .iter()
            .map(|&(name, text)| (format!("onepassword.{name}"), text.to_owned()))
            .collect();
        let mut mistakes = Mistakes::new();
        Settings::parse(&values, &mut mistakes).ok_or_else(|| mistakes.to_string())
    }

    #[test]
    fn nothing_is_required() {
        let settings = Settings {
            allowed_hosts: AllowedHosts::default(),
            ca_file: None,
            requests_per_minute: Limits::PER_MINUTE,
        };
        assert_eq!(parse(&[]), Ok(settings));
    }

    #[test]
    fn a_simulator_may_be_asked_faster() {
        assert_eq!(
            parse(&[("requests.per.minute", "491")]).unwrap_err(),
            "onepassword.requests.per.minute: 491 is too large, 490 is the most"
        );
        let fast = parse(&[
            ("allowed.hosts", "localhost:8443"),
            ("requests.per.minute", "1000000"),
        ]);
        assert_eq!(fast.unwrap().requests_per_minute.get(), 1_000_000);
    }

    #[test]
    fn every_mistake_is_told() {
        assert_eq!(
            parse(&[
                ("allowed.hosts", "ok.example.com,https://a,*.b"),
                ("ca.file", "/no/such/file"),
                ("requests.per.minute", "0"),
            ])
            .unwrap_err(),
            "onepassword.allowed.hosts: 'https://a' is no host: write it as proxy.example.com or \
             proxy.example.com:8443\n\
             onepassword.allowed.hosts: '*.b' is no host: write it as proxy.example.com or \
             proxy.example.com:8443\n\
             onepassword.ca.file: '/no/such/file' cannot be read: there is no such file\n\
             onepassword.requests.per.minute: 0 is too small, 1 is the least"
        );
    }
}
