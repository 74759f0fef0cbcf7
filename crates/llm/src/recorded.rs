//! Whole streams through a decoder, each also cut at every byte and with other line ends: what comes out must never
//! depend on how it came in.

use crate::{
    answer_stream::{AnswerStream, Decode, StreamLimits},
    breaker::Breaker,
    failure::Failure,
    model::{Event, ToolCall},
    provider::LlmError,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// What a stream gave, and how it failed.
pub(crate) type Outcome = (Vec<Event>, Option<LlmError>);

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

/// Decodes chunks as they would come from a vendor.
pub(crate) async fn decode(chunks: Vec<Bytes>, decoder: impl Decode) -> Outcome {
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

/// Decodes whole, cut at every byte, byte by byte, and with other line ends; all must be the same.
pub(crate) async fn outcome<D: Decode>(stream: &'static str, decoder: impl Fn() -> D) -> Outcome {
    let bytes = Bytes::from_static(stream.as_bytes());
    let whole = decode(vec![bytes.clone()], decoder()).await;
    let shown = format!("{whole:?}");
    for cut in 1..bytes.len() {
        let halves = vec![bytes.slice(..cut), bytes.slice(cut..)];
        let cut_in_two = decode(halves, decoder()).await;
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
        let other = decode(vec![other], decoder()).await;
        assert_eq!(format!("{other:?}"), shown, "line end {line_end:?}");
    }
    whole
}

/// An event of text.
pub(crate) fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

/// An event of a tool call.
pub(crate) fn call(id: &str, name: &str, arguments: &str) -> Event {
    Event::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

/// A stream that ended well gave these.
#[track_caller]
pub(crate) fn assert_answer(outcome: Outcome, expected: &[Event]) {
    assert!(outcome.1.is_none(), "{:?}", outcome.1);
    assert_eq!(outcome.0, expected);
}
