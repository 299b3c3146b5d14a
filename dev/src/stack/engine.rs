//! Is there a Docker engine, and does it answer? Asked of its socket, so that a dead one costs no time.

use std::{
    env,
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{StackError, ready::http_ok};

/// A Docker engine that answers.
#[derive(Debug)]
pub(super) struct Engine {
    host: String,
}

/// An engine on this machine answers in milliseconds.
const TIMEOUT: Duration = Duration::from_millis(1500);

const PING: &str = "/_ping";

// === impl Engine ===

impl Engine {
    /// The engine that `DOCKER_HOST` names, or the first whose socket is where Docker has it; the same order in which
    /// testcontainers looks for it.
    pub(super) fn find() -> Result<Self, StackError> {
        let host = env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let Some(host) = host.or_else(socket) else {
            return Err(StackError::failed(
                "looking for Docker",
                "no engine's socket is there",
            ));
        };
        if answers(host.clone()) {
            return Ok(Self { host });
        }
        Err(StackError::failed(
            "asking Docker",
            format!("no engine answers at {host}"),
        ))
    }

    /// The engine's address, as `DOCKER_HOST` has it.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

fn socket() -> Option<String> {
    let home = env::home_dir();
    let run = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let candidates = [
        Some(PathBuf::from("/var/run/docker.sock")),
        run.map(|run| run.join(".docker/run/docker.sock")),
        home.as_ref()
            .map(|home| home.join(".docker/run/docker.sock")),
        home.as_ref()
            .map(|home| home.join(".docker/desktop/docker.sock")),
    ];
    let found = candidates
        .into_iter()
        .flatten()
        .find(|path| path.exists())?;
    Some(format!("unix://{}", found.display()))
}

/// On a thread that is left behind when it does not come back: connecting to a socket may block without end.
fn answers(host: String) -> bool {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // Nobody waits any more for an answer that comes too late.
        let _ = sender.send(ping(&host));
    });
    receiver.recv_timeout(TIMEOUT).unwrap_or(false)
}

/// Engines that want TLS or ssh are not asked: the containers' ports could not be reached from here anyway.
fn ping(host: &str) -> bool {
    if let Some(path) = host.strip_prefix("unix://") {
        return UnixStream::connect(path).is_ok_and(|stream| http_ok(stream, PING));
    }
    let Some(address) = host
        .strip_prefix("tcp://")
        .or_else(|| host.strip_prefix("http://"))
    else {
        return false;
    };
    let resolved = address.trim_end_matches('/').to_socket_addrs();
    let local = resolved
        .ok()
        .and_then(|mut all| all.find(|address| address.ip().is_loopback()));
    local
        .and_then(|address| TcpStream::connect_timeout(&address, TIMEOUT).ok())
        .is_some_and(|stream| http_ok(stream, PING))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, time::Instant};

    use super::*;

    #[test]
    fn a_dead_or_silent_socket_is_no_engine_and_takes_little_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let host = format!("unix://{}", path.display());
        let silent = UnixListener::bind(&path).unwrap();
        let since = Instant::now();
        assert!(!answers(host.clone()));
        drop(silent);
        assert!(!answers(host));
        assert!(!answers("ssh://somewhere".to_owned()));
        assert!(since.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn an_engine_that_answers_is_found() {
        use std::io::{Read, Write};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let engine = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut start = [0; 10];
            stream.read_exact(&mut start).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nOK").unwrap();
            start
        });
        assert!(answers(format!("unix://{}", path.display())));
        assert_eq!(&engine.join().unwrap(), b"GET /_ping");
    }
}
