//! What may be asked for beside text: images, structured answers, and the options of a call. The provider refuses
//! whatever its vendor does not document.

use crate::support::{ask, call, failure, kind, model, on_every_adapter, start, thinking_model, tool};
use bytes::Bytes;
use chatai_llm::{Effort, Event, Format, Item, Part, Priority, Request};
use chatai_testkit::provider::{Dialect, Reply};
use serde_json::{Value, json};

fn title() -> Format {
    Format::JsonSchema {
        name: "title".to_owned(),
        schema: json!({
            "type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"],
            "additionalProperties": false
        }),
        strict: true,
    }
}

fn image_of(dialect: Dialect, body: &Value) -> Value {
    match dialect {
        Dialect::Responses => body["input"][0]["content"][1]["image_url"].clone(),
        Dialect::Chat => body["messages"][0]["content"][1]["image_url"]["url"].clone(),
        Dialect::Anthropic => body["messages"][0]["content"][1]["source"].clone(),
        Dialect::Gemini => body["contents"][0]["parts"][1]["inlineData"].clone(),
    }
}

on_every_adapter! {
    async fn an_image_is_seen(dialect) {
        let (provider, adapter) = start(dialect).await;
        let image = Part::Image { media_type: "image/png".to_owned(), bytes: Bytes::from_static(&[0, 255, 16]) };
        let mut request = ask(dialect, "look");
        request.items = vec![Item::User(vec![Part::Text("look".to_owned()), image])];
        assert_eq!(call(&adapter, request).await.unwrap().0, "Echo: look");
        let expected = match dialect {
            Dialect::Responses | Dialect::Chat => json!("data:image/png;base64,AP8Q"),
            Dialect::Anthropic => json!({"type": "base64", "media_type": "image/png", "data": "AP8Q"}),
            Dialect::Gemini => json!({"mimeType": "image/png", "data": "AP8Q"}),
        };
        assert_eq!(image_of(dialect, provider.calls()[0].json()), expected);
    }

    async fn an_image_elsewhere_is_fetched_by_the_vendor_or_refused(dialect) {
        let (provider, adapter) = start(dialect).await;
        let image = Part::ImageUrl { url: "https://example.org/a.png".to_owned(), detail: Some("low".to_owned()) };
        let mut request = ask(dialect, "look");
        request.items = vec![Item::User(vec![Part::Text("look".to_owned()), image])];
        if dialect == Dialect::Gemini {
            let (_, error) = failure(&adapter, request).await;
            assert_eq!((kind(&error).as_str(), provider.counts().calls), ("Rejected", 0));
            return;
        }
        call(&adapter, request).await.unwrap();
        assert!(image_of(dialect, provider.calls()[0].json()).to_string().contains("https://example.org/a.png"));
    }

    async fn an_answer_in_json_is_the_answers_text(dialect) {
        let (provider, adapter) = start(dialect).await;
        let models = match dialect {
            // The older one cannot be held to a schema, and answers by a tool.
            Dialect::Anthropic => vec![model(dialect), "claude-3-5-haiku-20241022"],
            _ => vec![model(dialect)],
        };
        for model in models {
            let request = Request { model: model.to_owned(), format: title(), ..ask(dialect, "on whales") };
            let (text, events) = call(&adapter, request.clone()).await.unwrap();
            assert_eq!(text, r#"{"title":"on whales"}"#, "{model}");
            assert!(!events.iter().any(|event| matches!(event, Event::ToolCall(_))), "{events:?}");
            // A pushed answer waits for a call that asks for text.
            provider.push(Reply::text("mine"));
            provider.push_for_schema("title", Reply::json(&json!({"title": "Wale — 鯨"})).deltas(5));
            assert_eq!(call(&adapter, request).await.unwrap().0, r#"{"title":"Wale — 鯨"}"#);
            assert_eq!(call(&adapter, ask(dialect, "x")).await.unwrap().0, "mine");
        }
        assert_eq!(provider.unused(), 0);
        provider.push_when(|_| true, Reply::json(&json!({"any": 1})));
        let request = Request { format: Format::JsonObject, ..ask(dialect, "x") };
        assert_eq!(call(&adapter, request).await.unwrap().0, r#"{"any":1}"#);
    }

    async fn a_structured_answer_after_a_round_of_tools(dialect) {
        let (provider, adapter) = start(dialect).await;
        let request = Request { tools: vec![tool("get_books")], format: title(), ..ask(dialect, "x") };
        provider.push_for_schema("title", Reply::call_tool("get_books", &json!({"q": "x"})));
        let (text, events) = call(&adapter, request).await.unwrap();
        assert_eq!(text, "");
        assert!(events.iter().any(|event| matches!(event, Event::ToolCall(_))), "{events:?}");
    }

    async fn every_option_is_sent_in_a_form_that_the_vendor_takes(dialect) {
        let (provider, adapter) = start(dialect).await;
        let is_openai = matches!(dialect, Dialect::Responses);
        let request = Request {
            system: "Be kind.".to_owned(),
            max_output_tokens: Some(64),
            temperature: Some(0.5),
            top_p: Some(0.25),
            stop: if is_openai { Vec::new() } else { vec!["END".to_owned()] },
            seed: Some(7),
            cache_key: Some("user-7".to_owned()),
            ..ask(dialect, "x")
        };
        call(&adapter, request.clone()).await.unwrap();
        let sent = provider.calls()[0].json().clone();
        assert_eq!(provider.calls()[0].instructions(), "Be kind.");
        let (limit, temperature) = match dialect {
            Dialect::Responses => (&sent["max_output_tokens"], &sent["temperature"]),
            Dialect::Chat | Dialect::Anthropic => (&sent["max_tokens"], &sent["temperature"]),
            Dialect::Gemini => {
                let options = &sent["generationConfig"];
                (&options["maxOutputTokens"], &options["temperature"])
            }
        };
        assert_eq!((limit, temperature), (&json!(64), &json!(0.5)));
        for effort in Effort::ALL {
            for model in [
                model(dialect),
                thinking_model(dialect),
                "gemini-3-flash",
                "gemini-2.5-pro",
                "claude-3-7-sonnet-latest",
                "claude-opus-5-5",
                "gpt-6-luna",
            ] {
                let request = Request {
                    model: model.to_owned(),
                    reasoning_effort: Some(effort),
                    max_output_tokens: None,
                    priority: Priority::BestEffort,
                    ..request.clone()
                };
                call(&adapter, request).await.unwrap();
            }
        }
    }

    async fn a_conversation_of_many_turns(dialect) {
        let (provider, adapter) = start(dialect).await;
        let said = |text: &str| Item::User(vec![Part::Text(text.to_owned())]);
        let items = vec![
            said("one"),
            Item::Assistant("first".to_owned()),
            // A turn without an answer: two messages of the user's in a row.
            said("two"),
            said("three"),
            Item::Assistant("third".to_owned()),
            said("four"),
        ];
        let request = Request { items, ..ask(dialect, "") };
        assert_eq!(call(&adapter, request).await.unwrap().0, "Echo: four");
        let sent = provider.calls()[0].json().to_string();
        let places: Vec<usize> = ["one", "first", "two", "three", "third", "four"]
            .iter()
            .map(|text| sent.find(&format!("\"{text}\"")).unwrap())
            .collect();
        assert!(places.is_sorted(), "{sent}");
    }
}
