//! How an operation is refused: one type, whose code says what the caller can do about it.

use chatai_store::{
    StoreError,
    ops::turns::{self, OpenedTurn},
};
use chatai_types::{ConversationId, ErrorCode, MessageId};
use std::{borrow::Cow, fmt, time::Duration};

/// The three ids of a turn that was written, so that a client finds what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnIds {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The user's message.
    pub request_message_id: MessageId,
    /// The answer.
    pub response_message_id: MessageId,
}

impl From<OpenedTurn> for TurnIds {
    fn from(ids: OpenedTurn) -> Self {
        Self {
            conversation_id: ids.conversation_id,
            request_message_id: ids.request_message_id,
            response_message_id: ids.response_message_id,
        }
    }
}

impl From<turns::TurnIds> for TurnIds {
    fn from(ids: turns::TurnIds) -> Self {
        Self {
            conversation_id: ids.conversation_id,
            request_message_id: ids.request_message_id,
            response_message_id: ids.response_message_id,
        }
    }
}

/// A refused or failed operation.
#[derive(Clone, Debug)]
pub struct EngineError {
    /// What kind of failure; decides the HTTP status.
    pub code: ErrorCode,
    /// The sentence for the caller. Never holds a secret or an inner cause.
    pub detail: Cow<'static, str>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// The turn that was kept, when the failure came after it was written.
    pub turn: Option<TurnIds>,
    /// The cause, for the log alone.
    pub cause: Option<String>,
}

impl EngineError {
    /// A failure with its sentence for the caller.
    pub fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after: None,
            turn: None,
            cause: None,
        }
    }

    /// A fault of the service; the cause goes to the log alone.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(ErrorCode::Internal, "Internal Server Error")
        }
    }

    /// The same with a time to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same with the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// The one answer for a conversation that is missing or another's.
    pub fn conversation_not_found() -> Self {
        Self::new(ErrorCode::ConversationNotFound, "Conversation not found")
    }

    /// The one answer for a message that is missing or another's.
    pub fn message_not_found() -> Self {
        Self::new(ErrorCode::MessageNotFound, "Message not found")
    }

    /// The one answer for an attachment that is missing or another's.
    pub fn attachment_not_found() -> Self {
        Self::new(ErrorCode::AttachmentNotFound, "Attachment not found")
    }

    /// The one answer for a stored response that is missing or another's.
    pub fn response_not_found() -> Self {
        Self::new(ErrorCode::ResponseNotFound, "Response not found")
    }

    /// The refusal of a turn whose worst case does not fit what is left of its owner's budget.
    pub fn budget_exceeded() -> Self {
        Self::new(
            ErrorCode::BudgetExceeded,
            "What this message may cost does not fit what is left of your budget; GET /users/me/budget says what is",
        )
    }

    /// The refusal of a turn whose worst case does not fit what is left of the budget of the key it came with.
    pub fn key_budget_exceeded() -> Self {
        Self::new(
            ErrorCode::BudgetExceeded,
            "What this message may cost does not fit what is left of this key's budget; its owner sees it at GET /keys",
        )
    }

    /// The one answer for every token that does not count.
    pub fn invalid_token() -> Self {
        Self::new(ErrorCode::InvalidToken, "Could not validate credentials")
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        let wait = Duration::from_secs(1);
        match &error {
            StoreError::Busy => {
                Self::new(ErrorCode::Overloaded, "Too much at once; try again shortly").retry_after(wait)
            }
            StoreError::Full => Self::new(
                ErrorCode::StorageFull,
                "The disk is full: reading goes on, writing does not",
            ),
            StoreError::Unavailable(_) => Self::new(
                ErrorCode::Overloaded,
                "The database cannot be reached; try again shortly",
            )
            .retry_after(Duration::from_secs(2)),
            StoreError::Closed => Self::new(ErrorCode::ShuttingDown, "The service is ending")
                .retry_after(Duration::from_secs(2)),
            _ => Self::new(ErrorCode::Internal, "Internal Server Error"),
        }
        .caused_by(error)
    }
}
