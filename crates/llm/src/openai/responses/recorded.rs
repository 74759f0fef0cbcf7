//! The decoder over whole streams in the vendor's form (`fixtures/openai-responses`).

use super::decode::Decoder;
use crate::{
    model::{Event, Finished, StopReason},
    provider::LlmError,
    recorded::{self, Outcome, assert_answer, call, text},
    secret::Secrets,
};
use bytes::Bytes;
use chatai_types::TokenCounts;
use std::time::Duration;

async fn decode_limited(chunks: Vec<Bytes>, max_answer_bytes: usize) -> Outcome {
    recorded::decode(chunks, Decoder::new(Secrets::default(), max_answer_bytes)).await
}

async fn decode(chunks: Vec<Bytes>) -> Outcome {
    decode_limited(chunks, 10_000).await
}

macro_rules! recorded {
    ($name:literal) => {
        recorded::outcome(
            include_str!(concat!("../../../fixtures/openai-responses/", $name, ".sse")),
            || Decoder::new(Secrets::default(), 10_000),
        )
        .await
    };
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
