//! `onepassword-kafka check`: everything that `run` would need, asked once, a line each; or what a file says, alone.

use std::{io::Write, path::Path, process::ExitCode};

use crate::{
    app,
    avro::{self, Registration},
    clock::now,
    config::Config,
    connector::{EXPIRY_NOTICE, probe},
    event::Stream,
    kafka::{self, Found, Missing, Pen, Producer, TopicError},
    onepassword::Shared,
    relay::Connector,
    secret::Keyring,
    setting::Mistakes,
};

/// What the checks have found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing stands in the way.
    Sound,
    /// Something does.
    Failed,
}

/// Whether there is a point in asking on.
#[derive(Debug)]
enum Kafka {
    /// With what was found, where it is as it should be.
    Answers(Option<Found>),
    Silent,
}

/// The lines of one run.
struct Report<'o, W> {
    out: &'o mut W,
    verdict: Verdict,
}

/// Prints what can be said of a file where there is neither network nor secrets: what of it could not be judged.
///
/// # Errors
///
/// When `out` cannot be written to. The mistakes of the file, except those of this machine, are the result.
pub fn offline(
    file: &Path,
    judged: Result<Config, Mistakes>,
    out: &mut impl Write,
) -> anyhow::Result<Result<(), Mistakes>> {
    let mut mistakes = judged.err().unwrap_or_default();
    let absent = mistakes.split_off_machines();
    if !mistakes.is_empty() {
        return Ok(Err(mistakes));
    }
    let mut report = Report {
        out,
        verdict: Verdict::Sound,
    };
    for mistake in absent {
        report.line("note", "not judged", &mistake.to_string())?;
    }
    report.line("ok", &file.display().to_string(), "no mistakes")?;
    Ok(Ok(()))
}

/// Asks Kafka, the registry and 1Password, and prints what they say.
///
/// # Errors
///
/// When `out` cannot be written to, or a file that the settings name cannot be used.
pub async fn run(config: &Config, out: &mut impl Write) -> anyhow::Result<Verdict> {
    let mut report = Report {
        out,
        verdict: Verdict::Sound,
    };
    if let Kafka::Answers(found) = topics(config, &mut report).await? {
        if group(config, &mut report).await? {
            positions(config, found.as_ref(), &mut report).await?;
        }
        transactions(config, found.as_ref(), &mut report).await?;
    }
    schemas(config, &mut report).await?;
    let api = app::events_api(config)?;
    for settings in &config.connectors {
        account(
            &settings.connector,
            &api,
            &config.allowed.keyring,
            &mut report,
        )
        .await?;
    }
    if config.connectors.is_empty() {
        report.line(
            "note",
            "connectors",
            "there are none in this file; those of the connectors topic are tested on the page",
        )?;
    }
    Ok(report.verdict)
}

async fn topics(config: &Config, report: &mut Report<'_, impl Write>) -> anyhow::Result<Kafka> {
    const WHAT: &str = "Kafka topics";
    let cluster = app::cluster(config);
    let found = match kafka::ensure(&cluster, Missing::TryOnly).await {
        Ok(found) => found,
        Err(error) => {
            report.failed(WHAT, &error)?;
            return Ok(match error {
                TopicError::Kafka(error) if !error.is_refusal() => Kafka::Silent,
                _ => Kafka::Answers(None),
            });
        }
    };
    let missing = match found.missing.as_slice() {
        [] => "all there".to_owned(),
        missing => format!("`run` will create {}", missing.join(", ")),
    };
    report.line("ok", WHAT, &missing)?;
    if let Some(what) = &found.forgotten {
        report.line("note", "positions", what)?;
    }
    if let Some(right) = &found.untold {
        let words = format!("not told, and so not checked: that takes {right}");
        report.line("note", "configs of topics", &words)?;
    }
    Ok(Kafka::Answers(Some(found)))
}

/// Whether the group's coordinator answers, without which nothing can be read. Whether it would let this worker join is known
/// once it does.
async fn group(config: &Config, report: &mut Report<'_, impl Write>) -> anyhow::Result<bool> {
    const WHAT: &str = "Kafka group";
    let cluster = app::cluster(config);
    let asked = tokio::task::spawn_blocking(move || kafka::ask_coordinator(&cluster)).await?;
    match &asked {
        Ok(()) => report.line(
            "ok",
            WHAT,
            &format!("the coordinator of {} answers", config.group_id),
        ),
        Err(error) => report.failed(WHAT, error),
    }?;
    Ok(asked.is_ok())
}

async fn positions(
    config: &Config,
    found: Option<&Found>,
    report: &mut Report<'_, impl Write>,
) -> anyhow::Result<()> {
    const WHAT: &str = "positions";
    let cursors = config.topics.cursors();
    let Some(found) = found.filter(|found| !found.missing.contains(&cursors)) else {
        return Ok(());
    };
    let (cluster, partitions) = (app::cluster(config), found.cursors_partitions);
    let look = move || kafka::misplaced(&cluster, partitions);
    match tokio::task::spawn_blocking(look).await? {
        Ok(None) => report.line("ok", WHAT, "each lies in its shard"),
        Ok(Some(misplaced)) => report.failed(WHAT, &misplaced),
        Err(error) => report.failed(WHAT, &error),
    }
}

/// Opens a transactional producer under an id that no shard has, and takes the right to write to the connectors topic, which
/// whoever needs it takes back.
async fn transactions(
    config: &Config,
    found: Option<&Found>,
    report: &mut Report<'_, impl Write>,
) -> anyhow::Result<()> {
    let cluster = app::cluster(config);
    let topics = &config.topics;
    let mut compacted = vec![topics.cursors(), topics.connectors(), topics.status()];
    compacted.retain(|topic| found.is_some_and(|found| !found.missing.contains(topic)));
    let fence = move || {
        Producer::probe(&cluster, &compacted)?;
        Pen::new(cluster).take()
    };
    match tokio::task::spawn_blocking(fence).await? {
        Ok(()) => report.line(
            "ok",
            "Kafka transactions",
            &format!(
                "allowed for {}-* and {}",
                config.topics.cursors(),
                config.topics.connectors()
            ),
        ),
        Err(error) => report.failed("Kafka transactions", &error),
    }
}

async fn schemas(config: &Config, report: &mut Report<'_, impl Write>) -> anyhow::Result<()> {
    let registry = app::registry(config)?;
    for stream in Stream::ALL {
        let topic = config.topics.events(stream);
        let subject = avro::subject(stream, &topic, config.registry.subject_strategy);
        let what = format!("schema {subject}");
        match (
            registry.look_up(&subject, avro::schema(stream)).await,
            config.registry.registration,
        ) {
            (Ok(Some(id)), _) => report.line("ok", &what, &format!("registered, id {}", id.0))?,
            (Ok(None), Registration::Automatic) => {
                report.line("ok", &what, "`run` will register it")?;
            }
            (Ok(None), Registration::ByHand) => {
                report.failed(
                    &what,
                    &"not registered: onepassword-kafka schemas --register --config FILE",
                )?;
            }
            (Err(error), _) => report.failed(&what, &error)?,
        }
    }
    Ok(())
}

async fn account(
    connector: &Connector,
    api: &Shared,
    keyring: &Keyring,
    report: &mut Report<'_, impl Write>,
) -> anyhow::Result<()> {
    let what = format!("connector {}", connector.name);
    let accepted = match probe(connector, api, keyring).await {
        Ok(accepted) => accepted,
        Err(error) => return report.failed(&what, &error),
    };
    report.line(
        "ok",
        &what,
        &format!(
            "{} accepts the token for {}",
            accepted.host,
            accepted.features.join(", ")
        ),
    )?;
    match accepted.expires_at {
        Some(expires) if expires.duration_since(now()) < EXPIRY_NOTICE => report.line(
            "note",
            &what,
            &format!("the token expires at {expires}: issue the next one"),
        ),
        _ => Ok(()),
    }
}

// === impl Verdict ===

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Sound => Self::SUCCESS,
            Verdict::Failed => Self::FAILURE,
        }
    }
}

// === impl Report ===

impl<W: Write> Report<'_, W> {
    fn line(&mut self, how: &str, what: &str, words: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "{how:<5} {what}: {words}")?)
    }

    fn failed(&mut self, what: &str, error: &impl ToString) -> anyhow::Result<()> {
        self.verdict = Verdict::Failed;
        self.line("FAIL", what, &error.to_string())
    }
}
