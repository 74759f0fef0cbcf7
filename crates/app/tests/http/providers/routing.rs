//! Which provider answers for which model.

use super::Two;
use crate::support::{chat, get, messages, usage};
use serde_json::{Value, json};

#[tokio::test]
async fn each_model_goes_to_its_provider_with_that_providers_key() {
    let two = Two::start().await;
    let app = two.usual("").start().await;
    assert_eq!(
        get(&app, "/models").await.json(),
        json!({"chat": ["first", "second", "third", "built-in"]})
    );
    let user = app.register("ada@example.com").await;
    for (model, provider, key, name) in [
        ("first", &two.one, "Bearer sk-one", "first"),
        ("second", &two.two, "Bearer sk-two", "second"),
        // By its provider's name too, which is the same model.
        ("two/third", &two.two, "Bearer sk-two", "third"),
    ] {
        let sent = chat(&user, &[("text", "hi"), ("model", model)]).await;
        assert_eq!(sent["answer"], "Echo: hi");
        let call = provider.answer_calls().last().cloned().unwrap();
        assert_eq!(
            (call.model().as_ref(), call.header("authorization")),
            (name, Some(key))
        );
        assert_eq!(messages(&user, &sent["conversation_id"]).await[1]["model"], name);
        let rows = usage(&user, &sent["response_message_id"]).await;
        assert_eq!(
            (
                &rows.last().unwrap()["model"],
                &rows.last().unwrap()["fallback_from"]
            ),
            (&json!(name), &json!(null))
        );
    }
    for unknown in ["one/second", "two/nope", "nope/first", "two/", "/first"] {
        let (status, body) = user.chat(&[("text", "x"), ("model", unknown)]).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!("model_unknown")),
            "{unknown}: {body}"
        );
    }
}

/// A model that was said to be at a provider works without an entry of the catalog, under its plain name where that is
/// free.
#[tokio::test]
async fn listed_models_are_offered_behind_the_catalogs() {
    let two = Two::start().await;
    let one = "models = [\"first\", \"house\", { name = \"priced\", input = 3, output = 4 }]";
    let app = two
        .options(
            crate::support::options(),
            one,
            "models = [\"house\", \"second\"]",
            "",
        )
        .start()
        .await;
    assert_eq!(
        get(&app, "/models").await.json(),
        json!({"chat": ["first", "second", "house", "priced", "two/house", "built-in"]}),
        "`third` is not among what `two` was said to have"
    );
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", "hi"), ("model", "two/house")]).await;
    assert_eq!(two.two.answer_calls().last().unwrap().model(), "house");
    let (status, body) = user.chat(&[("text", "x"), ("model", "third")]).await;
    assert_eq!(
        (status, &body["code"]),
        (400, &json!("model_unavailable")),
        "{body}"
    );
    assert!(body["detail"].as_str().unwrap().contains("`two`"), "{body}");
}

#[tokio::test]
async fn an_alias_is_the_first_of_its_list_that_can_answer() {
    let two = Two::start().await;
    let rest = "[models]\naliases = { quick = [\"nope\", \"second\", \"first\"], none = [\"nope\"] }";
    let app = two.usual(rest).start().await;
    let admin = app.register("admin@example.com").await;
    let sent = chat(&admin, &[("text", "hi"), ("model", "quick")]).await;
    assert_eq!(
        messages(&admin, &sent["conversation_id"]).await[1]["model"],
        "second"
    );
    admin
        .put("/admin/models/second", &json!({"enabled": false}))
        .await;
    let sent = chat(&admin, &[("text", "hi"), ("model", "quick")]).await;
    assert_eq!(
        messages(&admin, &sent["conversation_id"]).await[1]["model"],
        "first"
    );
    admin.put("/admin/models/first", &json!({"enabled": false})).await;
    let (status, body) = admin.chat(&[("text", "x"), ("model", "quick")]).await;
    assert_eq!(status, 400, "{body}");
    let (status, body) = admin.chat(&[("text", "x"), ("model", "none")]).await;
    assert_eq!((status, &body["code"]), (400, &json!("model_unknown")), "{body}");
}

/// Clients choose from the list, so that an alias has to stand there; and a key may be for one.
#[tokio::test]
async fn an_alias_is_listed_and_may_be_what_a_key_is_for() {
    let two = Two::start().await;
    let rest = "[models]\naliases = { any = [\"first\", \"second\"], gone = [\"nope\"] }";
    let app = two.usual(rest).start().await;
    let user = app.register("ada@example.com").await;
    let listed = |user: chatai_testkit::app::User| async move {
        let (_, models) = user.get("/v1/models").await;
        let models = models["data"].as_array().unwrap().clone();
        let model = |model: &Value| format!("{} {}", model["id"], model["owned_by"]).replace('"', "");
        models.iter().map(model).collect::<Vec<_>>()
    };
    assert_eq!(
        listed(user.clone()).await,
        [
            "first one",
            "second two",
            "third two",
            "built-in built-in",
            "any one"
        ]
    );
    let (status, one) = user.get("/v1/models/any").await;
    assert_eq!((status, &one["owned_by"]), (200, &json!("one")), "{one}");

    for (models, answering, all) in [
        (
            json!(["any"]),
            "first",
            &["first one", "second two", "any one"][..],
        ),
        (json!(["two/second"]), "second", &["second two", "any two"]),
    ] {
        let (_, made) = user
            .post("/keys", &json!({"name": "narrow", "models": models}))
            .await;
        let program = user.with_token(made["key"].as_str().unwrap());
        assert_eq!(listed(program.clone()).await, all);
        let body = json!({"model": "any", "messages": [{"role": "user", "content": "hi"}]});
        let (status, answer) = program.post("/v1/chat/completions", &body).await;
        assert_eq!(
            (status, &answer["choices"][0]["message"]["content"]),
            (200, &json!("Echo: hi")),
            "{answer}"
        );
        let sent = chat(&program, &[("text", "hi"), ("model", "any")]).await;
        assert_eq!(
            messages(&program, &sent["conversation_id"]).await[1]["model"],
            answering
        );
        let (status, body) = program.chat(&[("text", "x"), ("model", "third")]).await;
        assert_eq!(
            (status, &body["code"]),
            (403, &json!("model_not_allowed")),
            "{body}"
        );
    }
}
