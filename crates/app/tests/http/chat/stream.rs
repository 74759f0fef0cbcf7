//! A turn as an event stream, from the first event to the last.

use crate::support::{
    app_with_vendor, fault, keys, list, message, on_both, options, raw, send, stream, streaming, told,
    with_vendor,
};
use chatai_testkit::{
    events::{EventStream, Told},
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

on_both! {
    async fn the_turn_is_told_before_the_model_answers(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("Here.").gate_headers(&gate).usage(120, 20, 30, 10));
        let mut events = stream(&user, &[("text", "hello"), ("model", "gpt-4o")]).await;
        let first = events.next().await.unwrap();
        gate.reached().await;
        let turn = first.json();
        assert_eq!(keys(&turn), ["conversation_id", "request_message_id", "response_message_id", "model"]);
        assert_eq!(turn["model"], "gpt-4o");
        let (conversation, answer) = (turn["conversation_id"].as_i64().unwrap(), turn["response_message_id"].as_i64().unwrap());
        let running = message(&user, conversation, answer).await;
        assert_eq!((&running["status"], &running["text"], &running["error"]), (&json!("running"), &json!(""), &Value::Null));
        assert_eq!(running["request_id"], turn["request_message_id"]);
        gate.open();
        let mut told = Told::default();
        told.take(&first);
        events.read_to_end(&mut told).await;
        assert_eq!(told.text, "Here.");
        let done = told.done.unwrap();
        assert_eq!(keys(&done), ["response_message_id", "status", "usage", "price", "price_exact"]);
        assert_eq!((&done["response_message_id"], &done["status"]), (&turn["response_message_id"], &json!("complete")));
        let stored = message(&user, conversation, answer).await;
        assert_eq!((&stored["text"], &stored["status"]), (&json!("Here."), &json!("complete")));
        assert_eq!(keys(&done["usage"]),
            ["input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"]);
        for name in ["input_tokens", "output_tokens", "cached_tokens"] {
            assert_eq!(done["usage"][name], stored[name], "{name}: summed over the turn's calls");
        }
        assert_eq!(done["usage"]["reasoning_tokens"], 10);
        assert_eq!(done["price"], stored["price"]);
        let exact: f64 = done["price_exact"].as_str().unwrap().parse().unwrap();
        assert!(exact > 0.0 && json!(exact) == done["price"], "{done}");
    }

    async fn the_deltas_are_the_stored_text_byte_for_byte(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let emma = json!({"titles": ["Emma"]});
        provider.push(Reply::text(" \n\u{a0}First I look…\n ").deltas(9).tool_call("get_book_summaries", &emma)
            .tool_call("no_such_tool", &json!({})).raw_tool_call("get_book_recommendations", "{\"content\": \n"));
        provider.push(Reply::text(" \n ").deltas(3).tool_call("get_book_recommendations", &json!({"content": "sea"})));
        provider.push(Reply::text("\n  Then I say:\n\n```\n  é€😀 \n```\n\n\t ").deltas(20));
        let told = told(&user, &[("text", "books?")]).await;
        let stored = message(&user, told.conversation(), told.answer()).await;
        assert_eq!(stored["text"], json!(told.text));
        assert_eq!(told.text, told.text.trim());
        assert!(told.text.starts_with("First I look…\n") && told.text.ends_with("Then I say:\n\n```\n  é€😀 \n```"), "{:?}", told.text);
        assert_eq!(told.status(), "complete");

        let tools: Vec<(&str, &str)> = told.tools.iter()
            .map(|tool| (tool["name"].as_str().unwrap(), tool["state"].as_str().unwrap())).collect();
        assert_eq!(tools, [
            ("get_book_summaries", "running"), ("get_book_summaries", "done"),
            ("no_such_tool", "running"), ("no_such_tool", "failed"),
            ("get_book_recommendations", "running"), ("get_book_recommendations", "failed"),
            ("get_book_recommendations", "running"), ("get_book_recommendations", "done"),
        ]);
        for pair in told.tools.chunks(2) {
            assert_eq!((&pair[0]["id"], &pair[0]["arguments"]), (&pair[1]["id"], &pair[1]["arguments"]));
            assert!(!pair[1]["result"].as_str().unwrap().is_empty());
            assert!(pair[1]["result"].as_str().unwrap().chars().count() <= 501, "a short result");
        }
        assert_eq!(told.tools[0]["arguments"], emma, "JSON where the model sent JSON");
        assert_eq!(told.tools[4]["arguments"], "{\"content\": \n", "its text else");
        assert!(told.tools[1]["result"].as_str().unwrap().contains("Emma"));
    }

    async fn reasoning_is_shown_where_the_model_shows_it(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::call_tool("get_book_summaries", &json!({"titles": ["Emma"]})).reasoning("Which book? "));
        provider.push(Reply::text("That one.").deltas(3).reasoning("  Emma, surely.\n").usage(10, 0, 20, 15));
        let told = told(&user, &[("text", "books?")]).await;
        assert_eq!(told.reasoning, "Which book?   Emma, surely.\n", "as it came, blanks included");
        assert_eq!(told.text, "That one.");
        let order: Vec<&str> = told.order.iter().map(String::as_str).filter(|name| *name != "title").collect();
        assert_eq!(order, ["turn", "reasoning", "tool", "reasoning", "delta", "done"]);
        assert_eq!(message(&user, told.conversation(), told.answer()).await["text"], "That one.");
    }

    /// OpenAI tells nothing of it unless asked, and refuses to be asked where a model does not think.
    async fn reasoning_is_asked_for_where_the_catalog_says_that_a_model_thinks(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        for (model, asked, shown) in [("gpt-5.5", json!({"summary": "auto"}), "Emma, surely."), ("gpt-4.1", json!(null), "")] {
            let reply = Reply::text("That one.");
            provider.push(if shown.is_empty() { reply } else { reply.reasoning(shown) });
            let told = told(&user, &[("text", "books?"), ("model", model)]).await;
            assert_eq!(told.reasoning, shown, "{model}");
            let call = provider.answer_calls().pop().unwrap();
            assert_eq!((call.model().as_ref(), &call.json()["reasoning"]), (model, &asked));
        }
    }

    async fn the_title_never_delays_the_text_and_comes_before_the_end(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let (titling, answering) = (Gate::new(), Gate::new());
        provider.push_for_schema("title", Reply::json(&json!({"title": "A title"})).gate_headers(&titling));
        provider.push(Reply::text("All of it.").deltas(4).gate_after(4, &answering));
        let mut events = stream(&user, &[("text", "hello")]).await;
        let mut told = Told::default();
        events.read_text(&mut told, "All of it.".len()).await;
        titling.reached().await;
        assert_eq!(told.order, ["turn", "delta"]);
        titling.open();
        let title = events.next().await.unwrap();
        assert_eq!(title.name(), "title", "it does not wait for the answer's end either");
        told.take(&title);
        let listed = list(&user.get("/conversations/").await.1)[0].clone();
        assert_eq!((&listed["title"], &listed["id"]), (&json!("A title"), &title.json()["conversation_id"]), "stored before it is shown");
        answering.open();
        events.read_to_end(&mut told).await;
        assert_eq!(told.order, ["turn", "delta", "title", "done"]);

        let id = told.conversation().to_string();
        let second = self::told(&user, &[("text", "more"), ("conversation_id", &id)]).await;
        assert_eq!(second.titles, [] as [Value; 0], "a conversation that has one asks for none");
    }

    async fn a_failure_is_the_last_event(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        for (reply, status, code, text) in [
            (Reply::unauthorized(), "failed", "provider_auth", ""),
            (Reply::text("Half of it").deltas(2).cut_after(1), "interrupted", "provider_error", "Half"),
            (Reply::text("All of it").fails("server_error", "no"), "interrupted", "provider_error", "All of it"),
        ] {
            provider.push(reply);
            let told = told(&user, &[("text", "hello")]).await;
            let done = told.done.as_ref().unwrap();
            assert_eq!((told.status(), &done["error"]["code"]), (status, &json!(code)), "{done}");
            assert_eq!(keys(&done["error"]), ["code", "detail"]);
            assert_eq!(told.text.trim_end(), text);
            let stored = message(&user, told.conversation(), told.answer()).await;
            assert_eq!((&stored["status"], &stored["error"]), (&json!(status), &done["error"]));
            assert_eq!(stored["text"], json!(told.text));
            let messages = crate::support::messages(&user, &json!(told.conversation())).await;
            assert_eq!(messages[0]["text"], "hello", "the question is kept");
        }
    }
}

#[tokio::test]
async fn it_is_asked_for_by_accept_or_by_a_member_in_any_form() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let call = || user.call(Method::POST, "/chat/");
    let multipart = || {
        reqwest::multipart::Form::new()
            .text("text", "hello")
            .text("stream", "true")
    };
    for request in [
        call()
            .header("accept", "text/event-stream")
            .form(&[("text", "hello")]),
        call()
            .header("accept", "application/json;q=0.5, Text/Event-Stream")
            .json(&json!({"text": "hello"})),
        call().form(&[("text", "hello"), ("stream", "true")]),
        call().json(&json!({"text": "hello", "stream": true})),
        call().multipart(multipart()),
        call()
            .header("accept", "text/event-stream")
            .json(&json!({"text": "hello", "stream": false})),
    ] {
        let events = EventStream::open(request).await;
        assert_eq!(events.headers()["x-accel-buffering"], "no");
        assert!(!events.headers().contains_key("idempotent-replayed"));
        let mut told = Told::default();
        events.read_to_end(&mut told).await;
        assert_eq!((told.text.as_str(), told.status()), ("Echo: hello", "complete"));
    }
    for request in [
        call().header("accept", "*/*").form(&[("text", "hello")]),
        call()
            .header("accept", "application/json")
            .form(&[("text", "hello"), ("stream", "false")]),
        call().json(&json!({"text": "hello", "stream": null})),
    ] {
        let answer = send(request).await;
        assert_eq!(
            (answer.status, &answer.json()["answer"]),
            (200, &json!("Echo: hello"))
        );
    }
}

#[tokio::test]
async fn a_refusal_before_the_first_event_is_json() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for (fields, status, code) in [
        (&[("text", "  ")][..], 400, "empty_text"),
        (&[("text", "x"), ("model", "none")], 400, "model_unknown"),
        (
            &[("text", "x"), ("conversation_id", "999")],
            404,
            "conversation_not_found",
        ),
        (&[("model", "gpt-4o")], 422, "validation_error"),
    ] {
        let answer = send(streaming(&user, fields)).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{answer:?}"
        );
        assert_eq!(answer.header("content-type"), "application/json");
    }
    let flag = fault(
        "bool_parsing",
        json!(["body", "stream"]),
        "Input should be a valid boolean, unable to interpret input",
        json!("maybe"),
    );
    let answer = send(streaming(&user, &[("text", "x"), ("stream", "maybe")])).await;
    answer.expect_faults(&json!([flag]));
    let unsigned = streaming(&user.with_token("none"), &[("text", "x")]);
    assert_eq!(send(unsigned).await.status, 401);
    assert_eq!(provider.counts().calls, 0);
    assert_eq!(user.get("/conversations/").await.1, json!([]));
}

#[tokio::test]
async fn a_comment_keeps_proxies_awake() {
    let (app, provider) = with_vendor(options().env("CHATAI__SERVER__KEEP_ALIVE_S", "1")).await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    provider.push(Reply::text("Late.").gate_headers(&gate));
    provider.push_for_schema("title", Reply::json(&json!({"title": "T"})).gate_headers(&gate));
    let mut events = stream(&user, &[("text", "hello")]).await;
    let mut told = Told::default();
    told.take(&events.next().await.unwrap());
    for _ in 0..2 {
        let frame = events.try_next().await.unwrap().unwrap();
        assert_eq!((frame.comments.len(), &frame.event, &frame.id), (1, &None, &None));
    }
    gate.open();
    events.read_to_end(&mut told).await;
    assert_eq!(told.text, "Late.");
}

/// Two writes would cost a client forty milliseconds where acknowledgements are delayed.
#[tokio::test]
async fn headers_and_first_event_are_one_write() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    provider.script({
        let gate = gate.clone();
        move |request| Reply::echo(request).gate_headers(&gate)
    });
    for _ in 0..8 {
        let mut socket = raw::connect(&app).await;
        let request = format!(
            "POST /chat/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\ntext=x",
            user.token
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut buffer = vec![0; 64 * 1024];
        let read = socket.read(&mut buffer).await.unwrap();
        let said = String::from_utf8_lossy(&buffer[..read]);
        assert!(
            said.starts_with("HTTP/1.1 200 ") && said.contains("event: turn\n"),
            "{said}"
        );
    }
    gate.open();
}

#[tokio::test]
async fn an_answer_cannot_forge_events() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    provider.push(Reply::injected_frames());
    let told = told(&user, &[("text", "hello")]).await;
    assert!(
        told.text.starts_with("before\n\nevent: ") && told.text.ends_with("after"),
        "{:?}",
        told.text
    );
    let stored = message(&user, told.conversation(), told.answer()).await;
    assert_eq!(stored["text"], json!(told.text));
}
