//! The decoder over whole streams in the form of Gemini's documentation (`fixtures/gemini`).

use super::decode::Decoder;
use crate::{
    model::{Dialect, Event, Finished, ReasoningState, StopReason},
    provider::LlmError,
    recorded::{self, assert_answer, call, text},
    secret::Secrets,
};
use bytes::Bytes;
use chatai_types::TokenCounts;
use proptest::prelude::*;

fn decoder() -> Decoder {
    Decoder::new(Secrets::default(), 10_000, 3)
}

macro_rules! recorded {
    ($name:literal) => {
        recorded::outcome(
            include_str!(concat!("../../fixtures/gemini/", $name, ".sse")),
            decoder,
        )
        .await
    };
}

fn finished(reason: StopReason, usage: Option<(i64, i64, i64, i64)>, id: &str) -> Event {
    let counts = |(input, cached, output, reasoning)| {
        TokenCounts::from_inclusive(input, cached, output, reasoning).unwrap()
    };
    Event::Finished(Finished {
        reason,
        usage: usage.map(counts),
        response_id: Some(id.to_owned()),
    })
}

#[tokio::test(start_paused = true)]
async fn text_with_cached_input() {
    assert_answer(
        recorded!("text"),
        &[
            text("Hello, wörld 🦀 \"quoted\""),
            finished(StopReason::Stop, Some((100, 64, 9, 0)), "r-text"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn reasoning_and_parallel_calls_with_a_signature() {
    assert_answer(
        recorded!("parallel_tools"),
        &[
            Event::Reasoning("I look.".to_owned()),
            Event::State(ReasoningState {
                dialect: Dialect::Gemini,
                text: String::new(),
                opaque: r#"["c2ln",null]"#.to_owned(),
            }),
            call("gemini_call_3", "find", r#"{"q": "é"}"#),
            call("own", "now", "{}"),
            finished(StopReason::ToolCalls, Some((50, 0, 50, 30)), "r-tools"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn other_ends() {
    let usage = Some((5, 0, 1, 0));
    assert_answer(
        recorded!("refusal"),
        &[text("Well"), finished(StopReason::Refusal, usage, "r-safety")],
    );
    assert_answer(
        recorded!("blocked"),
        &[finished(StopReason::Refusal, Some((5, 0, 0, 0)), "r-blocked")],
    );
    assert_answer(
        recorded!("length"),
        &[text("Once"), finished(StopReason::Length, usage, "r-length")],
    );
    assert_answer(
        recorded!("usage_missing"),
        &[text("Hi"), finished(StopReason::Stop, None, "r-none")],
    );
}

#[tokio::test(start_paused = true)]
async fn streams_that_fail() {
    for (outcome, events, words) in [
        (
            recorded!("error_midway"),
            vec![text("Half")],
            "The model is overloaded.",
        ),
        (
            recorded!("malformed_call"),
            vec![],
            "MALFORMED_FUNCTION_CALL: print(x",
        ),
        // A call of an answer that broke off is never made.
        (
            recorded!("cut_off"),
            vec![text("Half")],
            "ended before the answer did",
        ),
    ] {
        assert_eq!(outcome.0, events);
        let Some(LlmError::Failed(what)) = outcome.1 else {
            panic!("{:?}", outcome.1)
        };
        assert!(what.contains(words), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_beyond_its_bound_is_given_up() {
    let long = "x".repeat(11_000);
    let stream =
        format!(r#"data: {{"candidates":[{{"content":{{"parts":[{{"text":"{long}"}}]}}}}]}}"#) + "\n\n";
    let (events, error) = recorded::decode(vec![Bytes::from(stream)], decoder()).await;
    assert!(events.is_empty());
    assert!(error.unwrap().to_string().contains("larger than 10000 bytes"));
}

proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(data in prop::collection::vec(any::<u8>(), 0..400), framed: bool) {
        let mut stream = if framed { b"data: ".to_vec() } else { Vec::new() };
        stream.extend(data);
        stream.extend(b"\n\n");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (_, error) = runtime.block_on(recorded::decode(vec![Bytes::from(stream)], decoder()));
        prop_assert!(error.is_some());
    }
}
