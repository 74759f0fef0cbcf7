//! Titles and summaries when the first of their providers fails: the next model of the list makes them.

use super::{Two, failing};
use crate::support::{chat, messages, on_both, usage};
use chatai_testkit::{
    app::User,
    provider::{Dialect, Gate, Reply, ScriptedProvider},
};
use serde_json::{Value, json};

/// Answers come from `third`; what stands beside them is `helping`'s, which is `first` and in its place `second`.
const HELPING: &str =
    "[models]\ntitle = \"helping\"\nsummary = \"helping\"\naliases = { helping = [\"first\", \"second\"] }";

/// Beside the answer.
fn is_beside(request: &chatai_testkit::provider::RecordedRequest) -> bool {
    request.tool_names().is_empty()
}

async fn title(user: &User) -> String {
    let (_, list) = user.get("/conversations/").await;
    list[0]["title"].as_str().unwrap().to_owned()
}

fn shown(row: &Value) -> (&str, &str, Option<&str>, &str) {
    let text = |name: &str| row[name].as_str();
    (
        text("scope").unwrap(),
        text("model").unwrap(),
        text("fallback_from"),
        text("price_exact").unwrap(),
    )
}

on_both! {
    async fn the_next_model_makes_them_and_is_charged(options) {
        let two = Two::start().await;
        let app = two.options(options, "", "", HELPING).start().await;
        let user = app.register("ada@example.com").await;
        for reply in [failing(), Reply::text("never seen").cut_after(0), Reply::model_not_found()] {
            for _ in 0..3 {
                two.one.push_when(is_beside, reply.clone());
            }
            two.two.push_for_schema("title", Reply::json(&json!({"title": "By the other"})).usage(100_000, 0, 0, 0));
            for text in ["A short question.", "A short answer."] {
                two.two.push_when(is_summary, Reply::text(text).usage(200_000, 0, 0, 0));
            }
            two.two.push(Reply::text("long ".repeat(150)).usage(10_000, 0, 0, 0));
            let question = "word ".repeat(100);
            let sent = chat(&user, &[("text", &question), ("model", "third")]).await;
            assert_eq!(title(&user).await, "By the other");
            let stored = messages(&user, &sent["conversation_id"]).await;
            let mut summaries = [stored[0]["summary"].as_str().unwrap(), stored[1]["summary"].as_str().unwrap()];
            summaries.sort_unstable();
            assert_eq!(summaries, ["A short answer.", "A short question."]);
            let rows = usage(&user, &sent["response_message_id"]).await;
            let rows: Vec<_> = rows.iter().map(shown).collect();
            assert_eq!(rows, [
                ("title", "second", Some("first"), "1"),
                ("summary", "second", Some("first"), "2"),
                ("summary", "second", Some("first"), "2"),
                ("final", "third", None, "1"),
            ]);
        }
    }

    /// What had begun is its own, and what the request is at fault for is nobody else's either.
    async fn nobody_else_is_asked_for_the_rest(options) {
        let two = Two::start().await;
        let app = two.options(options, "", "", HELPING).start().await;
        let user = app.register("ada@example.com").await;
        for (reply, charged) in [
            (Reply::text("{\"title\": \"Half a").deltas(2).cut_after(1), true),
            (Reply::bad_request("No."), false),
        ] {
            two.one.push_for_schema("title", reply);
            two.two.push(Reply::text("Fine.").usage(10_000, 0, 0, 0));
            let before = two.two.counts().calls;
            let sent = chat(&user, &[("text", "These words"), ("model", "third")]).await;
            assert_eq!((title(&user).await.as_str(), two.two.counts().calls), ("These words", before + 1));
            let rows = usage(&user, &sent["response_message_id"]).await;
            assert_eq!(rows.iter().filter(|row| row["scope"] == "title").count(), usize::from(charged), "{rows:?}");
        }
    }

    /// Under a budget nobody is asked whose price is unknown, and what the dearest may cost is set aside.
    async fn within_a_budget(options) {
        let two = Two::start().await;
        let rest = "[models]\ntitle = \"helping\"\nsummary = \"first\"\n\
                    aliases = { helping = [\"first\", \"org/house\", \"third\"] }";
        let app = two.options(options, "", "models = [\"second\", \"third\", \"org/house\"]", rest).start().await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("ada@example.com").await;
        let (_, me) = user.get("/users/me").await;
        let path = format!("/admin/users/{}/budget", me["id"]);
        let ask = async |limit: &str| {
            let (status, _) = admin.put(&path, &json!({"limit": limit, "period": "total"})).await;
            assert_eq!(status, 200);
            user.chat(&[("text", "hi"), ("model", "first")]).await
        };
        // A title of the dear one's alone may cost 0.4.
        let (status, body) = ask("0.3").await;
        assert_eq!((status, &body["code"]), (402, &json!("budget_exceeded")), "{body}");
        two.one.push_for_schema("title", failing());
        let (status, body) = ask("5").await;
        assert_eq!(status, 200, "{body}");
        let asked: Vec<String> = two.two.calls().iter().map(|call| call.model().into_owned()).collect();
        assert_eq!(asked, ["third"]);
        let (_, budget) = user.get("/users/me/budget").await;
        assert_eq!(budget["reserved"], "0", "{budget}");
    }
}

/// Who has the words of a summary to make.
fn is_summary(request: &chatai_testkit::provider::RecordedRequest) -> bool {
    is_beside(request) && request.schema_name().is_none()
}

/// Between kinds of providers: a title by OpenAI's API, and by Anthropic's in its place.
#[tokio::test]
async fn between_kinds() {
    let (one, two) = (ScriptedProvider::start().await, ScriptedProvider::start().await);
    let prices = r#"{
        "gpt-4.1": {"input": 1, "output": 1, "provider": "openai", "context_window": 100000},
        "claude-sonnet-4-5": {"input": 1, "output": 1, "provider": "anthropic", "context_window": 100000}}"#;
    let app = crate::support::options()
        .file("PRICING_FILE", "prices.json", prices)
        .vendors(
            &[(Dialect::Responses, &one), (Dialect::Anthropic, &two)],
            "",
            "[models.fallbacks]\n\"gpt-4.1\" = [\"claude-sonnet-4-5\"]",
        )
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    one.script(|_| failing());
    two.push_for_schema("title", Reply::json(&json!({"title": "By the other"})));
    let sent = chat(&user, &[("text", "hello"), ("model", "gpt-4.1")]).await;
    assert_eq!(
        (title(&user).await.as_str(), &sent["answer"]),
        ("By the other", &json!("Echo: hello"))
    );
}

/// The call of the one in its place has its record before it is made.
#[tokio::test]
async fn a_crash_finds_who_was_asked() {
    let two = Two::start().await;
    let mut app = two.usual(HELPING).start().await;
    let user = app.register("ada@example.com").await;
    let never = Gate::new();
    two.one.push_for_schema("title", failing());
    two.two.push_for_schema(
        "title",
        Reply::json(&json!({"title": "Late"})).gate_headers(&never),
    );
    two.two.push(Reply::text("held").gate_headers(&never));
    let asking = tokio::spawn({
        let user = user.clone();
        async move {
            user.call(reqwest::Method::POST, "/chat/")
                .form(&[("text", "x"), ("model", "third")])
                .send()
                .await
        }
    });
    never.reached_by(2).await;
    app.kill();
    assert!(asking.await.unwrap().is_err());
    app.start_again().await;
    let user = user.at(&app.base_url());
    let (_, listed) = user.get("/conversations/").await;
    let stored = messages(&user, &listed[0]["id"]).await;
    let rows = usage(&user, &stored[1]["id"]).await;
    let titled: Vec<_> = rows
        .iter()
        .filter(|row| row["scope"] == "title")
        .map(shown)
        .collect();
    assert_eq!(titled, [("title", "second", Some("first"), "0")], "{rows:?}");
}
