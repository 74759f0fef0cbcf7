//! The first thing anybody tries: the tour of the README, word for word.

use crate::support::*;
use serde_json::{Deserializer, Value};
use std::process::Command;

const README: &str = include_str!("../../../../README.md");

/// The one block of shell.
fn tour() -> &'static str {
    let mut blocks = README.split("```sh\n").skip(1);
    let block = blocks
        .next()
        .expect("the tour")
        .split("```")
        .next()
        .expect("its end");
    assert!(blocks.next().is_none(), "one tour");
    block
}

#[tokio::test]
async fn the_tour_works_as_it_stands() {
    let app = app().await;
    let tour = tour();
    let base = "BASE=http://127.0.0.1:8000\n";
    assert_eq!(tour.matches(base).count(), 1, "{tour}");
    let script = tour.replace(base, &format!("BASE=http://{}\n", app.address()));
    // Where somebody stands who has just fetched the repository.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("README.md"), README).unwrap();
    let mut shell = Command::new("sh");
    shell
        .args(["-eu", "-c", &script])
        .env("NO_PROXY", "*")
        .current_dir(folder.path());
    let ended = run(shell).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");

    // One answer comes as events, the others as JSON, one behind the other.
    let at = ended.stdout.find("id: ").expect("a stream");
    let (before, rest) = ended.stdout.split_at(at);
    let (events, after) = rest.split_once("event: done\ndata: ").expect("its end");
    let (done, after) = after.split_once("\n\n").expect("the end of its last event");
    let json = [before, after].concat();
    let said: Result<Vec<Value>, _> = Deserializer::from_str(&json).into_iter().collect();
    let said = said.unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let first = events.lines().nth(1);
    assert_eq!(first, Some("event: turn"), "{events}");
    assert!(events.contains("event: delta\ndata: {\"text\":"), "{events}");
    let done: Value = serde_json::from_str(done).unwrap();
    assert_eq!(done["status"], "complete", "{done}");
    let [books, document, conversations, usage] = said.as_slice() else {
        panic!("four answers: {said:?}")
    };
    let recommended = text(&books["answer"]);
    assert!(recommended.lines().count() >= 3, "{recommended}");
    assert!(
        recommended.to_lowercase().contains("sea") && !recommended.contains("Old Man"),
        "{recommended}"
    );
    let quoted = text(&document["answer"]);
    assert!(quoted.to_lowercase().contains("test"), "{quoted}");
    let listed = list(conversations);
    assert_eq!(listed.len(), 2, "{conversations}");
    assert!(
        listed.iter().all(|row| !text(&row["title"]).is_empty()),
        "{conversations}"
    );
    let rows = list(&usage["usage_details"]);
    assert!(rows.iter().any(|row| row["scope"] == "final"), "{usage}");
    assert!(
        rows.iter().all(|row| {
            [&books["response_message_id"], &done["response_message_id"]].contains(&&row["message_id"])
        }),
        "{usage}"
    );
}
