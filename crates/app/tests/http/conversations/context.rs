//! `GET /conversations/{id}/context`

use crate::support::{app, chat, get_as, on_both, with_vendor};
use chatai_testkit::provider::Reply;
use serde_json::json;

on_both! {
    async fn summaries_where_there_are_and_else_the_text(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let long = "long question ".repeat(40);
        provider.script(|request| match request.instructions().contains("Summarise") {
            true => Reply::text("In short."),
            false => Reply::echo(request),
        });
        provider.push_when(|request| !request.tool_names().is_empty(), Reply::text("Fine."));
        let sent = chat(&user, &[("text", long.as_str())]).await;
        let conversation = sent["conversation_id"].to_string();
        provider.push_when(|request| !request.tool_names().is_empty(), Reply::text("More\nlines."));
        chat(&user, &[("text", "And you?"), ("conversation_id", &conversation)]).await;
        let answer = get_as(&user, &format!("/conversations/{conversation}/context")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        let expected = "user: In short.\n---\nassistant: Fine.\n---\nuser: And you?\n---\nassistant: More\nlines.";
        assert_eq!(answer.json(), json!(expected));
    }

    async fn an_empty_one_is_an_empty_text(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (_, id) = user.post("/conversations/", &json!({})).await;
        assert_eq!(get_as(&user, &format!("/conversations/{id}/context")).await.text, "\"\"");
    }
}

#[tokio::test]
async fn unknown_ids() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = get_as(&user, "/conversations/77/context").await;
    answer.expect_error(404, "conversation_not_found", "Conversation not found");
}
