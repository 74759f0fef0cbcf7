//! A vendor's body turned into events, with every bound of a stream in one place: silence, total time,
//! size. What the bytes mean is the adapter's [`Decode`]; nothing in here knows a vendor.

use crate::{
    breaker::Breaker,
    failure::Failure,
    model::{Event, StopReason},
    provider::LlmError,
    sse::SseDecoder,
};
use bytes::Bytes;
use futures_util::Stream;
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// How long, and how much of, a body is read on after the answer's end. Reading it to its end lets the
/// connection serve the next call; a server that keeps it open does not hold anybody up.
const DRAIN_TIME: Duration = Duration::from_millis(100);
const DRAIN_BYTES: usize = 64 * 1024;

/// How long the rest of an answer that is nearly done is waited for.
const LAST_WORDS_TIME: Duration = Duration::from_secs(2);

/// Chunks without an event that are taken in one go, before other tasks of the thread have their turn.
const CHUNKS_AT_ONCE: u32 = 32;

/// What an adapter makes of one server-sent event.
pub(crate) trait Decode: Send + Unpin {
    /// Takes an event and appends what it means to `events`; [`Event::Finished`] is the last.
    fn event(&mut self, name: &str, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure>;

    /// Why the model ended, where it has and only what some servers leave out is still to come: the report of its
    /// use, the mark of the end. That is then waited for only a moment longer.
    fn nearly_done(&self) -> Option<StopReason> {
        None
    }

    /// The body ended, or nothing more came after [`Decode::nearly_done`] said why: appends the end.
    fn finish(&mut self, _reason: StopReason, _events: &mut VecDeque<Event>) {}
}

/// The bounds of one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamLimits {
    /// The longest silence: time without a complete line.
    pub(crate) silence: Duration,
    /// When the answer must be complete, and how long that was from the call's start.
    pub(crate) deadline: Instant,
    pub(crate) total: Duration,
    /// The largest line and event.
    pub(crate) max_event_bytes: usize,
}

/// Events of one answer. `failed` turns the body's own error into a failure.
pub(crate) struct AnswerStream<B, D, F> {
    /// `None` once read to its end, or given up.
    body: Option<B>,
    decoder: D,
    failed: F,
    sse: SseDecoder,
    limits: StreamLimits,
    ready: VecDeque<Event>,
    failure: Option<LlmError>,
    state: State,
    /// When silence, the whole answer or draining has lasted too long. The timer is not moved with each
    /// event: when it rings early, it is set again.
    due: Instant,
    timer: Pin<Box<Sleep>>,
    breaker: Arc<Breaker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was decoded yet.
    Waiting,
    Answering,
    /// The answer is complete; this many bytes behind it may still be read.
    Draining {
        bytes_left: usize,
    },
    Ended,
}

impl<B, D, F, E> AnswerStream<B, D, F>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    D: Decode,
    F: Fn(E) -> Failure + Unpin,
{
    /// A stream over `body` that starts to count silence now.
    pub(crate) fn new(body: B, decoder: D, failed: F, limits: StreamLimits, breaker: Arc<Breaker>) -> Self {
        let due = (Instant::now() + limits.silence).min(limits.deadline);
        Self {
            body: Some(body),
            decoder,
            failed,
            sse: SseDecoder::new(limits.max_event_bytes),
            limits,
            ready: VecDeque::new(),
            failure: None,
            state: State::Waiting,
            due,
            timer: Box::pin(tokio::time::sleep_until(due)),
            breaker,
        }
    }

    /// Takes a chunk of the body.
    fn take(&mut self, chunk: &[u8]) {
        let lines_before = self.sse.lines();
        let Self {
            sse, decoder, ready, ..
        } = self;
        let outcome = sse.push(chunk, |name, data| {
            if matches!(ready.back(), Some(Event::Finished(_))) {
                return Ok(());
            }
            decoder.event(name, data, ready)
        });
        let now = Instant::now();
        if self.sse.lines() > lines_before {
            let patience = if self.decoder.nearly_done().is_some() {
                LAST_WORDS_TIME.min(self.limits.silence)
            } else {
                self.limits.silence
            };
            self.due = (now + patience).min(self.limits.deadline);
        }
        if self.state == State::Waiting && !self.ready.is_empty() {
            self.state = State::Answering;
            self.breaker.alive();
        }
        if matches!(self.ready.back(), Some(Event::Finished(_))) {
            // Whatever is wrong behind the end concerns nobody.
            self.breaker.success();
            self.state = State::Draining {
                bytes_left: DRAIN_BYTES,
            };
            self.due = now + DRAIN_TIME;
        } else if let Err(failure) = outcome {
            self.fail(failure);
        } else if now >= self.limits.deadline {
            // A server that never pauses would otherwise keep the timer from being looked at.
            self.time_is_up();
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.breaker.failure(&failure);
        self.failure = Some(failure.error);
        self.end();
    }

    /// Lets the connection go.
    fn end(&mut self) {
        self.body = None;
        self.state = State::Ended;
    }

    /// Reads once; `Pending` when there is nothing to read now.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(());
        };
        match (std::task::ready!(Pin::new(body).poll_next(cx)), self.state) {
            (Some(Ok(chunk)), State::Draining { bytes_left }) => match bytes_left.checked_sub(chunk.len()) {
                Some(bytes_left) => self.state = State::Draining { bytes_left },
                None => self.end(),
            },
            (_, State::Draining { .. }) => self.end(),
            (Some(Ok(chunk)), _) => self.take(&chunk),
            (Some(Err(error)), _) => {
                let failure = (self.failed)(error);
                self.fail(failure);
            }
            (None, _) => self.close(),
        }
        Poll::Ready(())
    }

    /// Nothing more comes: takes the answer as complete where the decoder does.
    fn close(&mut self) {
        let Some(reason) = self.decoder.nearly_done() else {
            return self.fail(Failure::unreadable("the stream ended before the answer did"));
        };
        self.decoder.finish(reason, &mut self.ready);
        self.breaker.success();
        self.end();
    }

    /// Whether the time is up; sets the timer otherwise.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.timer.deadline() > self.due {
                self.timer.as_mut().reset(self.due);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() == self.due {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.due);
        }
    }

    fn time_is_up(&mut self) {
        if matches!(self.state, State::Draining { .. }) {
            self.end();
        } else if self.decoder.nearly_done().is_some() {
            self.close();
        } else if self.due >= self.limits.deadline {
            // A long answer does not speak against the provider.
            self.fail(Failure::refused(LlmError::TooLong(self.limits.total)));
        } else {
            self.fail(Failure::fatal(LlmError::Timeout(self.limits.silence)));
        }
    }
}

impl<B, D, F, E> Stream for AnswerStream<B, D, F>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    D: Decode,
    F: Fn(E) -> Failure + Unpin,
{
    type Item = Result<Event, LlmError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        for _ in 0..CHUNKS_AT_ONCE {
            // The end of the body usually lies right behind the last event: taking it first frees the
            // connection before the caller goes on.
            if matches!(this.state, State::Draining { .. }) && this.read(cx).is_ready() {
                continue;
            }
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if let Some(error) = this.failure.take() {
                return Poll::Ready(Some(Err(error)));
            }
            if this.state == State::Ended {
                return Poll::Ready(None);
            }
            if !matches!(this.state, State::Draining { .. }) && this.read(cx).is_ready() {
                continue;
            }
            std::task::ready!(this.poll_due(cx));
            this.time_is_up();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Finished;
    use futures_util::{StreamExt, stream};

    const SECOND: Duration = Duration::from_secs(1);

    /// A vendor whose every event is text, and whose answer ends with `end`, or some time after `nearly`.
    #[derive(Default)]
    struct Plain {
        is_nearly_done: bool,
    }

    impl Decode for Plain {
        fn event(&mut self, _: &str, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
            match data {
                "end" => finish(events),
                "nearly" => self.is_nearly_done = true,
                text => events.push_back(Event::Text(text.to_owned())),
            }
            Ok(())
        }

        fn nearly_done(&self) -> Option<StopReason> {
            self.is_nearly_done.then_some(StopReason::Stop)
        }

        fn finish(&mut self, _: StopReason, events: &mut VecDeque<Event>) {
            finish(events);
        }
    }

    fn finish(events: &mut VecDeque<Event>) {
        events.push_back(Event::Finished(Finished {
            reason: StopReason::Stop,
            usage: None,
            response_id: None,
        }));
    }

    type Outcome = (Vec<String>, Option<LlmError>, Duration);

    /// Runs a body of chunks, each after a pause in seconds, that then stays open; ten seconds of silence and
    /// sixty in all are allowed. Gives the texts (`.` is the end), the error, and how long it took.
    async fn run(script: &[(u64, &'static str)], breaker: &Arc<Breaker>) -> Outcome {
        let chunks: Vec<(u64, &'static str)> = script.to_vec();
        let body = stream::iter(chunks).then(|(seconds, chunk)| async move {
            tokio::time::sleep(SECOND * u32::try_from(seconds).unwrap()).await;
            Ok::<_, LlmError>(Bytes::from_static(chunk.as_bytes()))
        });
        collect(body.chain(stream::pending()).boxed(), breaker).await
    }

    async fn collect(
        body: stream::BoxStream<'static, Result<Bytes, LlmError>>,
        breaker: &Arc<Breaker>,
    ) -> Outcome {
        let start = Instant::now();
        let total = SECOND * 60;
        let limits = StreamLimits {
            silence: SECOND * 10,
            deadline: start + total,
            total,
            max_event_bytes: 1_000,
        };
        let mut answer = AnswerStream::new(
            body,
            Plain::default(),
            Failure::fatal,
            limits,
            Arc::clone(breaker),
        );
        let (mut texts, mut error) = (Vec::new(), None);
        while let Some(item) = answer.next().await {
            match item {
                Ok(Event::Text(text)) => texts.push(text),
                Ok(_) => texts.push(".".to_owned()),
                Err(failed) => error = Some(failed),
            }
        }
        assert!(answer.body.is_none(), "the connection was let go");
        (texts, error, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_stream_wherever_it_falls() {
        for script in [
            &[][..],
            &[(0, "data: a\n\n")],
            &[(9, ": alive\n"), (9, "data: a\n\n"), (9, "data: b\n\n")],
        ] {
            let (_, error, took) = run(script, &Arc::default()).await;
            let silent_from: u64 = script.iter().map(|(seconds, _)| seconds).sum();
            assert!(
                matches!(error, Some(LlmError::Timeout(silence)) if silence == SECOND * 10),
                "{error:?}"
            );
            assert_eq!(took.as_secs(), silent_from + 10, "{script:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_of_bytes_is_silence() {
        let (texts, error, took) = run(
            &[(3, "d"), (3, "a"), (3, "t"), (3, "a"), (3, ":")],
            &Arc::default(),
        )
        .await;
        assert!(
            texts.is_empty() && matches!(error, Some(LlmError::Timeout(_))),
            "{error:?}"
        );
        assert_eq!(took.as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn keep_alives_do_not_extend_the_whole() {
        let (_, error, took) = run(&[(5, ": alive\n"); 100], &Arc::default()).await;
        assert!(error.unwrap().to_string().contains("not complete after 60s"));
        assert_eq!(took.as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_pauses_is_stopped_and_others_have_their_turn() {
        let flood = stream::repeat(())
            .map(|()| Ok(Bytes::from_static(b": x\n")))
            .boxed();
        let clock = tokio::spawn(async { tokio::time::advance(SECOND * 61).await });
        let (_, error, _) = collect(flood, &Arc::default()).await;
        assert!(error.unwrap().to_string().contains("not complete"));
        clock.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_nearly_done_is_not_waited_for_as_long_as_silence_may_last() {
        let (texts, error, took) = run(&[(1, "data: a\n\ndata: nearly\n\n")], &Arc::default()).await;
        assert_eq!(
            (texts, took),
            (vec!["a".to_owned(), ".".to_owned()], SECOND + LAST_WORDS_TIME)
        );
        assert!(error.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_keeps_the_connection_after_the_end_holds_nobody_up() {
        let (texts, error, took) = run(&[(1, "data: a\n\ndata: end\n\n")], &Arc::default()).await;
        assert_eq!(
            (texts, took),
            (vec!["a".to_owned(), ".".to_owned()], SECOND + DRAIN_TIME)
        );
        assert!(error.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_follows_the_end_is_read_but_not_forever() {
        let end = Bytes::from_static(b"data: end\n\n");
        let flood = stream::once(async { Ok(end) })
            .chain(stream::repeat(()).map(|()| Ok(Bytes::from_static(&[b':'; 1_000]))));
        let (texts, error, took) = collect(flood.boxed(), &Arc::default()).await;
        assert_eq!((texts, took), (vec![".".to_owned()], Duration::ZERO));
        assert!(error.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_circuit_learns_how_streams_end() {
        let breaker = Arc::default();
        for _ in 0..4 {
            run(&[(0, "data: a\n\n")], &breaker).await;
        }
        run(&[(0, "data: end\n\n")], &breaker).await;
        for _ in 0..4 {
            run(&[], &breaker).await;
        }
        assert!(breaker.admit().is_ok(), "a good answer between");
        run(&[(0, "data: a\n\n")], &breaker).await;
        assert!(breaker.admit().is_err(), "five in a row");
        run(&[(0, "data: a\n\n"), (0, "data: end\n\n")], &breaker).await;
        assert!(breaker.admit().is_ok(), "one that answers");
    }
}
