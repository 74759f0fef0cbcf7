//! `GET /v1/models`

use super::set;
use crate::support::{get_as, keys, list, on_both};
use serde_json::{Value, json};

on_both! {
    async fn what_can_be_named(options) {
        let (_app, _provider, user) = set(options).await;
        let listed = get_as(&user, "/v1/models").await.json();
        assert_eq!(listed["object"], "list");
        let names: Vec<&str> = list(&listed["data"]).iter().map(|model| model["id"].as_str().unwrap()).collect();
        for name in ["m", "e", "built-in"] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        let one = get_as(&user, "/v1/models/m").await.json();
        assert_eq!(keys(&one), ["id", "object", "created", "owned_by"]);
        assert_eq!((&one["id"], &one["object"], &one["owned_by"]), (&json!("m"), &json!("model"), &json!("openai")));
        for path in ["/v1/models/no-such", "/v1/models/a/b", "/v1/models/%FF"] {
            get_as(&user, path).await.expect_openai(404, "invalid_request_error", "model_not_found", Value::Null);
        }
    }
}
