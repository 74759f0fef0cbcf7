//! `/v1/responses`: made, stored, gone on from, deleted. How they are resumed and cancelled stands in `resume`.

use super::{PIXEL, all_events, asking, input, made, set, types, with};
use crate::support::{get_as, list, on_both, send};
use chatai_testkit::{
    events::EventStream,
    provider::{Dialect, Reply, ScriptedProvider},
};
use serde_json::{Value, json};

const PATH: &str = "/v1/responses";

fn path_of(response: &Value) -> String {
    format!("{PATH}/{}", response["id"].as_str().expect("an id"))
}

on_both! {
    async fn a_response_is_whole_or_streamed_and_stored(options) {
        let (mut app, provider, user) = set(options).await;
        let reply = Reply::text("one two").reasoning("because").usage(100, 40, 20, 5);
        provider.push(reply.clone());
        let body = input("hello", &json!({"instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.5}));
        let whole = made(&user, PATH, &body).await;
        assert!(whole["id"].as_str().unwrap().starts_with("resp_"), "{whole}");
        assert_eq!((&whole["object"], &whole["status"], &whole["model"]), (&json!("response"), &json!("completed"), &json!("m")));
        assert_eq!((&whole["instructions"], &whole["metadata"], &whole["temperature"]), (&json!("Be brief."), &json!({"a": "b"}), &json!(0.5)));
        let output = list(&whole["output"]);
        assert_eq!((&output[0]["summary"][0]["text"], &output[1]["content"][0]["text"]), (&json!("because"), &json!("one two")));
        assert_eq!((&whole["usage"]["input_tokens"], &whole["usage"]["input_tokens_details"]["cached_tokens"]), (&json!(100), &json!(40)));
        assert_eq!(get_as(&user, &path_of(&whole)).await.json(), whole);

        provider.push(reply.deltas(2));
        let events = all_events(EventStream::open(asking(&user, PATH, &with(body, &json!({"stream": true})))).await).await;
        assert_eq!(types(&events)[..3], ["response.created", "response.in_progress", "response.output_item.added"]);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
        let streamed = events.last().unwrap()["response"].clone();
        assert_eq!(streamed["output"][1]["content"], whole["output"][1]["content"]);
        assert!(app.terminate().await.success());
        app.start_again().await;
        let user = user.at(&app.base_url());
        assert_eq!(get_as(&user, &path_of(&streamed)).await.json(), streamed, "across a restart");
        let again = all_events(EventStream::open(user.call(reqwest::Method::GET, &format!("{}?stream=true", path_of(&streamed)))).await).await;
        assert_eq!(again, events);
        assert_eq!(user.get("/usage").await.1["total"]["calls"], 2);
    }

    async fn what_is_not_stored_cannot_be_read(options) {
        let (_app, _provider, user) = set(options).await;
        let whole = made(&user, PATH, &input("hello", &json!({"store": false}))).await;
        assert_eq!(whole["store"], false);
        let keyed = asking(&user, PATH, &input("hello", &json!({"store": false}))).header("idempotency-key", "k");
        let keyed = send(keyed).await.json();
        for response in [&whole, &keyed] {
            get_as(&user, &path_of(response)).await.expect_openai(404, "invalid_request_error", "response_not_found", Value::Null);
            let stream = format!("{}?stream=true", path_of(response));
            get_as(&user, &stream).await.expect_openai(404, "invalid_request_error", "response_not_found", Value::Null);
            let next = input("more", &json!({"previous_response_id": response["id"]}));
            send(asking(&user, PATH, &next)).await.expect_openai(400, "invalid_request_error", "invalid_value", json!("previous_response_id"));
        }
    }

    async fn responses_go_on_from_others(options) {
        let (_app, provider, user) = set(options).await;
        let image = json!([{"role": "user", "content": [{"type": "input_text", "text": "my name is Ada"}, {"type": "input_image", "image_url": PIXEL}]}]);
        let first = made(&user, PATH, &input(image, &json!({"instructions": "Be brief."}))).await;
        provider.push(Reply::call_tool("get_weather", &json!({"city": "Oslo"})));
        let tools = json!([{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]);
        let second = made(&user, PATH, &input("weather?", &json!({"previous_response_id": first["id"], "tools": tools}))).await;
        let call = list(&second["output"]).last().unwrap();
        assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("get_weather")));
        assert_eq!(second["previous_response_id"], first["id"]);

        // A call of a tool has to have its result.
        let without = input("and?", &json!({"previous_response_id": second["id"]}));
        send(asking(&user, PATH, &without)).await.expect_openai(400, "invalid_request_error", "invalid_value", json!("input"));
        let output = json!([{"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}]);
        let third = made(&user, PATH, &input(output, &json!({"previous_response_id": second["id"], "tools": tools}))).await;
        assert_eq!(third["status"], "completed");
        let asked = provider.answer_calls().pop().unwrap();
        assert_eq!(asked.instructions(), "", "instructions are not handed on");
        let said = json!(asked.input()).to_string();
        for part in ["my name is Ada", PIXEL, "Echo: my name is Ada", "weather?", "rain"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let kinds: Vec<&str> = asked.input().iter().map(|item| item["type"].as_str().unwrap_or("message")).collect();
        assert_eq!(kinds, ["message", "message", "message", "function_call", "function_call_output"]);

        let gone = input("x", &json!({"previous_response_id": "resp_none"}));
        send(asking(&user, PATH, &gone)).await.expect_openai(400, "invalid_request_error", "invalid_value", json!("previous_response_id"));
    }

    async fn what_was_asked_can_be_read(options) {
        let (_app, _provider, user) = set(options).await;
        let items = json!([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]);
        let made = made(&user, PATH, &input(items, &json!({}))).await;
        let page = |query: &str| {
            let path = format!("{}/input_items{query}", path_of(&made));
            let user = user.clone();
            async move { get_as(&user, &path).await }
        };
        let texts = |page: &Value| -> Vec<String> {
            list(&page["data"]).iter().map(|item| item["content"][0]["text"].as_str().unwrap().to_owned()).collect()
        };
        let all = page("").await.json();
        assert_eq!((texts(&all), &all["has_more"]), (vec!["three".to_owned(), "two".to_owned(), "one".to_owned()], &json!(false)));
        let first = page("?order=asc&limit=2").await.json();
        assert_eq!((texts(&first), &first["has_more"]), (vec!["one".to_owned(), "two".to_owned()], &json!(true)));
        let rest = page(&format!("?order=asc&after={}", first["last_id"].as_str().unwrap())).await.json();
        assert_eq!(texts(&rest), ["three"]);
        for (query, code, param) in [("?limit=0", "validation_error", Value::Null), ("?order=up", "invalid_value", json!("order")), ("?after=x", "invalid_value", json!("after"))] {
            page(query).await.expect_openai(400, "invalid_request_error", code, param);
        }
    }

    // What the AI SDK sends in place of what it was given.
    async fn items_are_named_in_place_of_what_they_say(options) {
        let (app, provider, user) = set(options).await;
        let tools = json!([{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]);
        provider.push(Reply::text("let me see").reasoning("because").tool_call("get_weather", &json!({"city": "Oslo"})));
        let first = made(&user, PATH, &input("weather?", &json!({"tools": tools}))).await;
        let items = list(&first["output"]);
        assert_eq!(items.len(), 3, "{first}");
        let mut history = vec![json!({"role": "user", "content": "weather?"})];
        history.extend(items.iter().map(|item| json!({"type": "item_reference", "id": item["id"]})));
        history.push(json!({"type": "function_call_output", "call_id": items[2]["call_id"], "output": "rain"}));
        let asked = |history: &[Value], members: &Value| input(history, &with(json!({"tools": tools}), members));
        let second = made(&user, PATH, &asked(&history, &json!({}))).await;
        let said: Vec<Value> = provider.answer_calls().pop().unwrap().input().to_vec();
        let kinds: Vec<&str> = said.iter().map(|item| item["type"].as_str().unwrap_or("message")).collect();
        assert_eq!(kinds, ["message", "message", "function_call", "function_call_output"], "{said:?}");
        assert!(said[1].to_string().contains("let me see") && said[2]["arguments"] == r#"{"city":"Oslo"}"#, "{said:?}");

        // It is kept with what it names, and does not need the other any more.
        assert_eq!(user.delete(&path_of(&first)).await.0, 200);
        let kept = get_as(&user, &format!("{}/input_items?order=asc", path_of(&second))).await.json();
        assert!(kept["data"].to_string().contains("let me see") && !kept.to_string().contains("item_reference"), "{kept}");
        made(&user, PATH, &input("and now?", &json!({"previous_response_id": second["id"]}))).await;
        assert!(json!(provider.answer_calls().pop().unwrap().input()).to_string().contains("let me see"));

        // One that is gone, another's, of no stored response, or of none.
        let eve = app.register("eve@example.com").await;
        let hers = made(&eve, PATH, &input("hello", &json!({}))).await;
        let unstored = made(&user, PATH, &input("hello", &json!({"store": false}))).await;
        let mine = second["output"][0]["id"].as_str().unwrap();
        let calls = provider.answer_calls().len();
        for id in [&items[0]["id"], &hers["output"][0]["id"], &unstored["output"][0]["id"], &json!("msg_1"), &json!(mine.replace("_0", "_7"))] {
            for reference in [json!({"type": "item_reference", "id": id}), json!({"id": id})] {
                let history = [json!({"role": "user", "content": "x"}), reference];
                let refused = send(asking(&user, PATH, &asked(&history, &json!({})))).await;
                refused.expect_openai(400, "invalid_request_error", "invalid_value", json!("input[1].id"));
            }
        }
        assert_eq!(provider.answer_calls().len(), calls);
        made(&user, PATH, &asked(&[json!({"id": mine}), json!({"role": "user", "content": "x"})], &json!({}))).await;
    }

    // A client that keeps the history itself and asks for nothing sealed.
    async fn how_it_reasoned_is_known_from_what_is_stored(options) {
        let provider = ScriptedProvider::start().await;
        let prices = json!({"deepseek-reasoner": {"input": 1, "output": 1, "context_window": 100_000, "provider": Dialect::Chat.kind()}});
        let app = options.vendors(&[(Dialect::Chat, &provider)], "", "").file("PRICING_FILE", "prices.json", prices.to_string()).start().await;
        let user = app.register("ada@example.com").await;
        let tools = json!([{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]);
        for store in [true, false] {
            provider.push(Reply::call_tool("get_weather", &json!({"city": "Oslo"})).reasoning("because"));
            let asked = json!({"model": "deepseek-reasoner", "tools": tools, "store": store});
            let first = made(&user, PATH, &input("weather?", &asked)).await;
            let items = list(&first["output"]);
            assert_eq!((&items[0]["type"], items[0].get("encrypted_content")), (&json!("reasoning"), None));
            let mut history = vec![json!({"role": "user", "content": "weather?"})];
            history.extend(items.iter().cloned());
            history.push(json!({"type": "function_call_output", "call_id": items[1]["call_id"], "output": "rain"}));
            made(&user, PATH, &input(history, &asked)).await;
            let sent = provider.calls().pop().unwrap().json()["messages"][1].clone();
            assert_eq!(sent["reasoning_content"], "because", "{sent}");
        }
    }

    async fn a_deleted_response_is_gone_and_paid_for(options) {
        let (app, _provider, user) = set(options).await;
        let eve = app.register("eve@example.com").await;
        let made = made(&user, PATH, &input("hello", &json!({}))).await;
        assert_eq!(eve.delete(&path_of(&made)).await.0, 404);
        let (status, gone) = user.delete(&path_of(&made)).await;
        assert_eq!((status, gone), (200, json!({"id": made["id"], "object": "response", "deleted": true})));
        for _ in 0..2 {
            assert_eq!(user.delete(&path_of(&made)).await.0, 404);
            get_as(&user, &path_of(&made)).await.expect_openai(404, "invalid_request_error", "response_not_found", Value::Null);
        }
        assert_eq!(user.get("/usage").await.1["total"]["calls"], 1);
    }

    async fn the_same_key_is_one_response(options) {
        let (_app, provider, user) = set(options).await;
        let keyed = |members: &Value| asking(&user, PATH, &input("once", members)).header("idempotency-key", "k");
        let first = send(keyed(&json!({}))).await.json();
        let again = send(keyed(&json!({}))).await;
        assert_eq!((again.json(), again.header("idempotent-replayed")), (first.clone(), "true"));
        let streamed = all_events(EventStream::open(keyed(&json!({"stream": true}))).await).await;
        assert_eq!(streamed.last().unwrap()["response"], first);
        assert_eq!(provider.answer_calls().len(), 1);
    }
}
