//! A request's body under a deadline, read with a bound, and never left half read where the client could miss
//! the answer.

use crate::tasks::Tasks;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// How long and how much of an unwanted body is thrown away, so that a client that sends first and reads later
/// finds the answer instead of a reset connection.
const DRAIN_TIME: Duration = Duration::from_secs(10);
const DRAIN_BYTES: usize = 256 << 20;

/// What a buffer begins with: a body's announced length is no reason to reserve it.
const FIRST_CAPACITY: u64 = 64 << 10;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("body over the limit of {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: u64,
    },
    #[error("body not complete in time")]
    TimedOut,
    #[error("body unreadable: {0}")]
    Broken(String),
}

impl BodyError {
    /// The error inside an [`axum::Error`], which every body of a request passes through.
    pub(crate) fn from_axum(error: axum::Error) -> Self {
        match error.into_inner().downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => Self::Broken(other.to_string()),
        }
    }
}

/// A body with a deadline.
pub(crate) struct GuardedBody {
    /// Gone once it ended or failed.
    inner: Option<Body>,
    deadline: Pin<Box<Sleep>>,
    /// Whether the client waits for us to ask for the body.
    expects_continue: bool,
    tasks: Tasks,
}

impl GuardedBody {
    /// Puts a body that is not empty under a deadline.
    pub(crate) fn new(inner: Body, timeout: Duration, expects_continue: bool, tasks: Tasks) -> Self {
        let deadline = Box::pin(tokio::time::sleep_until(Instant::now() + timeout));
        Self {
            inner: Some(inner),
            deadline,
            expects_continue,
            tasks,
        }
    }
}

impl hyper::body::Body for GuardedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        this.expects_continue = false;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(context) {
            return Poll::Ready(match frame {
                Some(Ok(frame)) => Some(Ok(frame)),
                Some(Err(error)) => {
                    this.inner = None;
                    Some(Err(BodyError::Broken(error.to_string())))
                }
                None => {
                    this.inner = None;
                    None
                }
            });
        }
        ready!(this.deadline.as_mut().poll(context));
        this.inner = None;
        Poll::Ready(Some(Err(BodyError::TimedOut)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

impl Drop for GuardedBody {
    fn drop(&mut self) {
        if self.expects_continue || self.is_end_stream() {
            return;
        }
        if let Some(rest) = self.inner.take() {
            self.tasks.spawn(drain(rest));
        }
    }
}

async fn drain(mut body: Body) {
    let throw_away = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else {
                return;
            };
            left = rest;
        }
    };
    // Whether it ended in time makes no difference: the connection closes if it did not.
    let _ended = tokio::time::timeout(DRAIN_TIME, throw_away).await;
}

/// The whole body; refused at once where its announced length is over the limit.
pub(crate) async fn read_all(mut body: Body, limit: u64) -> Result<Bytes, BodyError> {
    let announced = body.size_hint().lower();
    if announced > limit {
        return Err(BodyError::TooLarge { limit });
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(BodyError::from_axum)?.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if first.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve((announced.min(FIRST_CAPACITY) as usize).max(first.len()));
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn chunks(parts: &[&'static str]) -> Body {
        let parts: Vec<Result<Bytes, Infallible>> = parts.iter().map(|part| Ok(Bytes::from(*part))).collect();
        Body::from_stream(stream::iter(parts))
    }

    #[tokio::test]
    async fn whole_bodies_within_the_limit() {
        for parts in [&[][..], &["abc"], &["a", "b", "c"], &["", "abc", ""]] {
            assert_eq!(read_all(chunks(parts), 3).await.unwrap(), parts.concat());
        }
        assert!(matches!(
            read_all(chunks(&["ab", "cd"]), 3).await,
            Err(BodyError::TooLarge { limit: 3 })
        ));
        assert!(matches!(
            read_all(Body::from("abcd"), 3).await,
            Err(BodyError::TooLarge { limit: 3 })
        ));
    }

    #[tokio::test]
    async fn a_first_chunk_larger_than_the_first_buffer() {
        let large = "x".repeat(2 * FIRST_CAPACITY as usize).leak();
        let read = read_all(chunks(&[large, "y"]), u64::MAX).await.unwrap();
        assert_eq!(read.len(), large.len() + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_ends_at_its_deadline() {
        let stalled = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let tasks = Tasks::default();
        let guarded = GuardedBody::new(stalled, Duration::from_secs(60), false, tasks.clone());
        let begun = Instant::now();
        assert!(matches!(
            read_all(Body::new(guarded), 10).await,
            Err(BodyError::TimedOut)
        ));
        assert_eq!(begun.elapsed().as_secs(), 60);
        tasks.finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_unwanted_body_is_drained() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, Infallible>>(1);
        let receiver = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|item| (item, receiver))
        });
        let tasks = Tasks::default();
        drop(GuardedBody::new(
            Body::from_stream(receiver),
            Duration::from_secs(60),
            false,
            tasks.clone(),
        ));
        for _ in 0..100 {
            sender.send(Ok(Bytes::from("x"))).await.unwrap();
        }
        drop(sender);
        tasks.finish().await;
    }
}
