//! Tools over the book collection.

use crate::support::{chat, list, messages, on_both, options, scopes, usage, with_vendor};
use chatai_testkit::{
    app::{AppOptions, TestApp},
    provider::{RecordedRequest, Reply, ScriptedProvider},
};
use serde_json::{Value, json};

fn book(title: &str, author: &str, summary: &str, theme: &str) -> Value {
    json!({"title": title, "author": author, "year": 1900, "short_summary": summary,
           "full_summary": format!("In full: {summary}"), "themes": [theme], "genres": ["novel"], "language": "en"})
}

/// The program over a collection of the test's own.
async fn with_books(options: AppOptions) -> (TestApp, ScriptedProvider) {
    let books = json!([
        book("Salt and Sails", "Mara Lind", "A crew crosses a cold sea.", "sea"),
        book(
            "The Second Tide",
            "Mara Lind",
            "A harbour town after a flood by the sea.",
            "sea"
        ),
        book(
            "Deep Water",
            "Jon Abel",
            "A diver finds a wreck in the sea.",
            "sea"
        ),
        book(
            "Paper Mountains",
            "Ines Roth",
            "A climber writes letters.",
            "mountains"
        ),
    ]);
    with_vendor(options.file("BOOKS_FILE", "books.json", books.to_string())).await
}

/// What the model was told by its tools in its last call, in order.
fn outputs(request: &RecordedRequest) -> Vec<Value> {
    let outputs = request.tool_outputs().into_iter();
    outputs
        .map(|(_, text)| serde_json::from_str(text).expect("JSON"))
        .collect()
}

fn titles(output: &Value) -> Vec<&str> {
    let books = list(&output["recommendations"]).iter();
    books
        .map(|book| book["title"].as_str().expect("a title"))
        .collect()
}

/// Lets the model call tools once and then answer; the outputs it was given.
async fn ask(app: &TestApp, provider: &ScriptedProvider, call: Reply) -> Vec<Value> {
    let user = app
        .register(&format!("u{}@example.com", provider.counts().calls))
        .await;
    provider.push(call);
    provider.push(Reply::text("Read these."));
    let body = chat(&user, &[("text", "something to read")]).await;
    assert_eq!(body["answer"], "Read these.");
    outputs(provider.answer_calls().last().unwrap())
}

#[tokio::test]
async fn are_offered_as_the_contract_names_them() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", "hi")]).await;
    let calls = provider.answer_calls();
    assert_eq!(
        calls[0].tool_names(),
        ["get_book_recommendations", "get_book_summaries"]
    );
    let tools = list(&calls[0].json()["tools"]);
    let parameters = |tool: usize| -> Vec<String> {
        let properties = tools[tool]["parameters"]["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    };
    assert_eq!(
        parameters(0),
        [
            "content",
            "authors",
            "exclude_titles",
            "exclude_content",
            "exclude_authors",
            "limit"
        ]
    );
    assert_eq!(tools[0]["parameters"]["properties"]["limit"]["default"], 5);
    assert_eq!(parameters(1), ["titles"]);
    assert_eq!(tools[1]["parameters"]["required"], json!(["titles"]));
}

on_both! {
    async fn a_round_and_its_bill(options) {
        let (app, provider) = with_books(options).await;
        let user = app.register("ada@example.com").await;
        let call = json!({"content": "the sea", "exclude_authors": ["Jon Abel"]});
        provider.push(Reply::call_tool("get_book_recommendations", &call).usage(200, 0, 20, 0));
        provider.push(Reply::text("Read Salt and Sails.").usage(300, 100, 10, 0));
        let body = chat(&user, &[("text", "a book about the sea?")]).await;
        assert_eq!(body["answer"], "Read Salt and Sails.");

        let calls = provider.answer_calls();
        assert_eq!(calls.len(), 2);
        let told = outputs(&calls[1]);
        let mut found = titles(&told[0]);
        found.sort_unstable();
        assert_eq!(found, ["Salt and Sails", "The Second Tide"]);

        let rows = usage(&user, &body["response_message_id"]).await;
        assert_eq!(scopes(&rows), ["title", "tool", "final"]);
        assert_eq!(rows[1]["input_tokens"], 200);
        let answer = &messages(&user, &body["conversation_id"]).await[1];
        let sum = |member: &str| rows.iter().map(|row| row[member].as_i64().unwrap()).sum::<i64>();
        for member in ["input_tokens", "output_tokens", "cached_tokens"] {
            assert_eq!(answer[member], sum(member), "{member}");
        }
    }
}

#[tokio::test]
async fn parallel_calls_are_all_answered_under_their_ids() {
    let (app, provider) = with_books(options()).await;
    let call = Reply::call_tool("get_book_recommendations", &json!({"content": "mountains"}))
        .tool_call(
            "get_book_summaries",
            &json!({"titles": ["Deep Water", "Unwritten"]}),
        )
        .tool_call("get_book_recommendations", &json!({"authors": ["Mara Lind"]}));
    let told = ask(&app, &provider, call).await;
    assert_eq!(told.len(), 3);
    assert_eq!(titles(&told[0]), ["Paper Mountains"]);
    assert_eq!(told[1]["summaries"][0]["title"], "Deep Water");
    assert_eq!(
        told[1]["summaries"][0]["summary"],
        "In full: A diver finds a wreck in the sea."
    );
    assert_eq!(told[1]["not_found"][0]["asked"], "Unwritten");
    assert_eq!(titles(&told[2]).len(), 2);

    let calls = provider.answer_calls();
    let last = calls.last().unwrap();
    let made: Vec<&Value> = last
        .input()
        .iter()
        .filter(|item| item["type"] == "function_call")
        .collect();
    let answered: Vec<&str> = last.tool_outputs().iter().map(|(id, _)| *id).collect();
    let asked: Vec<&str> = made
        .iter()
        .map(|item| item["call_id"].as_str().unwrap())
        .collect();
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn limits_and_exclusions_are_exact() {
    let (app, provider) = with_books(options()).await;
    for (arguments, expected) in [
        (json!({"content": "sea", "limit": 1}), 1),
        (json!({"content": "sea", "limit": 2}), 2),
        (
            json!({"content": "sea", "exclude_titles": ["salt and sails", "DEEP WATER"]}),
            1,
        ),
        (json!({"content": "sea", "exclude_authors": ["mara lind"]}), 1),
        (
            json!({"content": "sea", "authors": ["Mara Lind"], "exclude_titles": ["Salt and Sails"]}),
            1,
        ),
        (json!({"authors": ["Nobody At All"]}), 0),
    ] {
        let told = ask(
            &app,
            &provider,
            Reply::call_tool("get_book_recommendations", &arguments),
        )
        .await;
        assert_eq!(titles(&told[0]).len(), expected, "{arguments}: {told:?}");
    }
}

/// Arguments come from a model, and a model may have been talked into anything.
#[tokio::test]
async fn hostile_arguments_are_answered_with_an_error_to_the_model() {
    let (app, provider) = with_books(options()).await;
    for arguments in [
        "{\"limit\": -1}",
        "{\"limit\": 0}",
        "{\"limit\": NaN}",
        "{\"limit\": \"NaN\"}",
        "{\"limit\": -9223372036854775808}",
        "{\"limit\": \"inf\"}",
        "{\"limit\": [5]}",
        "{\"content\": {\"a\": 1}}",
        "[]",
        "not json",
        "{",
    ] {
        let call = Reply::text("").raw_tool_call("get_book_recommendations", arguments);
        let told = ask(&app, &provider, call).await;
        assert!(told[0]["error"].is_string(), "{arguments}: {told:?}");
    }
    for (arguments, most) in [
        ("{\"content\": \"sea\", \"limit\": 99999999999999999999}", 20),
        ("{\"content\": \"sea\", \"limit\": 1e308}", 20),
        ("{\"content\": \"'; drop table users; --\"}", 5),
        ("{\"content\": \"\\u0000 \\\" OR NEAR(* AND\"}", 5),
        ("", 5),
    ] {
        let call = Reply::text("").raw_tool_call("get_book_recommendations", arguments);
        let told = ask(&app, &provider, call).await;
        assert!(titles(&told[0]).len() <= most, "{arguments}: {told:?}");
    }
    let told = ask(&app, &provider, Reply::call_tool("delete_everything", &json!({}))).await;
    assert_eq!(told[0]["error"], "there is no tool `delete_everything`");
    let told = ask(
        &app,
        &provider,
        Reply::call_tool("get_book_summaries", &json!({})),
    )
    .await;
    assert_eq!(told[0]["error"], "`titles` is missing");
}

#[tokio::test]
async fn rounds_are_bounded_and_the_last_one_has_to_answer() {
    let (app, provider) = with_vendor(options().env("CHATAI__LIMITS__TOOL_ROUNDS", "3")).await;
    let user = app.register("ada@example.com").await;
    provider.script(|request| match request.schema_name() {
        Some(_) => Reply::echo(request),
        None if request.tool_names().is_empty() => Reply::text("At last."),
        None => Reply::call_tool("get_book_recommendations", &json!({"content": "x"})),
    });
    let body = chat(&user, &[("text", "go round")]).await;
    assert_eq!(body["answer"], "At last.");
    assert_eq!(provider.answer_calls().len(), 4);
    let rows = usage(&user, &body["response_message_id"]).await;
    assert_eq!(scopes(&rows), ["title", "tool", "tool", "tool", "final"]);
}

#[tokio::test]
async fn a_model_that_never_stops_calling_fails_with_its_cost_recorded() {
    let (app, provider) = with_vendor(options().env("CHATAI__LIMITS__TOOL_ROUNDS", "1")).await;
    let user = app.register("ada@example.com").await;
    provider.script(|request| match request.schema_name() {
        Some(_) => Reply::echo(request),
        None => Reply::call_tool("get_book_recommendations", &json!({"content": "x"})).usage(10, 0, 10, 0),
    });
    let (status, body) = user.chat(&[("text", "go round")]).await;
    assert_eq!((status, &body["code"]), (502, &json!("provider_error")), "{body}");
    let rows = usage(&user, &body["response_message_id"]).await;
    assert_eq!(scopes(&rows), ["title", "tool", "tool"]);
}
