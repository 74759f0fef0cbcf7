//! Providers of all kinds side by side: each answers turns with tools, and each in any other's place.

use crate::support::{chat, list, messages, on_both, regenerate, told, usage};
use chatai_testkit::{
    app::{AppOptions, User},
    provider::{Dialect, Reply, ScriptedProvider},
};
use serde_json::{Value, json};

/// A token read costs 1, one from the cache a tenth, one put into it twice, one out 10 millionths of a dollar.
fn prices() -> String {
    let prices = Dialect::ALL.into_iter().map(|dialect| {
        let price = json!({"input": 1, "cached_input": 0.1, "cache_write": 2, "output": 10, "context_window": 100_000,
                           "provider": dialect.kind()});
        (model(dialect).to_owned(), price)
    });
    Value::Object(prices.collect()).to_string()
}

fn model(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Responses => "gpt-4.1",
        Dialect::Chat => "llama-3.3-70b",
        Dialect::Anthropic => "claude-opus-4-6",
        Dialect::Gemini => "gemini-3-pro-preview",
    }
}

/// A provider of each kind, and the program's options with all of them.
struct Kinds {
    providers: Vec<ScriptedProvider>,
}

impl Kinds {
    async fn start() -> Self {
        let mut providers = Vec::new();
        for _ in Dialect::ALL {
            providers.push(ScriptedProvider::start().await);
        }
        Self { providers }
    }

    fn of(&self, dialect: Dialect) -> &ScriptedProvider {
        let place = Dialect::ALL.iter().position(|other| *other == dialect);
        &self.providers[place.unwrap()]
    }

    /// With an alias for each pair, such as `openai-gemini`, and one for all in order.
    fn options(&self, options: AppOptions) -> AppOptions {
        let vendors: Vec<_> = Dialect::ALL
            .into_iter()
            .map(|dialect| (dialect, self.of(dialect)))
            .collect();
        let mut rest = format!("[models.aliases]\nall = {}\n", json!(Dialect::ALL.map(model)));
        for (first, second) in pairs() {
            rest += &format!(
                "{} = {}\n",
                alias(first, second),
                json!([model(first), model(second)])
            );
        }
        options
            .file("PRICING_FILE", "prices.json", prices())
            .vendors(&vendors, "", &rest)
    }
}

fn pairs() -> impl Iterator<Item = (Dialect, Dialect)> {
    let all = Dialect::ALL.into_iter();
    all.flat_map(|first| Dialect::ALL.into_iter().map(move |second| (first, second)))
        .filter(|(first, second)| first != second)
}

fn alias(first: Dialect, second: Dialect) -> String {
    format!("{}-to-{}", first.kind(), second.kind())
}

/// Asks in a conversation that has its title, so that there are no model calls but the answer's.
async fn ask(user: &User, model: &str) -> Value {
    let (_, id) = user.post("/conversations/", &json!({"title": "t"})).await;
    let id = id.to_string();
    chat(
        user,
        &[("text", "a question"), ("model", model), ("conversation_id", &id)],
    )
    .await
}

/// A round of tools, with thoughts before it.
fn looks_up() -> Reply {
    Reply::text("")
        .reasoning("Which book?")
        .tool_call("get_book_summaries", &json!({"titles": ["Walden"]}))
        .tool_call(
            "get_book_recommendations",
            &json!({"content": "a pond", "limit": 1}),
        )
        .usage(1_000, 600, 30, 20)
}

on_both! {
    async fn each_answers_with_tools_and_is_charged_to_the_token(options) {
        let kinds = Kinds::start().await;
        let app = kinds.options(options).start().await;
        let user = app.register("ada@example.com").await;
        for dialect in Dialect::ALL {
            let provider = kinds.of(dialect);
            // Those that bill it say what they wrote to the cache.
            let written = if matches!(dialect, Dialect::Chat | Dialect::Anthropic) { 300 } else { 0 };
            provider.push(looks_up().cache_written(written));
            provider.push(Reply::text("Read Walden.").deltas(3).usage(2_000, 1_000, 7, 0));
            let sent = ask(&user, model(dialect)).await;
            assert_eq!(sent["answer"], "Read Walden.", "{dialect:?}");
            let calls = provider.calls();
            assert_eq!(calls.len(), 2, "{dialect:?}");
            assert!(calls.iter().all(|call| call.dialect() == Some(dialect)));
            let outputs: Vec<&str> = calls[1].tool_outputs().iter().map(|(_, output)| *output).collect();
            assert_eq!(outputs.len(), 2, "{dialect:?}: {:?}", calls[1].json());
            assert!(outputs[0].contains("Walden") && outputs[1].contains("title"), "{dialect:?}: {outputs:?}");
            let rows = usage(&user, &sent["response_message_id"]).await;
            let shown: Vec<_> = rows
                .iter()
                .map(|row| {
                    let tokens = ["input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"]
                        .map(|name| row[name].as_i64().unwrap());
                    (row["scope"].as_str().unwrap(), tokens, row["price_exact"].as_str().unwrap(), &row["usage_source"])
                })
                .collect();
            let from_provider = json!("provider");
            // 400 − written fresh, 600 cached, 30 out; then 1,000 fresh, 1,000 cached, 7 out.
            let first = if written > 0 { "0.00106" } else { "0.00076" };
            assert_eq!(shown, [
                ("tool", [1_000, 600, written, 30, 20], first, &from_provider),
                ("final", [2_000, 1_000, 0, 7, 0], "0.00117", &from_provider),
            ], "{dialect:?}");
        }
    }

    async fn each_answers_in_any_others_place_and_the_switch_is_recorded(options) {
        let kinds = Kinds::start().await;
        let app = kinds.options(options).start().await;
        let user = app.register("ada@example.com").await;
        for (first, second) in pairs() {
            kinds.of(first).push(Reply::unauthorized());
            kinds.of(second).push(Reply::text("from the other").usage(1_000_000, 0, 0, 0));
            let sent = ask(&user, &alias(first, second)).await;
            assert_eq!(sent["answer"], "from the other", "{first:?} {second:?}");
            let rows = usage(&user, &sent["response_message_id"]).await;
            assert_eq!(rows.len(), 1, "{rows:?}");
            assert_eq!(
                (&rows[0]["model"], &rows[0]["fallback_from"], &rows[0]["price_exact"]),
                (&json!(model(second)), &json!(model(first)), &json!("1"))
            );
            let stored = messages(&user, &sent["conversation_id"]).await;
            assert_eq!(stored[1]["model"], model(second));
        }
        // All the way down the list, each failing in its own way.
        kinds.of(Dialect::Responses).push(Reply::model_not_found());
        kinds.of(Dialect::Chat).push(Reply::rate_limited(Some(600)));
        kinds.of(Dialect::Anthropic).push(Reply::text("never seen").cut_after(0));
        let sent = ask(&user, "all").await;
        let rows = usage(&user, &sent["response_message_id"]).await;
        assert_eq!(
            (rows.len(), &rows[0]["model"], &rows[0]["fallback_from"]),
            (1, &json!(model(Dialect::Gemini)), &json!(model(Dialect::Responses)))
        );
        for dialect in Dialect::ALL {
            assert_eq!(kinds.of(dialect).unused(), 0, "{dialect:?}");
        }
    }

    /// The results of tools go along in the other's own form; what the first one thought does not.
    async fn between_rounds_of_tools(options) {
        let kinds = Kinds::start().await;
        let app = kinds.options(options).start().await;
        let user = app.register("ada@example.com").await;
        for (first, second) in pairs() {
            kinds.of(first).push(looks_up());
            kinds.of(first).push(Reply::unauthorized());
            kinds.of(second).push(Reply::text("the other ends it").usage(20, 0, 7, 0));
            let sent = ask(&user, &alias(first, second)).await;
            assert_eq!(sent["answer"], "the other ends it", "{first:?} {second:?}");
            let rows = usage(&user, &sent["response_message_id"]).await;
            let of = |row: &Value| (row["scope"].clone(), row["model"].clone(), row["fallback_from"].clone());
            assert_eq!(of(&rows[0]), (json!("tool"), json!(model(first)), json!(null)));
            assert_eq!(of(&rows[1]), (json!("final"), json!(model(second)), json!(model(first))));
            let request = kinds.of(second).calls().last().cloned().unwrap();
            assert_eq!(request.tool_outputs().len(), 2, "the results went along");
            let body = request.json().to_string();
            assert!(!body.contains("sig-") && !body.contains("Which book?") && !body.contains("gAAAA"), "{body}");
        }
    }

    async fn any_may_answer_again_what_another_answered(options) {
        let kinds = Kinds::start().await;
        let app = kinds.options(options).start().await;
        let user = app.register("ada@example.com").await;
        for (first, second) in pairs() {
            kinds.of(first).push(looks_up());
            kinds.of(first).push(Reply::text("One view."));
            let sent = ask(&user, model(first)).await;
            let id = sent["conversation_id"].to_string();
            let more = chat(&user, &[("text", "and now?"), ("model", model(first)), ("conversation_id", &id)]).await;
            let answer = more["response_message_id"].as_i64().unwrap();
            kinds.of(second).push(looks_up());
            kinds.of(second).push(Reply::text("Another view."));
            let again = regenerate(&user, answer, &json!({"model": model(second)})).await;
            assert_eq!(again["answer"], "Another view.", "{first:?} {second:?}");
            let stored = messages(&user, &sent["conversation_id"]).await;
            assert_eq!((&stored[3]["text"], &stored[3]["model"]), (&json!("Another view."), &json!(model(second))));
            assert_eq!(list(&stored[3]["siblings"]).len(), 2);
            let calls = kinds.of(second).calls();
            let request = &calls[calls.len() - 2];
            assert_eq!(request.last_user_text(), "and now?");
            let body = request.json().to_string();
            assert!(body.contains("One view.") && !body.contains("Which book?"), "{body}");
        }
    }
}

/// What a stream shows of a turn is the same whoever answers it.
#[tokio::test]
async fn a_stream_shows_text_thoughts_and_tools_of_each() {
    let kinds = Kinds::start().await;
    let app = kinds.options(crate::support::options()).start().await;
    let user = app.register("ada@example.com").await;
    for dialect in Dialect::ALL {
        kinds.of(dialect).push(looks_up());
        kinds.of(dialect).push(Reply::text("Grüße 🦀 und 世界").deltas(5));
        let told = told(&user, &[("text", "x"), ("model", model(dialect))]).await;
        assert_eq!(
            (told.status(), told.text.as_str(), told.reasoning.as_str()),
            ("complete", "Grüße 🦀 und 世界", "Which book?"),
            "{dialect:?}"
        );
    }
}
