//! `POST /v1/messages`

use super::{PIXEL, all_events, asking, made, saying, set, types, with};
use crate::support::{list, on_both, send};
use chatai_testkit::{events::EventStream, provider::Reply};
use serde_json::{Value, json};

const PATH: &str = "/v1/messages";

on_both! {
    async fn a_message_is_whole_or_streamed(options) {
        let (_app, provider, user) = set(options).await;
        let reply = Reply::text("one two").reasoning("because").usage(100, 40, 20, 5);
        provider.push(reply.clone());
        let body = saying("hello", &json!({"max_tokens": 50, "system": "Be brief."}));
        let whole = made(&user, PATH, &body).await;
        assert!(whole["id"].as_str().unwrap().starts_with("msg_"), "{whole}");
        assert_eq!((&whole["type"], &whole["role"], &whole["stop_reason"]), (&json!("message"), &json!("assistant"), &json!("end_turn")));
        let blocks = list(&whole["content"]);
        assert_eq!(blocks.iter().map(|block| &block["type"]).collect::<Vec<_>>(), ["thinking", "text"], "{whole}");
        assert_eq!((&blocks[0]["thinking"], &blocks[1]["text"]), (&json!("because"), &json!("one two")));
        // Theirs are disjoint.
        assert_eq!(whole["usage"], json!({"input_tokens": 60, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 40, "output_tokens": 20}));
        assert_eq!(provider.answer_calls()[0].instructions(), "Be brief.");

        provider.push(reply.deltas(2));
        let events = all_events(EventStream::open(asking(&user, PATH, &with(body, &json!({"stream": true})))).await).await;
        assert_eq!(
            types(&events),
            ["message_start", "ping", "content_block_start", "content_block_delta", "content_block_stop",
             "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]
        );
        let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
        assert_eq!(text, "one two");
        let end = &events[events.len() - 2];
        assert_eq!((&end["delta"]["stop_reason"], &end["usage"]), (&json!("end_turn"), &whole["usage"]));
    }

    async fn tools_and_images(options) {
        let (_app, provider, user) = set(options).await;
        provider.push(Reply::call_tool("get_weather", &json!({"city": "Oslo"})));
        let tools = json!([{"name": "get_weather", "description": "The weather.", "input_schema": {"type": "object"}}]);
        let ask = json!({"role": "user", "content": [
            {"type": "text", "text": "what weather is this?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL.split(',').next_back()}},
        ]});
        let body = json!({"model": "m", "max_tokens": 50, "tools": tools, "messages": [ask.clone()], "tool_choice": {"type": "any"}});
        let first = made(&user, PATH, &body).await;
        assert_eq!(first["stop_reason"], "tool_use");
        let call = list(&first["content"]).last().unwrap();
        assert_eq!((&call["type"], &call["name"], &call["input"]), (&json!("tool_use"), &json!("get_weather"), &json!({"city": "Oslo"})));
        assert!(provider.answer_calls()[0].input()[0].to_string().contains(PIXEL));

        let result = json!({"type": "tool_result", "tool_use_id": call["id"], "content": "rain"});
        let messages = json!([ask, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": [result]}]);
        let second = made(&user, PATH, &with(body, &json!({"messages": messages, "tool_choice": {"type": "auto"}}))).await;
        assert_eq!(second["stop_reason"], "end_turn");
        let last = provider.answer_calls().pop().unwrap();
        assert_eq!(last.tool_outputs(), [(call["id"].as_str().unwrap(), "rain")]);
    }

    async fn what_a_tool_gave_to_see_and_that_it_failed(options) {
        let (_app, provider, user) = set(options).await;
        let tools = json!([{"name": "look", "input_schema": {"type": "object"}}]);
        let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL.split(',').next_back()}});
        let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
        let results = json!([
            {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "a picture"}, image]},
            {"type": "tool_result", "tool_use_id": "b", "content": "no such file", "is_error": true},
        ]);
        let messages = json!([
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": [call("a"), call("b")]},
            {"role": "user", "content": results},
        ]);
        made(&user, PATH, &json!({"model": "m", "max_tokens": 50, "tools": tools, "messages": messages})).await;
        let asked = provider.answer_calls().pop().unwrap();
        assert_eq!(asked.tool_outputs(), [("a", "a picture"), ("b", r#"{"error":"no such file"}"#)]);
        let last = asked.input().last().unwrap().to_string();
        assert!(last.contains(PIXEL) && last.contains("`a`"), "{last}");
    }

    async fn the_same_key_is_one_call(options) {
        let (_app, provider, user) = set(options).await;
        let keyed = || asking(&user, PATH, &saying("once", &json!({"max_tokens": 50}))).header("idempotency-key", "k");
        let first: Value = send(keyed()).await.json();
        let again = send(keyed()).await;
        assert_eq!((again.json(), again.header("idempotent-replayed")), (first, "true"));
        assert_eq!(provider.answer_calls().len(), 1);
    }

    // LangChain and Open WebUI count before they ask.
    async fn tokens_are_counted_and_nobody_is_asked(options) {
        let (_app, provider, user) = set(options).await;
        let count = format!("{PATH}/count_tokens");
        let body = saying("hello", &json!({}));
        let short = made(&user, &count, &body).await;
        let tokens = |counted: &Value| counted["input_tokens"].as_i64().unwrap();
        assert!(tokens(&short) > 0 && short.as_object().unwrap().len() == 1, "{short}");
        let tool = json!({"name": "t", "description": "words ".repeat(50), "input_schema": {"type": "object"}});
        for more in [json!({"system": "words ".repeat(50)}), json!({"tools": [tool]}), json!({"messages": [
            {"role": "user", "content": "words ".repeat(50)},
        ]})] {
            let long = made(&user, &count, &with(body.clone(), &more)).await;
            assert!(tokens(&long) > tokens(&short) + 40, "{more}: {long}");
        }
        let limited = made(&user, &count, &with(body.clone(), &json!({"max_tokens": 50}))).await;
        assert_eq!(limited, short);
        let refused = send(asking(&user, &count, &with(body, &json!({"model": "no-such-model"})))).await;
        assert_eq!((refused.status, &refused.json()["error"]["type"]), (404, &json!("not_found_error")));
        assert!(provider.answer_calls().is_empty());
    }
}
