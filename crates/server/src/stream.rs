//! Event streams: what is told of a turn or a call as it comes, until its end.
//!
//! A stream is a reader and nothing more: it has no task and no timer of its own. A comment line now and then keeps
//! proxies awake; one clock beats for all streams.

use crate::{state::AppState, tasks::Tasks, wire::turn::write_frame};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use chatai_engine::TurnReader;
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time,
};

/// Tells nginx not to collect what it passes on.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// What a stream sends when nothing else is to be sent.
const COMMENT: &[u8] = b":\n\n";
/// What a stream ends with when this instance can no longer serve it: come again soon.
const COME_AGAIN: &[u8] = b"retry: 1000\n\n";

/// The beat of the comment lines.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat(watch::Receiver<()>);

impl Heartbeat {
    /// Beats every `interval` as long as the tasks run.
    pub(crate) fn start(tasks: &Tasks, interval: Duration) -> Self {
        let (sender, receiver) = watch::channel(());
        tasks.spawn(async move {
            let mut ticks = time::interval(interval);
            ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                sender.send_replace(());
            }
        });
        Self(receiver)
    }
}

impl Heartbeat {
    /// Waits for as long as a stream may be silent, up to twice that.
    pub(crate) async fn one_silence(&self) {
        let mut beat = self.0.clone();
        beat.mark_unchanged();
        for _ in 0..2 {
            if beat.changed().await.is_err() {
                // The service ends, and with it whatever is waited for.
                return;
            }
        }
    }
}

/// What a stream tells.
pub(crate) trait Source: Send + 'static {
    /// The next frames, `None` at the end. Whoever stops waiting has missed nothing.
    fn next(&mut self) -> impl Future<Output = Option<Vec<u8>>> + Send;

    /// What is said after the last of them, where there is more to say.
    fn last_words(&self) -> Option<Bytes>;
}

/// A turn's events as frames.
pub(crate) struct TurnFrames(pub(crate) TurnReader);

impl Source for TurnFrames {
    async fn next(&mut self) -> Option<Vec<u8>> {
        let events = self.0.next().await?;
        let ids = self.0.ids();
        let mut frames = Vec::new();
        for (position, event) in &events {
            write_frame(&mut frames, ids, *position, event);
        }
        Some(frames)
    }

    fn last_words(&self) -> Option<Bytes> {
        // After the end there is nothing; a stream that breaks off before it says when to come again.
        (!self.0.has_ended()).then(|| Bytes::from_static(COME_AGAIN))
    }
}

/// One stream.
struct Events<S> {
    source: S,
    beat: watch::Receiver<()>,
    /// Free while nothing waits to be written. A connection takes many pieces before it is full; a slow reader is given
    /// one.
    unwritten: Arc<Semaphore>,
    ended: bool,
}

/// Frames on their way to the socket; dropped when they are written.
struct Piece {
    frames: Vec<u8>,
    _unwritten: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.frames
    }
}

/// Answers with what a source tells.
pub(crate) fn respond(source: impl Source, state: &AppState) -> Response {
    let mut beat = state.heartbeat.0.clone();
    beat.mark_unchanged();
    let events = Events {
        source,
        beat,
        unwritten: Arc::new(Semaphore::new(1)),
        ended: false,
    };
    let frames = stream::unfold(events, async |mut events| {
        let frames = events.next().await?;
        Some((Ok::<_, Infallible>(frames), events))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    let event_stream = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, event_stream);
    headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
    response
}

impl<S: Source> Events<S> {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let unwritten = Arc::clone(&self.unwritten).acquire_owned().await.ok()?;
        tokio::select! {
            biased;
            frames = self.source.next() => {
                let Some(mut frames) = frames else {
                    self.ended = true;
                    return self.source.last_words();
                };
                frames.shrink_to_fit();
                Some(Bytes::from_owner(Piece {
                    frames,
                    _unwritten: unwritten,
                }))
            }
            Ok(()) = self.beat.changed() => Some(Bytes::from_static(COMMENT)),
        }
    }
}
