//! Who may call which tool, and who says so.

use super::{ask, entry, listed, offered, outputs, peer::Notes, with_servers};
use crate::support::{chat, get_as, on_both, options, send};
use chatai_testkit::{
    app::User,
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

/// `granted` of each tool that an account is told of.
async fn granted(user: &User) -> Vec<(String, bool)> {
    let (status, tools) = user.get("/tools").await;
    assert_eq!(status, 200, "{tools}");
    let tools = tools.as_array().unwrap().iter();
    tools
        .map(|tool| {
            (
                tool["name"].as_str().unwrap().to_owned(),
                tool["granted"].as_bool().unwrap(),
            )
        })
        .collect()
}

async fn say(user: &User, tool: &str, granted: bool) -> (u16, Value) {
    user.put(&format!("/tools/{tool}"), &json!({"granted": granted}))
        .await
}

const ONE_TOOL: &str = "tools = [\"add\"]\n";

async fn one(
    grant: &str,
) -> (
    chatai_testkit::app::TestApp,
    chatai_testkit::provider::ScriptedProvider,
    Notes,
) {
    let notes = Notes::start().await;
    let more = format!("{ONE_TOOL}grant = \"{grant}\"");
    let (app, provider) = with_servers(options(), &entry("peer", "peer.py", &[], &notes, &more)).await;
    (app, provider, notes)
}

on_both! {
    async fn each_account_says_it_for_itself(options) {
        let notes = Notes::start().await;
        let entries = entry("free", "peer.py", &[], &notes, &format!("{ONE_TOOL}grant = \"everyone\""))
            + &entry("asked", "peer.py", &[], &notes, ONE_TOOL);
        let (app, provider) = with_servers(options, &entries).await;
        let (ada, bob) = (app.register("ada@example.com").await, app.register("bob@example.com").await);
        listed(&ada, 2).await;
        let (status, tools) = ada.get("/tools").await;
        assert_eq!((status, &tools), (200, &json!([
            {"name": "free__add", "title": "Add two numbers", "description": "Adds two whole numbers.",
             "server": "free", "granted": true, "needs_grant": false},
            {"name": "asked__add", "title": "Add two numbers", "description": "Adds two whole numbers.",
             "server": "asked", "granted": false, "needs_grant": true},
        ])));
        chat(&ada, &[("text", "hi")]).await;
        assert_eq!(offered(&provider), ["free__add"]);

        let (status, tool) = say(&ada, "asked__add", true).await;
        assert_eq!((status, &tool), (200, &json!(
            {"name": "asked__add", "title": "Add two numbers", "description": "Adds two whole numbers.",
             "server": "asked", "granted": true, "needs_grant": true})));
        assert_eq!(say(&ada, "free__add", false).await.0, 200);
        chat(&ada, &[("text", "hi")]).await;
        assert_eq!(offered(&provider), ["asked__add"]);
        let said = ask(&ada, &provider, Reply::call_tool("asked__add", &json!({"a": 1, "b": 1}))).await;
        assert_eq!(said, [json!({"result": "2"})]);
        // What is not offered is not called, though the model knows its name.
        let said = ask(&ada, &provider, Reply::call_tool("free__add", &json!({"a": 1, "b": 1}))).await;
        assert_eq!(said, [json!({"error": "there is no tool `free__add`"})]);

        chat(&bob, &[("text", "hi")]).await;
        assert_eq!(offered(&provider), ["free__add"]);
        assert_eq!(granted(&bob).await, [("free__add".to_owned(), true), ("asked__add".to_owned(), false)]);
    }
}

#[tokio::test]
async fn what_can_be_refused_is_refused() {
    let (app, _provider, _notes) = one("on_request").await;
    let user = app.register("ada@example.com").await;
    listed(&user, 1).await;
    let (status, key) = user.post("/keys", &json!({"name": "k"})).await;
    assert_eq!(status, 200, "{key}");
    let program = user.with_token(key["key"].as_str().unwrap());
    let (status, body) = say(&program, "peer__add", true).await;
    assert_eq!((status, &body["code"]), (403, &json!("forbidden")), "{body}");
    assert_eq!(granted(&program).await, [("peer__add".to_owned(), false)]);
    for unknown in [
        "peer__none",
        "other__add",
        "add",
        "peer__fail",
        "get_book_summaries",
        "peer__add%00",
    ] {
        let (status, body) = say(&user, unknown, true).await;
        assert!(status == 404 || status == 422, "{unknown}: {body}");
    }
    let (_, body) = say(&user, "peer__none", true).await;
    assert_eq!(body["code"], "tool_not_found");
    for body in [
        json!({}),
        json!({"granted": null}),
        json!({"granted": "perhaps"}),
        json!([]),
    ] {
        let answer = send(user.call(Method::PUT, "/tools/peer__add").json(&body)).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
    }
    assert_eq!(granted(&user).await, [("peer__add".to_owned(), false)]);
}

#[tokio::test]
async fn a_server_that_nobody_has_asked_for_is_not_started_by_turns() {
    let (app, provider, mut notes) = one("on_request").await;
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", "hi")]).await;
    assert!(offered(&provider).is_empty());
    assert_eq!(notes.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn for_others_than_administrators_their_tools_do_not_exist() {
    let (app, provider, _notes) = one("administrators").await;
    let (ada, bob) = (
        app.register("ada@example.com").await,
        app.register("bob@example.com").await,
    );
    listed(&ada, 1).await;
    assert_eq!(granted(&ada).await, [("peer__add".to_owned(), true)]);
    assert_eq!(granted(&bob).await, []);
    let unknown = say(&bob, "peer__none", true).await.1;
    let hidden = say(&bob, "peer__add", true).await;
    assert_eq!(
        (hidden.0, &hidden.1["detail"]),
        (404, &unknown["detail"]),
        "as one that there is not"
    );
    chat(&bob, &[("text", "hi")]).await;
    assert!(offered(&provider).is_empty());
    chat(&ada, &[("text", "hi")]).await;
    assert_eq!(offered(&provider), ["peer__add"]);
}

/// A demotion and a change of mind hold at once, in the middle of a turn that had begun before.
#[tokio::test]
async fn a_running_turn_calls_nothing_that_its_user_may_not_call_any_more() {
    let (app, provider, mut notes) = one("administrators").await;
    let (ada, bob) = (
        app.register("ada@example.com").await,
        app.register("bob@example.com").await,
    );
    listed(&ada, 1).await;
    let id = async |user: &User| get_as(user, "/users/me").await.json()["id"].clone();
    let (adas, bobs) = (id(&ada).await, id(&bob).await);
    let (status, body) = ada
        .patch(&format!("/admin/users/{bobs}"), &json!({"role": "admin"}))
        .await;
    assert_eq!(status, 200, "{body}");

    let gated = |gate: &Gate, user: &User| {
        let call = Reply::call_tool("peer__add", &json!({"a": 1, "b": 1})).gate_headers(gate);
        provider.push_when(|request| request.schema_name().is_none(), call);
        provider.push(Reply::text("Done."));
        let user = user.clone();
        tokio::spawn(async move { user.chat(&[("text", "add")]).await })
    };
    for (who, change) in [(&ada, "demoted"), (&bob, "said no")] {
        let gate = Gate::new();
        let turn = gated(&gate, who);
        gate.reached().await;
        assert_eq!(offered(&provider), ["peer__add"]);
        let status = match change {
            "demoted" => {
                bob.patch(&format!("/admin/users/{adas}"), &json!({"role": "user"}))
                    .await
                    .0
            }
            _ => say(&bob, "peer__add", false).await.0,
        };
        assert_eq!(status, 200);
        gate.open();
        let (status, body) = turn.await.unwrap();
        assert_eq!((status, &body["answer"]), (200, &json!("Done.")), "{body}");
        let said = outputs(provider.answer_calls().last().unwrap());
        assert_eq!(
            said,
            [json!({"error": "the user does not allow this tool any more"})],
            "{change}"
        );
    }
    assert!(
        !notes.lines().iter().any(|line| line.starts_with("add")),
        "it was called"
    );
    assert_eq!(granted(&ada).await, []);
}
