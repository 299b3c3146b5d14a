//! Child processes and folders that do not outlive this process.
//!
//! Each runs under a small shell whose standard input is a pipe that only this process holds. However this process
//! ends, orderly, by a panic or by `SIGKILL`, the kernel closes the pipe, the shell reads the end of it, and cleans up.
//! The shell has its own process group, so that Ctrl-C at a terminal reaches us first and not Java.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// A command that runs under a guard; dropping it kills the command and waits until it is gone.
#[derive(Debug)]
pub(crate) struct Process {
    guard: Guard,
    log: PathBuf,
}

/// A new folder for temporary files; dropping it, or the death of this process, removes it.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    guard: Guard,
}

/// Something to clean up with a shell command once this process is gone.
#[derive(Debug)]
pub(crate) struct Guard {
    stdin: Option<ChildStdin>,
    /// The mutex makes it shareable, nothing else.
    ended: Mutex<Receiver<ExitStatus>>,
}

/// How long dropping waits for the shell to finish its work.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `"$@"`: a line on standard input asks it to end, the end of standard input kills it. Whatever it has started
/// itself is killed where it ends by a signal: nobody else would do it.
const RUN: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ read -r line && kill -TERM $child && read -r line; kill -KILL $child; } <&3 2>/dev/null &
watcher=$!
exec 3<&-
wait $child
status=$?
kill $watcher 2>/dev/null
[ $status -gt 128 ] && kill -KILL 0
exit $status
"#;

/// Waits for the end of standard input and removes `"$1"`, although killed processes may still be writing there.
const REMOVE: &str = r#"
while read -r line; do :; done
for i in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1" 2>/dev/null && [ ! -e "$1" ] && exit 0
  sleep 1
done
exit 1
"#;

/// Waits for the end of standard input and runs `"$@"`.
const AT_END: &str = r#"
while read -r line; do :; done
exec "$@"
"#;

// === impl Process ===

impl Process {
    /// Starts `program` with `arguments` and `environment`; what it prints is appended to `log`.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> io::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let mut shell = shell(RUN);
        shell
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(output.try_clone()?)
            .stderr(output);
        let guard = Guard::spawn(shell)?;
        Ok(Self {
            guard,
            log: log.to_owned(),
        })
    }

    /// Waits up to `timeout` for the end of the process; `None` while it runs.
    pub(crate) fn ended_within(&self, timeout: Duration) -> Option<ExitStatus> {
        self.guard.ended_within(timeout)
    }

    /// Asks the process to end and waits until it has, for `patience` at most; then it is killed.
    pub(crate) fn stop(mut self, patience: Duration) {
        if let Some(stdin) = self.guard.stdin.as_mut() {
            // A process that has ended by itself reads no more: that is what was wanted.
            let _ = stdin.write_all(b"stop\n");
        }
        self.guard.ended_within(patience);
    }

    /// The last lines of what the process has printed.
    pub(crate) fn last_lines(&self) -> String {
        last_lines(&self.log)
    }
}

// === impl Scratch ===

impl Scratch {
    /// Makes a folder with a name of its own in `parent`.
    pub(crate) fn new_in(parent: &Path) -> io::Result<Self> {
        let path = tempfile::Builder::new()
            .prefix("onepassword-kafka-")
            .tempdir_in(parent)?
            .keep();
        let mut shell = shell(REMOVE);
        shell.arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = Guard::spawn(shell)?;
        Ok(Self { path, guard })
    }

    /// Where the folder is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.guard.finish();
    }
}

// === impl Guard ===

impl Guard {
    /// Runs `command` when the guard is dropped, or when this process dies.
    pub(crate) fn at_end(command: &[&str]) -> io::Result<Self> {
        let mut shell = shell(AT_END);
        shell
            .args(command)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self::spawn(shell)
    }

    fn spawn(mut shell: Command) -> io::Result<Self> {
        let mut child = shell.spawn()?;
        let stdin = child.stdin.take();
        let (sender, ended) = mpsc::sync_channel(1);
        thread::spawn(move || {
            if let Ok(status) = child.wait() {
                // Nobody may be waiting any more.
                let _ = sender.send(status);
            }
        });
        Ok(Self {
            stdin,
            ended: Mutex::new(ended),
        })
    }

    fn ended_within(&self, timeout: Duration) -> Option<ExitStatus> {
        let ended = self.ended.lock().expect("waiting does not panic");
        match ended.recv_timeout(timeout) {
            Ok(status) => Some(status),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(ExitStatus::default()),
        }
    }

    fn finish(&mut self) {
        drop(self.stdin.take());
        self.ended_within(PATIENCE);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The last lines of the file at `log`.
pub(crate) fn last_lines(log: &Path) -> String {
    tail(&fs::read(log).unwrap_or_default())
}

/// The last lines of what a program has printed.
pub(crate) fn tail(printed: &[u8]) -> String {
    const LINES: usize = 15;
    let text = String::from_utf8_lossy(printed);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, "sh"])
        .stdin(Stdio::piped())
        .process_group(0);
    shell
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn sleeper(log: &Path) -> Process {
        let arguments = ["-c", "echo $$; exec sleep 1000"].map(str::to_owned);
        Process::start(Path::new("sh"), &arguments, &[], log).unwrap()
    }

    fn pid_in(process: &Process) -> PathBuf {
        loop {
            assert!(process.ended_within(Duration::from_millis(10)).is_none());
            let printed = process.last_lines();
            if !printed.is_empty() {
                return Path::new("/proc").join(printed.trim());
            }
        }
    }

    #[test]
    fn a_dropped_process_and_its_folder_are_gone() {
        let scratch = Scratch::new_in(&std::env::temp_dir()).unwrap();
        let folder = scratch.path().to_owned();
        let process = sleeper(&folder.join("log"));
        let entry = pid_in(&process);
        assert!(entry.exists());
        drop(process);
        drop(scratch);
        assert!(!entry.exists());
        assert!(!folder.exists());
    }

    /// Not a test: what the next one runs in another process, to kill it.
    #[test]
    #[ignore = "waits for ever"]
    fn parent_that_is_killed() {
        let scratch = Scratch::new_in(&std::env::temp_dir()).unwrap();
        let process = sleeper(&scratch.path().join("log"));
        println!("left: {}", pid_in(&process).display());
        println!("left: {}", scratch.path().display());
        thread::park();
    }

    #[test]
    fn nothing_is_left_of_a_parent_that_was_killed() {
        let mut parent = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::tests::parent_that_is_killed"])
            .args(["--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
        let left: Vec<_> = lines
            .filter_map(|line| Some(PathBuf::from(line.unwrap().split_once("left: ")?.1)))
            .take(2)
            .collect();
        assert_eq!(left.len(), 2, "the other process has not run");
        assert!(left.iter().all(|path| path.exists()), "{left:?}");
        parent.kill().unwrap();
        parent.wait().unwrap();
        while left.iter().any(|path| path.exists()) {
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_process_is_asked_to_end_before_it_is_killed() {
        let scratch = Scratch::new_in(&std::env::temp_dir()).unwrap();
        let log = scratch.path().join("log");
        let script = "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.01; done";
        let arguments = ["-c", script].map(str::to_owned);
        let process = Process::start(Path::new("sh"), &arguments, &[], &log).unwrap();
        while process.last_lines() != "hello" {
            assert!(process.ended_within(Duration::from_millis(10)).is_none());
        }
        process.stop(Duration::from_secs(10));
        assert_eq!(last_lines(&log), "hello\nbye");
    }

    #[test]
    fn what_a_dropped_process_has_started_is_gone_too() {
        let scratch = Scratch::new_in(&std::env::temp_dir()).unwrap();
        let script = "sleep 1000 & echo $!; wait";
        let arguments = ["-c", script].map(str::to_owned);
        let log = scratch.path().join("log");
        let process = Process::start(Path::new("sh"), &arguments, &[], &log).unwrap();
        let entry = pid_in(&process).join("cmdline");
        assert!(!fs::read(&entry).unwrap().is_empty());
        drop(process);
        // An orphan that nobody has waited for is a name without a command.
        while fs::read(&entry).is_ok_and(|command| !command.is_empty()) {
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_process_that_ends_by_itself_says_how() {
        let scratch = Scratch::new_in(&std::env::temp_dir()).unwrap();
        let arguments = ["-c", "echo no; exit 3"].map(str::to_owned);
        let process = Process::start(
            Path::new("sh"),
            &arguments,
            &[],
            &scratch.path().join("log"),
        )
        .unwrap();
        let status = process.ended_within(Duration::from_secs(10)).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(process.last_lines(), "no");
    }
}
