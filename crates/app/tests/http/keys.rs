//! `/keys`

use crate::support::{
    Rows, app, chat, get, get_as, keys, list, messages, missing, on_both, options, post_as, stream,
    with_vendor,
};
use chatai_testkit::{
    app::User,
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Makes a key; its row and a caller with it.
async fn make(user: &User, body: &Value) -> (Value, User) {
    let (status, made) = user.post("/keys", body).await;
    assert_eq!(status, 200, "{made}");
    let caller = user.with_token(made["key"].as_str().unwrap());
    (made, caller)
}

/// Models that cost a dollar a million tokens, in and out.
const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000},
    "n": {"input": 1, "output": 1, "context_window": 100000}}"#;

/// One of the user's keys as it is listed.
async fn key_at(user: &User, index: usize) -> Value {
    user.get("/keys").await.1[index].clone()
}

/// The model that answered.
async fn model_of(user: &User, turn: &Value) -> Value {
    let rows = messages(user, &turn["conversation_id"]).await;
    let answer = rows.iter().find(|row| row["id"] == turn["response_message_id"]);
    answer.expect("the answer is on the active branch")["model"].clone()
}

on_both! {
    async fn a_key_speaks_for_its_account_until_it_is_deleted(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (made, program) = make(&user, &json!({"name": "backup"})).await;
        assert_eq!(keys(&made), ["id", "name", "prefix", "created_at", "last_used_at", "expires_at", "models", "budget", "key"]);
        let secret = made["key"].as_str().unwrap();
        assert!(secret.starts_with(made["prefix"].as_str().unwrap()) && secret.starts_with("sk-"), "{made}");
        assert!(secret.len() >= 43, "{secret}");
        assert_eq!((&made["last_used_at"], &made["expires_at"]), (&Value::Null, &Value::Null));

        let turn = chat(&program, &[("text", "hello")]).await;
        assert_eq!(messages(&user, &turn["conversation_id"]).await.len(), 2);
        assert_eq!(program.get("/users/me").await, user.get("/users/me").await);
        let (_, listed) = user.get("/keys").await;
        assert_eq!(keys(&listed[0]), ["id", "name", "prefix", "created_at", "last_used_at", "expires_at", "models", "budget"]);
        assert!(listed[0]["last_used_at"].is_string(), "{listed}");
        assert!(!listed.to_string().contains(&secret[12..]), "the secret is shown once");

        // A new password leaves keys alone, as people expect of their scripts.
        let change = json!({"current_password": "secret", "new_password": "new secret"});
        let (_, token) = user.post("/auth/password", &change).await;
        let user = user.with_token(token["access_token"].as_str().unwrap());
        assert_eq!(program.get("/users/me").await.0, 200);

        let (status, _) = user.delete(&format!("/keys/{}", made["id"])).await;
        assert_eq!(status, 200);
        get_as(&program, "/users/me").await.expect_error(401, "invalid_token", "Could not validate credentials");
        assert_eq!(user.get("/keys").await.1, json!([]));
        assert_eq!(user.delete(&format!("/keys/{}", made["id"])).await.0, 404);
    }

    async fn a_key_makes_no_keys_and_ends_no_account(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (made, program) = make(&user, &json!({"name": "leaked"})).await;
        for (method, path, body) in [
            (Method::POST, "/keys".to_owned(), json!({"name": "another"})),
            (Method::DELETE, format!("/keys/{}", made["id"]), json!({})),
            (Method::PATCH, format!("/keys/{}", made["id"]), json!({"limit": null})),
            (Method::DELETE, "/users/me".to_owned(), json!({"password": "secret"})),
            (Method::POST, "/auth/password".to_owned(), json!({"current_password": "secret", "new_password": "theirs"})),
            (Method::POST, "/auth/logout".to_owned(), json!({})),
        ] {
            let answer = crate::support::send(program.call(method, &path).json(&body)).await;
            assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("forbidden")), "{path}: {answer:?}");
        }
        assert_eq!(list(&program.get("/keys").await.1).len(), 1);
    }

    async fn a_key_ends_when_it_expires(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let in_two_seconds = chatai_types::Clock::now(&chatai_types::SystemClock).plus_secs(2).to_wire();
        let (_, program) = make(&user, &json!({"name": "short", "expires_at": in_two_seconds})).await;
        assert_eq!(program.get("/users/me").await.0, 200);
        let begun = std::time::Instant::now();
        while program.get("/users/me").await.0 == 200 {
            assert!(begun.elapsed().as_secs() < 30, "it does not end");
        }
        let answer = post_as(&user, "/keys", &json!({"name": "over", "expires_at": "2001-01-01T00:00:00Z"})).await;
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("validation_error")));
    }

    async fn a_key_spends_no_more_than_its_own_limit(options) {
        let options = options.file("PRICING_FILE", "prices.json", PRICES);
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let limit = json!({"name": "narrow", "limit": "0.0001", "period": "day"});
        let (made, narrow) = make(&user, &limit).await;
        assert_eq!((&made["budget"]["limit"], &made["budget"]["period"]), (&json!("0.0001"), &json!("day")));
        let calls = provider.counts().calls;
        let (status, refused) = narrow.chat(&[("text", "hello"), ("model", "m")]).await;
        assert_eq!((status, &refused["code"]), (402, &json!("budget_exceeded")), "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("/keys"), "{refused}");
        assert_eq!(narrow.get("/conversations/").await.1, json!([]), "nothing was written");
        assert_eq!(provider.counts().calls, calls, "no model was called");
        // What costs nothing goes on, and so do the account and its other keys.
        chat(&narrow, &[("text", "hello"), ("model", "built-in")]).await;
        chat(&user, &[("text", "hello"), ("model", "m")]).await;
        let (_, other) = make(&user, &json!({"name": "other"})).await;
        chat(&other, &[("text", "hello"), ("model", "m")]).await;
        let path = format!("/keys/{}", made["id"]);
        assert_eq!(key_at(&user, 0).await["budget"]["spent"], json!("0"), "others' turns are not the key's");

        // With room, what it used is settled and nothing stays set aside.
        let (status, changed) = user.patch(&path, &json!({"limit": 5})).await;
        assert_eq!((status, &changed["budget"]["period"], &changed["name"]), (200, &json!("month"), &json!("narrow")));
        provider.push(Reply::text("fine").usage(1_000, 0, 20, 0));
        let sent = chat(&narrow, &[("text", "hello"), ("model", "m")]).await;
        let rows = crate::support::usage(&user, &sent["response_message_id"]).await;
        let used: f64 = rows.iter().map(|row| row["price"].as_f64().unwrap()).sum();
        let budget = &key_at(&user, 0).await["budget"];
        let spent: f64 = budget["spent"].as_str().unwrap().parse().unwrap();
        assert!(used > 0.0 && (used - spent).abs() < 1e-12, "{used}: {budget}");
        assert_eq!(budget["reserved"], json!("0"));
        // Without a limit again, it is the account's that counts.
        let (_, changed) = user.patch(&path, &json!({"limit": null})).await;
        assert_eq!(changed["budget"], Value::Null);
        // What it spent before the limit was set counts.
        let (_, changed) = user.patch(&path, &json!({"limit": 5, "period": "total"})).await;
        assert_eq!(changed["budget"]["spent"], budget["spent"]);
    }

    async fn a_turn_that_a_crash_cut_off_is_charged_to_its_key(options) {
        let options = options.file("PRICING_FILE", "prices.json", PRICES);
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let (_, program) = make(&user, &json!({"name": "one", "limit": 5})).await;
        let gate = Gate::new();
        provider.push(Reply::text("some of the answer").gate_after(1, &gate));
        let mut events = stream(&program, &[("text", "hello"), ("model", "m")]).await;
        while events.next().await.expect("the answer begins").name() != "delta" {}
        app.kill();
        // On a server others may live: a lease has to run out.
        Rows::of(&app).change("update messages set lease_until = 1 where lease_until is not null");
        app.start_again().await;
        let user = user.at(&app.base_url());
        let budget = &key_at(&user, 0).await["budget"];
        assert_eq!(budget["reserved"], json!("0"), "{budget}");
        let (_, usage) = user.get("/usage").await;
        assert_eq!(budget["spent"], usage["total"]["price_exact"]);
        assert_ne!(budget["spent"], json!("0"));
    }

    async fn a_key_uses_the_models_it_names(options) {
        let options = options.file("PRICING_FILE", "prices.json", PRICES);
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let (made, program) = make(&user, &json!({"name": "one model", "models": ["n", "gone"]})).await;
        assert_eq!(made["models"], json!(["n", "gone"]));
        let sent = chat(&program, &[("text", "hello")]).await;
        assert_eq!(model_of(&user, &sent).await, json!("n"), "the first of its own that can answer");
        let (status, refused) = program.chat(&[("text", "hello"), ("model", "m")]).await;
        assert_eq!((status, &refused["code"]), (403, &json!("model_not_allowed")), "{refused}");
        let asked = chat(&user, &[("text", "hello"), ("model", "m")]).await;
        let again = format!("/chat/messages/{}/regenerate", asked["response_message_id"]);
        let (status, refused) = program.post(&again, &json!({"model": "m"})).await;
        assert_eq!((status, &refused["code"]), (403, &json!("model_not_allowed")), "{refused}");
        let (status, answered) = program.post(&again, &json!({})).await;
        assert_eq!((status, model_of(&user, &answered).await), (200, json!("n")), "{answered}");
        // From its next request on.
        let path = format!("/keys/{}", made["id"]);
        assert_eq!(user.patch(&path, &json!({"models": null})).await.1["models"], Value::Null);
        chat(&program, &[("text", "hello"), ("model", "m")]).await;
        user.patch(&path, &json!({"models": ["gone"]})).await;
        let (status, _) = program.chat(&[("text", "hello")]).await;
        assert_eq!(status, 403, "none of its models can answer");
    }

    async fn an_account_has_at_most_a_hundred(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let mut making = tokio::task::JoinSet::new();
        for _ in 0..110 {
            let user = user.clone();
            making.spawn(async move { user.post("/keys", &json!({"name": "one of many"})).await.0 });
        }
        let made = making.join_all().await;
        assert_eq!(made.iter().filter(|status| **status == 200).count(), 100);
        assert_eq!(made.iter().filter(|status| **status == 409).count(), 10);
    }
}

#[tokio::test]
async fn a_disabled_accounts_keys_do_not_count_and_uses_are_kept() {
    let mut app = options().start().await;
    app.register("first@example.com").await;
    let user = app.register("ada@example.com").await;
    let (made, program) = make(&user, &json!({"name": "backup"})).await;
    assert_eq!(program.get("/users/me").await.0, 200);
    app.terminate().await;
    let rows = Rows::of(&app);
    assert_eq!(
        rows.count("select count(*) from api_keys where last_used_at is not null"),
        1
    );
    let secret = made["key"].as_str().unwrap();
    let kept = format!(
        "select count(*) from api_keys where key_hash = '{secret}' or instr(key_hash, '{}') > 0",
        &secret[3..]
    );
    assert_eq!(rows.count(&kept), 0, "the key itself is not kept");
    rows.change("update users set disabled = 1 where email = 'ada@example.com'");
    drop(rows);
    app.start_again().await;
    let program = program.at(&app.base_url());
    get_as(&program, "/users/me")
        .await
        .expect_error(401, "invalid_token", "Could not validate credentials");
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    post_as(&user, "/keys", &json!({}))
        .await
        .expect_faults(&json!([missing(json!(["body", "name"]))]));
    for body in [
        json!({"name": ""}),
        json!({"name": "x".repeat(201)}),
        json!({"name": "x", "expires_at": "tomorrow"}),
        json!({"name": "x", "expires_at": 5}),
        json!({"name": "x", "models": []}),
        json!({"name": "x", "models": ["m", 5]}),
        json!({"name": "x", "models": "m"}),
        json!({"name": "x", "models": [""]}),
        json!({"name": "x", "models": vec!["m"; 101]}),
        json!({"name": "x", "limit": -1}),
        json!({"name": "x", "limit": "NaN"}),
        json!({"name": "x", "limit": 1e12}),
        json!({"name": "x", "limit": 1, "period": "week"}),
        json!({"name": "x", "period": "day"}),
    ] {
        assert_eq!(post_as(&user, "/keys", &body).await.status, 422, "{body}");
    }
    for token in [
        "sk-",
        "sk-unknown",
        "SK-1",
        &format!("sk-{}", "0".repeat(48)),
        &"sk-".repeat(2_000),
    ] {
        assert_eq!(
            get_as(&user.with_token(token), "/users/me").await.status,
            401,
            "{token}"
        );
    }
    get(&app, "/keys")
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
    assert_eq!(user.delete("/keys/999999").await.0, 404);
    let other = app.register("grace@example.com").await;
    let (made, _) = make(&other, &json!({"name": "another's"})).await;
    for id in [&made["id"], &json!(999_999)] {
        let (status, body) = user.patch(&format!("/keys/{id}"), &json!({"name": "mine"})).await;
        assert_eq!((status, &body["code"]), (404, &json!("key_not_found")));
    }
    assert_eq!(key_at(&other, 0).await["name"], json!("another's"));
}
