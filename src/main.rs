//! The program: command line in, exit status out.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use clap::Parser;
use onepassword_kafka::{
    acls, app, check,
    cli::{Check, Cli, Command, Health},
    clock,
    config::{Config, Installation},
    credentials, health, schemas,
    setting::Mistakes,
    shutdown, telemetry,
};

/// Also librdkafka's: it frees on its own threads what a shard's has allocated, which glibc is slow at.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// `EX_CONFIG` of sysexits.h.
const MISTAKES_IN_THE_FILE: u8 = 78;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // Before librdkafka does it: OpenSSL would be taken down at the exit, below threads that still close their connections.
    openssl::init();
    let runtime = tokio::runtime::Runtime::new().expect("the system has threads to give");
    let result = runtime.block_on(execute(command));
    // A question to an unreachable Kafka may still be open, and nobody waits for its answer.
    runtime.shutdown_background();
    match result {
        Ok(status) => status,
        Err(error) => complain(&format!("{error:#}"), 1),
    }
}

async fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(file) => {
            let config = match load(&file.config) {
                Ok(config) => config,
                Err(status) => return Ok(status),
            };
            let shutdown = shutdown::on_signal()?;
            let (loggers, traces) = telemetry::start()?;
            let ended = app::run(config, loggers, shutdown).await;
            if let Err(error) = &ended {
                tracing::error!(target: telemetry::END, "the worker ends: {error:#}");
            }
            traces.end();
            Ok(ended.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
        }
        Command::Check(Check {
            file,
            offline: true,
        }) => {
            let judged = Config::load(&file.config, clock::now());
            match check::offline(&file.config, judged, &mut io::stdout())? {
                Ok(()) => Ok(ExitCode::SUCCESS),
                Err(mistakes) => Ok(refuse(&mistakes)),
            }
        }
        Command::Check(Check { file, .. }) => match load(&file.config) {
            Ok(config) => Ok(check::run(&config, &mut io::stdout()).await?.into()),
            Err(status) => Ok(status),
        },
        Command::Health(Health { config }) => match Config::monitoring_listen(config.as_deref()) {
            Ok(listen) => {
                health::ask(listen).await?;
                Ok(ExitCode::SUCCESS)
            }
            Err(mistakes) => Ok(refuse(&mistakes)),
        },
        Command::Schemas(arguments) => match arguments.config.as_deref().map(load).transpose() {
            Ok(config) if arguments.register => {
                let config = config.expect("clap requires --config beside --register");
                schemas::register(&config, &mut io::stdout()).await?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(_) => {
                schemas::print(&mut io::stdout())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(status) => Ok(status),
        },
        Command::Acls(arguments) => match Installation::load(&arguments.config, clock::now()) {
            Ok(installation) => {
                acls::print(&installation, &arguments, &mut io::stdout())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(mistakes) => Ok(refuse(&mistakes)),
        },
        Command::HashPassword => {
            credentials::hash_password(&mut io::stdin(), &mut io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::NewToken => {
            credentials::new_token(&mut io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads the worker's file; all of its mistakes are told at once.
fn load(path: &Path) -> Result<Config, ExitCode> {
    Config::load(path, clock::now()).map_err(|mistakes| refuse(&mistakes))
}

fn refuse(mistakes: &Mistakes) -> ExitCode {
    complain(&mistakes.to_string(), MISTAKES_IN_THE_FILE)
}

fn complain(what: &str, status: u8) -> ExitCode {
    // Nothing can be done where even standard error is closed.
    let _ = writeln!(io::stderr(), "{what}");
    ExitCode::from(status)
}
