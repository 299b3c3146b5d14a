//! Runs the simulator of the 1Password Events API by itself, until Ctrl-C.
//!
//! The first three lines of its output are the address, the file with the certificate authority, and a token for all
//! three streams, each as `NAME=value`, so that a shell can read them. With `--folder` certificate and token are files as
//! well, for a worker that shares the folder; `--probe` is the health check of such a simulator in a container.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Parser, ValueEnum};
use onepassword_kafka_dev::simulator::{
    Compression, Options, Order, RateLimits, Scheme, Simulator, Stream, TokenSpec,
};
use reqwest::{Certificate, Client};

/// A simulator of the 1Password Events API, on the loopback address unless told otherwise.
///
/// While it runs, PUT /control/faults changes what goes wrong, and POST /control/publish adds events.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value_t = Ipv4Addr::LOCALHOST.into())]
    listen: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Name by which clients reach it; the certificate is for localhost, too
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    host: String,
    /// Write the certificate authority (ca.pem) and the token (token) into this folder as well
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Ask the simulator that has --port and --folder of these whether it takes its token, and end
    #[arg(long, requires = "folder", conflicts_with = "plain")]
    probe: bool,
    /// Serve plain HTTP instead of HTTPS
    #[arg(long)]
    plain: bool,
    /// Seed of all events and faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the API sorts by
    #[arg(long, value_enum, default_value_t = SortBy::Event)]
    order: SortBy,
    /// Compress answers for clients that accept gzip
    #[arg(long)]
    gzip: bool,
    /// Requests a minute for each token; 0 lifts all limits
    #[arg(long, default_value_t = 600)]
    per_minute: u32,
    /// Share of events, 0 to 1, that deviate from the schema
    #[arg(long, default_value_t = 0.1)]
    surprises: f64,
    /// Events of each stream to begin with, spread over the days of --days
    #[arg(long, default_value_t = 1000)]
    history: usize,
    /// Days that the history covers
    #[arg(long, default_value_t = 7)]
    days: u16,
    /// New events a second, on the three streams in turn; 0 for none
    #[arg(long, default_value_t = 5.0)]
    traffic: f64,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CA_FILE: &str = "ca.pem";
const TOKEN_FILE: &str = "token";

/// What the API sorts by.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortBy {
    /// The event's own time
    Event,
    /// The time at which the API got to know the event
    Insertion,
}

// === impl Arguments ===

impl Arguments {
    fn options(&self) -> Options {
        Options {
            listen: self.listen,
            port: self.port,
            host: self.host.clone(),
            scheme: if self.plain {
                Scheme::Http
            } else {
                Scheme::Https
            },
            seed: self.seed,
            order: match self.order {
                SortBy::Event => Order::EventTime,
                SortBy::Insertion => Order::InsertionTime,
            },
            compression: if self.gzip {
                Compression::Gzip
            } else {
                Compression::Off
            },
            rate_limits: (self.per_minute > 0).then(|| RateLimits {
                per_minute: self.per_minute,
                ..RateLimits::default()
            }),
            surprises: self.surprises,
            ..Options::default()
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if let Some(folder) = arguments.folder.as_deref().filter(|_| arguments.probe) {
        return probe(arguments.port, folder).await;
    }
    let simulator = Simulator::start(arguments.options()).await?;
    let span = Duration::from_hours(24) * u32::from(arguments.days);
    for stream in Stream::ALL {
        simulator.history(TokenSpec::ACCOUNT, stream, arguments.history, span);
    }
    let token = simulator.issue(TokenSpec::default());
    if let Some(folder) = &arguments.folder {
        share(&simulator, token.as_str(), folder)?;
    }
    let traffic =
        (arguments.traffic > 0.0).then(|| simulator.traffic(TokenSpec::ACCOUNT, arguments.traffic));
    let mut output = io::stdout();
    writeln!(output, "URL={}", simulator.url())?;
    writeln!(output, "CA_FILE={}", simulator.ca_file().display())?;
    writeln!(output, "TOKEN={}", token.as_str())?;
    output.flush()?;
    tokio::signal::ctrl_c().await?;
    drop(traffic);
    simulator.stop().await;
    Ok(())
}

/// Leaves in `folder` what a worker needs; the token is for this user only.
fn share(simulator: &Simulator, token: &str, folder: &Path) -> io::Result<()> {
    fs::copy(simulator.ca_file(), folder.join(CA_FILE))?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(folder.join(TOKEN_FILE))?
        .write_all(token.as_bytes())
}

/// Whether the simulator on `port` of this machine takes the token that it has left in `folder`.
async fn probe(port: u16, folder: &Path) -> Result<(), Failure> {
    let authority = Certificate::from_pem(&fs::read(folder.join(CA_FILE))?)?;
    let token = fs::read_to_string(folder.join(TOKEN_FILE))?;
    let client = Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .build()?;
    let answer = client
        .get(format!("https://localhost:{port}/api/v2/auth/introspect"))
        .bearer_auth(token)
        .send()
        .await?;
    answer.error_for_status()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_probe_fails_once_the_token_is_not_taken() {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let token = simulator.issue(TokenSpec::default());
        let folder = tempfile::tempdir().unwrap();
        share(&simulator, token.as_str(), folder.path()).unwrap();
        let (_, port) = simulator.authority().rsplit_once(':').unwrap();
        let port = port.parse().unwrap();
        probe(port, folder.path()).await.unwrap();
        simulator.revoke(&token);
        probe(port, folder.path()).await.unwrap_err();
    }
}
