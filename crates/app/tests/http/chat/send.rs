//! `POST /chat/`: what is taken, what is refused, what comes back.

use crate::support::{
    Answer, app_with_vendor, chat, fault, get_as, keys, list, messages, missing, on_both, options, post,
    send, with_vendor,
};
use chatai_testkit::{
    app::User,
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

on_both! {
    async fn a_whole_turn(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let (status, body) = user.chat(&[("text", "What is a pangram?")]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(keys(&body), ["conversation_id", "request_message_id", "response_message_id", "answer"]);
        assert_eq!(body["answer"], "Echo: What is a pangram?");
        let asked = provider.answer_calls();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].model(), "gpt-4.1-nano");
        assert_eq!(asked[0].header("authorization"), Some("Bearer sk-test-0123456789"));
        let (_, listed) = user.get("/conversations/").await;
        assert_eq!((list(&listed).len(), &listed[0]["id"]), (1, &body["conversation_id"]));
        let messages = messages(&user, &body["conversation_id"]).await;
        assert_eq!((&messages[0]["id"], &messages[1]["id"]), (&body["request_message_id"], &body["response_message_id"]));
    }

    async fn goes_on_in_a_conversation(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let (_, id) = user.post("/conversations/", &json!({"title": "Mine"})).await;
        for text in ["one", "two"] {
            let body = chat(&user, &[("text", text), ("conversation_id", &id.to_string())]).await;
            assert_eq!(body["conversation_id"], id);
        }
        assert_eq!(messages(&user, &id).await.len(), 4);
        let (_, listed) = user.get("/conversations/").await;
        assert_eq!((list(&listed).len(), &listed[0]["title"]), (1, &json!("Mine")), "an existing title stays");
    }

    async fn a_conversation_that_is_not_the_callers(options) {
        let (app, provider) = with_vendor(options).await;
        let ada = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        let (_, id) = ada.post("/conversations/", &json!({})).await;
        for id in [id.to_string(), "4711".to_owned(), "0".to_owned(), "-1".to_owned(), i64::MAX.to_string()] {
            let form = [("text", "let me in"), ("conversation_id", id.as_str())];
            let answer = send(eve.call(Method::POST, "/chat/").form(&form)).await;
            answer.expect_error(404, "conversation_not_found", "Conversation not found");
        }
        assert_eq!(messages(&ada, &id).await.len(), 0);
        assert_eq!(list(&eve.get("/conversations/").await.1).len(), 0, "nothing is written");
        assert_eq!(provider.counts().calls, 0, "no model is called");
    }
}

#[tokio::test]
async fn urlencoded_multipart_and_json_are_the_same() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let text = "Grüße 😀 & = + %";
    for path in ["/chat/", "/chat", "/api/chat/", "/api/chat"] {
        let call = || user.call(Method::POST, path);
        let fields = [("text", text), ("model", "gpt-4.1-mini"), ("unknown", "ignored")];
        let mut multipart = reqwest::multipart::Form::new();
        for (name, value) in fields {
            multipart = multipart.text(name, value);
        }
        for request in [
            call().form(&fields),
            call().multipart(multipart),
            call().json(&json!({"text": text, "model": "gpt-4.1-mini", "conversation_id": null, "x": [1]})),
        ] {
            let answer = send(request).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            assert_eq!(answer.json()["answer"], format!("Echo: {text}"));
        }
    }
    assert!(
        provider
            .answer_calls()
            .iter()
            .all(|call| call.model() == "gpt-4.1-mini")
    );
}

#[tokio::test]
async fn blank_texts() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for text in ["", " ", "\n\t ", "\u{2003}"] {
        for request in [
            user.call(Method::POST, "/chat/").form(&[("text", text)]),
            user.call(Method::POST, "/chat/").json(&json!({"text": text})),
            user.call(Method::POST, "/chat/")
                .multipart(reqwest::multipart::Form::new().text("text", text)),
        ] {
            let answer = send(request).await;
            answer.expect_error(400, "empty_text", "Empty text");
        }
    }
    assert_eq!(list(&user.get("/conversations/").await.1).len(), 0);
    assert_eq!(provider.counts().calls, 0);
}

#[tokio::test]
async fn missing_and_malformed_fields() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let parsing = "Input should be a valid integer, unable to parse string as an integer";
    let size = "Unable to parse input string as an integer, exceeded maximum size";
    let no_text = missing(json!(["body", "text"]));
    let id_fault = |kind, msg, input: Value| fault(kind, json!(["body", "conversation_id"]), msg, input);
    let form = |fields: &[(&str, &str)]| user.call(Method::POST, "/chat/").form(fields);
    for (request, faults) in [
        (form(&[]), json!([no_text])),
        (user.call(Method::POST, "/chat/"), json!([no_text])),
        (
            form(&[("conversation_id", "abc")]),
            json!([no_text, id_fault("int_parsing", parsing, json!("abc"))]),
        ),
        // Not the same as absent.
        (
            form(&[("text", "x"), ("conversation_id", "")]),
            json!([id_fault("int_parsing", parsing, json!(""))]),
        ),
        (
            form(&[("text", "x"), ("conversation_id", "9223372036854775808")]),
            json!([id_fault("int_parsing_size", size, json!("9223372036854775808"))]),
        ),
        (
            form(&[("text", "x"), ("files", "a file as text")]),
            json!([{
                "type": "value_error", "loc": ["body", "files", 0],
                "msg": "Value error, Expected UploadFile, received: <class 'str'>",
                "input": "a file as text", "ctx": {"error": {}}
            }]),
        ),
        (
            user.call(Method::POST, "/chat/")
                .json(&json!({"text": 5, "conversation_id": "x"})),
            json!([
                fault(
                    "string_type",
                    json!(["body", "text"]),
                    "Input should be a valid string",
                    json!(5)
                ),
                id_fault("int_parsing", parsing, json!("x")),
            ]),
        ),
        (
            user.call(Method::POST, "/chat/")
                .header("content-type", "text/plain")
                .body("text=hello"),
            json!([no_text]),
        ),
    ] {
        send(request).await.expect_faults(&faults);
    }
    assert_eq!(provider.counts().calls, 0);
    assert_eq!(list(&user.get("/conversations/").await.1).len(), 0);
}

#[tokio::test]
async fn a_multipart_body_that_cannot_be_read() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for (content_type, body) in [
        ("multipart/form-data", "--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", "no boundary at all"),
        ("multipart/form-data; boundary=x", ""),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\ncut",
        ),
    ] {
        let request = user
            .call(Method::POST, "/chat/")
            .header("content-type", content_type);
        let answer = send(request.body(body)).await;
        answer.expect_error(400, "bad_request", "There was an error parsing the body");
    }
}

#[tokio::test]
async fn the_token_comes_first_but_for_broken_json() {
    let (app, provider) = app_with_vendor().await;
    let unsigned = || app.client().post(app.url("/chat/"));
    for request in [
        unsigned().form(&[("text", "x")]),
        unsigned().form(&[("conversation_id", "abc")]),
        unsigned().json(&json!({"text": 5})),
        unsigned()
            .header("content-type", "multipart/form-data; boundary=x")
            .body("broken"),
        unsigned(),
    ] {
        let answer = send(request).await;
        answer.expect_error(401, "not_authenticated", "Not authenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let request = unsigned()
        .header("content-type", "application/json")
        .body("{\"text\": ");
    let answer = send(request).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(answer.json()["detail"][0]["type"], "json_invalid");
    assert_eq!(provider.counts().calls, 0);
}

#[tokio::test]
async fn models() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for model in ["gpt-9", "../x", "text-embedding-3-small", "GPT-4o", " gpt-4o"] {
        let (status, body) = user.chat(&[("text", "x"), ("model", model)]).await;
        assert_eq!((status, &body["code"]), (400, &json!("model_unknown")), "{body}");
        assert!(
            body["detail"].as_str().unwrap().contains("GET /models"),
            "what to do: {body}"
        );
    }
    assert_eq!(
        (
            provider.counts().calls,
            list(&user.get("/conversations/").await.1).len()
        ),
        (0, 0)
    );
    chat(&user, &[("text", "x"), ("model", "o3")]).await;
    // A form's field left blank names none.
    chat(&user, &[("text", "x"), ("model", "")]).await;
    let asked: Vec<String> = provider
        .answer_calls()
        .iter()
        .map(|call| call.model().into_owned())
        .collect();
    assert_eq!(asked, ["o3", "gpt-4.1-nano"]);
}

#[tokio::test]
async fn the_default_model_is_configurable() {
    let (app, provider) = with_vendor(options().env("OPENAI_MODEL", "gpt-4o")).await;
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", "x")]).await;
    assert_eq!(provider.answer_calls()[0].model(), "gpt-4o");
}

#[tokio::test]
async fn without_a_key_the_built_in_responder_answers_and_others_are_named() {
    let app = options().start().await;
    let user = app.register("ada@example.com").await;
    let body = chat(&user, &[("text", "Hello")]).await;
    assert_eq!(
        messages(&user, &body["conversation_id"]).await[1]["model"],
        "built-in"
    );
    let (status, body) = user.chat(&[("text", "x"), ("model", "gpt-4o")]).await;
    assert_eq!((status, &body["code"]), (400, &json!("model_unavailable")));
    let detail = body["detail"].as_str().unwrap();
    assert!(
        detail.contains("gpt-4o") && detail.contains("OPENAI_API_KEY"),
        "{detail}"
    );
}

/// Nothing blocks: while one answer hangs, everything else goes on.
#[tokio::test]
async fn a_slow_model_holds_up_nobody() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    provider.push(Reply::text("late").gate_after(0, &gate));
    let slow = tokio::spawn({
        let user = user.clone();
        async move { user.chat(&[("text", "slow")]).await }
    });
    gate.reached().await;
    for _ in 0..3 {
        chat(&user, &[("text", "quick")]).await;
    }
    assert_eq!(get_as(&user, "/users/me").await.status, 200);
    gate.open();
    let (status, body) = slow.await.unwrap();
    assert_eq!((status, &body["answer"]), (200, &json!("late")));
}

/// A tab that is closed ends its waiting, not its answer.
#[tokio::test]
async fn a_client_that_leaves_still_gets_its_answer_stored() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    provider.push(
        Reply::text("Here it is.")
            .deltas(3)
            .gate_after(1, &gate)
            .usage(10, 0, 5, 0),
    );
    let asking = tokio::spawn({
        let user = user.clone();
        async move { user.chat(&[("text", "still there?")]).await }
    });
    gate.reached().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.open();
    // A second turn is answered after the first has ended or not; the first is waited for by asking again.
    let id = list(&user.get("/conversations/").await.1)[0]["id"].clone();
    let stored = loop {
        let stored = messages(&user, &id).await;
        if stored[1]["status"] != "running" {
            break stored;
        }
    };
    assert_eq!(stored[1]["text"], "Here it is.");
    assert_eq!(stored[1]["status"], "complete");
    assert_eq!(
        crate::support::usage(&user, &stored[1]["id"]).await.len(),
        2,
        "title and answer"
    );
}

#[tokio::test]
async fn limits_of_text_are_named() {
    let (app, provider) = with_vendor(options().env("CHATAI__LIMITS__MESSAGE_CHARS", "10")).await;
    let user = app.register("ada@example.com").await;
    assert_eq!(user.chat(&[("text", "ääääääääää")]).await.0, 200);
    let calls = provider.counts().calls;
    for request in [
        user.call(Method::POST, "/chat/").form(&[("text", "ääääääääääx")]),
        user.call(Method::POST, "/chat/")
            .json(&json!({"text": "01234567890"})),
    ] {
        let answer = send(request).await;
        answer.expect_error(413, "too_large", "The text is longer than 10 characters");
    }
    assert_eq!(provider.counts().calls, calls);
}

#[tokio::test]
async fn turns_of_one_user_are_limited() {
    let (app, provider) = with_vendor(options().env("CHATAI__LIMITS__TURNS_PER_MINUTE", "2")).await;
    let user = app.register("ada@example.com").await;
    let other = app.register("eve@example.com").await;
    chat(&user, &[("text", "1")]).await;
    chat(&user, &[("text", "2")]).await;
    let calls = provider.counts().calls;
    let answer: Answer = send(user.call(Method::POST, "/chat/").form(&[("text", "3")])).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (429, &json!("rate_limited"))
    );
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(provider.counts().calls, calls);
    chat(&other, &[("text", "1")]).await;
}

#[tokio::test]
async fn turns_at_once_are_bounded() {
    let (app, provider) = with_vendor(options().env("CHATAI__LIMITS__CONCURRENT_TURNS", "1")).await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    provider.push(Reply::text("late").gate_after(0, &gate));
    let slow = tokio::spawn({
        let user = user.clone();
        async move { user.chat(&[("text", "slow")]).await }
    });
    gate.reached().await;
    let answer = send(user.call(Method::POST, "/chat/").form(&[("text", "too many")])).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (503, &json!("overloaded")),
        "{answer:?}"
    );
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    gate.open();
    assert_eq!(slow.await.unwrap().0, 200);
    chat(&user, &[("text", "again")]).await;
}

#[tokio::test]
async fn wrong_methods_and_no_signature() {
    let (app, _provider) = app_with_vendor().await;
    let user: User = app.register("ada@example.com").await;
    let answer = get_as(&user, "/chat/").await;
    answer.expect_error(405, "method_not_allowed", "Method Not Allowed");
    assert_eq!(answer.header("allow"), "POST");
    let answer = post(&app, "/api/chat", &json!({"text": "x"})).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
