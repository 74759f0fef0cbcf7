//! From a file to what a model can be given: its text, or the picture itself.

mod child;
mod error;
mod limits;

use crate::decode::decode_text;
use crate::image::{self, Picture};
use crate::kind::Kind;
use crate::protocol::Parser;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

pub use child::Worker;
pub use error::ExtractError;
pub use limits::Limits;

/// What a file holds for a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its text. Empty where it has none; the note then says why.
    Text(Extracted),
    /// A picture, to be shown as it is.
    Image(Picture),
    /// Nothing that this service understands.
    Opaque,
}

/// The text of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// At most [`Limits::text_bytes`] long. Lines end in `\n`; no NUL and no control character but `\n` and
    /// `\t`.
    pub text: String,
    /// Whether the file has more text than this.
    pub truncated: bool,
    /// What a reader should know about the text, in English: `no text layer: …`.
    pub note: Option<String>,
}

/// Reads files within limits. Clones share the limits' bounds.
#[derive(Clone, Debug)]
pub struct Extractor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    worker: Worker,
    limits: Limits,
    /// Permits for files that are being parsed or wait for it: the bound of the queue.
    admitted: Semaphore,
    /// Permits for running children.
    running: Semaphore,
}

impl Extractor {
    /// An extractor whose children are this program, called with [`crate::WORKER_ARGUMENT`]: its `main` has
    /// to hand over to [`crate::extract_worker_main`] before anything else.
    pub fn new(limits: Limits) -> Self {
        Self::with_worker(Worker::this_program(), limits)
    }

    /// An extractor with another program as the worker.
    pub fn with_worker(worker: Worker, limits: Limits) -> Self {
        let running = Semaphore::new(limits.children.max(1));
        let admitted = Semaphore::new(
            limits
                .children
                .max(1)
                .saturating_add(limits.waiting)
                .min(Semaphore::MAX_PERMITS),
        );
        Self {
            shared: Arc::new(Shared {
                worker,
                limits,
                admitted,
                running,
            }),
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// What a file of this kind holds.
    ///
    /// Text is decoded here and now. Whatever needs a parser goes to a child process and takes at most
    /// [`Limits::wait`] and [`Limits::wall_time`] together; dropping the future ends the child.
    pub async fn read(&self, kind: Kind, bytes: Bytes) -> Result<Content, ExtractError> {
        let parser = match kind {
            Kind::Csv | Kind::Markdown | Kind::PlainText | Kind::SourceCode(_) => {
                return Ok(Content::Text(decode_text(&bytes, self.shared.limits.text_bytes)));
            }
            Kind::Image(format) => return image::inspect(format, &bytes).map(Content::Image),
            Kind::Other => return Ok(Content::Opaque),
            Kind::Pdf => Parser::Pdf,
            Kind::Docx => Parser::Docx,
            Kind::Xlsx => Parser::Xlsx,
            Kind::Html => Parser::Html,
            Kind::Zip => Parser::Zip,
        };
        let _admitted = self
            .shared
            .admitted
            .try_acquire()
            .map_err(|_| ExtractError::Busy)?;
        let _running = self.turn().await?;
        child::parse(&self.shared.worker, &self.shared.limits, parser, bytes)
            .await
            .map(Content::Text)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, ExtractError> {
        match tokio::time::timeout(self.shared.limits.wait, self.shared.running.acquire()).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(ExtractError::Busy),
        }
    }
}
