//! Model calls as they are recorded: what each used, and what that costs.

use super::size::{MESSAGE_OVERHEAD, TextSize, estimate_tokens};
use crate::{
    EngineError,
    catalog::{BUILT_IN, Model},
};
use chatai_llm::{Event, EventStream, Format, Item, LlmError, Part, Provider, Request, ToolSpec};
use chatai_store::ops::turns::ModelCall;
use chatai_types::{ErrorCode, Money, Scope, Timestamp, TokenCounts, UsageSource};
use futures_util::{FutureExt, StreamExt};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A model and who serves it.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) model: Model,
    pub(crate) provider: Arc<dyn Provider>,
    /// Who answers in its place, in order, when its provider fails before its first byte.
    pub(crate) alternatives: Arc<[Served]>,
}

/// What a call that was read to its end gave.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) text: String,
    /// What it put out, reasoning included.
    pub(crate) given: TextSize,
    pub(crate) usage: Option<TokenCounts>,
}

impl Served {
    pub(crate) fn is_built_in(&self) -> bool {
        self.model.name == BUILT_IN
    }

    /// A call of which only the whole text matters. What it gives goes to `partial` as it comes, for the case that it
    /// breaks off or is ended.
    pub(crate) async fn complete(&self, request: Request, partial: &Partial) -> Result<Completion, LlmError> {
        let mut stream = self.provider.stream(request).await?;
        partial.accept();
        let end = loop {
            match next_event(&mut stream).await? {
                Event::Text(more) => partial.push(&storable(more)),
                Event::Reasoning(more) => partial.reason(&storable(more)),
                Event::Finished(finished) => break finished,
                Event::State(_) | Event::ToolCall(_) | Event::StoppedAt(_) => {}
            }
        };
        read_on(stream);
        Ok(partial.complete(end.usage))
    }

    /// The record of a call that put out so much; tokens the provider did not report are estimated.
    pub(crate) fn record(
        &self,
        scope: Scope,
        usage: Option<TokenCounts>,
        request: &Request,
        given: TextSize,
        at: Timestamp,
    ) -> ModelCall {
        let (tokens, source) = match usage {
            // It has no tokens to count.
            Some(tokens) if self.is_built_in() => (tokens, UsageSource::None),
            Some(tokens) => (tokens, UsageSource::Provider),
            None => (estimate(request, given), UsageSource::Estimated),
        };
        let price = self.model.charge(&tokens);
        let price_version = self.model.price_version;
        ModelCall {
            scope,
            model: self.model.name.clone(),
            tokens,
            source,
            price,
            price_version,
            fallback_from: None,
            at,
        }
    }
}

impl Served {
    /// The record of a call that broke off or was ended. Once the provider has begun to answer it bills the request, so
    /// it is estimated, unless the report had come by then; before that nobody knows of any use.
    pub(crate) fn record_partial(
        &self,
        scope: Scope,
        request: &Request,
        partial: &Partial,
        at: Timestamp,
    ) -> Option<ModelCall> {
        let state = partial.lock();
        let (reported, given) = (state.reported, state.given);
        state
            .is_accepted
            .then(|| self.record(scope, reported, request, given, at))
    }

    /// The record of a call that was ended before anybody could say what it used.
    pub(crate) fn record_unknown(&self, scope: Scope, at: Timestamp) -> ModelCall {
        ModelCall {
            scope,
            model: self.model.name.clone(),
            tokens: TokenCounts::default(),
            source: UsageSource::None,
            price: Some(Money::ZERO),
            price_version: self.model.price_version,
            fallback_from: None,
            at,
        }
    }
}

/// What a call has given so far, shared with whoever may end it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partial(Arc<Mutex<PartialState>>);

#[derive(Debug, Default)]
struct PartialState {
    /// Whether the provider has begun to answer.
    is_accepted: bool,
    text: String,
    /// All that came, reasoning included.
    given: TextSize,
    /// What it used, once its provider has said so.
    reported: Option<TokenCounts>,
}

impl Partial {
    fn lock(&self) -> MutexGuard<'_, PartialState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self) {
        self.lock().is_accepted = true;
    }

    fn push(&self, more: &str) {
        let mut state = self.lock();
        state.text.push_str(more);
        state.given.add(more);
    }

    fn reason(&self, more: &str) {
        self.lock().given.add(more);
    }

    /// The whole of it, with what its provider reports.
    fn complete(&self, usage: Option<TokenCounts>) -> Completion {
        let mut state = self.lock();
        state.reported = usage;
        Completion {
            text: state.text.clone(),
            given: state.given,
            usage,
        }
    }

    /// Whether anything came.
    pub(crate) fn has_given(&self) -> bool {
        !self.lock().given.is_empty()
    }
}

/// The next event of a stream that has not come to its end.
pub(crate) async fn next_event(stream: &mut EventStream) -> Result<Event, LlmError> {
    let next = stream.next().await;
    next.ok_or_else(|| LlmError::Failed("the stream ended before its end".to_owned()))?
}

/// Reads on behind the last event, so that the connection can be used again. Whoever has the answer does not wait for
/// it: the answer is whole, and whatever ends the call from now on comes too late.
pub(crate) fn read_on(mut stream: EventStream) {
    // Mostly the end came together with the last event.
    if matches!(stream.next().now_or_never(), Some(None)) {
        return;
    }
    // Its bounds are the stream's own.
    tokio::spawn(async move { while stream.next().await.is_some() {} });
}

/// A model's text without U+0000, which no database column holds.
pub(crate) fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}

/// What a request and its output amount to, when the provider does not say.
fn estimate(request: &Request, given: TextSize) -> TokenCounts {
    TokenCounts {
        fresh_input: request_tokens(request),
        output: given.tokens(),
        ..TokenCounts::default()
    }
}

/// An estimate of a request's size.
pub(crate) fn request_tokens(request: &Request) -> i64 {
    let items: i64 = request
        .items
        .iter()
        .map(|item| MESSAGE_OVERHEAD + item_tokens(item))
        .sum();
    let tools: i64 = request.tools.iter().map(|tool| tool_tokens(tool)).sum();
    let format = match &request.format {
        Format::Text | Format::JsonObject => 0,
        Format::JsonSchema { schema, .. } => estimate_tokens(&schema.to_string()),
    };
    estimate_tokens(&request.system) + items + tools + format
}

/// An estimate of what offering a tool adds to a request.
pub(crate) fn tool_tokens(tool: &ToolSpec) -> i64 {
    estimate_tokens(&tool.description) + estimate_tokens(&tool.parameters.to_string())
}

fn item_tokens(item: &Item) -> i64 {
    match item {
        Item::User(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => estimate_tokens(text),
                Part::Image { .. } | Part::ImageUrl { .. } => super::size::IMAGE_TOKENS,
            })
            .sum(),
        Item::Assistant(text) => estimate_tokens(text),
        // Vendors bill the words, not what they are encrypted into.
        Item::Reasoning(state) => estimate_tokens(&state.text),
        Item::ToolCall(call) => estimate_tokens(&call.name) + estimate_tokens(&call.arguments),
        Item::ToolResult { output, .. } => estimate_tokens(output),
    }
}

/// A provider's failure in our words: the code tells what to do, the cause goes to the log.
pub(crate) fn refusal(error: &LlmError) -> EngineError {
    let new = EngineError::new;
    let refused = match error {
        LlmError::Auth(_) => new(
            ErrorCode::ProviderAuth,
            "The model's provider refused this instance's key; its administrator has to look at it",
        ),
        LlmError::RateLimited { retry_after, .. } => {
            new(ErrorCode::ProviderRateLimited, "The model's provider asks to wait before the next request")
                .retry_after(retry_after.unwrap_or(Duration::from_secs(5)))
        }
        LlmError::ModelUnavailable(_) => new(
            ErrorCode::ModelUnavailable,
            "The model's provider does not offer this model to this instance; choose another one",
        ),
        LlmError::ContextTooLong(_) => new(
            ErrorCode::ContextTooLong,
            "The message with its context does not fit the model's window; shorten it or choose another model",
        ),
        LlmError::Timeout(_) => new(
            ErrorCode::ProviderTimeout,
            "The model's provider sent nothing for too long; your message was kept, send it again",
        ),
        LlmError::TooLong(_) => new(
            ErrorCode::ProviderTimeout,
            "The model needed too long for its answer; your message was kept, send it again or choose another model",
        ),
        LlmError::Rejected(_) => new(
            ErrorCode::ProviderError,
            "The model's provider refused the request; your message was kept, but will be refused again as it is: change \
             it or choose another model",
        ),
        LlmError::Failed(_) => new(
            ErrorCode::ProviderError,
            "The model's provider failed; your message was kept, send it again or choose another model",
        ),
        LlmError::Busy { .. } => new(
            ErrorCode::ProviderRateLimited,
            "As many questions as this instance may put to the model's provider at once are being answered; your \
             message was kept, send it again",
        )
        .retry_after(Duration::from_secs(5)),
        LlmError::CircuitOpen { retry_after } => new(
            ErrorCode::ProviderError,
            "The model's provider has failed repeatedly and is left alone for a moment; your message was kept",
        )
        .retry_after(*retry_after),
    };
    refused.caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentence says what to do, so those that ask for different things are not the same.
    #[test]
    fn every_failure_says_what_to_do() {
        let minute = Duration::from_secs(60);
        let why = || "why".to_owned();
        for (error, code, words) in [
            (
                LlmError::Timeout(minute),
                ErrorCode::ProviderTimeout,
                "send it again",
            ),
            (LlmError::TooLong(minute), ErrorCode::ProviderTimeout, "too long"),
            (LlmError::Failed(why()), ErrorCode::ProviderError, "send it again"),
            (LlmError::Rejected(why()), ErrorCode::ProviderError, "change it"),
        ] {
            let refused = refusal(&error);
            assert_eq!(refused.code, code, "{error}");
            assert!(refused.detail.contains(words), "{error}: {}", refused.detail);
            assert!(!refused.detail.contains("why"), "{error}: {}", refused.detail);
        }
        assert!(
            !refusal(&LlmError::Rejected(why()))
                .detail
                .contains("send it again")
        );
    }
}
