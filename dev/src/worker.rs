//! A connector's worker as its operator sees it: a process with a file, a log, metrics and signals.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::process::Guard;

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    log: watch::Receiver<Log>,
    /// Holds the worker's file.
    _folder: Arc<TempDir>,
    /// Kills the worker when this process dies without a word.
    _guard: Guard,
}

/// What a worker runs: the program, its file, and its environment.
#[derive(Debug, Clone)]
pub struct Program {
    binary: PathBuf,
    folder: Arc<TempDir>,
    environment: Vec<(String, String)>,
}

/// The lines that a worker has logged so far, and whether more can come.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: Arc<Vec<String>>,
    ended: bool,
}

/// A worker's metrics: `name{labels}` → value.
#[derive(Debug, Clone, Default)]
pub struct Metrics(BTreeMap<String, f64>);

/// Kills the process `$0`, unless its number belongs to another program by now.
const KILL: &str = "ps -o comm= -p $0 | grep -q onepassword && kill -KILL $0";
const FILE: &str = "worker.yaml";
/// How often a state that nobody announces is looked at.
const LOOK: Duration = Duration::from_millis(20);

// === impl Program ===

impl Program {
    /// A worker of `binary`, whose file is still to be written.
    ///
    /// # Errors
    ///
    /// When there can be no temporary folder.
    pub fn new(binary: &Path) -> io::Result<Self> {
        Ok(Self {
            binary: binary.to_owned(),
            folder: Arc::new(tempfile::tempdir()?),
            environment: Vec::new(),
        })
    }

    /// Writes a file into the program's folder: a token, for example.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Writes the worker's file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn configure(&self, text: &str) -> io::Result<()> {
        self.write(FILE, text).map(drop)
    }

    /// The same file and environment, for another program.
    #[must_use]
    pub fn binary(mut self, binary: &Path) -> Self {
        binary.clone_into(&mut self.binary);
        self
    }

    /// With a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command, without arguments. It has its own process group: Ctrl-C at a terminal reaches its parent only.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// The worker's file, for commands that take it.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// Starts a worker.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(&self) -> io::Result<Worker> {
        let mut command = self.command();
        command
            .arg("run")
            .arg("--config")
            .arg(self.config())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stderr = child.stderr.take().expect("standard error is piped");
        let id = child.id().to_string();
        Ok(Worker {
            log: follow(stderr),
            _folder: Arc::clone(&self.folder),
            _guard: Guard::at_end(&["sh", "-c", KILL, &id])?,
            child,
        })
    }
}

// === impl Worker ===

impl Worker {
    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().lines.to_vec()
    }

    /// Waits for a line of the log that `fits`; `None` when the log ends without one.
    pub async fn logged(&self, mut fits: impl FnMut(&str) -> bool + Send) -> Option<String> {
        let mut log = self.log.clone();
        let mut seen = 0;
        loop {
            let now = log.borrow_and_update().clone();
            if let Some(line) = now.lines[seen..].iter().find(|line| fits(line)) {
                return Some(line.clone());
            }
            seen = now.lines.len();
            if now.ended || log.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Where it serves its metrics.
    ///
    /// # Errors
    ///
    /// When it ends before it serves any.
    pub async fn monitoring(&self) -> io::Result<SocketAddr> {
        self.address("/readyz are served").await
    }

    /// Where it serves its REST API.
    ///
    /// # Errors
    ///
    /// When it ends before it serves any.
    pub async fn rest(&self) -> io::Result<SocketAddr> {
        self.address("the REST API is served").await
    }

    /// The address that it logs with these words.
    async fn address(&self, words: &str) -> io::Result<SocketAddr> {
        let line = self.logged(|line| line.contains(words)).await;
        let line = line.ok_or_else(|| {
            io::Error::other(format!("the worker has ended: {}", self.log().join("\n")))
        })?;
        let line: Value = serde_json::from_str(&line)?;
        let address = line["address"].as_str().unwrap_or_default();
        address.parse().map_err(io::Error::other)
    }

    /// Its metrics.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn metrics(&self) -> io::Result<Metrics> {
        let url = format!("http://{}/metrics", self.monitoring().await?);
        let answer = reqwest::get(url).await.map_err(io::Error::other)?;
        Ok(Metrics::parse(
            &answer.text().await.map_err(io::Error::other)?,
        ))
    }

    /// Waits until its metrics `fit`.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn metrics_until(
        &self,
        mut fit: impl FnMut(&Metrics) -> bool,
    ) -> io::Result<Metrics> {
        loop {
            let metrics = self.metrics().await?;
            if fit(&metrics) {
                return Ok(metrics);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: from now on it does nothing at all.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

// === impl Metrics ===

impl Metrics {
    fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let parsed = samples.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(parsed.collect())
    }

    /// The sum of all samples of `name` whose labels contain each of `labels`, such as `stream="auditevents"`.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let fits = |sample: &str| {
            let (own, rest) = sample.split_once('{').unwrap_or((sample, ""));
            own == name && labels.iter().all(|label| rest.contains(label))
        };
        self.0
            .iter()
            .filter(|(sample, _)| fits(sample))
            .fold(0.0, |sum, (_, value)| sum + value)
    }

    /// The labels of each sample of `name`.
    pub fn labels<'m>(&'m self, name: &str) -> impl Iterator<Item = BTreeMap<&'m str, &'m str>> {
        let prefix = format!("{name}{{");
        let samples = self.0.keys();
        samples.filter_map(move |sample| {
            let labels = sample.strip_prefix(&prefix)?.strip_suffix("\"}")?;
            labels
                .split("\",")
                .map(|label| label.split_once("=\""))
                .collect()
        })
    }

    /// The names of samples whose labels contain each of `labels`.
    #[must_use]
    pub fn names(&self, labels: &[&str]) -> BTreeSet<&str> {
        let samples = self.0.keys().filter_map(|sample| sample.split_once('{'));
        let fitting = samples.filter(|(_, own)| labels.iter().all(|label| own.contains(label)));
        fitting.map(|(name, _)| name).collect()
    }

    /// The upper bound of the histogram bucket that holds quantile `q` of `name`.
    #[must_use]
    pub fn quantile(&self, name: &str, q: f64) -> f64 {
        let prefix = format!("{name}_bucket{{le=\"");
        let mut buckets: Vec<(f64, f64)> = self
            .0
            .iter()
            .filter_map(|(sample, count)| {
                let bound = sample.strip_prefix(&prefix)?.strip_suffix("\"}")?;
                Some((bound.parse().unwrap_or(f64::INFINITY), *count))
            })
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all = buckets.last().map_or(0.0, |(_, count)| *count);
        let bound = buckets.iter().find(|(_, count)| *count >= all * q);
        bound.map_or(f64::NAN, |(bound, _)| *bound)
    }
}

/// Reads a log to its end on a thread of its own.
fn follow(stderr: impl io::Read + Send + 'static) -> watch::Receiver<Log> {
    let (sender, receiver) = watch::channel(Log::default());
    std::thread::spawn(move || {
        for line in io::BufRead::lines(io::BufReader::new(stderr)).map_while(Result::ok) {
            sender.send_modify(|log| Arc::make_mut(&mut log.lines).push(line));
        }
        sender.send_modify(|log| log.ended = true);
    });
    receiver
}
