//! What the program needs to begin, and what it says when it has begun.

use super::*;
use std::{os::unix::fs::PermissionsExt, process::Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_empty_machine_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::from(command_in(folder.path(), &["--listen", "127.0.0.1:0"]));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut greeting = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let is_last = line.contains("-d '{");
        greeting.push(line);
        if is_last {
            break;
        }
    }
    let first = &greeting[0];
    let address = first
        .split("http://")
        .nth(1)
        .unwrap_or_else(|| panic!("{greeting:?}"));
    assert!(
        first.starts_with("chatai ") && first.contains(" is listening on "),
        "{first}"
    );
    let text = greeting.join("\n");
    for expected in [
        "  database    SQLite, ./data/chatai.db",
        "  models      the built-in responder alone; set OPENAI_API_KEY for real models",
        "  collection  ",
        &format!("  reference   http://{address}/docs"),
        "  next        register; the first account is the administrator:",
        &format!("curl http://{address}/auth/register"),
    ] {
        assert!(text.contains(expected), "`{expected}` is not in\n{text}");
    }
    let data = folder.path().join("data");
    assert_eq!((mode(&data), mode(&data.join("jwt_secret"))), (0o700, 0o600));
    assert!(data.join("chatai.db").is_file());

    // What the last lines say works as they stand.
    let command = text.split("curl ").nth(1).unwrap().replace("\\\n", " ");
    let body = command.split("-d '").nth(1).unwrap().trim_end_matches('\'');
    let client = plain_client();
    let call = client.post(format!("http://{address}/auth/register"));
    let answer = send(
        call.header("content-type", "application/json")
            .body(body.to_owned()),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["data"], "nothing is written elsewhere");
}

/// A client for a program that the harness did not start.
fn plain_client() -> reqwest::Client {
    // Plain HTTP wants one too; it may have been installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
