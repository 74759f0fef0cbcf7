//! What a turn costs: exact to the last digit, cached tokens once, nothing rounded.

use crate::support::{Rows, chat, list, messages, on_both, options, usage, with_vendor, write_file};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{Reply, ScriptedProvider},
};
use serde_json::{Value, json};

/// The program with prices of the test's own.
async fn with_prices(options: AppOptions, prices: &Value) -> (TestApp, ScriptedProvider) {
    with_vendor(options.file("PRICING_FILE", "pricing_data.json", prices.to_string())).await
}

/// The last usage row of a turn in a conversation that has its title.
async fn charged(user: &User, model: &str) -> (Value, Value) {
    let (_, id) = user.post("/conversations/", &json!({"title": "x"})).await;
    let body = chat(
        user,
        &[
            ("text", "x"),
            ("model", model),
            ("conversation_id", &id.to_string()),
        ],
    )
    .await;
    let rows = usage(user, &body["response_message_id"]).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    (rows[0].clone(), messages(user, &id).await[1].clone())
}

on_both! {
    async fn golden_vectors(options) {
        let prices = json!({
            "five": {"input": 1.25, "cached_input": 0.625, "output": 10},
            "uncached": {"input": 20.00, "output": 80.00},
            "free-cache": {"input": 20.00, "cached_input": 0, "output": 80.00},
            "textual": {"input": "0.000001", "cached_input": "0.000001", "output": "0.000001"},
        });
        let (app, provider) = with_prices(options, &prices).await;
        let user = app.register("ada@example.com").await;
        for (model, input, cached, output, expected) in [
            ("five", 262_960, 257_955, 1_744, "0.184918125"),
            ("five", 0, 0, 0, "0"),
            ("five", 1, 1, 0, "0.000000625"),
            ("five", 1, 0, 1, "0.00001125"),
            // Without a cached rate cached tokens cost the input rate; they are never charged on top.
            ("uncached", 1_000_000, 400_000, 0, "20"),
            ("uncached", 3, 3, 1, "0.00014"),
            // Zero means free.
            ("free-cache", 1_000_000, 400_000, 0, "12"),
            ("textual", 7, 3, 5, "0.000000000012"),
        ] {
            provider.push(Reply::text("x").usage(input, cached, output, 0));
            let (row, message) = charged(&user, model).await;
            assert_eq!(row["price_exact"], expected, "{model} {input} {cached} {output}");
            assert_eq!(message["price_exact"], expected);
            let number: f64 = expected.parse().unwrap();
            assert_eq!((&row["price"], &message["price"]), (&json!(number), &json!(number)));
            assert_eq!((&row["input_tokens"], &row["cached_tokens"]), (&json!(input), &json!(cached)));
            assert!(row["price_version"].is_i64(), "{row}");
        }
    }

    async fn a_turn_is_the_sum_of_its_calls(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push_for_schema("title", Reply::json(&json!({"title": "T"})).usage(101, 0, 7, 0));
        provider.push(Reply::call_tool("get_book_recommendations", &json!({"content": "sea"})).usage(1_003, 500, 33, 0));
        provider.push(Reply::text("done").usage(2_001, 1_000, 57, 11));
        let sent = chat(&user, &[("text", "x"), ("model", "gpt-4o")]).await;
        // Title 101 × .1 + 7 × .4; tool 503 × 2.5 + 500 × 1.25 + 33 × 10; answer 1,001 × 2.5 + 1,000 × 1.25 + 57 × 10.
        let expected = ["0.0000129", "0.0022125", "0.0043225"];
        let rows = usage(&user, &sent["response_message_id"]).await;
        let exact: Vec<&str> = rows.iter().map(|row| row["price_exact"].as_str().unwrap()).collect();
        assert_eq!(exact, expected);
        let message = &messages(&user, &sent["conversation_id"]).await[1];
        assert_eq!(message["price_exact"], "0.0065479");
        assert_eq!(message["price"], json!(0.0065479));
        let sum: f64 = rows.iter().map(|row| row["price"].as_f64().unwrap()).sum();
        assert!((sum - 0.0065479).abs() < 1e-12, "the original client sums the rows");

        // The provider's own log agrees.
        let billed: i64 = provider.billed().iter().map(|billed| billed.usage.input + billed.usage.output).sum();
        let recorded: i64 = rows.iter().map(|row| row["input_tokens"].as_i64().unwrap() + row["output_tokens"].as_i64().unwrap()).sum();
        assert_eq!(billed, recorded);

        assert!(app.terminate().await.success());
        if app.database().url().is_none() {
            let rows = Rows::of(&app);
            let pico = "select coalesce(sum(amount), 0) from ledger";
            assert_eq!(rows.count(pico), 6_547_900_000);
            assert_eq!(rows.count("select coalesce(sum(price), 0) from usage_details"), 6_547_900_000);
        }
    }
}

/// The ledger outlives the conversation.
#[tokio::test]
async fn amounts_stay_when_a_conversation_goes() {
    let (mut app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    provider.push_for_schema("title", Reply::json(&json!({"title": "T"})).usage(10, 0, 0, 0));
    provider.push(Reply::text("x").usage(1_000, 0, 0, 0));
    let sent = chat(&user, &[("text", "x")]).await;
    assert_eq!(
        user.delete(&format!("/conversations/{}", sent["conversation_id"]))
            .await
            .0,
        200
    );
    assert!(app.terminate().await.success());
    let rows = Rows::of(&app);
    assert_eq!(rows.count("select sum(amount) from ledger"), 1_010 * 100_000);
    assert_eq!(rows.count("select count(*) from usage_details"), 0);
    rows.expect_sound();
}

/// New prices change nothing of what was charged.
#[tokio::test]
async fn a_price_change_rewrites_nothing() {
    let prices = |input: f64| json!({"m": {"input": input, "output": 1}});
    let (mut app, provider) = with_prices(options(), &prices(1.0)).await;
    let user = app.register("ada@example.com").await;
    provider.push(Reply::text("x").usage(1_000_000, 0, 0, 0));
    let (before, _) = charged(&user, "m").await;
    assert_eq!(before["price_exact"], "1");
    assert!(app.terminate().await.success());
    write_file(app.folder(), "pricing_data.json", &prices(3.0).to_string());
    app.start_again().await;
    let user = user.at(&app.base_url());
    provider.push(Reply::text("x").usage(1_000_000, 0, 0, 0));
    let (after, _) = charged(&user, "m").await;
    assert_eq!(after["price_exact"], "3");
    assert!(after["price_version"].as_i64() > before["price_version"].as_i64());
    let old = usage(&user, &before["message_id"]).await;
    assert_eq!(list(&json!(old))[0], before);
}

/// Sums that no vendor bills are not believed.
#[tokio::test]
async fn absurd_usage_is_not_charged() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    for usage in [
        json!({"input_tokens": -5, "output_tokens": 3, "total_tokens": -2}),
        json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 11}, "output_tokens": 1, "total_tokens": 11}),
        json!({"input_tokens": 9.9e30, "output_tokens": 1}),
        json!({"input_tokens": "many", "output_tokens": 1}),
        json!(null),
        json!([1]),
    ] {
        provider.push(Reply::text("fine").raw_usage(usage.clone()));
        let (row, message) = charged(&user, "gpt-4.1-nano").await;
        assert_eq!(message["text"], "fine", "{usage}");
        assert_eq!(row["usage_source"], "estimated", "{usage}");
        let tokens = row["input_tokens"].as_i64().unwrap();
        assert!((1..100_000).contains(&tokens), "{usage}: {row}");
        assert!(row["price"].as_f64().unwrap() < 0.01);
    }
}
