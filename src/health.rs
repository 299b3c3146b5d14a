//! `onepassword-kafka health`: asks the worker of this machine whether it is ready, where there is no curl.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::outbound::{self, Timeouts};

/// Shorter than what a container engine waits for a health check.
const TIMEOUT: Duration = Duration::from_secs(3);

/// More than `/readyz` ever says.
const ANSWER_LIMIT: usize = 1024;

/// Asks `/readyz` of the worker that listens at `address`.
///
/// # Errors
///
/// It does not answer, or says why it is not ready.
pub async fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let url = format!("http://{}/readyz", reachable(address));
    let timeouts = Timeouts {
        head: TIMEOUT,
        idle: TIMEOUT,
        body: TIMEOUT,
    };
    let client = outbound::builder(None)?.no_proxy().build()?;
    let response = outbound::send(client.get(&url), timeouts)
        .await
        .with_context(|| format!("no worker answers at {url}"))?;
    let status = response.status();
    if !status.is_success() {
        let body = outbound::read_body(response, ANSWER_LIMIT, timeouts).await?;
        bail!("{url}: {status}: {}", String::from_utf8_lossy(&body).trim());
    }
    Ok(())
}

/// Nobody can connect to "all addresses"; this machine's own is one of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_asked_at_this_machines_own() {
        for (address, expected) in [
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.7:1", "192.0.2.7:1"),
        ] {
            let asked = reachable(address.parse().unwrap());
            assert_eq!(asked.to_string(), expected);
        }
    }
}
