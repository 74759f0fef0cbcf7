//! The OpenAI adapter against a provider that misbehaves on purpose, over real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

use chatai_llm::{
    Event, Finished, Format, Item, LlmError, OpenAi, OpenAiConfig, Part, Provider, Request, StopReason,
    ToolCall, ToolSpec,
};
use chatai_testkit::provider::{Fault, Gate, RecordedRequest, Reply, ScriptedProvider};
use chatai_types::TokenCounts;
use futures_util::{StreamExt, future::join_all};
use serde_json::json;
use std::{
    collections::HashSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

const KEY: &str = "sk-test-0123456789";

/// Long enough for a busy machine, short enough to wait for.
const SILENCE: Duration = Duration::from_millis(300);

fn config(base_url: &str) -> OpenAiConfig {
    OpenAiConfig {
        timeout: Duration::from_secs(20),
        retry_backoff: Duration::from_millis(1),
        ..OpenAiConfig::new(base_url.parse().unwrap(), KEY)
    }
}

async fn start() -> (ScriptedProvider, OpenAi) {
    let provider = ScriptedProvider::start().await;
    let openai = OpenAi::new(config(&provider.base_url())).unwrap();
    (provider, openai)
}

fn impatient(provider: &ScriptedProvider) -> OpenAi {
    OpenAi::new(OpenAiConfig {
        timeout: SILENCE,
        ..config(&provider.base_url())
    })
    .unwrap()
}

fn ask(text: &str) -> Request {
    Request {
        model: "gpt-4.1-nano".to_owned(),
        items: vec![Item::User(vec![Part::Text(text.to_owned())])],
        ..Request::default()
    }
}

/// A whole call: its events, texts joined, or how it failed; what was shown before stands beside the error.
async fn call(openai: &OpenAi, request: Request) -> Result<(String, Vec<Event>), (String, LlmError)> {
    let mut stream = openai
        .stream(request)
        .await
        .map_err(|error| (String::new(), error))?;
    let (mut text, mut others) = (String::new(), Vec::new());
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Text(more)) => text.push_str(&more),
            Ok(event) => others.push(event),
            Err(error) => {
                assert!(stream.next().await.is_none(), "an error is the end");
                return Err((text, error));
            }
        }
    }
    assert!(
        matches!(others.last(), Some(Event::Finished(_))),
        "the end comes last: {others:?}"
    );
    Ok((text, others))
}

/// The variant's name.
fn kind(error: &LlmError) -> String {
    let shown = format!("{error:?}");
    shown
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap()
        .to_owned()
}

fn finished(events: &[Event]) -> &Finished {
    match events.last() {
        Some(Event::Finished(finished)) => finished,
        other => panic!("no end: {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_with_usage_over_a_connection_that_is_used_again() {
    let (provider, openai) = start().await;
    for round in 0..3 {
        provider.push(Reply::text("Grüße, 世界").deltas(4).usage(100, 40, 7, 0));
        let (text, events) = call(&openai, ask("hi")).await.unwrap();
        assert_eq!(text, "Grüße, 世界");
        let expected = Finished {
            reason: StopReason::Stop,
            usage: Some(TokenCounts::from_inclusive(100, 40, 7, 0).unwrap()),
            response_id: Some(provider.calls()[round].response_id()),
        };
        assert_eq!(events, [Event::Finished(expected)]);
    }
    assert_eq!((provider.counts().connections, provider.billed().len()), (1, 3));
}

#[tokio::test]
async fn the_request_carries_the_key_to_the_path_below_the_base() {
    let provider = ScriptedProvider::start().await;
    for base_url in [provider.base_url(), format!("{}/", provider.base_url())] {
        let openai = OpenAi::new(config(&base_url)).unwrap();
        call(&openai, ask("hi")).await.unwrap();
    }
    for request in provider.calls() {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/v1/responses")
        );
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("accept"), Some("text/event-stream"));
        assert!(request.header("user-agent").unwrap().starts_with("chatai/"));
        assert_eq!(
            (&request.json()["stream"], &request.json()["store"]),
            (&json!(true), &json!(false))
        );
    }
}

#[tokio::test]
async fn a_server_without_a_key_is_sent_none() {
    let provider = ScriptedProvider::start().await;
    let openai = OpenAi::new(OpenAiConfig {
        api_key: "".into(),
        ..config(&provider.base_url())
    })
    .unwrap();
    call(&openai, ask("hi")).await.unwrap();
    assert_eq!(provider.calls()[0].header("authorization"), None);
}

#[tokio::test]
async fn parallel_tool_calls_and_their_results() {
    let (provider, openai) = start().await;
    let search = json!({"content": "sea"});
    provider.push(Reply::call_tool("get_books", &search).raw_tool_call("get_summaries", "{broken"));
    let spec = ToolSpec {
        name: "get_books".to_owned(),
        description: "Finds books.".to_owned(),
        parameters: json!({"type": "object"}),
    };
    let mut request = Request {
        tools: vec![spec],
        ..ask("a book about the sea")
    };
    let (text, events) = call(&openai, request.clone()).await.unwrap();
    let calls: Vec<ToolCall> = events
        .iter()
        .filter_map(|event| {
            if let Event::ToolCall(call) = event {
                Some(call.clone())
            } else {
                None
            }
        })
        .collect();
    assert_eq!((text.as_str(), calls.len()), ("", 2));
    assert_eq!(
        (calls[0].name.as_str(), calls[0].arguments.as_str()),
        ("get_books", search.to_string().as_str())
    );
    assert_eq!(
        (calls[1].name.as_str(), calls[1].arguments.as_str()),
        ("get_summaries", "{broken")
    );
    assert_ne!(calls[0].id, calls[1].id);
    assert_eq!(finished(&events).reason, StopReason::ToolCalls);

    for call in calls {
        request.items.push(Item::ToolResult {
            call_id: call.id.clone(),
            output: "[]".to_owned(),
        });
        request
            .items
            .insert(request.items.len() - 1, Item::ToolCall(call));
    }
    call(&openai, request).await.unwrap();
    let second = &provider.calls()[1];
    assert_eq!(second.tool_outputs(), [("call_0_0", "[]"), ("call_0_1", "[]")]);
    assert_eq!(second.tool_names(), ["get_books"]);
}

#[tokio::test]
async fn structured_output_reasoning_refusal_and_limits() {
    let (provider, openai) = start().await;
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let title = Request {
        format: Format::JsonSchema {
            name: "title".to_owned(),
            schema,
        },
        ..ask("on whales")
    };
    assert_eq!(
        call(&openai, title.clone()).await.unwrap().0,
        r#"{"title":"on whales"}"#
    );
    // A pushed answer waits for a call that asks for text.
    provider.push(Reply::text("mine"));
    provider.push_for_schema("title", Reply::json(&json!({"title": "Whales"})));
    assert_eq!(call(&openai, title).await.unwrap().0, r#"{"title":"Whales"}"#);
    assert_eq!(call(&openai, ask("x")).await.unwrap().0, "mine");
    assert_eq!(provider.unused(), 0);

    provider.push(Reply::text("so").reasoning("because").usage(9, 0, 8, 6));
    let (_, events) = call(&openai, ask("x")).await.unwrap();
    assert_eq!(events[0], Event::Reasoning("because".to_owned()));
    assert_eq!(finished(&events).usage.unwrap().reasoning, 6);
    for (reply, reason) in [
        (Reply::refusal("no"), StopReason::Refusal),
        (
            Reply::text("cut").incomplete("max_output_tokens"),
            StopReason::Length,
        ),
        (
            Reply::text("cut").incomplete("content_filter"),
            StopReason::Refusal,
        ),
    ] {
        provider.push(reply);
        assert_eq!(finished(&call(&openai, ask("x")).await.unwrap().1).reason, reason);
    }
}

#[tokio::test]
async fn text_that_imitates_the_stream_is_only_text() {
    let (provider, openai) = start().await;
    provider.push(Reply::injected_frames().usage(5, 0, 5, 0));
    let (text, events) = call(&openai, ask("x")).await.unwrap();
    assert!(
        text.starts_with("before\n\nevent: ") && text.ends_with("\n\nafter"),
        "{text}"
    );
    assert_eq!(finished(&events).usage.unwrap().input_total(), Some(5));
}

#[tokio::test]
async fn text_arrives_as_it_is_sent() {
    let (provider, openai) = start().await;
    let gate = Gate::new();
    provider.push(Reply::text("ab").deltas(2).gate_after(1, &gate));
    let mut stream = openai.stream(ask("x")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("a".to_owned()));
    gate.open();
    assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("b".to_owned()));
}

#[tokio::test]
async fn a_stream_in_single_bytes_is_the_same_stream() {
    let (provider, openai) = start().await;
    provider.push(
        Reply::text("Grüße 🦀")
            .deltas(3)
            .byte_by_byte(Duration::ZERO)
            .usage(1, 0, 1, 0),
    );
    assert_eq!(call(&openai, ask("x")).await.unwrap().0, "Grüße 🦀");
}

#[tokio::test]
async fn failures_that_may_pass_are_tried_again_twice() {
    for fault in [
        Reply::server_error(),
        Reply::status(503, &json!(null)),
        Reply::status(408, &json!(null)),
        Reply::status(409, &json!(null)),
        Reply::rate_limited(None),
        Reply::rate_limited(Some(0)),
        Reply::page(502, "text/html", "<h1>Bad Gateway</h1>"),
        Reply::close_before_headers(),
    ] {
        let (provider, openai) = start().await;
        provider.push(fault.clone());
        provider.push(fault.clone());
        assert_eq!(call(&openai, ask("hi")).await.unwrap().0, "Echo: hi", "{fault:?}");
        assert_eq!(provider.counts().calls, 3, "{fault:?}");
        let bodies: HashSet<Vec<u8>> = provider.calls().iter().map(|call| call.body.to_vec()).collect();
        assert_eq!(bodies.len(), 1, "the same request each time");

        let (provider, openai) = start().await;
        provider.script(move |_| fault.clone());
        call(&openai, ask("hi")).await.unwrap_err();
        assert_eq!(provider.counts().calls, 3);
    }
}

#[tokio::test]
async fn refusals_are_named_and_not_repeated() {
    for (reply, expected) in [
        (Reply::unauthorized(), "Auth"),
        (Reply::insufficient_quota(), "Auth"),
        (Reply::status(403, &json!(null)), "Auth"),
        (Reply::model_not_found(), "ModelUnavailable"),
        (Reply::context_too_long(), "ContextTooLong"),
        (
            Reply::error(400, "invalid_request_error", "invalid_value", "Bad"),
            "Rejected",
        ),
        (Reply::rate_limited(Some(60)), "RateLimited"),
        (
            Reply::status(503, &json!(null)).header("retry-after", "60"),
            "RateLimited",
        ),
        (
            Reply::page(200, "text/html; charset=utf-8", "<h1>Sign in to the network</h1>"),
            "Failed",
        ),
    ] {
        let (provider, openai) = start().await;
        provider.push(reply.clone());
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!(
            (kind(&error).as_str(), provider.counts().calls),
            (expected, 1),
            "{reply:?}: {error}"
        );
        assert!(!error.to_string().contains("sk-"), "{error}");
        if let LlmError::RateLimited { retry_after, .. } = error {
            assert_eq!(retry_after, Some(Duration::from_secs(60)));
        }
    }
}

#[tokio::test]
async fn a_key_that_the_vendor_quotes_back_is_not_passed_on() {
    let (provider, openai) = start().await;
    let words = format!("who sent {KEY}?\nfor{KEY}ged");
    provider.push(Reply::error(400, "invalid_request_error", "", &words));
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    let expected = "the provider refused the request: who sent [redacted]? for[redacted]ged (status 400)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_stream_that_goes_wrong_ends_in_time_after_what_it_told() {
    for (fault, expected, deltas) in [
        (Fault::Hang, "Timeout", 2),
        (Fault::Cut, "Failed", 2),
        (Fault::End, "Failed", 2),
        (Fault::Garbage, "Failed", 2),
        (Fault::BadUtf8, "Failed", 2),
        (Fault::EndlessLine, "Failed", 2),
        (Fault::Raw(b"data: {}\n\ndata: [1]\n\n".to_vec()), "Failed", 2),
        (Fault::Hang, "Timeout", 0),
        (Fault::Cut, "Failed", 0),
    ] {
        let provider = ScriptedProvider::start().await;
        let openai = impatient(&provider);
        provider.push(Reply::text("abcd").deltas(4).fault_after(deltas, fault.clone()));
        let start = Instant::now();
        let (text, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!(
            (text.as_str(), kind(&error).as_str()),
            (&"abcd"[..deltas], expected),
            "{fault:?}: {error}"
        );
        assert!(start.elapsed() < SILENCE + Duration::from_secs(5), "{fault:?}");
        assert_eq!(provider.counts().calls, 1, "never repeated once the answer began");
        // One that had sent all it had to send may wait in the pool.
        drop(openai);
        provider.wait_for_connections_closed(1).await;
    }
}

#[tokio::test]
async fn endless_comments_end_with_the_call() {
    let provider = ScriptedProvider::start().await;
    let bounded = OpenAiConfig {
        total_timeout: SILENCE,
        ..config(&provider.base_url())
    };
    let openai = OpenAi::new(bounded).unwrap();
    provider.push(Reply::text("ab").deltas(2).fault_after(1, Fault::EndlessComments));
    let (text, error) = call(&openai, ask("x")).await.unwrap_err();
    assert_eq!((text.as_str(), kind(&error).as_str()), ("a", "Failed"));
    provider.wait_for_connections_closed(1).await;
}

#[tokio::test]
async fn errors_inside_a_stream_are_named() {
    for (reply, expected) in [
        (Reply::text("a").fails("server_error", "m"), "Failed"),
        (Reply::text("a").fails("rate_limit_exceeded", "m"), "RateLimited"),
        (
            Reply::text("a").errors("context_length_exceeded", "m"),
            "ContextTooLong",
        ),
        (Reply::text("a").errors("insufficient_quota", "m"), "Auth"),
    ] {
        let (provider, openai) = start().await;
        provider.push(reply);
        let (text, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!((text.as_str(), kind(&error).as_str()), ("a", expected));
    }
}

#[tokio::test]
async fn silence_before_the_headers_is_a_timeout_and_not_repeated() {
    let provider = ScriptedProvider::start().await;
    let openai = impatient(&provider);
    for reply in [
        Reply::hang_before_headers(),
        Reply::status(500, &json!(0)).byte_by_byte(SILENCE),
    ] {
        provider.push(reply);
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        assert!(
            matches!(error, LlmError::Timeout(silence) if silence == SILENCE),
            "{error:?}"
        );
    }
    assert_eq!(provider.counts().calls, 2);
    provider.wait_for_aborted(2).await;
}

#[tokio::test]
async fn what_is_no_http_failed() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::not_http());
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    assert_eq!(kind(&error), "Failed");
}

#[tokio::test]
async fn nobody_listening_is_said_so() {
    let provider = ScriptedProvider::start().await;
    let base_url = provider.base_url();
    drop(provider);
    let openai = OpenAi::new(config(&base_url)).unwrap();
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the provider failed: cannot connect: "),
        "{error}"
    );
}

#[tokio::test]
async fn usage_that_cannot_be_is_not_reported() {
    let (provider, openai) = start().await;
    for reply in [
        Reply::text("a").without_usage(),
        Reply::text("a").usage(-5, 0, 1, 0),
        Reply::text("a").usage(5, 6, 1, 0),
        Reply::text("a").usage(5, 0, 1, 2),
        Reply::text("a").raw_usage(json!({"input_tokens": "many"})),
    ] {
        provider.push(reply);
        assert_eq!(finished(&call(&openai, ask("x")).await.unwrap().1).usage, None);
    }
}

#[tokio::test]
async fn leaving_closes_the_connection_at_once() {
    let (provider, openai) = start().await;
    // Before the headers, in the middle, and with more to come than anybody reads.
    provider.push(Reply::hang_before_headers());
    let waiting = openai.stream(ask("x"));
    tokio::select! {
        _ = waiting => panic!("nothing was answered"),
        () = provider.wait_for_calls(1) => {}
    }
    provider.wait_for_aborted(1).await;
    for (count, fault) in [(2, Fault::Hang), (3, Fault::EndlessComments)] {
        provider.push(Reply::text("ab").deltas(2).fault_after(1, fault));
        let mut stream = openai.stream(ask("x")).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("a".to_owned()));
        let start = Instant::now();
        drop(stream);
        provider.wait_for_aborted(count).await;
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
    assert_eq!(provider.counts().connections_closed, 3);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (provider, openai) = start().await;
    let elsewhere = ScriptedProvider::start().await;
    provider.push(Reply::redirect(&format!("{}/responses", elsewhere.base_url())));
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    assert_eq!(
        (kind(&error).as_str(), elsewhere.counts().connections),
        ("Rejected", 0)
    );
}

#[tokio::test]
async fn a_dead_provider_is_left_alone_and_found_again() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::server_error());
    for _ in 0..2 {
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!(kind(&error), "Failed");
    }
    assert_eq!(provider.counts().calls, 5);
    for _ in 0..50 {
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        let LlmError::CircuitOpen { retry_after } = error else {
            panic!("{error:?}")
        };
        assert!(retry_after <= Duration::from_secs(5));
    }
    assert_eq!(provider.counts().calls, 5, "nothing was sent");

    provider.unscript();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    for _ in 0..2 {
        assert_eq!(call(&openai, ask("x")).await.unwrap().0, "Echo: x");
    }
}

#[tokio::test]
async fn refusals_never_open_the_circuit() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::context_too_long());
    for _ in 0..20 {
        assert_eq!(
            kind(&call(&openai, ask("x")).await.unwrap_err().1),
            "ContextTooLong"
        );
    }
    assert_eq!(provider.counts().calls, 20);
}

#[tokio::test]
async fn many_streams_at_once_do_not_mix() {
    let (provider, openai) = start().await;
    let gate = Gate::new();
    let held = gate.clone();
    provider.script(move |request: &RecordedRequest| {
        Reply::text(request.last_user_text())
            .deltas(5)
            .gate_after(2, &held)
    });
    let calls = (0..100).map(|number| {
        let openai = &openai;
        async move {
            (
                number,
                call(openai, ask(&format!("number {number}"))).await.unwrap().0,
            )
        }
    });
    let opener = async {
        gate.reached_by(100).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(join_all(calls), opener);
    for (number, text) in answers {
        assert_eq!(text, format!("number {number}"));
    }
}

#[tokio::test]
async fn embeddings_in_order_and_in_batches() {
    let (provider, openai) = start().await;
    let texts: Vec<String> = (0..300)
        .map(|number| format!("text number {number} about ships"))
        .collect();
    let embeddings = openai.embed("text-embedding-3-small", &texts).await.unwrap();
    assert_eq!((embeddings.vectors.len(), provider.counts().calls), (300, 2));
    assert!(embeddings.input_tokens.unwrap() > 300);
    let alone = openai
        .embed("text-embedding-3-small", &texts[299..])
        .await
        .unwrap();
    assert_eq!(alone.vectors[0], embeddings.vectors[299]);
    let none = openai.embed("text-embedding-3-small", &[]).await.unwrap();
    assert_eq!(
        (none.vectors.len(), none.input_tokens, provider.counts().calls),
        (0, Some(0), 3)
    );
    let sent = &provider.calls()[0];
    assert_eq!(
        (sent.path.as_str(), &*sent.model()),
        ("/v1/embeddings", "text-embedding-3-small")
    );
    assert_eq!(sent.header("authorization"), Some(&*format!("Bearer {KEY}")));
}

#[tokio::test]
async fn embeddings_fail_by_the_same_names() {
    let (provider, openai) = start().await;
    let texts = ["a".to_owned()];
    provider.push_for_embeddings(Reply::server_error());
    assert!(openai.embed("m", &texts).await.is_ok(), "tried again");
    for (reply, expected) in [
        (Reply::unauthorized(), "Auth"),
        (Reply::model_not_found(), "ModelUnavailable"),
        (Reply::page(200, "application/json", "{\"data\":[]}"), "Failed"),
        (Reply::page(200, "application/json", "[[["), "Failed"),
    ] {
        provider.push_for_embeddings(reply);
        assert_eq!(kind(&openai.embed("m", &texts).await.unwrap_err()), expected);
    }
    let impatient = impatient(&provider);
    provider.push_for_embeddings(Reply::hang_before_headers());
    assert_eq!(kind(&impatient.embed("m", &texts).await.unwrap_err()), "Timeout");
}

#[tokio::test]
async fn a_provider_that_moved_away_and_came_back_is_reached_again() {
    let (provider, openai) = start().await;
    call(&openai, ask("x")).await.unwrap();
    let address: SocketAddr = provider.address();
    drop(provider);
    assert!(call(&openai, ask("x")).await.is_err());
    let provider = ScriptedProvider::start_at(address).await;
    assert_eq!(call(&openai, ask("x")).await.unwrap().0, "Echo: x");
    assert_eq!(provider.counts().calls, 1);
}
