//! Keys under `/v1`: their budgets, their lists of models, and the header that Anthropic's SDKs put them in.

use super::{asking, made, saying, set};
use crate::support::{get_as, list, on_both, send};
use chatai_testkit::app::User;
use reqwest::Method;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

async fn with_key(user: &User, body: &Value) -> User {
    let (status, made) = user.post("/keys", body).await;
    assert_eq!(status, 200, "{made}");
    user.with_token(made["key"].as_str().unwrap())
}

on_both! {
    async fn a_budget_that_no_call_fits(options) {
        let (_app, provider, user) = set(options).await;
        let poor = with_key(&user, &json!({"name": "poor", "limit": "0.000001", "period": "day"})).await;
        let body = saying("hello", &json!({"max_tokens": 100}));
        let refused = send(asking(&poor, CHAT, &body)).await;
        refused.expect_openai(429, "insufficient_quota", "insufficient_quota", Value::Null);
        // Nobody who asks again will be given more.
        assert_eq!((refused.header("x-should-retry"), refused.header("retry-after")), ("false", ""));
        let refused = send(asking(&poor, "/v1/messages", &body)).await;
        refused.expect_anthropic(402, "billing_error");
        let refused = send(asking(&poor, "/v1/embeddings", &json!({"model": "e", "input": "x".repeat(1000)}))).await;
        refused.expect_openai(429, "insufficient_quota", "insufficient_quota", Value::Null);
        assert_eq!(provider.counts().calls, 0);
        assert_eq!(user.get("/usage").await.1["total"]["calls"], 0);
        made(&user, CHAT, &body).await;
    }

    async fn a_list_of_models(options) {
        let (_app, provider, user) = set(options).await;
        let bound = with_key(&user, &json!({"name": "bound", "models": ["built-in"]})).await;
        let listed = get_as(&bound, "/v1/models").await.json();
        assert_eq!(list(&listed["data"]).iter().map(|model| &model["id"]).collect::<Vec<_>>(), ["built-in"]);
        let refused = send(asking(&bound, CHAT, &saying("hello", &json!({})))).await;
        refused.expect_openai(403, "permission_error", "model_not_allowed", Value::Null);
        get_as(&bound, "/v1/models/m").await.expect_openai(404, "invalid_request_error", "model_not_found", Value::Null);
        made(&bound, CHAT, &saying("hello", &json!({"model": "built-in"}))).await;
        assert_eq!(provider.counts().calls, 0);
    }

    async fn the_key_may_stand_in_anthropics_header(options) {
        let (app, _provider, user) = set(options).await;
        let key = with_key(&user, &json!({"name": "theirs"})).await.token;
        let call = |method: Method, path: &str| app.client().request(method, app.url(path)).header("x-api-key", &key);
        let body = saying("hello", &json!({"max_tokens": 50}));
        assert_eq!(send(call(Method::POST, "/v1/messages").json(&body)).await.status, 200);
        assert_eq!(send(call(Method::GET, "/v1/models")).await.status, 200);
        // A bearer token says who calls, whatever else stands there; and elsewhere the header says nothing.
        let both = call(Method::POST, "/v1/messages").bearer_auth("sk-wrong").json(&body);
        send(both).await.expect_anthropic(401, "authentication_error");
        assert_eq!(send(call(Method::GET, "/users/me")).await.status, 401);
    }
}
