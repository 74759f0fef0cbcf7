//! `GET /models/details`

use crate::{
    providers::Two,
    support::{app, chat, get, get_as, keys, list, messages},
};
use chatai_testkit::app::User;
use serde_json::{Value, json};

async fn details(user: &User) -> Vec<Value> {
    let (status, body) = user.get("/models/details").await;
    assert_eq!(status, 200, "{body}");
    list(&body).to_vec()
}

fn names(models: &[Value]) -> Vec<&str> {
    models
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect()
}

/// The model that answers a message which names none.
async fn usual(user: &User) -> Value {
    let sent = chat(user, &[("text", "hi")]).await;
    messages(user, &sent["conversation_id"]).await[1]["model"].clone()
}

#[tokio::test]
async fn what_can_answer_with_what_it_takes_does_and_costs() {
    let two = Two::start().await;
    let one = "models = [\"first\", { name = \"house\", capabilities = [\"vision\", \"reasoning\"], max_output_tokens = 700 }]";
    let rest = "[models]\ndefault = \"quick\"\naliases = { quick = [\"nope\", \"second\"], other = [\"second\"], none = [\"nope\"] }";
    let app = two
        .options(crate::support::options(), one, "", rest)
        .start()
        .await;
    let admin = app.register("admin@example.com").await;
    let found = details(&admin).await;
    assert_eq!(
        json!({"chat": names(&found)}),
        get(&app, "/models").await.json(),
        "the same models in the same order"
    );
    assert_eq!(
        found[1],
        json!({
            "name": "second", "provider": "two", "context_window": 100_000, "max_output_tokens": null,
            "price": {"input": "10", "cached_input": "10", "cache_write": "10", "output": "20"},
            "abilities": {"images": false, "tools": true, "reasoning": false, "structured": true},
            "deprecated": null, "aliases": ["quick", "other"], "is_default": true, "built_in": false,
        })
    );
    let house = found.iter().find(|model| model["name"] == "house").unwrap();
    assert_eq!(
        (&house["price"], &house["max_output_tokens"]),
        (&Value::Null, &json!(700)),
        "what is not known is not made up: {house}"
    );
    assert_eq!(
        house["abilities"],
        json!({"images": true, "tools": false, "reasoning": true, "structured": false})
    );
    let built_in = found.last().unwrap();
    assert_eq!(
        (&built_in["name"], &built_in["provider"], &built_in["built_in"]),
        (&json!("built-in"), &Value::Null, &json!(true))
    );
    assert_eq!(built_in["price"]["output"], "0");
    let defaults = found.iter().filter(|model| model["is_default"] == true).count();
    assert_eq!((defaults, usual(&admin).await), (1, json!("second")));

    // What administrators set is seen at once; what they took away is gone, and so are its other names.
    admin.put("/admin/models/first", &json!({"output": "2.5"})).await;
    admin
        .put("/admin/models/second", &json!({"enabled": false}))
        .await;
    let found = details(&admin).await;
    assert_eq!(found[0]["price"]["output"], "2.5");
    assert!(!names(&found).contains(&"second"));
    assert!(
        found.iter().all(|model| model["aliases"] == json!([])),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_key_sees_the_models_it_may_use() {
    let two = Two::start().await;
    let app = two.usual("").start().await;
    let user = app.register("ada@example.com").await;
    let (_, made) = user
        .post("/keys", &json!({"name": "narrow", "models": ["third", "gone"]}))
        .await;
    let program = user.with_token(made["key"].as_str().unwrap());
    let found = details(&program).await;
    assert_eq!(
        (names(&found), &found[0]["is_default"]),
        (vec!["third"], &json!(true))
    );
    assert_eq!(usual(&program).await, json!("third"));
}

#[tokio::test]
async fn the_shape_is_that_of_the_document() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let document = get(&app, "/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    let found = details(&user).await;
    assert_eq!(names(&found), ["built-in"]);
    for (name, value) in [
        ("ModelDetails", &found[0]),
        ("ModelPrice", &found[0]["price"]),
        ("ModelAbilities", &found[0]["abilities"]),
    ] {
        let mut given = keys(value);
        let mut described = keys(&schemas[name]["properties"]);
        given.sort_unstable();
        described.sort_unstable();
        assert_eq!(given, described, "{name}");
    }
    assert_eq!(get_as(&user, "/api/models/details/").await.status, 200);
    get(&app, "/models/details")
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}
