//! Readers that go away, as in `chatai … | head`.

use super::*;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// The write end of a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[tokio::test]
async fn commands_end_quietly_when_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["openapi"][..],
        &["config", "example"],
        &["config", "show"],
        &["config", "check"],
        &["migrate"],
        &["user", "add", "a@example.com"],
        &["user", "list"],
        &["doctor"],
    ] {
        let mut command = tokio::process::Command::from(command_in(folder.path(), arguments));
        std::fs::write(folder.path().join("password"), "secret\n").unwrap();
        command
            .stdin(std::fs::File::open(folder.path().join("password")).unwrap())
            .stdout(unread())
            .stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(
            !said.contains("panicked") && !said.contains("error"),
            "{arguments:?}: {said}"
        );
    }
    let listed = run(command_in(folder.path(), &["user", "list"])).await;
    assert!(listed.stdout.contains("a@example.com"), "what was asked was done");
}

#[tokio::test]
async fn output_that_is_lost_otherwise_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::from(command_in(folder.path(), &["openapi"]));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[tokio::test]
async fn a_failure_that_nobody_can_be_told_is_still_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::from(command_in(folder.path(), &["user", "promote", "9"]));
    let status = command.stdout(unread()).stderr(unread()).status().await.unwrap();
    assert_eq!(status.code(), Some(1));
}

/// The service is not there for its greeting, nor for its log.
#[tokio::test]
async fn the_service_goes_on_when_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    // Says where it listens, then is left alone with both its outputs.
    let mut command = tokio::process::Command::from(serve_in(folder.path()));
    command
        .env("CHATAI__LOG__LEVEL", "debug")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    drop((lines, child.stderr.take()));
    let address = first.split("http://").nth(1).unwrap();
    for _ in 0..3 {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(
            &mut socket,
            b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 404 "), "{said}");
    }
    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}
