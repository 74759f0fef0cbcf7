//! Vectors for a program's texts.

use super::{
    CallKey, KeepCall, Piece, StartedCall,
    accept::{self, Accepted},
    call::Work,
};
use crate::{
    Engine, EngineError,
    chat::size::estimate_tokens,
    money::embedding_worst_case,
    views::{Caller, Origin},
};
use chatai_types::{CallKind, ErrorCode, TokenCounts, TurnStatus};

/// The most texts of one call, and the most bytes of all of them.
const MOST_TEXTS: usize = 2_048;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Texts to embed.
#[derive(Clone, Debug)]
pub struct EmbedCall {
    /// The model as the client names it; `None` for the one that embeds the collection.
    pub model: Option<String>,
    /// The texts.
    pub texts: Vec<String>,
    /// Set when the client may repeat it.
    pub key: Option<CallKey>,
}

/// Embedded texts.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// The model that embedded them.
    pub model: String,
    /// One vector a text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// What it used.
    pub tokens: TokenCounts,
    /// Whether an earlier request of the same key did it.
    pub replayed: bool,
}

impl Engine {
    /// Embeds texts. Whoever stops waiting ends the call, unless it may be repeated.
    ///
    /// # Errors
    /// `validation_error`, `too_large`, and those of [`Engine::call`] and of its outcome.
    pub async fn embed(
        &self,
        caller: &Caller,
        origin: &Origin,
        call: EmbedCall,
    ) -> Result<Embedded, EngineError> {
        let started = self.start_embedding(caller, origin, call).await?;
        let replayed = started.replayed;
        let Some((pieces, outcome)) = started.reader.whole().await else {
            return Err(EngineError::new(ErrorCode::ShuttingDown, "The service is ending"));
        };
        if outcome.status == TurnStatus::Stopped {
            // Whoever waits did not end it.
            return Err(EngineError::invalid_token());
        }
        if let Some(error) = outcome.error {
            return Err(error);
        }
        let vectors = pieces.into_iter().find_map(|piece| match piece {
            Piece::Vectors(vectors) => Some(vectors),
            _ => None,
        });
        Ok(Embedded {
            model: outcome.model,
            vectors: vectors.ok_or_else(|| EngineError::internal("an embedding without vectors"))?,
            tokens: outcome.tokens,
            replayed,
        })
    }

    async fn start_embedding(
        &self,
        caller: &Caller,
        origin: &Origin,
        call: EmbedCall,
    ) -> Result<StartedCall, EngineError> {
        check(&call.texts)?;
        let inner = &self.inner;
        let repeatable = accept::repeatable(inner, CallKind::Embedding, call.key.as_ref());
        if let Some(started) = accept::earlier(inner, caller, repeatable.as_ref()).await? {
            return Ok(started);
        }
        let model = inner.models.embedder_for(caller, call.model.as_deref())?;
        let permit = inner.turns.admit(caller.user_id, origin, inner.clock.now())?;
        let request_tokens = call.texts.iter().map(|text| estimate_tokens(text)).sum();
        let accepted = Accepted {
            kind: CallKind::Embedding,
            worst_case: embedding_worst_case(&model.model, request_tokens),
            model,
            work: Work::Embed(call.texts),
            request_tokens,
            keep: call.key.map(|_| KeepCall::default()),
            repeatable,
            permit,
        };
        accept::open(inner, caller, accepted).await
    }
}

fn check(texts: &[String]) -> Result<(), EngineError> {
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(EngineError::new(
            ErrorCode::Validation,
            "There is nothing to embed, or one of the texts is empty",
        ));
    }
    if texts.len() > MOST_TEXTS {
        let detail = format!("At most {MOST_TEXTS} texts are embedded at once");
        return Err(EngineError::new(ErrorCode::TooLarge, detail));
    }
    if texts.iter().map(String::len).sum::<usize>() > MOST_BYTES {
        let detail = format!("The texts are longer than {MOST_BYTES} bytes together");
        return Err(EngineError::new(ErrorCode::TooLarge, detail));
    }
    Ok(())
}
