//! Commands of the program that end by themselves.

use super::BINARY;
use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::io::AsyncWriteExt;

/// How long a command may take that should end at once.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a command said, and its exit code.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program with these arguments, in a folder and an empty environment.
pub(crate) fn command_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear().current_dir(folder);
    command
}

/// Runs a command to its end, which must come soon.
pub(crate) async fn run(command: Command) -> Ended {
    run_with_input(command, "").await
}

/// The same with something to read on its standard input.
pub(crate) async fn run_with_input(command: Command, input: &str) -> Ended {
    let mut command = tokio::process::Command::from(command);
    command
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be started");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    // A program that fails early reads nothing.
    let _written = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .unwrap_or_else(|_| panic!("the command runs on: {command:?}"))
        .expect("its output can be read");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}
