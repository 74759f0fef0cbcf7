//! The scripted provider over a bare socket, without any client that would hide what it sends. How its
//! faults look to a client is tested with the adapters that must survive them.

use super::*;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

struct Client(TcpStream);

impl Client {
    async fn connect(provider: &ScriptedProvider) -> Self {
        Self(TcpStream::connect(provider.address()).await.unwrap())
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn post(&mut self, path: &str, body: &Value) {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send(&(head + &body)).await;
    }

    /// Reads until what came ends in `end`.
    async fn read_to(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            assert_ne!(
                self.0.read_buf(&mut bytes).await.unwrap(),
                0,
                "{}",
                String::from_utf8_lossy(&bytes)
            );
        }
        String::from_utf8(bytes).unwrap()
    }

    async fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).await.unwrap();
        text
    }
}

fn question(text: &str) -> Value {
    json!({
        "model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
        "stream": true, "store": false
    })
}

/// The `data` of every event of a body in chunks.
fn events(body: &str) -> Vec<Value> {
    let data = body.split('\n').filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn an_answer_has_the_vendors_events_in_the_vendors_order() {
    let provider = ScriptedProvider::start().await;
    provider.push(
        Reply::text("ab")
            .deltas(2)
            .reasoning("hm")
            .tool_call("f", &json!({}))
            .usage(9, 3, 4, 1),
    );
    let mut client = Client::connect(&provider).await;
    client.post("/v1/responses", &question("x")).await;
    let body = client.read_to("0\r\n\r\n").await;
    assert!(body.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream"));
    let events = events(&body);
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds
            .iter()
            .map(|kind| kind.trim_start_matches("response."))
            .collect::<Vec<_>>(),
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let response = &events.last().unwrap()["response"];
    assert_eq!(response["usage"]["input_tokens_details"]["cached_tokens"], 3);
    assert_eq!(response["usage"]["total_tokens"], 13);
    assert_eq!(response["output"].as_array().unwrap().len(), 3);
    provider.wait_until(|counts| counts.finished == 1).await;
    let billed = provider.billed();
    assert_eq!(
        (billed[0].usage.cached, billed[0].response_id.as_str()),
        (3, response["id"].as_str().unwrap())
    );
}

#[tokio::test]
async fn defaults_suit_the_question() {
    let provider = ScriptedProvider::start().await;
    let mut client = Client::connect(&provider).await;
    let title = json!({"format": {"type": "json_schema", "name": "title", "schema":
        {"type": "object", "properties": {"title": {"type": "string"}}}}});
    let tool = json!({"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false});
    let long = "one two three four five six seven";
    for (members, text) in [
        (json!({}), "Echo: one two three four five six seven"),
        (
            json!({"text": title}),
            r#"{"title":"one two three four five six"}"#,
        ),
        (
            json!({"instructions": "Summarise the message."}),
            "Summary: one two three four five six seven",
        ),
        (
            json!({"instructions": "Use summaries.", "tools": [tool]}),
            "Echo: one two three four five six seven",
        ),
    ] {
        let mut body = question(long);
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        client.post("/v1/responses", &body).await;
        let events = events(&client.read_to("0\r\n\r\n").await);
        let done = events
            .iter()
            .find(|event| event["type"] == "response.output_text.done")
            .unwrap();
        assert_eq!(done["text"], text);
    }
    assert_eq!((provider.counts().calls, provider.counts().connections), (4, 1));
}

#[tokio::test]
async fn unknown_paths_and_broken_requests_are_refused() {
    let provider = ScriptedProvider::start().await;
    for (request, status) in [
        ("GET /v1/files HTTP/1.1\r\n\r\n", "404"),
        (
            "POST /v1/responses HTTP/1.1\r\nContent-Length: 3\r\n\r\n{\"a",
            "400",
        ),
        (
            "POST /v1/responses HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "411",
        ),
        (
            "POST /v1/responses HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
            "413",
        ),
        ("POST /v1/responses HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "413"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let mut client = Client::connect(&provider).await;
        client.send(request).await;
        client.0.shutdown().await.unwrap();
        let answer = client.read_to_end().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_gate_holds_back_what_lies_behind_it() {
    let provider = ScriptedProvider::start().await;
    let (headers, middle) = (Gate::new(), Gate::new());
    provider.push(
        Reply::text("ab")
            .deltas(2)
            .gate_headers(&headers)
            .gate_after(1, &middle),
    );
    let mut client = Client::connect(&provider).await;
    client.post("/v1/responses", &question("x")).await;
    headers.reached().await;
    headers.open();
    middle.reached().await;
    let beginning = client.read_to("\n\n\r\n").await;
    assert!(beginning.contains(r#""delta":"a""#) && !beginning.contains(r#""delta":"b""#));
    middle.open();
    assert!(client.read_to("0\r\n\r\n").await.contains(r#""delta":"b""#));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let provider = ScriptedProvider::start().await;
    for (count, reply) in [Reply::hang_before_headers(), Reply::text("a").hang_after(1)]
        .into_iter()
        .enumerate()
    {
        provider.push(reply);
        let mut client = Client::connect(&provider).await;
        client.post("/v1/responses", &question("x")).await;
        provider.wait_for_calls(count + 1).await;
        drop(client);
        provider.wait_for_aborted(count + 1).await;
        provider.wait_for_connections_closed(count + 1).await;
    }
    assert_eq!(provider.counts().finished, 0);
}

#[tokio::test]
async fn a_dropped_provider_closes_its_connections() {
    let provider = ScriptedProvider::start().await;
    provider.push(Reply::text("a").hang_after(1));
    let mut client = Client::connect(&provider).await;
    client.post("/v1/responses", &question("x")).await;
    provider.wait_for_calls(1).await;
    let address = provider.address();
    drop(provider);
    // Aborted tasks end when the runtime comes to them; the socket's end is the sign.
    let mut rest = Vec::new();
    let _ = client.0.read_to_end(&mut rest).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn stand_alone_it_answers_by_its_script() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, |request| Reply::text(request.model())));
    let mut client = Client(TcpStream::connect(address).await.unwrap());
    client.post("/v1/responses", &question("x")).await;
    assert!(client.read_to("0\r\n\r\n").await.contains(r#""delta":"m""#));
    client
        .post("/v1/embeddings", &json!({"model": "e", "input": "a ship"}))
        .await;
    let answer = client.read_to("}}").await;
    assert!(answer.contains(r#""object":"embedding""#), "{answer}");
    server.abort();
}

/// What a vendor would refuse, none of the adapters' tests may have answered.
#[tokio::test]
async fn what_no_vendor_would_take_is_refused_in_its_words_and_uses_no_pushed_reply_up() {
    let provider = ScriptedProvider::start().await;
    provider.push(Reply::text("kept"));
    let mut unknown = question("x");
    unknown["temprature"] = json!(1);
    let mut unanswered = question("x");
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    unanswered["input"].as_array_mut().unwrap().push(call);
    let spoken =
        json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true, "top_k": 7});
    let ours = json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]});
    for (path, body, expected) in [
        ("/v1/responses", unknown, "body.temprature: unknown member"),
        (
            "/v1/responses",
            unanswered,
            "no tool output found for function call c",
        ),
        (
            "/v1/chat/completions",
            spoken.clone(),
            "body.top_k: unknown member",
        ),
        ("/v1/messages", spoken, "anthropic-version: header is required"),
        (
            "/v1beta/models/m:streamGenerateContent",
            ours.clone(),
            "alt: only `sse` is spoken",
        ),
        (
            "/v1beta/models/m:streamGenerateContent?alt=sse",
            ours,
            "body.contents[0].role: expected one of",
        ),
    ] {
        let mut client = Client::connect(&provider).await;
        client.post(path, &body).await;
        client.0.shutdown().await.unwrap();
        let answer = client.read_to_end().await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains(expected),
            "{path}: {answer}"
        );
    }
    assert_eq!((provider.unused(), provider.counts().calls), (1, 6));
}

#[tokio::test]
async fn every_dialect_has_its_own_stream_under_its_own_path() {
    let provider = ScriptedProvider::start().await;
    let said = json!([{"role": "user", "content": "x"}]);
    for (path, body, beginning, end) in [
        (
            "/v1/chat/completions",
            json!({"model": "m", "messages": said, "stream": true, "stream_options": {"include_usage": true}}),
            r#""object":"chat.completion.chunk""#,
            "data: [DONE]\n\n\r\n0\r\n\r\n",
        ),
        (
            "/v1beta/models/m:streamGenerateContent?alt=sse",
            json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
            r#"{"text":"Echo: x"}"#,
            "0\r\n\r\n",
        ),
    ] {
        let mut client = Client::connect(&provider).await;
        client.post(path, &body).await;
        let answer = client.read_to(end).await;
        assert!(answer.contains(beginning), "{path}: {answer}");
    }
    provider.wait_until(|counts| counts.finished == 2).await;
    assert_eq!(
        provider
            .billed()
            .iter()
            .map(|billed| billed.model.as_str())
            .collect::<Vec<_>>(),
        ["m", "m"]
    );
}
