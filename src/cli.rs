//! The command line: `run`, `check`, `health`, `schemas`, `acls`, and what makes hashes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::build;

/// 1Password sign-in attempts, item usages and audit events into Kafka: exactly once, as Avro.
#[derive(Debug, Parser)]
#[command(name = "onepassword-kafka", version = build::IN_WORDS.as_str(), after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a worker until SIGTERM or Ctrl-C
    ///
    /// Workers with the same group.id share the work. All of their state is in Kafka: any of them may be killed at any
    /// moment, and another goes on at the very next event.
    #[command(after_help = RUN_HELP)]
    Run(WithFile),
    /// Ask Kafka, the schema registry and 1Password everything that `run` would need
    ///
    /// Prints a line per check, with what to do where one fails. Of connectors it asks about those of the file. Nothing is
    /// created, registered or moved.
    #[command(
        after_help = "Exit status: 0 when all is well, 1 when a check has failed, 78 when the file has mistakes."
    )]
    Check(Check),
    /// Ask the worker of this machine whether it is ready, for a container's health check
    ///
    /// Asks /readyz on the port of monitoring.listen.
    #[command(after_help = "Exit status: 0 when it is ready, 1 when it is not.")]
    Health(Health),
    /// Print the Avro schemas of the event topics, or register them
    ///
    /// Without --register no file is needed and nothing is asked. With it the schemas are registered under the subjects
    /// that the file implies, for clusters where the worker itself may not (schema.registry.auto.register: false).
    Schemas(Schemas),
    /// Print the rights that Kafka must give the worker's user
    ///
    /// As commands for kafka-acls.sh, which an administrator of the cluster runs, or for Strimzi. Nothing is
    /// asked. Where the topics are created in advance, the operation Create can be left out.
    #[command(after_help = ACLS_HELP)]
    Acls(Acls),
    /// Make the hash of a password for rest.credentials
    ///
    /// Reads the password from standard input and prints its argon2 hash, for password.hash.
    #[command(after_help = HASH_PASSWORD_HELP)]
    HashPassword,
    /// Make a bearer token and its hash for rest.credentials
    ///
    /// Prints a new token, which is for the one who asks, and its SHA-256 hash, for token.hash. The token is kept nowhere.
    NewToken,
}

/// A command that needs the worker's file.
#[derive(Debug, Args)]
pub struct WithFile {
    /// The worker's settings, as YAML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The file.
    #[command(flatten)]
    pub file: WithFile,
    /// Judge the file alone, on a machine that has neither network nor secrets
    ///
    /// References that lead nowhere are noted, and the settings that they stand for are not judged.
    #[arg(long)]
    pub offline: bool,
}

/// `health`.
#[derive(Debug, Args)]
pub struct Health {
    /// The worker's settings, as YAML; without it the worker listens where it does by default
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `schemas`.
#[derive(Debug, Args)]
pub struct Schemas {
    /// Register the schemas with the registry that the file names
    #[arg(long, requires = "config")]
    pub register: bool,
    /// The worker's settings, as YAML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `acls`.
#[derive(Debug, Args)]
pub struct Acls {
    /// The worker's settings, as YAML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// The user as Kafka knows it, such as User:onepassword, or 'User:CN=onepassword,O=Example' by its certificate
    #[arg(long, value_parser = principal)]
    pub principal: String,
    /// Print the rights of a consumer of the events instead, which reads as this group
    #[arg(long, value_name = "GROUP")]
    pub consumer: Option<String>,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    pub format: AclsFormat,
}

/// What takes the rights.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum AclsFormat {
    /// A line for kafka-acls.sh per resource; admin.properties is the administrator's own
    #[default]
    KafkaAcls,
    /// The part `authorization` below `spec` of Strimzi's `KafkaUser`
    Strimzi,
}

/// Kafka takes none without a type.
fn principal(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(text.to_owned()),
        _ => Err("write it as User:name".to_owned()),
    }
}

const ACLS_HELP: &str = "\
Example:

  onepassword-kafka acls --config worker.yaml --principal User:onepassword
  onepassword-kafka acls --config worker.yaml --principal User:analyst --consumer analysis";

const EXIT_CODES: &str = "\
Exit status: 0 after an orderly end, 1 when something failed, 2 for a wrong command line, 78 when the file has mistakes.
RUST_LOG filters the log (for example RUST_LOG=debug). HTTPS_PROXY and NO_PROXY are honoured.";

const HASH_PASSWORD_HELP: &str = "\
At a shell, without showing the password:

  read -rs PASSWORD && printf %s \"$PASSWORD\" | onepassword-kafka hash-password";

const RUN_HELP: &str = "\
A file that is enough:

  group.id: onepassword
  kafka:
    bootstrap.servers: localhost:9092
  schema.registry:
    url: http://localhost:8081
  connectors:
    acme:
      onepassword.token: ${file:/run/secrets/acme}";
