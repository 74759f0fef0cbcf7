//! The models a vendor says it has.

use crate::support::{kind, on_every_adapter, start};
use chatai_testkit::provider::{Dialect, RecordedRequest, Reply};
use serde_json::json;

on_every_adapter! {
    async fn models_are_listed_by_the_names_that_calls_take(dialect) {
        let (provider, adapter) = start(dialect).await;
        assert!(adapter.models().await.unwrap().is_empty());
        provider.offer(&["a", "b"]);
        let models = adapter.models().await.unwrap();
        let ids: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(models[0].context_window.is_some(), dialect == Dialect::Gemini);
    }

    async fn lists_fail_by_the_same_names(dialect) {
        let (provider, adapter) = start(dialect).await;
        for (reply, expected) in [
            (Reply::unauthorized(), "Auth"),
            (Reply::rate_limited(Some(60)), "RateLimited"),
            (Reply::page(200, "application/json", "[[["), "Failed"),
            (Reply::page(200, "text/html", "<h1>Sign in to the network</h1>"), "Failed"),
        ] {
            provider.push_when(RecordedRequest::asks_for_models, reply.clone());
            assert_eq!(kind(&adapter.models().await.unwrap_err()), expected, "{reply:?}");
        }
    }
}

/// A page of one model that says that there are more.
fn page(dialect: Dialect, id: usize, has_more: bool) -> Reply {
    let id = format!("m{id}");
    let body = match dialect {
        Dialect::Anthropic => json!({
            "data": [{"type": "model", "id": id, "max_input_tokens": 200_000, "max_tokens": 0}],
            "has_more": has_more, "first_id": id, "last_id": id
        }),
        _ => {
            let next = has_more.then_some(&id);
            json!({"models": [{"name": format!("models/{id}"), "inputTokenLimit": 200_000}], "nextPageToken": next})
        }
    };
    Reply::status(200, &body)
}

#[tokio::test]
async fn lists_in_pages_are_read_to_their_end() {
    for (dialect, first, second) in [
        (
            Dialect::Anthropic,
            "/v1/models?limit=1000",
            "/v1/models?limit=1000&after_id=m0",
        ),
        (
            Dialect::Gemini,
            "/v1beta/models?pageSize=1000",
            "/v1beta/models?pageSize=1000&pageToken=m0",
        ),
    ] {
        let (provider, adapter) = start(dialect).await;
        for (id, has_more) in [(0, true), (1, false)] {
            provider.push_when(RecordedRequest::asks_for_models, page(dialect, id, has_more));
        }
        let models = adapter.models().await.unwrap();
        let shown: Vec<_> = models
            .iter()
            .map(|model| (&*model.id, model.context_window, model.max_output_tokens))
            .collect();
        assert_eq!(shown, [("m0", Some(200_000), None), ("m1", Some(200_000), None)]);
        let asked: Vec<String> = provider.calls().iter().map(|call| call.path.clone()).collect();
        assert_eq!(asked, [first, second]);
    }
}

#[tokio::test]
async fn a_list_of_models_without_end_is_left_after_ten_pages() {
    for dialect in [Dialect::Anthropic, Dialect::Gemini] {
        let (provider, adapter) = start(dialect).await;
        for id in 0..12 {
            provider.push_when(RecordedRequest::asks_for_models, page(dialect, id, true));
        }
        assert_eq!(adapter.models().await.unwrap().len(), 10);
    }
}
