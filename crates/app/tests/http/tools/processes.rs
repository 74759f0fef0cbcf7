//! Servers' processes end with the program, however it ends and whatever they would rather do.

use super::{Server, with_server};
use crate::support::options;
use chatai_testkit::provider::Reply;
use serde_json::json;
use std::path::Path;

/// A program whose server ignores the end of its input and every signal it can, and has started a process of its own
/// that does nothing but sleep. Both are known by their numbers.
async fn stubborn() -> (Server, Vec<usize>, Vec<String>) {
    let mut server = with_server(options(), "broken.py", &["stubborn"], "").await;
    let said = server.ask(Reply::call_tool("peer__go", &json!({}))).await;
    assert_eq!(said, [json!({"result": "went"})]);
    let processes = server.notes.told("pid", 2).await;
    let lines = server.notes.lines();
    let pids = lines.iter().filter_map(|line| line.strip_prefix("pid "));
    let pids: Vec<String> = pids.map(str::to_owned).collect();
    for pid in &pids {
        assert!(Path::new("/proc").join(pid).exists(), "{pid}");
    }
    (server, processes, pids)
}

fn is_running(pid: &str) -> bool {
    // One that nobody has waited for yet has ended all the same.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| !rest.trim_start().starts_with('Z'))
    })
}

#[tokio::test]
async fn they_end_when_it_is_asked_to_end() {
    let (mut server, processes, pids) = stubborn().await;
    let status = server.app.terminate().await;
    assert!(status.success(), "{status:?}");
    for process in processes {
        server.notes.gone(process).await;
    }
    assert!(!pids.iter().any(|pid| is_running(pid)), "{pids:?}");
}

#[tokio::test]
async fn they_end_when_it_is_killed() {
    let (mut server, processes, _) = stubborn().await;
    server.app.kill();
    for process in processes {
        server.notes.gone(process).await;
    }
}

/// One that goes by itself is gone, and nothing waits for it.
#[tokio::test]
async fn an_orderly_server_ends_at_once() {
    let mut server = with_server(options(), "peer.py", &[], "").await;
    server
        .ask(Reply::call_tool("peer__add", &json!({"a": 1, "b": 1})))
        .await;
    let process = server.notes.told("pid", 1).await[0];
    let begun = std::time::Instant::now();
    assert!(server.app.terminate().await.success());
    server.notes.gone(process).await;
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}
