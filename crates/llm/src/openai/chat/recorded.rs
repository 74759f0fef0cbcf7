//! The decoder over whole streams in the forms of several servers (`fixtures/openai-chat`).

use super::decode::Decoder;
use crate::{
    model::{Dialect, Event, Finished, ReasoningState, StopReason},
    provider::LlmError,
    recorded::{self, Outcome, assert_answer, call, text},
    secret::Secrets,
};
use bytes::Bytes;
use chatai_types::TokenCounts;
use proptest::prelude::*;
use std::time::Duration;

fn decoder() -> Decoder {
    Decoder::new(Secrets::default(), 10_000, 0)
}

async fn decode(stream: impl Into<Bytes>) -> Outcome {
    recorded::decode(vec![stream.into()], decoder()).await
}

macro_rules! recorded {
    ($name:literal) => {
        recorded::outcome(
            include_str!(concat!("../../../fixtures/openai-chat/", $name, ".sse")),
            decoder,
        )
        .await
    };
}

fn finished(reason: StopReason, usage: (i64, i64, i64, i64), id: &str) -> Event {
    let (input, cached, output, reasoning) = usage;
    ended(
        reason,
        TokenCounts::from_inclusive(input, cached, output, reasoning).ok(),
        id,
    )
}

fn ended(reason: StopReason, usage: Option<TokenCounts>, id: &str) -> Event {
    Event::Finished(Finished {
        reason,
        usage,
        response_id: Some(id.to_owned()),
    })
}

fn state(text: &str, opaque: &str) -> Event {
    Event::State(ReasoningState {
        dialect: Dialect::OpenAiChat,
        text: text.to_owned(),
        opaque: opaque.to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn text_with_cached_input() {
    assert_answer(
        recorded!("text"),
        &[
            text("Hello, world!\n \"quoted\" \\ and\ttabbed"),
            finished(StopReason::Stop, (1_324, 1_280, 9, 0), "chatcmpl-text"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn parallel_tool_calls_in_pieces() {
    let arguments = r#"{"content":"sea voyages","limit":3}"#;
    assert_answer(
        recorded!("parallel_tools"),
        &[
            call("call_AAA", "get_book_recommendations", arguments),
            call("call_BBB", "get_book_summaries", r#"{"titles":["Moby-Dick"]}"#),
            finished(StopReason::ToolCalls, (310, 0, 48, 0), "chatcmpl-tools"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn whole_tool_calls_without_ids_or_indices_that_end_with_stop() {
    assert_answer(
        recorded!("whole_calls"),
        &[
            call("call_0", "find", r#"{"q":"a"}"#),
            call("call_1", "find", r#"{"q":"b"}"#),
            finished(StopReason::ToolCalls, (7, 0, 3, 0), "chatcmpl-7"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn made_up_ids_go_on_from_earlier_calls() {
    let stream = include_str!("../../../fixtures/openai-chat/whole_calls.sse");
    let decoder = Decoder::new(Secrets::default(), 10_000, 5);
    let (events, _) = recorded::decode(vec![Bytes::from_static(stream.as_bytes())], decoder).await;
    assert_eq!(events[0], call("call_5", "find", r#"{"q":"a"}"#));
}

#[tokio::test(start_paused = true)]
async fn reasoning_before_text() {
    assert_answer(
        recorded!("reasoning"),
        &[
            Event::Reasoning("**Weighing** the two books".to_owned()),
            text("The second."),
            finished(StopReason::Stop, (50, 0, 220, 192), "gen-1"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn reasoning_before_calls_is_kept_to_be_handed_back() {
    let details = r#"{"details":[{"type":"reasoning.text","text":"I need","format":"anthropic-claude-v1","index":0},{"type":"reasoning.text","text":" to look.","signature":"c2ln","index":0}],"is_short_name":true}"#;
    let (events, error) = recorded!("reasoning_before_calls");
    assert!(error.is_none(), "{error:?}");
    let Event::State(kept) = &events[1] else {
        panic!("{events:?}")
    };
    let opaque: serde_json::Value = serde_json::from_str(&kept.opaque).unwrap();
    assert_eq!(
        opaque,
        serde_json::from_str::<serde_json::Value>(details).unwrap()
    );
    let usage = TokenCounts::from_disjoint(100, 300, 600, 10, 0).unwrap();
    assert_eq!(
        events,
        [
            Event::Reasoning("I need to look.".to_owned()),
            state("I need to look.", &kept.opaque),
            call("toolu_1", "find", "{}"),
            ended(StopReason::ToolCalls, Some(usage), "gen-2"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_text_with_its_reason() {
    assert_answer(
        recorded!("refusal"),
        &[
            text("I'm sorry, I can't help with that."),
            finished(StopReason::Refusal, (20, 0, 11, 0), "chatcmpl-refusal"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn answers_that_were_cut_keep_their_text_and_make_no_calls() {
    for (outcome, reason, id) in [
        (
            recorded!("content_filter"),
            StopReason::Refusal,
            "chatcmpl-filter",
        ),
        (recorded!("length"), StopReason::Length, "chatcmpl-length"),
    ] {
        let expected = [text("Once upon a ti"), finished(reason, (12, 0, 16, 0), id)];
        assert_answer(outcome, &expected);
    }
}

#[tokio::test(start_paused = true)]
async fn missing_usage_is_no_usage() {
    let end = ended(StopReason::Stop, None, "chatcmpl-un");
    assert_answer(recorded!("usage_missing"), &[text("ok"), end]);
}

#[tokio::test(start_paused = true)]
async fn the_mark_of_the_end_may_be_missing() {
    let end = finished(StopReason::Stop, (3, 0, 1, 0), "chatcmpl-nd");
    assert_answer(recorded!("no_done"), &[text("ok"), end]);
}

#[tokio::test(start_paused = true)]
async fn errors_inside_a_stream_keep_their_kind() {
    let (events, error) = recorded!("error_midway");
    assert_eq!(events, [text("Half an ans")]);
    let error = error.unwrap();
    assert!(matches!(error, LlmError::Failed(_)), "{error:?}");
    assert!(error.to_string().ends_with("Key [redacted] was used."), "{error}");

    let (events, error) = recorded!("error_with_status");
    assert!(events.is_empty());
    let wait = Some(Duration::from_millis(1_200));
    assert!(
        matches!(error, Some(LlmError::RateLimited { retry_after, .. }) if retry_after == wait),
        "{error:?}"
    );

    let (events, error) = recorded!("error_at_the_top");
    assert!(events.is_empty());
    assert!(matches!(error, Some(LlmError::ContextTooLong(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_its_end_failed() {
    let (events, error) = recorded!("cut_off");
    assert_eq!(events, [text("No end")]);
    assert!(matches!(error, Some(LlmError::Failed(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn characters_of_many_bytes_and_injected_frames_survive() {
    assert_answer(
        recorded!("utf8"),
        &[
            text("Grüße, мир! 日本語 🦀👩‍👩‍👧\n\ndata: [DONE]\n\n"),
            finished(StopReason::Stop, (7, 0, 21, 0), "chatcmpl-utf8"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn content_in_parts_and_other_answers() {
    assert_answer(
        recorded!("in_parts"),
        &[
            Event::Reasoning("hm".to_owned()),
            text("yes"),
            finished(StopReason::Length, (9, 0, 4, 0), "m-1"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_chunk_of_this_api_fails() {
    for data in [
        "data: not json",
        "data: {\"choices\": 7}",
        "data: {\"choices\":[{\"delta\":{\"content\":7}}]}",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\ud800\"}}]}",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[7]}}]}",
    ] {
        let (events, error) = decode(format!("{data}\n\n")).await;
        assert!(events.is_empty(), "{data}");
        assert!(matches!(error, Some(LlmError::Failed(_))), "{data}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_size_of_an_answer_and_the_number_of_its_calls_are_bounded() {
    let delta = |member: &str| {
        let delta = format!(
            r#"data: {{"choices":[{{"index":0,"delta":{{"{member}":"{}"}}}}]}}"#,
            "x".repeat(100)
        );
        Bytes::from(delta + "\n\n")
    };
    for member in ["content", "refusal", "reasoning_content", "reasoning"] {
        let decoder = Decoder::new(Secrets::default(), 1_000, 0);
        let (events, error) = recorded::decode(vec![delta(member); 11], decoder).await;
        assert_eq!(events.len(), 1, "what fits is shown");
        assert!(error.unwrap().to_string().contains("1000 bytes"), "{member}");
    }
    let calls: String = (0..200)
        .map(|index| {
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"function\":\
                 {{\"name\":\"f\"}}}}]}}}}]}}\n\n"
            )
        })
        .collect();
    let (_, error) = decode(calls).await;
    assert!(error.unwrap().to_string().contains("128 tool calls"));
}

proptest! {
    /// Whatever a server sends, the decoder gives events or a failure, and nothing after the end.
    #[test]
    fn garbage_is_a_failure_at_worst(chunks in proptest::collection::vec(chunk(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let stream: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
        let (events, error) = runtime.block_on(decode(stream));
        let ends = events.iter().filter(|event| matches!(event, Event::Finished(_))).count();
        prop_assert_eq!(ends, usize::from(error.is_none()));
        prop_assert!(error.is_some() || matches!(events.last(), Some(Event::Finished(_))));
    }
}

fn chunk() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[DONE]".to_owned()),
        "\\PC{0,40}",
        (0..3_u64, "\\PC{0,8}").prop_map(|(index, text)| serde_json::json!({"id": text, "choices": [
            {"index": index, "delta": {"content": text, "reasoning": text}}]})
        .to_string()),
        (
            proptest::option::of(0..3_u64),
            proptest::option::of("[a-c]"),
            proptest::option::of("[f-h]"),
            "\\PC{0,4}"
        )
            .prop_map(|(index, id, name, arguments)| {
                serde_json::json!({"choices": [{"delta": {"tool_calls": [
                {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]}}]})
                .to_string()
            }),
        "stop|length|tool_calls|content_filter|error|\\PC{0,3}".prop_map(|reason| {
            serde_json::json!({"choices": [{"delta": {}, "finish_reason": reason}]}).to_string()
        }),
        any::<[i64; 3]>().prop_map(
            |[input, output, total]| serde_json::json!({"choices": [], "usage":
            {"prompt_tokens": input, "completion_tokens": output, "total_tokens": total}})
            .to_string()
        ),
    ]
}
