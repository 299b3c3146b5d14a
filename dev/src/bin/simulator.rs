//! Runs the simulator of the 1Password Events API by itself, until Ctrl-C.
//!
//! The first three lines of its output are the address, the file with the certificate authority, and a token for all
//! three streams, each as `NAME=value`, so that a shell can read them.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use clap::{Parser, ValueEnum};
use onepassword_kafka_dev::simulator::{
    Compression, Options, Order, RateLimits, Scheme, Simulator, Stream, TokenSpec,
};

/// A simulator of the 1Password Events API on the loopback address.
///
/// While it runs, PUT /control/faults changes what goes wrong, and POST /control/publish adds events.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
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
            port: self.port,
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
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let simulator = Simulator::start(arguments.options()).await?;
    let span = Duration::from_hours(24) * u32::from(arguments.days);
    for stream in Stream::ALL {
        simulator.history(TokenSpec::ACCOUNT, stream, arguments.history, span);
    }
    let token = simulator.issue(TokenSpec::default());
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
