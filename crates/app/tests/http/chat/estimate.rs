//! `POST /chat/estimate`

use crate::support::{app, chat, keys, messages, missing, on_both, options, post, post_as, with_vendor};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{Gate, Reply, ScriptedProvider},
};
use serde_json::{Value, json};

/// A model that costs a dollar a million tokens, one with a small window, and the one that titles are made by.
const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000},
    "small": {"input": 1, "output": 1, "context_window": 8000}}"#;

async fn start(options: AppOptions) -> (TestApp, ScriptedProvider, User) {
    let options = options.file("PRICING_FILE", "prices.json", PRICES);
    let (app, provider) = with_vendor(options).await;
    let user = app.register("ada@example.com").await;
    (app, provider, user)
}

async fn estimate(user: &User, draft: Value) -> Value {
    let (status, body) = user.post("/chat/estimate", &draft).await;
    assert_eq!(status, 200, "{draft}: {body}");
    body
}

fn used(estimate: &Value) -> i64 {
    estimate["context"]["used_tokens"].as_i64().unwrap()
}

async fn set_limit(admin: &User, limit: &str) {
    let path = format!("/admin/users/{}/budget", admin.get("/users/me").await.1["id"]);
    let (status, body) = admin
        .put(&path, &json!({"limit": limit, "period": "total"}))
        .await;
    assert_eq!(status, 200, "{body}");
}

/// What a message sets aside, asked while it runs.
async fn reserved(provider: &ScriptedProvider, user: &User, fields: Vec<(&'static str, String)>) -> Value {
    let gate = Gate::new();
    provider.push(Reply::text("x").gate_after(0, &gate).usage(100, 0, 10, 0));
    let asking = {
        let user = user.clone();
        tokio::spawn(async move {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            chat(&user, &fields).await
        })
    };
    gate.reached().await;
    let reserved = user.get("/users/me/budget").await.1["reserved"].clone();
    gate.open();
    asking.await.unwrap();
    reserved
}

on_both! {
    async fn an_estimate_is_what_the_turn_sets_aside(options) {
        let (_app, provider, user) = start(options).await;
        let draft = json!({"text": "What is a sextant?", "model": "m"});
        let unlimited = estimate(&user, draft.clone()).await;
        assert_eq!((&unlimited["remaining"], &unlimited["fits_budget"]), (&Value::Null, &json!(true)));
        set_limit(&user, "5").await;
        let calls = provider.counts().calls;
        let first = estimate(&user, draft).await;
        assert_eq!(keys(&first), ["model", "context", "worst_case", "fits_budget", "remaining"]);
        assert_eq!(keys(&first["context"]), ["used_tokens", "limit_tokens", "window", "will_be_summarised", "fits"]);
        assert_eq!((&first["model"], &first["remaining"]), (&json!("m"), &json!("5")));
        assert_eq!(first["worst_case"], unlimited["worst_case"]);
        assert_eq!((&first["context"]["window"], &first["context"]["limit_tokens"]), (&json!(100_000), &json!(83_616)));
        assert_eq!((&first["context"]["will_be_summarised"], &first["context"]["fits"]), (&json!(false), &json!(true)));
        assert_eq!(user.get("/conversations/").await.1, json!([]), "nothing was written");
        assert_eq!(provider.counts().calls, calls, "no model was called");

        let sent = |text: &str| vec![("text", text.to_owned()), ("model", "m".to_owned())];
        assert_eq!(reserved(&provider, &user, sent("What is a sextant?")).await, first["worst_case"]);

        // In the conversation, which is longer now and has its title.
        let id = user.get("/conversations/").await.1[0]["id"].clone();
        let next = estimate(&user, json!({"text": "And an astrolabe?", "model": "m", "conversation_id": id})).await;
        assert!(used(&next) > used(&first), "{next}");
        assert_ne!(next["remaining"], first["remaining"], "the first answer was paid for");
        let mut fields = sent("And an astrolabe?");
        fields.push(("conversation_id", id.to_string()));
        assert_eq!(reserved(&provider, &user, fields).await, next["worst_case"]);
        // Behind an earlier message, and behind none, there is less to take in.
        let head = messages(&user, &id).await;
        let behind = |parent: Value| estimate(&user, json!({"text": "x", "model": "m", "conversation_id": id, "parent_id": parent}));
        let (last, second, none) = (behind(Value::Null).await, behind(head[1]["id"].clone()).await, behind(json!(0)).await);
        assert!(used(&last) > used(&second) && used(&second) > used(&none), "{last} {second} {none}");
    }

    async fn what_does_not_fit_a_budget_is_known_before(options) {
        let (_app, _provider, user) = start(options).await;
        set_limit(&user, "0.0001").await;
        let dear = estimate(&user, json!({"text": "hello", "model": "m"})).await;
        assert_eq!((&dear["fits_budget"], &dear["remaining"]), (&json!(false), &json!("0.0001")));
        assert_eq!(user.chat(&[("text", "hello"), ("model", "m")]).await.0, 402);
        let free = estimate(&user, json!({"text": "hello", "model": "built-in"})).await;
        assert_eq!((&free["fits_budget"], &free["worst_case"]), (&json!(true), &json!("0")));
        // What is left of the key's budget counts where that is less.
        set_limit(&user, "5").await;
        let (_, made) = user.post("/keys", &json!({"name": "narrow", "limit": "0.0002", "models": ["m"]})).await;
        let program = user.with_token(made["key"].as_str().unwrap());
        let narrow = estimate(&program, json!({"text": "hello"})).await;
        assert_eq!(
            (&narrow["model"], &narrow["fits_budget"], &narrow["remaining"]),
            (&json!("m"), &json!(false), &json!("0.0002"))
        );
        let (status, body) = program.post("/chat/estimate", &json!({"text": "x", "model": "small"})).await;
        assert_eq!((status, &body["code"]), (403, &json!("model_not_allowed")), "{body}");
    }

    async fn anothers_conversation_is_as_one_that_is_missing(options) {
        let (app, _provider, ada) = start(options).await;
        let eve = app.register("eve@example.com").await;
        let (hers, own) = (chat(&ada, &[("text", "private")]).await, chat(&eve, &[("text", "own")]).await);
        for id in [&hers["conversation_id"], &json!(999_999)] {
            let answer = post_as(&eve, "/chat/estimate", &json!({"text": "x", "conversation_id": id})).await;
            answer.expect_error(404, "conversation_not_found", "Conversation not found");
        }
        for parent in [&hers["response_message_id"], &json!(999_999)] {
            let draft = json!({"text": "x", "conversation_id": own["conversation_id"], "parent_id": parent});
            let answer = post_as(&eve, "/chat/estimate", &draft).await;
            answer.expect_error(404, "message_not_found", "Message not found");
        }
    }
}

#[tokio::test]
async fn files_count_by_what_is_said_of_them() {
    let (_app, _provider, user) = start(options()).await;
    let with = |files: Value| {
        estimate(
            &user,
            json!({"text": "Read this", "model": "m", "attachments": files}),
        )
    };
    let none = with(json!([])).await;
    let text = with(json!([{"size": 40_000, "content_type": "text/plain", "filename": "a.txt"}])).await;
    assert_eq!(used(&text) - used(&none), 10_000);
    let image = with(json!([{"size": 9_000_000, "content_type": "image/png"}])).await;
    assert!((500..3_000).contains(&(used(&image) - used(&none))), "{image}");
    // However large, no more is given than there is room for.
    let huge = with(json!([{"size": 1u64 << 50}, {"size": u64::MAX}])).await;
    assert!(
        used(&huge) <= huge["context"]["limit_tokens"].as_i64().unwrap(),
        "{huge}"
    );
    assert!(used(&huge) > 70_000, "{huge}");
}

#[tokio::test]
async fn a_window_that_is_too_small_is_told() {
    let (_app, provider, user) = start(options().env("CHATAI__LIMITS__CONTEXT_TOKENS", "500")).await;
    provider.push(Reply::text("word ".repeat(600)));
    let sent = chat(&user, &[("text", "Write much"), ("model", "m")]).await;
    let id = &sent["conversation_id"];
    let next = estimate(&user, json!({"text": "x", "model": "m", "conversation_id": id})).await;
    assert_eq!(next["context"]["will_be_summarised"], json!(true), "{next}");
    let long = "long ".repeat(8_000);
    let fits = |model: &str| estimate(&user, json!({"text": long, "model": model}));
    assert_eq!(fits("m").await["context"]["fits"], json!(true));
    assert_eq!(fits("small").await["context"]["fits"], json!(false));
    let (status, body) = user.chat(&[("text", &long), ("model", "small")]).await;
    assert_eq!((status, &body["code"]), (400, &json!("context_too_long")));
}

#[tokio::test]
async fn a_price_that_is_not_known_is_not_made_up() {
    let provider = ScriptedProvider::start().await;
    let file = format!(
        "[[providers]]\nname = \"one\"\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"sk-one\"\nmodels = [\"house\"]\n",
        provider.base_url()
    );
    let app = options()
        .file("PRICING_FILE", "prices.json", PRICES)
        .file("CHATAI_TOML_OF_THE_TEST", "chatai.toml", file)
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let draft = json!({"text": "x", "model": "house"});
    let free = estimate(&user, draft.clone()).await;
    assert_eq!(
        (&free["worst_case"], &free["fits_budget"]),
        (&Value::Null, &json!(true))
    );
    set_limit(&user, "100").await;
    let limited = estimate(&user, draft).await;
    assert_eq!(
        (&limited["worst_case"], &limited["fits_budget"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(provider.counts().calls, 0);
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    // While nothing is written yet there is something to show.
    assert_eq!(estimate(&user, json!({"text": ""})).await["model"], "built-in");
    post_as(&user, "/chat/estimate", &json!({}))
        .await
        .expect_faults(&json!([missing(json!(["body", "text"]))]));
    let many: Vec<Value> = (0..1_000).map(|_| json!({"size": 1})).collect();
    for (member, value) in [
        ("attachments", json!({"size": 1})),
        ("attachments", json!([{"size": -1}])),
        ("attachments", json!([{}])),
        ("attachments", json!(["a.txt"])),
        ("attachments", json!(many)),
        ("conversation_id", json!("x")),
        ("parent_id", json!(1.5)),
        ("model", json!(5)),
    ] {
        let mut draft = json!({"text": "x"});
        draft[member] = value;
        let answer = post_as(&user, "/chat/estimate", &draft).await;
        assert_eq!(
            (answer.status, &answer.json()["detail"][0]["loc"]),
            (422, &json!(["body", member])),
            "{draft}"
        );
    }
    let answer = post_as(&user, "/chat/estimate", &json!({"text": "x", "model": "nope"})).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (400, &json!("model_unknown"))
    );
    let answer = post_as(&user, "/chat/estimate", &json!({"text": "x".repeat(900_000)})).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (413, &json!("too_large")),
        "{answer:?}"
    );
    let answer = post(&app, "/chat/estimate", &json!({"text": "x"})).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
