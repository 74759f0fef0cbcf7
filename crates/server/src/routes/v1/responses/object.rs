//! The object that a response is.

use super::face::ResponseFace;
use crate::routes::v1::{
    call::failure,
    writer::{input_tokens, number, raw, string},
};
use chatai_engine::{CallAbout, CallOutcome, llm::StopReason};
use chatai_types::{ErrorCode, TokenCounts, TurnStatus};

/// What names of responses begin with.
const PREFIX: &str = "resp_";

/// The name by which a client knows a response.
pub(super) fn name(public_id: &str) -> String {
    format!("{PREFIX}{public_id}")
}

/// The name by which the engine knows it; what is none is no response's.
pub(super) fn public_id(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or_default()
}

/// Where a response stands.
pub(super) enum Standing<'a> {
    /// It has not begun.
    Queued,
    /// It is being made.
    InProgress,
    /// It has ended.
    Ended(&'a CallOutcome),
}

impl Standing<'_> {
    pub(super) fn status(&self) -> &'static str {
        let outcome = match self {
            Self::Queued => return "queued",
            Self::InProgress => return "in_progress",
            Self::Ended(outcome) => outcome,
        };
        match (outcome.status, incomplete(outcome)) {
            (TurnStatus::Complete, None) => "completed",
            (TurnStatus::Complete, Some(_)) => "incomplete",
            (TurnStatus::Stopped, _) => "cancelled",
            (TurnStatus::Running | TurnStatus::Interrupted | TurnStatus::Failed, _) => "failed",
        }
    }
}

/// Why a response ends before its end.
fn incomplete(outcome: &CallOutcome) -> Option<&'static str> {
    match outcome.stop_reason? {
        StopReason::Length => Some("max_output_tokens"),
        StopReason::Refusal => Some("content_filter"),
        StopReason::Stop | StopReason::ToolCalls => None,
    }
}

/// Appends the object; `output` are its finished items, with commas between them.
pub(super) fn write(
    out: &mut Vec<u8>,
    about: &CallAbout,
    face: &ResponseFace,
    standing: &Standing<'_>,
    output: &[u8],
) {
    raw(out, r#"{"id":"#);
    string(out, &name(&about.public_id));
    raw(out, r#","object":"response","created_at":"#);
    number(out, about.created_at.as_secs());
    raw(out, r#","status":"#);
    string(out, standing.status());
    let ended = match standing {
        Standing::Ended(outcome) => Some(*outcome),
        Standing::Queued | Standing::InProgress => None,
    };
    raw(out, r#","completed_at":"#);
    match ended.filter(|outcome| outcome.status == TurnStatus::Complete) {
        Some(outcome) => number(out, outcome.at.as_secs()),
        None => raw(out, "null"),
    }
    raw(out, r#","error":"#);
    match ended.and_then(failure) {
        None => raw(out, "null"),
        Some(error) => {
            raw(out, r#"{"code":"#);
            string(out, error_code(error.code()));
            raw(out, r#","message":"#);
            string(out, &error.message());
            raw(out, "}");
        }
    }
    raw(out, r#","incomplete_details":"#);
    match ended
        .filter(|outcome| outcome.status == TurnStatus::Complete)
        .and_then(incomplete)
    {
        None => raw(out, "null"),
        Some(reason) => {
            raw(out, r#"{"reason":"#);
            string(out, reason);
            raw(out, "}");
        }
    }
    raw(out, r#","model":"#);
    // While it is made, another may still take the place of the one that was asked.
    string(out, ended.map_or(&about.model, |outcome| &outcome.model));
    raw(out, r#","output":["#);
    out.extend_from_slice(output);
    raw(out, r#"],"previous_response_id":"#);
    match &about.previous_id {
        None => raw(out, "null"),
        Some(previous) => string(out, &name(previous)),
    }
    raw(out, r#","usage":"#);
    match ended {
        None => raw(out, "null"),
        Some(outcome) => usage(out, &outcome.tokens),
    }
    face.write(out);
    raw(out, "}");
}

/// One of the words that OpenAI has for why a response failed.
fn error_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::ProviderRateLimited | ErrorCode::RateLimited | ErrorCode::Overloaded => {
            "rate_limit_exceeded"
        }
        ErrorCode::ContextTooLong => "invalid_prompt",
        _ => "server_error",
    }
}

fn usage(out: &mut Vec<u8>, tokens: &TokenCounts) {
    let input = input_tokens(tokens);
    raw(out, r#"{"input_tokens":"#);
    number(out, input);
    raw(out, r#","input_tokens_details":{"cached_tokens":"#);
    number(out, tokens.cache_read);
    raw(out, r#","cache_write_tokens":"#);
    number(out, tokens.cache_write);
    raw(out, r#"},"output_tokens":"#);
    number(out, tokens.output);
    raw(out, r#","output_tokens_details":{"reasoning_tokens":"#);
    number(out, tokens.reasoning);
    raw(out, r#"},"total_tokens":"#);
    number(out, input.saturating_add(tokens.output));
    raw(out, "}");
}
