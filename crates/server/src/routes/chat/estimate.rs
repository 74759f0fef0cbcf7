//! `POST /chat/estimate`

use super::send::{MODEL, parent};
use crate::{
    auth::{JsonInput, SignedJson},
    error::ApiError,
    input::fields::{Fields, TextRule},
    state::{App, AppState},
    wire::json,
};
use axum::{extract::State, response::Response};
use chatai_engine::{Draft, DraftFile, Estimate};
use chatai_types::{ConversationId, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A message that may be sent.
#[derive(ToSchema)]
pub(crate) struct EstimateRequest {
    /// The question as far as it is written; it may be empty.
    text: String,
    /// A name out of `GET /models`; the configured default when absent.
    #[schema(max_length = 200)]
    model: Option<String>,
    /// The conversation; a new one when absent.
    conversation_id: Option<i64>,
    /// The message that it would follow; the active branch's last when absent, 0 for a new first message.
    parent_id: Option<i64>,
    /// The files that would go with it.
    #[schema(value_type = Option<Vec<DraftFileRequest>>)]
    attachments: Vec<DraftFileRequest>,
}

/// A file that would go with a message.
#[derive(Deserialize, ToSchema)]
pub(crate) struct DraftFileRequest {
    /// Bytes.
    size: u64,
    /// Its media type.
    content_type: Option<String>,
}

/// What a message would take in and cost. Amounts are exact decimals in US dollars.
#[derive(Serialize, ToSchema)]
#[schema(as = Estimate)]
pub(crate) struct EstimateBody<'a> {
    /// The model that would answer.
    model: &'a str,
    /// What it would take in.
    context: ContextBody,
    /// What the answer may cost at most, with all calls beside it; null where a price is not known.
    worst_case: Option<String>,
    /// Whether that is no more than what is left. Where it is not, sending is 402 `budget_exceeded`.
    fits_budget: bool,
    /// What is left of the account's budget, or of the key's where that is less; null where there is no limit.
    remaining: Option<String>,
}

/// What the first model call would take in, in estimated tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = EstimateContext)]
pub(crate) struct ContextBody {
    /// The instructions, the tools, the earlier messages that are given, the question and its files.
    used_tokens: i64,
    /// What of the window is for that; the rest is kept for the answer.
    limit_tokens: i64,
    /// The model's whole window.
    window: i64,
    /// Whether older messages would go by their summaries.
    will_be_summarised: bool,
    /// Whether the question itself is no more than the model takes. Where it is not, sending is 400 `context_too_long`.
    fits: bool,
}

impl JsonInput for EstimateRequest {
    const MEMBERS: &'static [&'static str] =
        &["text", "model", "conversation_id", "parent_id", "attachments"];

    fn parse(fields: &mut Fields<'_>, state: &AppState) -> Option<Self> {
        // The engine bounds the text, as that of a message.
        let text = fields.text("text", TextRule::up_to(usize::MAX));
        let model = fields.optional_text("model", MODEL);
        let conversation_id = fields.optional_id("conversation_id");
        let parent_id = fields.optional_id("parent_id");
        let most = state.engine.message_limits().files;
        let attachments = fields.optional_list("attachments", most, "files, each with its `size` in bytes");
        Some(Self {
            text: text?,
            model: model?,
            conversation_id: conversation_id?,
            parent_id: parent_id?,
            attachments: attachments?.value().unwrap_or_default(),
        })
    }
}

impl From<EstimateRequest> for Draft {
    fn from(request: EstimateRequest) -> Self {
        let file = |file: DraftFileRequest| DraftFile {
            size: file.size,
            content_type: file.content_type,
        };
        Self {
            conversation_id: request.conversation_id.map(ConversationId),
            parent: parent(request.parent_id),
            text: request.text,
            model: request.model.filter(|model| !model.is_empty()),
            files: request.attachments.into_iter().map(file).collect(),
        }
    }
}

impl<'a> From<&'a Estimate> for EstimateBody<'a> {
    fn from(estimate: &'a Estimate) -> Self {
        let text = |amount: Money| amount.to_string();
        Self {
            model: &estimate.model,
            context: ContextBody {
                used_tokens: estimate.used_tokens,
                limit_tokens: estimate.limit_tokens,
                window: estimate.window,
                will_be_summarised: estimate.will_be_summarised,
                fits: estimate.fits,
            },
            worst_case: estimate.worst_case.map(text),
            fits_budget: estimate.fits_budget,
            remaining: estimate.remaining.map(text),
        }
    }
}

/// What a message would take in and cost if it were sent now. Nothing is written and no model is called.
#[utoipa::path(post, path = "/chat/estimate", tag = "chat", request_body = EstimateRequest,
    responses((status = 200, description = "The estimate", body = EstimateBody)))]
pub(crate) async fn estimate(
    State(state): State<App>,
    SignedJson(caller, draft): SignedJson<EstimateRequest>,
) -> Result<Response, ApiError> {
    let estimate = state.engine.estimate(&caller, draft.into()).await?;
    Ok(json(&EstimateBody::from(&estimate)))
}
