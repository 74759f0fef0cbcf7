//! `chatai doctor` and `chatai config` about servers of tools.

use super::peer::{HttpPeer, Notes, entry};
use crate::support::{BINARY, write_file};
use chatai_testkit::app::run_once;
use std::path::Path;

async fn said(folder: &Path, arguments: &'static [&'static str]) -> (Option<i32>, String) {
    let folder = folder.to_owned();
    let run = move || run_once(Path::new(BINARY), &folder, arguments);
    let done = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code(), text)
}

#[tokio::test]
async fn doctor_says_which_servers_are_there_and_what_they_have() {
    let mut notes = Notes::start().await;
    let peer = HttpPeer::start(&notes, &[]).await;
    let entries = entry("files", "peer.py", &[], &notes, "tools = [\"add\", \"hang\"]")
        + &entry("broken", "broken.py", &["dies"], &notes, "timeout_s = 20")
        + &peer.entry("tools = [\"fail\"]\napi_key = \"key-of-the-house\"")
        + &entry("off", "peer.py", &[], &notes, "enabled = false");
    let folder = tempfile::tempdir().unwrap();
    write_file(folder.path(), "chatai.toml", &entries);
    let (code, text) = said(folder.path(), &["doctor"]).await;
    assert_eq!(code, Some(0), "the service starts without them: {text}");
    for line in ["ok    tools files: 2: add, hang", "ok    tools peer: 1: fail"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("warn  tools broken: "), "{text}");
    assert!(text.contains("there is no such database"), "{text}");
    assert!(
        !text.contains("tools off") && !text.contains("key-of-the-house"),
        "{text}"
    );
    // What it started to look at has ended with it.
    for process in notes
        .told("pid", 3)
        .await
        .into_iter()
        .filter(|process| *process > 0)
    {
        notes.gone(process).await;
    }

    let (code, text) = said(folder.path(), &["config", "show"]).await;
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "mcp[files].tools = [\"add\", \"hang\"]",
        "mcp[files].env = { \"PEER_NOTES\" = (set) }",
        "mcp[files].args = (set)",
        "mcp[peer].api_key = (set)",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(
        !text.contains("key-of-the-house") && !text.contains("peer.py"),
        "{text}"
    );
}
