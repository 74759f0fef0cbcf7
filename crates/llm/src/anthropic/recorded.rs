//! The decoder over whole streams in the vendor's form (`fixtures/anthropic`); see [`crate::recorded`].

use super::decode::Decoder;
use crate::{
    model::{Dialect, Event, ReasoningState, StopReason},
    provider::LlmError,
    recorded::{
        self, MAX_ANSWER_BYTES, Outcome, assert_answer, call, finished, reasoning, survives_garbage, text,
        unmetered,
    },
    secret::Secrets,
};
use bytes::Bytes;

fn decoder() -> Decoder {
    Decoder::new(Secrets::default(), MAX_ANSWER_BYTES, false)
}

fn of_forms() -> Decoder {
    Decoder::new(Secrets::default(), MAX_ANSWER_BYTES, true)
}

async fn decode(stream: &str) -> Outcome {
    recorded::decode(vec![Bytes::from(stream.to_owned())], decoder()).await
}

macro_rules! stream {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/anthropic/", $name, ".sse"))
    };
}

macro_rules! recorded {
    ($name:literal) => {
        recorded::outcome(stream!($name), decoder).await
    };
}

fn state(text: &str, opaque: &str) -> Event {
    Event::State(ReasoningState {
        dialect: Dialect::Anthropic,
        text: text.to_owned(),
        opaque: opaque.to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn text_with_the_cache_read_and_written() {
    assert_answer(
        recorded!("text"),
        &[
            text("Hello, world!\n \"quoted\" \\ and\ttabbed"),
            finished(StopReason::Stop, [3, 12_304, 550, 9, 0], "msg_text"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn parallel_tool_calls_keep_the_models_order() {
    assert_answer(
        recorded!("parallel_tools"),
        &[
            text("Let me look."),
            call("toolu_A", "find", r#"{"q":"sea"}"#),
            call("toolu_B", "list", "{}"),
            finished(StopReason::ToolCalls, [310, 0, 0, 48, 0], "msg_tools"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn thinking_that_led_to_a_call_is_handed_back() {
    assert_answer(
        recorded!("thinking"),
        &[
            reasoning("Weighing the two."),
            state("Weighing the two.", r#"{"signature":"EqQBgIYA=="}"#),
            state("", r#"{"data":"enc"}"#),
            call("toolu_1", "find", "{}"),
            finished(StopReason::ToolCalls, [50, 0, 0, 220, 0], "msg_think"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn every_reason_to_stop() {
    assert_answer(
        recorded!("refusal"),
        &[
            text("I can't help"),
            finished(StopReason::Refusal, [20, 0, 0, 11, 0], "msg_ref"),
        ],
    );
    assert_answer(
        recorded!("length"),
        &[
            text("Once upon a ti"),
            finished(StopReason::Length, [12, 0, 0, 16, 0], "msg_len"),
        ],
    );
    assert_answer(
        recorded!("stop_sequence"),
        &[
            text("a"),
            finished(StopReason::Stop, [12, 0, 0, 2, 0], "msg_stop"),
        ],
    );
    // The last report replaces the first.
    assert_answer(
        recorded!("pause_turn"),
        &[
            text("a"),
            finished(StopReason::Stop, [40, 5, 0, 2, 0], "msg_pause"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_by_a_tool_is_text() {
    assert_answer(
        recorded::outcome(stream!("answer_tool"), of_forms).await,
        &[
            text(r#"{"title":"Whales"}"#),
            finished(StopReason::Stop, [12, 0, 0, 7, 0], "msg_form"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn missing_and_impossible_usage_is_no_usage() {
    assert_answer(
        recorded!("usage_missing"),
        &[text("ok"), unmetered(StopReason::Stop, Some("msg_un"))],
    );
    for usage in [
        r#"{"input_tokens":-1,"output_tokens":1}"#,
        r#"{"input_tokens":1,"output_tokens":-1}"#,
        r#"{"input_tokens":1,"output_tokens":1,"cache_read_input_tokens":-1}"#,
        r#"{"input_tokens":9223372036854775807,"output_tokens":1,"cache_read_input_tokens":1}"#,
        r#"{"input_tokens":"many","output_tokens":1}"#,
        r#"{"output_tokens":1}"#,
        r#"{"input_tokens":1}"#,
        "[]",
    ] {
        let stream = format!(
            "data: {{\"type\":\"message_delta\",\"delta\":{{}},\"usage\":{usage}}}\n\ndata: {{\"type\":\"message_stop\"}}\n\n"
        );
        assert_answer(decode(&stream).await, &[unmetered(StopReason::Stop, None)]);
    }
}

#[tokio::test(start_paused = true)]
async fn characters_of_many_bytes_and_injected_frames_survive() {
    let answer = "Grüße, мир! 日本語 🦀\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    assert_answer(
        recorded!("utf8"),
        &[
            text(answer),
            finished(StopReason::Stop, [7, 0, 0, 21, 0], "msg_utf8"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn errors_and_cuts_come_after_the_text() {
    let (events, error) = recorded!("error_midway");
    assert_eq!(events, [text("Half an ans")]);
    let error = error.unwrap();
    assert!(matches!(error, LlmError::Failed(_)), "{error:?}");
    assert!(error.to_string().ends_with("key [redacted] was used."), "{error}");
    let (events, error) = recorded!("cut_off");
    assert_eq!(events, [text("No end")]);
    assert!(matches!(error, Some(LlmError::Failed(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_of_this_api_fails_without_being_quoted() {
    for data in [
        "not json",
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":{"private":1}}}"#,
        r#"{"type":"content_block_start","content_block":"private"}"#,
        r#"{"type":"message_delta","delta":"private"}"#,
    ] {
        let (events, error) = decode(&format!("data: {data}\n\n")).await;
        let error = error.unwrap();
        assert!(
            events.is_empty() && matches!(error, LlmError::Failed(_)),
            "{data}"
        );
        assert!(!error.to_string().contains("private"), "{error}");
    }
}

#[test]
fn garbage_ends_in_an_error_and_never_in_more_than_it_may() {
    let streams = [
        stream!("text"),
        stream!("parallel_tools"),
        stream!("thinking"),
        stream!("answer_tool"),
        stream!("error_midway"),
        stream!("utf8"),
    ];
    survives_garbage(&streams, decoder);
    survives_garbage(&streams, of_forms);
}
