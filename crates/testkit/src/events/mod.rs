//! A client of event streams: what a browser's `EventSource` does, with everything it is sent open to a test.
//!
//! It can be dropped at any moment, as a closed tab is, and it tells an end from a connection that broke off.

mod decoder;
mod told;

pub use decoder::{Decoder, Frame};
pub use told::Told;

use reqwest::{RequestBuilder, Response, header::HeaderMap};

/// The connection ended before the stream did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff;

/// A stream that is being read.
#[derive(Debug)]
pub struct EventStream {
    reply: Response,
    decoder: Decoder,
}

impl EventStream {
    /// Asks for a stream.
    ///
    /// # Panics
    /// When something else comes; with what it is.
    pub async fn open(request: RequestBuilder) -> Self {
        let reply = request.send().await.expect("the program answers");
        Self::of(reply).await
    }

    /// Asks for a stream of a program that may be gone.
    ///
    /// # Errors
    /// When it is.
    ///
    /// # Panics
    /// When it answers with something else.
    pub async fn try_open(request: RequestBuilder) -> Result<Self, CutOff> {
        let reply = request.send().await.map_err(|_| CutOff)?;
        Ok(Self::of(reply).await)
    }

    /// The stream that a reply is.
    ///
    /// # Panics
    /// When it is something else; with what it is.
    pub async fn of(reply: Response) -> Self {
        let kind = reply.headers().get("content-type");
        if reply.status() != 200 || kind.is_none_or(|kind| kind != "text/event-stream") {
            let (status, kind) = (reply.status(), kind.cloned());
            let body = reply.text().await;
            panic!("no event stream, but {status} {kind:?}: {body:?}");
        }
        Self {
            reply,
            decoder: Decoder::default(),
        }
    }

    /// The reply's headers.
    pub fn headers(&self) -> &HeaderMap {
        self.reply.headers()
    }

    /// The next frame, comments included; `None` at the stream's end.
    ///
    /// # Errors
    /// When the connection broke off before the end.
    ///
    /// # Panics
    /// When the stream ends within a frame.
    pub async fn try_next(&mut self) -> Result<Option<Frame>, CutOff> {
        loop {
            if let Some(frame) = self.decoder.frame() {
                return Ok(Some(frame));
            }
            match self.reply.chunk().await.map_err(|_| CutOff)? {
                Some(bytes) => self.decoder.push(&bytes),
                None => {
                    assert!(self.decoder.is_empty(), "the stream ends within a frame");
                    return Ok(None);
                }
            }
        }
    }

    /// The next event; comments are passed over. `None` at the end.
    ///
    /// # Panics
    /// When the connection breaks off.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = self.try_next().await.expect("the stream comes to its end");
            if frame.as_ref().is_none_or(|frame| frame.event.is_some()) {
                return frame;
            }
        }
    }

    /// The next event, which must have this name; its data.
    ///
    /// # Panics
    /// When it has another one.
    pub async fn expect(&mut self, name: &str) -> serde_json::Value {
        let frame = self.next().await;
        let frame = frame.unwrap_or_else(|| panic!("`{name}` should come, and not the end"));
        assert_eq!(frame.event.as_deref(), Some(name), "{frame:?}");
        frame.json()
    }

    /// All events to the end.
    pub async fn rest(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Reads on until `told` has this much text, or the end.
    pub async fn read_text(&mut self, told: &mut Told, bytes: usize) {
        while told.text.len() < bytes
            && let Some(frame) = self.next().await
        {
            told.take(&frame);
        }
    }

    /// Reads on to the end, which must be the turn's.
    ///
    /// # Panics
    /// When it is not.
    pub async fn read_to_end(mut self, told: &mut Told) {
        while let Some(frame) = self.next().await {
            told.take(&frame);
        }
        assert!(told.done.is_some(), "the stream ends without `done`: {told:?}");
    }
}
