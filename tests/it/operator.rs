//! What an operator meets: the command line, `check`, the schemas, probes, metrics, signals and the log.

mod check;
mod command_line;
mod metrics;
mod pages;
mod prometheus;
mod running;

use std::{fs, path::Path, process::Output};

use onepassword_kafka_dev::{admin::Admin, worker::Program};
use tokio::sync::oneshot;

use crate::scene::{Scene, in_time};

/// A command that has come to its end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program, with a folder of its own.
pub(crate) fn program() -> Program {
    Program::new(Path::new(env!("CARGO_BIN_EXE_onepassword-kafka"))).unwrap()
}

/// Runs a command to its end.
pub(crate) async fn run(program: &Program, arguments: &[&str]) -> Ended {
    let mut command = program.command();
    command.args(arguments);
    let (done, output) = oneshot::channel();
    std::thread::spawn(move || done.send(command.output()));
    let Output {
        status,
        stdout,
        stderr,
    } = in_time("the command ends", output).await.unwrap().unwrap();
    Ended {
        status: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs a command that takes the worker's file.
pub(crate) async fn run_with_file(program: &Program, arguments: &[&str]) -> Ended {
    let file = program.config().display().to_string();
    run(program, &[arguments, &["--config", &file]].concat()).await
}

/// Changes the worker's file.
pub(crate) fn edit(scene: &Scene, from: &str, to: &str) {
    let text = fs::read_to_string(scene.program.config()).unwrap();
    assert!(text.contains(from), "{from:?} is not in the worker's file");
    scene.program.configure(&text.replace(from, to)).unwrap();
}

/// Creates a topic, and waits until the broker knows it.
pub(crate) async fn create_topic(scene: &Scene, topic: &str, config: (&str, &str)) {
    let admin = Admin::new(&scene.bootstrap).unwrap();
    admin.create_topic(topic, 4, &[config]).await.unwrap();
    let known = async { while admin.partitions(topic).await.unwrap_or(0) < 4 {} };
    in_time("the topic is known", known).await;
}

/// An address at which nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
