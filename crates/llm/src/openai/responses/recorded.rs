//! The decoder over whole streams in the vendor's form (`fixtures/openai-responses`), each also cut at every
//! byte and with other line ends: what comes out must never depend on how it came in.

use super::decode::Decoder;
use crate::{
    answer_stream::{AnswerStream, StreamLimits},
    breaker::Breaker,
    failure::Failure,
    model::{Event, Finished, StopReason, ToolCall},
    provider::LlmError,
    secret::Secrets,
};
use bytes::Bytes;
use chatai_types::TokenCounts;
use futures_util::{StreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

type Outcome = (Vec<Event>, Option<LlmError>);

/// Text events joined as a reader would see them: their split is not part of the meaning.
fn joined(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().fold(Vec::new(), |mut joined, event| {
        match (joined.last_mut(), event) {
            (Some(Event::Text(text)), Event::Text(more)) => text.push_str(&more),
            (Some(Event::Reasoning(text)), Event::Reasoning(more)) => text.push_str(&more),
            (_, event) => joined.push(event),
        }
        joined
    })
}

async fn decode_limited(chunks: Vec<Bytes>, max_answer_bytes: usize) -> Outcome {
    let limits = StreamLimits {
        silence: Duration::from_secs(10),
        deadline: Instant::now() + Duration::from_secs(60),
        total: Duration::from_secs(60),
        max_event_bytes: 16 * 1024,
    };
    let body = stream::iter(chunks.into_iter().map(Ok::<_, LlmError>));
    let decoder = Decoder::new(Secrets::default(), max_answer_bytes);
    let mut answer = AnswerStream::new(
        body,
        decoder,
        Failure::fatal,
        limits,
        Arc::new(Breaker::default()),
    );
    let (mut events, mut error) = (Vec::new(), None);
    while let Some(item) = answer.next().await {
        assert_eq!(
            error.as_ref().map(LlmError::to_string),
            None,
            "nothing comes after an error"
        );
        match item {
            Ok(event) => events.push(event),
            Err(failed) => error = Some(failed),
        }
    }
    (joined(events), error)
}

async fn decode(chunks: Vec<Bytes>) -> Outcome {
    decode_limited(chunks, 10_000).await
}

/// Decodes whole, cut at every byte, byte by byte, and with CRLF line ends; all must be the same.
async fn outcome(stream: &'static str) -> Outcome {
    let bytes = Bytes::from_static(stream.as_bytes());
    let whole = decode(vec![bytes.clone()]).await;
    let shown = format!("{whole:?}");
    for cut in 1..bytes.len() {
        let cut_in_two = decode(vec![bytes.slice(..cut), bytes.slice(cut..)]).await;
        assert_eq!(format!("{cut_in_two:?}"), shown, "cut at byte {cut}");
    }
    let singles = (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
    assert_eq!(format!("{:?}", decode(singles).await), shown, "byte by byte");
    for line_end in ["\r\n", "\r"] {
        let other = Bytes::from(stream.replace('\n', line_end));
        assert_eq!(
            format!("{:?}", decode(vec![other]).await),
            shown,
            "line end {line_end:?}"
        );
    }
    whole
}

macro_rules! recorded {
    ($name:literal) => {
        outcome(include_str!(concat!(
            "../../../fixtures/openai-responses/",
            $name,
            ".sse"
        )))
        .await
    };
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn call(id: &str, name: &str, arguments: &str) -> Event {
    Event::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn finished(reason: StopReason, usage: (i64, i64, i64, i64), id: &str) -> Event {
    let (input, cached, output, reasoning) = usage;
    let usage = TokenCounts::from_inclusive(input, cached, output, reasoning).unwrap();
    Event::Finished(Finished {
        reason,
        usage: Some(usage),
        response_id: Some(id.to_owned()),
    })
}

#[track_caller]
fn assert_answer(outcome: Outcome, expected: &[Event]) {
    assert!(outcome.1.is_none(), "{:?}", outcome.1);
    assert_eq!(outcome.0, expected);
}

#[tokio::test(start_paused = true)]
async fn text_with_cached_input() {
    let answer = "Hello, world!\n \"quoted\" \\ and\ttabbed";
    assert_answer(
        recorded!("text"),
        &[
            text(answer),
            finished(StopReason::Stop, (1_324, 1_280, 9, 0), "resp_text"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn reasoning_before_text_among_unknown_events() {
    assert_answer(
        recorded!("reasoning"),
        &[
            Event::Reasoning("**Weighing** the two books".to_owned()),
            text("The second."),
            finished(StopReason::Stop, (50, 0, 220, 192), "resp_reasoning"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn parallel_tool_calls_keep_the_models_order() {
    assert_answer(
        recorded!("parallel_tools"),
        &[
            call(
                "call_AAA",
                "get_book_recommendations",
                r#"{"content":"sea voyages","limit":3}"#,
            ),
            call("call_BBB", "get_book_summaries", r#"{"titles":["Moby-Dick"]}"#),
            finished(StopReason::ToolCalls, (310, 0, 48, 0), "resp_tools"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_tells_that_an_item_is_done() {
    assert_answer(
        recorded!("arguments_done_only"),
        &[
            text("Let me look."),
            call("call_C", "find", "{}"),
            call("call_2", "find", r#"{"q":"x"}"#),
            finished(StopReason::ToolCalls, (10, 0, 2, 0), "resp_loose"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_text_with_its_reason() {
    assert_answer(
        recorded!("refusal"),
        &[
            text("I'm sorry, I can't help with that."),
            finished(StopReason::Refusal, (20, 0, 11, 0), "resp_refusal"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn missing_usage_is_no_usage() {
    let end = Finished {
        reason: StopReason::Stop,
        usage: None,
        response_id: Some("resp_unmetered".to_owned()),
    };
    assert_answer(recorded!("usage_missing"), &[text("ok"), Event::Finished(end)]);
}

#[tokio::test(start_paused = true)]
async fn incomplete_answers_keep_their_text_and_make_no_calls() {
    for (outcome, reason) in [
        (recorded!("incomplete_length"), StopReason::Length),
        (recorded!("incomplete_filter"), StopReason::Refusal),
    ] {
        assert_answer(
            outcome,
            &[
                text("Once upon a ti"),
                finished(reason, (12, 0, 16, 0), "resp_incomplete"),
            ],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_middle_comes_after_the_text() {
    let (events, error) = recorded!("error_midway");
    assert_eq!(events, [text("Half an ans")]);
    let error = error.unwrap();
    assert!(matches!(error, LlmError::Failed(_)), "{error:?}");
    assert!(error.to_string().ends_with("Key [redacted] was used."), "{error}");
}

#[tokio::test(start_paused = true)]
async fn errors_inside_a_stream_keep_their_kind() {
    let (events, error) = recorded!("error_nested");
    let wait = Some(Duration::from_millis(1_200));
    assert!(events.is_empty());
    assert!(
        matches!(error, Some(LlmError::RateLimited { retry_after, .. }) if retry_after == wait),
        "{error:?}"
    );
    let (events, error) = recorded!("failed");
    assert!(events.is_empty());
    assert!(matches!(error, Some(LlmError::ContextTooLong(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_its_last_event_failed() {
    let (events, error) = recorded!("cut_off");
    assert_eq!(events, [text("No end")]);
    assert!(matches!(error, Some(LlmError::Failed(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn characters_of_many_bytes_and_injected_frames_survive() {
    let answer = "Grüße, мир! 日本語 🦀👩‍👩‍👧\n\ndata: {\"type\":\"response.completed\"}\n\n";
    assert_answer(
        recorded!("utf8"),
        &[
            text(answer),
            finished(StopReason::Stop, (7, 0, 21, 0), "resp_utf8"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn impossible_usage_is_not_billed() {
    for usage in [
        r#"{"input_tokens":-1,"output_tokens":1}"#,
        r#"{"input_tokens":1,"input_tokens_details":{"cached_tokens":2},"output_tokens":1}"#,
        r#"{"input_tokens":1,"output_tokens":1,"output_tokens_details":{"reasoning_tokens":2}}"#,
        r#"{"input_tokens":1e400,"output_tokens":1}"#,
        r#"{"input_tokens":99999999999999999999,"output_tokens":1}"#,
        r#"{"input_tokens":1.5,"output_tokens":1}"#,
        r#"{"input_tokens":"many","output_tokens":1}"#,
        r#"{"output_tokens":1}"#,
        r#"{}"#,
        "[]",
        "7",
        "null",
    ] {
        let stream =
            format!(r#"data: {{"type":"response.completed","response":{{"usage":{usage}}}}}"#) + "\n\n";
        let (events, error) = decode(vec![Bytes::from(stream)]).await;
        let end = Finished {
            reason: StopReason::Stop,
            usage: None,
            response_id: None,
        };
        assert!(error.is_none(), "{usage}: {error:?}");
        assert_eq!(events, [Event::Finished(end)], "{usage}");
    }
}

#[tokio::test(start_paused = true)]
async fn details_may_be_null_or_missing() {
    for (usage, counts) in [
        (
            r#"{"input_tokens":3,"input_tokens_details":null,"output_tokens":1}"#,
            (3, 0, 1, 0),
        ),
        (
            r#"{"input_tokens":3,"input_tokens_details":{"cached_tokens":null},"output_tokens":1}"#,
            (3, 0, 1, 0),
        ),
        (
            r#"{"input_tokens":3,"output_tokens":1,"output_tokens_details":{"reasoning_tokens":1,"new":[]}}"#,
            (3, 0, 1, 1),
        ),
    ] {
        let stream =
            format!(r#"data: {{"type":"response.completed","response":{{"id":"r","usage":{usage}}}}}"#)
                + "\n\n";
        let outcome = decode(vec![Bytes::from(stream)]).await;
        assert_answer(outcome, &[finished(StopReason::Stop, counts, "r")]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_of_this_api_fails() {
    for data in [
        "data: {\"type\": \"respo\x01nse\"]]",
        "data: not json",
        "data: []",
        "data: {\"type\":\"response.output_text.delta\",\"delta\":7}",
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\ud800\"}",
        "data: {\"type\":\"response.completed\"}",
        "data: {\"type\":\"response.output_item.done\",\"item\":7}",
    ] {
        let (events, error) = decode(vec![Bytes::from(format!("{data}\n\n"))]).await;
        assert!(events.is_empty(), "{data}");
        assert!(matches!(error, Some(LlmError::Failed(_))), "{data}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_unreadable_data_does_not_quote_it() {
    let secret = "data: {\"type\":\"response.output_text.delta\",\"delta\":{\"private\":1}}\n\n";
    let (_, error) = decode(vec![Bytes::from_static(secret.as_bytes())]).await;
    assert!(!error.unwrap().to_string().contains("private"));
}

#[tokio::test(start_paused = true)]
async fn the_kind_may_stand_in_the_events_name_alone() {
    let stream = "event: response.output_text.delta\ndata: {\"delta\":\"a\"}\n\n\
                  event: response.completed\ndata: {\"response\":{}}\n\n";
    let end = Finished {
        reason: StopReason::Stop,
        usage: None,
        response_id: None,
    };
    assert_answer(
        decode(vec![Bytes::from_static(stream.as_bytes())]).await,
        &[text("a"), Event::Finished(end)],
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_after_the_end_counts() {
    let end = "data: {\"type\":\"response.completed\",\"response\":{}}\n\n";
    for more in [
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"late\"}\n\n",
        "data: garbage\n\n",
        "data: {\"type\":\"error\",\"message\":\"late\"}\n\n",
        end,
    ] {
        let expected = [Event::Finished(Finished {
            reason: StopReason::Stop,
            usage: None,
            response_id: None,
        })];
        assert_answer(decode(vec![Bytes::from(format!("{end}{more}"))]).await, &expected);
        assert_answer(
            decode(vec![Bytes::from_static(end.as_bytes()), Bytes::from(more)]).await,
            &expected,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_size_of_an_answer_is_bounded() {
    let delta = |kind: &str| {
        Bytes::from(format!(
            "data: {{\"type\":\"{kind}\",\"delta\":\"{}\"}}\n\n",
            "x".repeat(100)
        ))
    };
    for kind in [
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_summary_text.delta",
    ] {
        let (events, error) = decode_limited(vec![delta(kind); 11], 1_000).await;
        assert_eq!(events.len(), 1, "what fits is shown");
        assert!(error.unwrap().to_string().contains("1000 bytes"));
    }
    let call = format!(
        "data: {{\"type\":\"response.output_item.done\",\"item\":{{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"{}\"}}}}\n\n",
        "x".repeat(1_001)
    );
    let (_, error) = decode_limited(vec![Bytes::from(call)], 1_000).await;
    assert!(matches!(error, Some(LlmError::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_tool_calls_is_bounded() {
    let calls: String = (0..200)
        .map(|index| {
            format!(
                "data: {{\"type\":\"response.output_item.done\",\"output_index\":{index},\
                 \"item\":{{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"\"}}}}\n\n"
            )
        })
        .collect();
    let (_, error) = decode(vec![Bytes::from(calls)]).await;
    assert!(error.unwrap().to_string().contains("128 tool calls"));
}

#[tokio::test(start_paused = true)]
async fn an_event_may_not_grow_without_end() {
    let (_, error) = decode(vec![Bytes::from_static(&[b'a'; 4_096]); 5]).await;
    assert!(matches!(error, Some(LlmError::Failed(_))), "{error:?}");
    let (_, error) = decode(vec![Bytes::from_static(b"data: \xff\n\n")]).await;
    assert!(matches!(error, Some(LlmError::Failed(_))), "{error:?}");
}
