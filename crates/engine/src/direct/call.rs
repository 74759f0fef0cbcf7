//! The one owner of a direct call: a task that asks the model, gives on what comes and closes the call, always.

use super::{
    closing::close,
    log::{CallAbout, CallLog},
    piece::{CallOutcome, Piece},
    progress::Progress,
    writer,
};
use crate::{
    chat::{
        Served,
        fallback::is_the_providers,
        next_event, read_on, storable, tools,
        turn::{Ended, Failure},
    },
    inner::Inner,
};
use chatai_llm::{Event, EventStream, Item, LlmError, ReasoningState, Request, StopReason, ToolCall};
use chatai_store::{
    StoreError, Synced,
    ops::{
        budgets::Payer,
        direct::{self, AskedAgain},
    },
};
use chatai_types::{CallId, CallKind, TokenCounts};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// A running call.
pub(super) struct CallTask {
    pub(super) inner: Arc<Inner>,
    pub(super) id: CallId,
    pub(super) about: Arc<CallAbout>,
    pub(super) payer: Payer,
    pub(super) kind: CallKind,
    pub(super) asked: Served,
    pub(super) work: Work,
    /// The estimated input.
    pub(super) request_tokens: i64,
    /// Whether something was set aside for it.
    pub(super) is_reserved: bool,
    /// Nothing is told of a kept call before its record is synced. The one reader of any other sees to that itself.
    pub(super) synced: Option<Synced>,
    pub(super) out: Out,
    pub(super) stop: CancellationToken,
    /// The place among what may run at once.
    pub(super) permit: OwnedSemaphorePermit,
}

/// What is asked.
pub(super) enum Work {
    Answer {
        request: Box<Request>,
        /// How long the answer may be under a budget.
        output_tokens: u32,
    },
    Embed(Vec<String>),
}

/// Where it goes.
pub(super) enum Out {
    /// To the one reader.
    Own {
        pieces: mpsc::Sender<Piece>,
        end: oneshot::Sender<CallOutcome>,
    },
    /// Through the database to any number of readers.
    Kept(Arc<CallLog>),
}

impl Out {
    /// Gives a piece on, as soon as there is room for it.
    async fn push(&self, piece: Piece) {
        match self {
            // Whoever left ends the call: see `drive_while`.
            Self::Own { pieces, .. } => {
                let _gone = pieces.send(piece).await;
            }
            Self::Kept(log) => {
                log.push(piece);
                log.room().await;
            }
        }
    }

    /// Waits until nobody can read the call any more.
    async fn left(&self) {
        match self {
            Self::Own { pieces, .. } => pieces.closed().await,
            Self::Kept(_) => std::future::pending().await,
        }
    }

    /// Writes what comes, for as long as it is waited for.
    async fn write(&self, inner: &Inner) {
        match self {
            Self::Own { .. } => std::future::pending().await,
            Self::Kept(log) => writer::write_pieces(inner, log).await,
        }
    }
}

/// What is asked, of whoever answers.
struct Asking {
    request: Request,
    /// Whether the program offers tools.
    has_tools: bool,
    /// Whether the built-in responder may still search.
    may_search: bool,
    /// What is still to be waited for before anything is told.
    synced: Option<Synced>,
}

impl Asking {
    /// The request as it is put now. One that nobody needs again is given away.
    fn next(&mut self, own_tools: bool, is_last: bool) -> Request {
        if !self.has_tools {
            self.request.tools = match own_tools && self.may_search {
                true => tools::specs(),
                false => Vec::new(),
            };
        }
        if is_last && !own_tools {
            return std::mem::take(&mut self.request);
        }
        self.request.clone()
    }
}

/// A call's place among those that run here; left however the task ends.
struct Running<'a> {
    inner: &'a Inner,
    id: CallId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(log) = self.inner.calls.log(self.id) {
            // Nobody waits for a task that is gone.
            log.break_off();
        }
        self.inner.calls.forget(self.id);
    }
}

impl CallTask {
    /// Runs the call to its end. Whatever happens in between, it is closed.
    pub(super) async fn run(self) {
        let inner = Arc::clone(&self.inner);
        let running = Running {
            inner: &inner,
            id: self.id,
        };
        let Self {
            id,
            about,
            payer,
            kind,
            asked,
            work,
            request_tokens,
            is_reserved,
            synced,
            out,
            stop,
            permit,
            ..
        } = self;
        let mut progress = Progress::new(asked, request_tokens);
        let begun = Begun {
            inner: &inner,
            id,
            about: &about,
            is_reserved,
            out: &out,
        };
        let ended = begun.drive_while(work, synced, &stop, &mut progress).await;
        progress.settle(matches!(
            ended,
            Ended::Stopped | Ended::Failed(Failure::ShuttingDown)
        ));
        about.is_answered_by(&progress.asked.model.name);
        close(&inner, (id, payer, kind, is_reserved), progress, ended, out).await;
        drop((running, permit));
    }
}

/// What the parts of a call need to know of it.
struct Begun<'a> {
    inner: &'a Inner,
    id: CallId,
    about: &'a CallAbout,
    is_reserved: bool,
    out: &'a Out,
}

impl Begun<'_> {
    /// Lets the model answer until there is an answer, or an end to it.
    async fn drive_while(
        &self,
        work: Work,
        synced: Option<Synced>,
        stop: &CancellationToken,
        progress: &mut Progress,
    ) -> Ended {
        let driving = async {
            match work {
                Work::Answer {
                    request,
                    output_tokens,
                } => {
                    let mut request = *request;
                    if self.is_reserved {
                        request.max_output_tokens = Some(output_tokens);
                    }
                    self.answer(request, synced, progress).await
                }
                Work::Embed(texts) => self.embed(&texts, synced, progress).await,
            }
        };
        let mut driving = pin!(AssertUnwindSafe(driving).catch_unwind());
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => return Ended::Stopped,
            () = self.out.left() => return Ended::Stopped,
            () = self.inner.turns.ending.cancelled() => return Ended::Failed(Failure::ShuttingDown),
            ended = &mut driving => ended,
            () = self.out.write(self.inner) => return Ended::Stopped,
        };
        match ended {
            Ok(Ok(())) => Ended::Complete,
            Ok(Err(Failure::Deleted)) => Ended::Stopped,
            Ok(Err(failure)) => Ended::Failed(failure),
            Err(_) => Ended::Failed(Failure::Panic),
        }
    }

    /// Asks the model, and runs our own tools for it in rounds with a bound.
    async fn answer(
        &self,
        request: Request,
        synced: Option<Synced>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut asking = Asking {
            // A program that offers tools runs them itself.
            has_tools: !request.tools.is_empty(),
            may_search: true,
            request,
            synced,
        };
        let rounds = self.inner.settings.limits.tool_rounds;
        for round in 0..=rounds {
            // The last round has to answer.
            asking.may_search = round < rounds;
            let asked = self.round(&mut asking, progress).await?;
            if asked.is_empty() {
                return Ok(());
            }
            let items = &mut asking.request.items;
            items.extend(asked.iter().cloned().map(Item::ToolCall));
            for call in asked {
                let output = tools::run_alone(self.inner, &call).await;
                let call_id = call.id;
                items.push(Item::ToolResult { call_id, output });
            }
        }
        Err(Failure::Provider(LlmError::Failed(
            "the model kept calling tools that were no longer offered".to_owned(),
        )))
    }

    /// One call of the model, or of those in its place. Gives back the calls of our own tools.
    async fn round(&self, asking: &mut Asking, progress: &mut Progress) -> Result<Vec<ToolCall>, Failure> {
        loop {
            let own_tools = progress.asked.is_built_in() && !asking.has_tools;
            let request = asking.next(own_tools, progress.others.is_empty());
            let failed = match self.start(request, &mut asking.synced, progress).await {
                Ok(stream) => match self.give_on(stream, own_tools, progress).await {
                    Ok(asked) => return Ok(asked),
                    Err(error) => error,
                },
                Err(failure) => failure,
            };
            let Failure::Provider(error) = failed else {
                return Err(failed);
            };
            if progress.has_given
                || !is_the_providers(&error)
                || !progress.fall_back(&asking.request, self.is_reserved, &error)
            {
                return Err(error.into());
            }
            self.write_down_again(progress).await?;
        }
    }

    /// Begins to ask. What has to be synced first is waited for meanwhile.
    async fn start(
        &self,
        request: Request,
        synced: &mut Option<Synced>,
        progress: &mut Progress,
    ) -> Result<EventStream, Failure> {
        let asking = progress.asked.provider.stream(request);
        let (stream, synced) = tokio::join!(asking, waited(synced.take()));
        synced?;
        let stream = stream?;
        progress.is_accepted = true;
        Ok(stream)
    }

    /// Gives on what comes, to the end of the stream.
    async fn give_on(
        &self,
        mut stream: EventStream,
        own_tools: bool,
        progress: &mut Progress,
    ) -> Result<Vec<ToolCall>, Failure> {
        let mut asked = Vec::new();
        loop {
            let event = next_event(&mut stream).await?;
            progress.has_given = true;
            self.about.is_answered_by(&progress.asked.model.name);
            let piece = match event {
                Event::Text(more) => Piece::Text(storable(more)),
                Event::Reasoning(more) => Piece::Reasoning(storable(more)),
                Event::ToolCall(call) if own_tools => {
                    asked.push(call);
                    continue;
                }
                Event::ToolCall(call) => Piece::ToolCall {
                    id: storable(call.id),
                    name: storable(call.name),
                    arguments: storable(call.arguments),
                },
                // Nobody but the model itself is told of it.
                Event::State(_) if own_tools => continue,
                Event::State(state) => Piece::State(ReasoningState {
                    text: storable(state.text),
                    opaque: storable(state.opaque),
                    ..state
                }),
                Event::StoppedAt(text) => Piece::StoppedAt(storable(text)),
                Event::Finished(end) => {
                    progress.stop_reason = Some(end.reason);
                    progress.used = Some(progress.record(end.usage));
                    read_on(stream);
                    return Ok(asked);
                }
            };
            if progress.give(&piece) {
                self.out.push(piece).await;
            }
        }
    }

    /// Embeds texts.
    async fn embed(
        &self,
        texts: &[String],
        synced: Option<Synced>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let model = &progress.asked.model.name;
        let asking = progress.asked.provider.embed(model, texts);
        let (done, synced) = tokio::join!(asking, waited(synced));
        synced?;
        let done = done?;
        (progress.is_accepted, progress.has_given) = (true, true);
        progress.stop_reason = Some(StopReason::Stop);
        progress.used = Some(progress.record(done.input_tokens.map(|fresh_input| TokenCounts {
            fresh_input,
            ..TokenCounts::default()
        })));
        if done.vectors.len() != texts.len()
            || done.vectors.iter().flatten().any(|number| !number.is_finite())
        {
            return Err(
                LlmError::Failed("the embeddings are not one vector of numbers a text".to_owned()).into(),
            );
        }
        self.out.push(Piece::Vectors(done.vectors)).await;
        Ok(())
    }

    /// Writes down that another model is about to be asked in place of one that gave nothing.
    async fn write_down_again(&self, progress: &Progress) -> Result<(), Failure> {
        let model = &progress.asked.model;
        let again = AskedAgain {
            id: self.id,
            model: model.name.clone(),
            price_version: model.price_version,
            fallback_from: progress.fallback_from.clone().unwrap_or_default(),
        };
        // Written is enough: it has to survive this process.
        let writing = self
            .inner
            .store
            .write_staged(move |tx| direct::ask_again(tx, &again));
        let (is_written, _synced) = writing.await?;
        if is_written { Ok(()) } else { Err(Failure::Deleted) }
    }
}

/// Waits for a sync, where one has to be waited for.
async fn waited(synced: Option<Synced>) -> Result<(), StoreError> {
    match synced {
        Some(synced) => synced.wait().await,
        None => Ok(()),
    }
}
