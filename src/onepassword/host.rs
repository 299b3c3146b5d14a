//! Where a token may be sent. Whoever may edit a connector must not be able to send its token elsewhere.

use url::{Host, Url};

/// 1Password's own domains (Events API reference 1.4.1, "Servers").
const DOMAINS: [&str; 3] = [".1password.com", ".1password.ca", ".1password.eu"];

/// 1Password's own hosts, and those that the worker's operator allows beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(pub(super) Vec<AllowedHost>);

/// An address that no token may be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Anybody on the way could read the token.
    #[error("plain http is for hosts on this machine only: write https")]
    Insecure,
    /// The operator has not allowed it.
    #[error(
        "{0} is none of 1Password's hosts: where it is meant, the worker's operator allows it with \
         onepassword.allowed.hosts"
    )]
    Foreign(String),
}

/// An entry of `onepassword.allowed.hosts` that is neither a host nor a host with a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no host: write it as proxy.example.com or proxy.example.com:8443")]
pub struct EntryError;

/// A host with all of its ports, or with one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedHost {
    host: Host,
    port: Option<u16>,
}

// === impl AllowedHosts ===

impl AllowedHosts {
    /// 1Password's own hosts and `extra` ones: `host`, or `host:port`.
    ///
    /// # Errors
    ///
    /// An entry is neither.
    pub fn new<'a>(extra: impl IntoIterator<Item = &'a str>) -> Result<Self, EntryError> {
        let hosts = extra.into_iter().map(AllowedHost::parse);
        hosts.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are any beside 1Password's own.
    #[must_use]
    pub const fn has_extra(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a token may be sent to `url`.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn check(&self, url: &Url) -> Result<(), HostError> {
        let host = url.host().map(|host| host.to_owned());
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => host.as_ref().is_some_and(is_loopback),
            _ => false,
        };
        if !is_secure {
            return Err(HostError::Insecure);
        }
        let port = url.port_or_known_default();
        let is_allowed = host.as_ref().is_some_and(|host| {
            is_1password(host) || self.0.iter().any(|entry| entry.matches(host, port))
        });
        if is_allowed {
            return Ok(());
        }
        Err(HostError::Foreign(
            url.host_str().unwrap_or_default().to_owned(),
        ))
    }
}

// === impl AllowedHost ===

impl AllowedHost {
    pub(super) fn parse(text: &str) -> Result<Self, EntryError> {
        // An IPv6 address has colons of its own; with a port, it stands in brackets.
        if let Ok(address) = text.parse() {
            return Ok(Self {
                host: Host::Ipv6(address),
                port: None,
            });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port.map(str::parse).transpose().map_err(|_| EntryError)?;
        let host = Host::parse(host).map_err(|_| EntryError)?;
        if port == Some(0) || host.to_string().contains('*') {
            return Err(EntryError);
        }
        Ok(Self { host, port })
    }

    fn matches(&self, host: &Host, port: Option<u16>) -> bool {
        self.host == *host && (self.port.is_none() || self.port == port)
    }
}

fn is_1password(host: &Host) -> bool {
    match host {
        Host::Domain(name) => DOMAINS.iter().any(|domain| name.ends_with(domain)),
        Host::Ipv4(_) | Host::Ipv6(_) => false,
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(extra: &[&str], url: &str) -> Result<(), HostError> {
        let hosts = AllowedHosts::new(extra.iter().copied()).unwrap();
        hosts.check(&url.parse().unwrap())
    }

    #[test]
    fn the_hosts_of_1password_are_allowed() {
        for host in [
            "events.1password.com",
            "events.ent.1password.com",
            "events.1password.ca",
            "EVENTS.1password.eu",
        ] {
            assert_eq!(check(&[], &format!("https://{host}")), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_hosts_are_refused_however_much_they_look_alike() {
        for host in [
            "1password.com",
            "events1password.com",
            "events.1password.com.example.com",
            "events.1password.co",
            "127.0.0.1",
            "[::1]",
            "localhost",
        ] {
            let foreign = HostError::Foreign(host.to_owned());
            assert_eq!(check(&[], &format!("https://{host}")), Err(foreign));
        }
    }

    #[test]
    fn an_entry_allows_its_host_with_all_ports_or_with_one() {
        let extra = [
            "proxy.example.com",
            "Other.example.com:8443",
            "::1",
            "[::2]:99",
        ];
        for url in [
            "https://proxy.example.com",
            "https://proxy.example.com:1234",
            "https://other.example.com:8443",
            "https://[::1]:5",
            "https://[::2]:99",
        ] {
            assert_eq!(check(&extra, url), Ok(()), "{url}");
        }
        for url in [
            "https://other.example.com",
            "https://a.proxy.example.com",
            "https://[::2]",
        ] {
            assert!(check(&extra, url).is_err(), "{url}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let extra = ["localhost", "127.0.0.9", "::1", "10.0.0.1"];
        for url in ["http://localhost:1", "http://127.0.0.9", "http://[::1]:7"] {
            assert_eq!(check(&extra, url), Ok(()), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://events.1password.com",
            "ftp://localhost",
        ] {
            assert_eq!(check(&extra, url), Err(HostError::Insecure), "{url}");
        }
        assert!(check(&[], "http://localhost:1").is_err());
    }

    #[test]
    fn an_entry_is_a_host() {
        for entry in [
            "",
            "https://example.com",
            "example.com/",
            "*.example.com",
            "example.com:",
            "example.com:0",
            "example.com:70000",
            "a b",
        ] {
            assert_eq!(AllowedHosts::new([entry]), Err(EntryError), "{entry}");
        }
    }
}
