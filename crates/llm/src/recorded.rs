//! Decoders over whole streams in their vendor's form (`fixtures/`), each also cut at every byte and with other
//! line ends: what comes out must never depend on how it came in.

use crate::{
    answer_stream::{AnswerStream, Decode, StreamLimits},
    breaker::Breaker,
    failure::Failure,
    model::{Event, Finished, StopReason, ToolCall},
    provider::LlmError,
};
use bytes::Bytes;
use chatai_types::TokenCounts;
use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// What came, and how it failed.
pub(crate) type Outcome = (Vec<Event>, Option<LlmError>);

/// How large an answer may be, where a test does not say.
pub(crate) const MAX_ANSWER_BYTES: usize = 10_000;

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

/// Decodes a stream that comes in these chunks.
pub(crate) async fn decode<D: Decode>(chunks: Vec<Bytes>, decoder: D) -> Outcome {
    let limits = StreamLimits {
        silence: Duration::from_secs(10),
        deadline: Instant::now() + Duration::from_secs(60),
        total: Duration::from_secs(60),
        max_event_bytes: 16 * 1024,
    };
    let body = stream::iter(chunks.into_iter().map(Ok::<_, LlmError>));
    let breaker = Arc::new(Breaker::default());
    let mut answer = AnswerStream::new(body, decoder, Failure::fatal, limits, breaker);
    let (mut events, mut error) = (Vec::new(), None);
    while let Some(item) = answer.next().await {
        assert!(error.is_none(), "nothing comes after an error");
        match item {
            Ok(event) => events.push(event),
            Err(failed) => error = Some(failed),
        }
    }
    let ends = events.iter().filter(|event| matches!(event, Event::Finished(_)));
    assert_eq!(ends.count(), usize::from(error.is_none()), "an end or an error");
    if error.is_none() {
        assert!(
            matches!(events.last(), Some(Event::Finished(_))),
            "the end is last"
        );
    }
    (joined(events), error)
}

/// Decodes whole, cut at every byte, byte by byte, and with other line ends; all must be the same.
pub(crate) async fn outcome<D: Decode>(stream: &str, decoder: impl Fn() -> D) -> Outcome {
    let bytes = Bytes::from(stream.to_owned());
    let whole = decode(vec![bytes.clone()], decoder()).await;
    let shown = format!("{whole:?}");
    for cut in 1..bytes.len() {
        let cut_in_two = decode(vec![bytes.slice(..cut), bytes.slice(cut..)], decoder()).await;
        assert_eq!(format!("{cut_in_two:?}"), shown, "cut at byte {cut}");
    }
    let singles = (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
    assert_eq!(
        format!("{:?}", decode(singles, decoder()).await),
        shown,
        "byte by byte"
    );
    for line_end in ["\r\n", "\r"] {
        let other = Bytes::from(stream.replace('\n', line_end));
        assert_eq!(
            format!("{:?}", decode(vec![other], decoder()).await),
            shown,
            "line end {line_end:?}"
        );
    }
    whole
}

/// Feeds lines of a vendor's own streams, broken and shuffled, and plain garbage: whatever comes, a decoder gives
/// one end or one error, and never more than it may.
pub(crate) fn survives_garbage<D: Decode>(streams: &[&str], decoder: impl Fn() -> D) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let lines: Vec<String> = streams
        .iter()
        .flat_map(|stream| stream.lines())
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let line = proptest::sample::select(lines);
    let piece = prop_oneof![
        4 => line.clone().prop_map(|line| format!("{line}\n\n").into_bytes()),
        1 => line.clone().prop_map(|line| format!("{line}\n").into_bytes()),
        2 => (line, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(line, place, byte)| {
            let mut bytes = format!("{line}\n\n").into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            bytes
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    };
    proptest!(config, |(pieces in proptest::collection::vec(piece, 0..30))| {
        let chunks = pieces.into_iter().map(Bytes::from).collect();
        let (events, _) = runtime.block_on(decode(chunks, decoder()));
        let size: usize = events.iter().map(|event| match event {
            Event::Text(text) | Event::Reasoning(text) => text.len(),
            Event::State(state) => state.text.len(),
            Event::ToolCall(call) => call.arguments.len(),
            Event::Finished(_) => 0,
        }).sum();
        prop_assert!(size <= 2 * MAX_ANSWER_BYTES);
        if let Some(Event::Finished(Finished { usage: Some(usage), .. })) = events.last() {
            let TokenCounts { fresh_input, cache_read, cache_write, output, reasoning } = *usage;
            prop_assert!([fresh_input, cache_read, cache_write, output, reasoning].iter().all(|part| *part >= 0));
            prop_assert!(reasoning <= output && usage.input_total().is_some());
        }
    });
}

pub(crate) fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

pub(crate) fn reasoning(text: &str) -> Event {
    Event::Reasoning(text.to_owned())
}

pub(crate) fn call(id: &str, name: &str, arguments: &str) -> Event {
    Event::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

/// An end with these counts: fresh input, cache read, cache write, output, reasoning.
pub(crate) fn finished(reason: StopReason, usage: [i64; 5], id: &str) -> Event {
    let [fresh, read, written, output, reasoning] = usage;
    let usage = TokenCounts::from_disjoint(fresh, read, written, output, reasoning).unwrap();
    Event::Finished(Finished {
        reason,
        usage: Some(usage),
        response_id: Some(id.to_owned()),
    })
}

/// An end without usage.
pub(crate) fn unmetered(reason: StopReason, id: Option<&str>) -> Event {
    Event::Finished(Finished {
        reason,
        usage: None,
        response_id: id.map(str::to_owned),
    })
}

#[track_caller]
pub(crate) fn assert_answer(outcome: Outcome, expected: &[Event]) {
    assert!(outcome.1.is_none(), "{:?}", outcome.1);
    assert_eq!(outcome.0, expected);
}
