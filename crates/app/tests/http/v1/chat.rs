//! `POST /v1/chat/completions`

use super::{PIXEL, all_data, asking, made, next_data, saying, set, with};
use crate::support::{list, on_both, send};
use chatai_testkit::{
    events::EventStream,
    provider::{Dialect, Reply, ScriptedProvider},
};
use serde_json::{Value, json};

const PATH: &str = "/v1/chat/completions";

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "description": "The weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}])
}

/// A streamed message as a client puts it together.
async fn joined(stream: EventStream) -> Value {
    let mut message = json!({"role": "assistant", "content": null, "reasoning_content": ""});
    for data in all_data(stream).await.iter().filter(|data| *data != "[DONE]") {
        let chunk: Value = serde_json::from_str(data).unwrap();
        let delta = &chunk["choices"][0]["delta"];
        if let Some(more) = delta["reasoning_content"].as_str() {
            let said = message["reasoning_content"].as_str().unwrap().to_owned() + more;
            message["reasoning_content"] = said.into();
        }
        for member in ["reasoning_details", "tool_calls"] {
            if !delta[member].is_null() {
                message[member] = delta[member].clone();
            }
        }
    }
    message
}

on_both! {
    async fn an_answer_is_whole_or_streamed(options) {
        let (_app, provider, user) = set(options).await;
        provider.push(Reply::text("one two").reasoning("because").usage(100, 40, 20, 5));
        let answer = made(&user, PATH, &saying("hello", &json!({"temperature": 0}))).await;
        assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"), "{answer}");
        assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("m")));
        let message = &answer["choices"][0]["message"];
        assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("one two"), &json!("because")));
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        let usage = &answer["usage"];
        assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]), (&json!(100), &json!(20), &json!(120)));
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 40);
        assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 5);

        provider.push(Reply::text("one two three").deltas(3).usage(100, 40, 20, 5));
        let body = saying("hello", &json!({"stream": true, "stream_options": {"include_usage": true}}));
        let chunks = all_data(EventStream::open(asking(&user, &format!("/api{PATH}"), &body)).await).await;
        assert_eq!(chunks.last().unwrap(), "[DONE]");
        let chunks: Vec<Value> = chunks[..chunks.len() - 1].iter().map(|data| serde_json::from_str(data).unwrap()).collect();
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, "one two three");
        let last = chunks.last().unwrap();
        assert_eq!((&last["choices"], &last["usage"]), (&json!([]), usage));
        assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");

        // Both are paid for like everything else.
        let (_, report) = user.get("/usage").await;
        assert_eq!((&report["total"]["calls"], &report["total"]["output_tokens"]), (&json!(2), &json!(40)), "{report}");
    }

    async fn what_is_asked_reaches_the_model(options) {
        let (_app, provider, user) = set(options).await;
        let body = json!({
            "model": "m", "max_completion_tokens": 50, "temperature": 0.5, "seed": 1, "reasoning_effort": "low",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": PIXEL}}]},
            ],
            "response_format": {"type": "json_schema", "json_schema": {"name": "colour", "strict": true,
                "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false}}},
        });
        let answer = made(&user, PATH, &body).await;
        let said: Value = serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
        assert_eq!(said, json!({"name": "look"}));
        let call = provider.calls().pop().unwrap();
        assert_eq!((call.instructions(), call.schema_name()), ("Be brief.", Some("colour")));
        assert_eq!((&call.json()["max_output_tokens"], &call.json()["temperature"]), (&json!(50), &json!(0.5)));
        assert_eq!(call.json()["reasoning"]["effort"], "low");
        assert!(call.input()[0].to_string().contains(PIXEL), "{:?}", call.input());
    }

    async fn tools_are_the_callers(options) {
        let (_app, provider, user) = set(options).await;
        provider.push(Reply::call_tool("get_weather", &json!({"city": "Oslo"})).tool_call("get_weather", &json!({"city": "Rome"})));
        let tools = json!({"tools": weather(), "tool_choice": "required"});
        let first = made(&user, PATH, &saying("weather?", &tools)).await;
        assert_eq!(first["choices"][0]["finish_reason"], "tool_calls");
        let message = &first["choices"][0]["message"];
        assert_eq!(message["content"], Value::Null);
        let calls = list(&message["tool_calls"]);
        assert_eq!((calls.len(), &calls[1]["function"]["arguments"]), (2, &json!(r#"{"city":"Rome"}"#)));
        assert_eq!(provider.answer_calls().pop().unwrap().json()["tool_choice"], "required");

        let results = [0, 1].map(|at| json!({"role": "tool", "tool_call_id": calls[at]["id"], "content": format!("rain {at}")}));
        let mut messages = vec![json!({"role": "user", "content": "weather?"}), message.clone()];
        messages.extend(results);
        let second = made(&user, PATH, &json!({"model": "m", "messages": messages, "tools": weather()})).await;
        assert_eq!(second["choices"][0]["message"]["content"], "Echo: weather?");
        let last = provider.answer_calls().pop().unwrap();
        let outputs = last.tool_outputs();
        assert_eq!(outputs.iter().map(|(_, output)| *output).collect::<Vec<_>>(), ["rain 0", "rain 1"]);

        provider.push(Reply::text("let me see").tool_call("get_weather", &json!({"city": "Oslo"})));
        let body = saying("weather?", &with(tools, &json!({"stream": true})));
        let chunks = all_data(EventStream::open(asking(&user, PATH, &body)).await).await;
        let call = chunks.iter().find(|chunk| chunk.contains("tool_calls\":[")).unwrap();
        let call: Value = serde_json::from_str(call).unwrap();
        let delta = &call["choices"][0]["delta"]["tool_calls"][0];
        assert_eq!((&delta["index"], &delta["function"]["name"]), (&json!(0), &json!("get_weather")));
        assert!(chunks[chunks.len() - 2].contains(r#""finish_reason":"tool_calls""#));
    }

    // DeepSeek refuses the results of tools without it, Anthropic its own thoughts without their signature.
    async fn how_it_reasoned_goes_back_with_the_results_of_tools(options) {
        let vendors = [(Dialect::Chat, "deepseek-reasoner"), (Dialect::Anthropic, "claude-opus-4-6")];
        let providers = [ScriptedProvider::start().await, ScriptedProvider::start().await];
        let prices = vendors.map(|(dialect, model)| {
            (model.to_owned(), json!({"input": 1, "output": 1, "context_window": 100_000, "provider": dialect.kind()}))
        });
        let prices = Value::Object(prices.into_iter().collect()).to_string();
        let behind = [(vendors[0].0, &providers[0]), (vendors[1].0, &providers[1])];
        let app = options.vendors(&behind, "", "").file("PRICING_FILE", "prices.json", prices).start().await;
        let user = app.register("ada@example.com").await;
        for ((dialect, model), provider) in vendors.into_iter().zip(&providers) {
            for streams in [false, true] {
                provider.push(Reply::call_tool("get_weather", &json!({"city": "Oslo"})).reasoning("because it rains"));
                let asked = json!({"model": model, "tools": weather(), "reasoning_effort": "low", "stream": streams});
                let said = if streams {
                    joined(EventStream::open(asking(&user, PATH, &saying("weather?", &asked))).await).await
                } else {
                    made(&user, PATH, &saying("weather?", &asked)).await["choices"][0]["message"].clone()
                };
                assert_eq!(said["reasoning_content"], "because it rains");
                let mut words_alone = said.clone();
                words_alone.as_object_mut().unwrap().remove("reasoning_details").expect("sealed for its vendor");
                for said in [&said, &words_alone] {
                    let result = json!({"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "rain"});
                    let messages = json!([{"role": "user", "content": "weather?"}, said, result]);
                    made(&user, PATH, &json!({"model": model, "tools": weather(), "messages": messages})).await;
                    let sent = provider.calls().pop().unwrap().json()["messages"][1].clone();
                    match dialect {
                        Dialect::Chat => assert_eq!(sent["reasoning_content"], "because it rains", "{sent}"),
                        _ if *said == words_alone => assert_eq!(sent["content"][0]["type"], "tool_use", "{sent}"),
                        _ => assert_eq!(sent["content"][0]["thinking"], "because it rains", "{sent}"),
                    }
                }
            }
        }
    }

    async fn the_same_key_is_one_call(options) {
        let (_app, provider, user) = set(options).await;
        let keyed = |body: &Value| asking(&user, PATH, body).header("idempotency-key", "k");
        let body = saying("once", &json!({"max_tokens": 100}));
        let first = send(keyed(&body)).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
        let again = send(keyed(&body)).await;
        assert_eq!((again.json(), again.header("idempotent-replayed")), (first.json(), "true"));
        let streamed = EventStream::open(keyed(&with(body.clone(), &json!({"stream": true})))).await;
        assert_eq!(streamed.headers()["idempotent-replayed"], "true");
        let text: String = all_data(streamed).await.iter().filter_map(|data| serde_json::from_str::<Value>(data).ok())
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect();
        assert_eq!(text, "Echo: once");
        send(keyed(&saying("twice", &json!({})))).await.expect_openai(400, "invalid_request_error", "idempotency_mismatch", Value::Null);
        assert_eq!(provider.answer_calls().len(), 1);
        assert_eq!(user.get("/usage").await.1["total"]["calls"], 1);
        // It is no stored response.
        let name = first.json()["id"].as_str().unwrap().replace("chatcmpl-", "resp_");
        assert_eq!(user.get(&format!("/v1/responses/{name}")).await.0, 404);
        assert_eq!(user.delete(&format!("/v1/responses/{name}")).await.0, 404);
    }

    async fn the_built_in_model_answers_too(options) {
        let (_app, provider, user) = set(options).await;
        let body = json!({"model": "built-in", "messages": [{"role": "user", "content": "Recommend a book about the sea"}]});
        let answer = made(&user, PATH, &body).await;
        assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().len() > 20, "{answer}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        assert_eq!(provider.answer_calls().len(), 0);
    }

    async fn a_caller_that_leaves_ends_its_call(options) {
        let (_app, provider, user) = set(options).await;
        provider.push(Reply::text("one two three four").deltas(4).hang_after(2));
        let mut stream = EventStream::open(asking(&user, PATH, &saying("hello", &json!({"stream": true})))).await;
        next_data(&mut stream).await.unwrap();
        drop(stream);
        provider.wait_for_aborted(1).await;
    }
}
