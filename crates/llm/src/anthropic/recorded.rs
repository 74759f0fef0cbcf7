//! The decoder over whole streams in the vendor's form (`fixtures/anthropic`), each also cut at every byte and
//! with other line ends, and over garbage: what comes out must never depend on how it came in.

use super::decode::Decoder;
use crate::{
    model::{Dialect, Event, Finished, ReasoningState, StopReason, ToolCall},
    provider::LlmError,
    recorded::{self, Outcome},
    secret::Secrets,
};
use bytes::Bytes;
use chatai_types::TokenCounts;
use proptest::prelude::*;

fn decoder(answer_tool: Option<&str>) -> Decoder {
    Decoder::new(Secrets::default(), 10_000, answer_tool.map(str::to_owned))
}

async fn decode(chunks: Vec<Bytes>, answer_tool: Option<&str>) -> Outcome {
    recorded::decode(chunks, decoder(answer_tool)).await
}

async fn outcome(stream: &'static str, answer_tool: Option<&str>) -> Outcome {
    recorded::outcome(stream, || decoder(answer_tool)).await
}

macro_rules! recorded {
    ($name:literal) => {
        recorded!($name, None)
    };
    ($name:literal, $answer_tool:expr) => {
        outcome(
            include_str!(concat!("../../fixtures/anthropic/", $name, ".sse")),
            $answer_tool,
        )
        .await
    };
}

/// Events in the vendor's form, each on a line of its own.
fn events(data: &[&str]) -> Vec<Bytes> {
    data.iter()
        .map(|data| Bytes::from(format!("data: {data}\n\n")))
        .collect()
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

fn state(text: &str, opaque: &str) -> Event {
    Event::State(ReasoningState {
        dialect: Dialect::Anthropic,
        text: text.to_owned(),
        opaque: opaque.to_owned(),
    })
}

/// The end, with fresh input, input read from the cache and written to it, output, and reasoning.
fn finished(reason: StopReason, usage: (i64, i64, i64, i64, i64), id: &str) -> Event {
    let (fresh, read, written, output, reasoning) = usage;
    Event::Finished(Finished {
        reason,
        usage: Some(TokenCounts::from_disjoint(fresh, read, written, output, reasoning).unwrap()),
        response_id: Some(id.to_owned()),
    })
}

#[track_caller]
fn assert_answer(outcome: Outcome, expected: &[Event]) {
    assert!(outcome.1.is_none(), "{:?}", outcome.1);
    assert_eq!(outcome.0, expected);
}

#[tokio::test(start_paused = true)]
async fn text_with_the_counters_of_the_cache_apart() {
    let (events, error) = recorded!("text");
    assert!(error.is_none(), "{error:?}");
    let usage = (44, 1_280, 100, 9, 0);
    assert_eq!(
        events,
        [
            text("Hello, world!\n \"quoted\" \\ and\ttabbed"),
            finished(StopReason::Stop, usage, "msg_text"),
        ]
    );
    let Some(Event::Finished(end)) = events.last() else {
        panic!("no end: {events:?}")
    };
    assert_eq!(end.usage.unwrap().input_total(), Some(44 + 1_280 + 100));
}

#[tokio::test(start_paused = true)]
async fn parallel_tool_calls_keep_the_models_order() {
    assert_answer(
        recorded!("parallel_tools"),
        &[
            text("Let me look."),
            call(
                "toolu_A",
                "get_book_recommendations",
                r#"{"content": "sea voyages", "limit": 3}"#,
            ),
            call("toolu_B", "get_book_summaries", r#"{"titles": ["Moby-Dick"]}"#),
            call("toolu_C", "now", "{}"),
            finished(StopReason::ToolCalls, (310, 0, 0, 48, 0), "msg_tools"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn thinking_is_shown_and_kept_with_its_signature() {
    assert_answer(
        recorded!("thinking"),
        &[
            Event::Reasoning("Weighing the two books".to_owned()),
            text("I look it up."),
            state(
                "Weighing the two books",
                r#"{"thinking":{"signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}}"#,
            ),
            state("", r#"{"redacted":{"data":"EmwKAhgBEgy3va3pzix"}}"#),
            call("toolu_A", "find", r#"{"q": "x"}"#),
            finished(StopReason::ToolCalls, (50, 0, 0, 220, 192), "msg_think"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn the_arguments_of_the_answer_tool_are_the_answer() {
    assert_answer(
        recorded!("answer_tool", Some("answer_in_json")),
        &[
            text(r#"{"title": "Sea voyages"}"#),
            finished(StopReason::Stop, (60, 0, 0, 12, 0), "msg_answer"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_limits_and_stop_sequences() {
    assert_answer(
        recorded!("refusal"),
        &[
            text("I cannot"),
            finished(StopReason::Refusal, (25, 0, 0, 3, 0), "msg_refusal"),
        ],
    );
    assert_answer(
        recorded!("max_tokens"),
        &[
            text("Once"),
            finished(StopReason::Length, (25, 0, 0, 16, 0), "msg_length"),
        ],
    );
    assert_answer(
        recorded!("utf8"),
        &[
            text("Grüße, 世界 👩\u{200d}🚀🏳\u{fe0f}\u{200d}🌈 é"),
            Event::StoppedAt("\n\nHuman".to_owned()),
            finished(StopReason::Stop, (7, 0, 0, 21, 0), "msg_utf8"),
        ],
    );
    for (told, reason) in [
        ("pause_turn", StopReason::Length),
        ("model_context_window_exceeded", StopReason::Length),
        ("of_tomorrow", StopReason::Stop),
    ] {
        let end = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{told}"}}}}"#);
        let answer = decode(events(&[&end, r#"{"type":"message_stop"}"#]), None).await;
        let expected = Finished {
            reason,
            usage: None,
            response_id: None,
        };
        assert_answer(answer, &[Event::Finished(expected)]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_usage_nothing_is_made_up() {
    let end = Finished {
        reason: StopReason::Stop,
        usage: None,
        response_id: Some("msg_free".to_owned()),
    };
    assert_answer(recorded!("usage_missing"), &[text("Free."), Event::Finished(end)]);
}

#[tokio::test(start_paused = true)]
async fn an_error_midway_and_a_stream_that_is_cut_off() {
    let (events, error) = recorded!("error_midway");
    assert_eq!(events, [text("Once upon")]);
    assert_eq!(error.unwrap().to_string(), "the provider failed: Overloaded");
    let (events, error) = recorded!("cut_off");
    assert_eq!(events, [text("Once upon")]);
    assert!(matches!(error, Some(LlmError::Failed(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn impossible_usage_is_not_billed() {
    for (start, end) in [
        (r#"{"input_tokens":-1}"#, r#"{"output_tokens":1}"#),
        (
            r#"{"input_tokens":1,"cache_read_input_tokens":-1}"#,
            r#"{"output_tokens":1}"#,
        ),
        (
            r#"{"input_tokens":1,"cache_creation_input_tokens":-1}"#,
            r#"{"output_tokens":1}"#,
        ),
        (
            r#"{"input_tokens":9223372036854775807,"cache_read_input_tokens":1}"#,
            r#"{"output_tokens":1}"#,
        ),
        (
            r#"{"input_tokens":1}"#,
            r#"{"output_tokens":1,"output_tokens_details":{"thinking_tokens":2}}"#,
        ),
        (r#"{"input_tokens":1.5}"#, r#"{"output_tokens":1}"#),
        (r#"{"input_tokens":1}"#, r#"{"output_tokens":"many"}"#),
        (r#"{"input_tokens":1,"output_tokens":1}"#, "{}"),
        ("{}", r#"{"output_tokens":1}"#),
        ("[]", "7"),
    ] {
        let start = format!(r#"{{"type":"message_start","message":{{"usage":{start}}}}}"#);
        let end = format!(r#"{{"type":"message_delta","delta":{{}},"usage":{end}}}"#);
        let (events, error) = decode(events(&[&start, &end, r#"{"type":"message_stop"}"#]), None).await;
        assert!(error.is_none(), "{error:?}");
        let [Event::Finished(finished)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(finished.usage, None, "{start} {end}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_of_this_api_fails_without_being_quoted() {
    for data in [
        "not json",
        "[]",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":{"private":1}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud800"}}"#,
        r#"{"type":"content_block_start","index":0}"#,
        r#"{"type":"message_start"}"#,
    ] {
        let (events, error) = decode(events(&[data]), None).await;
        assert!(events.is_empty(), "{data}");
        assert!(matches!(error, Some(LlmError::Failed(_))), "{data}: {error:?}");
        assert!(!error.unwrap().to_string().contains("private"), "{data}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_size_of_an_answer_and_its_calls_are_bounded() {
    let filler = "x".repeat(1_000);
    for (begin, delta) in [
        (r#"{"type":"text"}"#, "text_delta\",\"text"),
        (r#"{"type":"thinking"}"#, "thinking_delta\",\"thinking"),
        (r#"{"type":"thinking"}"#, "signature_delta\",\"signature"),
        (
            r#"{"type":"tool_use","name":"f"}"#,
            "input_json_delta\",\"partial_json",
        ),
    ] {
        let begin = format!(r#"{{"type":"content_block_start","index":0,"content_block":{begin}}}"#);
        let delta =
            format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"{delta}":"{filler}"}}}}"#);
        let mut data = vec![begin.as_str()];
        data.resize(12, &delta);
        let (_, error) = decode(events(&data), None).await;
        assert!(error.unwrap().to_string().contains("larger than 10000 bytes"));
    }
    let calls: Vec<String> = (0..200)
        .map(|index| {
            format!(
                r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","name":"f"}}}}"#
            )
        })
        .collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let (_, error) = decode(events(&calls), None).await;
    assert!(error.unwrap().to_string().contains("128 tool calls"));
}

/// A value that may stand where another is expected.
fn odd_event() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
        "ping",
    ]);
    let inner = prop::sample::select(vec![
        "null",
        "7",
        "[]",
        "{}",
        r#"{"type":"tool_use","name":"f","input":[1]}"#,
        r#"{"type":"tool_use","name":"","id":""}"#,
        r#"{"type":"thinking","thinking":"t","signature":"s"}"#,
        r#"{"type":"text_delta","text":"a"}"#,
        r#"{"type":"input_json_delta","partial_json":"{"}"#,
        r#"{"stop_reason":"tool_use"}"#,
        r#"{"usage":{"input_tokens":1,"output_tokens":-1}}"#,
    ]);
    (kind, 0_u64..3, inner.clone(), inner.clone(), inner).prop_map(|(kind, index, block, delta, message)| {
        format!(
            r#"{{"type":"{kind}","index":{index},"content_block":{block},"delta":{delta},"message":{message},"usage":{message}}}"#
        )
    })
}

proptest! {
    /// Garbage of any kind ends in an answer or an error, never in silence or a panic.
    #[test]
    fn garbage_ends_well(
        bytes in prop::collection::vec(any::<u8>(), 0..256),
        data in prop::collection::vec(odd_event(), 0..12),
        answer_tool in prop::option::of(Just("f")),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        for chunks in [vec![Bytes::from(bytes)], events(&data)] {
            let (events, error) = runtime.block_on(decode(chunks, answer_tool));
            let ends = events.iter().filter(|event| matches!(event, Event::Finished(_))).count();
            prop_assert_eq!(ends, usize::from(error.is_none()));
        }
    }
}
