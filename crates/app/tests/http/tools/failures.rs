//! Servers that hang, die, lie and never stop. None of it fails a turn, and all of it is bounded.

use super::{ask, entry, listed, offered, peer::Notes, with_server, with_servers};
use crate::support::{cancel, chat, options, stream};
use chatai_testkit::{events::Told, provider::Reply};
use serde_json::json;
use std::time::{Duration, Instant};

fn go() -> Reply {
    Reply::call_tool("peer__go", &json!({}))
}

#[tokio::test]
async fn a_tool_that_hangs_is_given_up_and_told_so() {
    let mut server = with_server(options(), "peer.py", &[], "timeout_s = 15").await;
    let said = server.ask(Reply::call_tool("peer__hang", &json!({}))).await;
    assert_eq!(
        said,
        [json!({"error": "the tool did not answer within 15 seconds"})]
    );
    server.notes.told("hanging", 1).await;
    server.notes.told("let go", 1).await;
    // Only that call is lost.
    let said = server
        .ask(Reply::call_tool("peer__add", &json!({"a": 1, "b": 1})))
        .await;
    assert_eq!(said, [json!({"result": "2"})]);
    assert_eq!(
        server.notes.told("pid", 1).await.len(),
        1,
        "it was not started again"
    );
}

#[tokio::test]
async fn a_turn_that_is_stopped_lets_go_of_its_tool() {
    let mut server = with_server(options(), "peer.py", &[], "timeout_s = 600").await;
    server.provider.push(Reply::call_tool("peer__hang", &json!({})));
    let mut stream = stream(&server.user, &[("text", "hang")]).await;
    let mut told = Told::default();
    while told.tools.is_empty() {
        told.take(&stream.next().await.unwrap());
    }
    server.notes.told("hanging", 1).await;
    let answer = told.turn.as_ref().unwrap()["response_message_id"]
        .as_i64()
        .unwrap();
    let (status, body) = cancel(&server.user, answer).await;
    assert_eq!((status, &body["status"]), (200, &json!("stopped")), "{body}");
    stream.read_to_end(&mut told).await;
    server.notes.told("let go", 1).await;
}

#[tokio::test]
async fn a_server_that_dies_in_a_call_is_started_again_for_the_next() {
    let mut server = with_server(options(), "peer.py", &[], "").await;
    let call = Reply::call_tool("peer__die", &json!({})).tool_call("peer__add", &json!({"a": 1, "b": 1}));
    let said = server.ask(call).await;
    assert_eq!(
        said,
        [
            json!({"error": "the tool's server broke off, or sent more than it may"}),
            json!({"result": "2"})
        ]
    );
    let processes = server.notes.told("pid", 2).await;
    server.notes.gone(processes[0]).await;
}

#[tokio::test]
async fn what_is_no_result_is_none() {
    for (mode, expected) in [
        ("garbage-result", None),
        ("noise", Some("went")),
        // A line without an end: the connection is given up long before memory is.
        ("endless", None),
    ] {
        let mut server = with_server(options(), "broken.py", &[mode], "timeout_s = 20").await;
        let begun = Instant::now();
        let said = server.ask(go()).await;
        assert!(begun.elapsed() < Duration::from_secs(18), "{mode}: {said:?}");
        match expected {
            Some(result) => assert_eq!(said, [json!({"result": result})], "{mode}"),
            None => assert!(said[0]["error"].is_string(), "{mode}: {said:?}"),
        }
        if mode == "endless" {
            let processes = server.notes.told("pid", 1).await;
            server.notes.gone(processes[0]).await;
        }
    }
}

/// More tools than a vendor takes, in pages that never end.
#[tokio::test]
async fn a_server_with_ever_more_tools_offers_some() {
    let server = with_server(options(), "broken.py", &["thousand"], "").await;
    let said = server.ask(Reply::call_tool("peer__t7", &json!({}))).await;
    assert_eq!(said, [json!({"result": "went"})]);
    assert_eq!(offered(&server.provider).len(), 120);
    assert!(
        server.app.log().contains("more tools than are taken"),
        "{}",
        server.app.log()
    );
    let named = with_server(
        options(),
        "broken.py",
        &["thousand"],
        "tools = [\"t3\", \"t4321\"]",
    )
    .await;
    chat(&named.user, &[("text", "hi")]).await;
    assert_eq!(offered(&named.provider), ["peer__t3", "peer__t4321"]);
}

#[tokio::test]
async fn tools_that_cannot_be_offered_are_left_out() {
    let server = with_server(options(), "broken.py", &["unfit"], "").await;
    chat(&server.user, &[("text", "hi")]).await;
    assert_eq!(offered(&server.provider), ["peer__good"]);
}

#[tokio::test]
async fn a_server_that_cannot_be_had_keeps_nobody_waiting_for_long() {
    let mut notes = Notes::start().await;
    let more = "grant = \"everyone\"\ntimeout_s = 600";
    let entries = entry("dies", "broken.py", &["dies"], &notes, more)
        + &entry("silent", "broken.py", &["silent"], &notes, more)
        + &format!("[[mcp]]\nname = \"none\"\ncommand = \"/nowhere/at-all\"\n{more}\n")
        + &format!("[[mcp]]\nname = \"closed\"\nurl = \"http://127.0.0.1:1/mcp\"\n{more}\n")
        + &entry(
            "peer",
            "peer.py",
            &[],
            &notes,
            &format!("{more}\ntools = [\"add\"]"),
        );
    let (app, provider) = with_servers(options(), &entries).await;
    let user = app.register("ada@example.com").await;
    let begun = Instant::now();
    chat(&user, &[("text", "hi")]).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    listed(&user, 1).await;
    let said = ask(
        &user,
        &provider,
        Reply::call_tool("peer__add", &json!({"a": 1, "b": 1})),
    )
    .await;
    assert_eq!(
        (said, offered(&provider)),
        (vec![json!({"result": "2"})], vec!["peer__add".to_owned()])
    );
    // The log says why, and no secret; the process that was awaited in vain ends with the program.
    let log = app.log();
    assert!(log.contains("there is no such database"), "{log}");
    assert!(log.contains("/nowhere/at-all"), "{log}");
    let processes = notes.told("pid", 3).await;
    drop(app);
    for process in processes {
        notes.gone(process).await;
    }
}

/// Whatever a server sends, the turn's own limits hold.
#[tokio::test]
async fn more_calls_at_once_than_are_run_are_told_so() {
    let server = with_server(options(), "peer.py", &[], "").await;
    let mut call = Reply::call_tool("peer__add", &json!({"a": 0, "b": 1}));
    for number in 1..12 {
        call = call.tool_call("peer__add", &json!({"a": number, "b": 1}));
    }
    let said = server.ask(call).await;
    let results: Vec<&str> = said
        .iter()
        .filter_map(|output| output["result"].as_str())
        .collect();
    assert_eq!(results, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert!(
        said[8..]
            .iter()
            .all(|output| output["error"].as_str().unwrap().contains("too many"))
    );
}
