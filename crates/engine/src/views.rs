//! What operations take and give: plain values, neither storage rows nor wire JSON.

use bytes::Bytes;
use chatai_llm::ToolCall;
use chatai_store::ops::budgets::Payer;
use chatai_types::{
    ApiKeyId, AttachmentId, ConversationId, ErrorCode, MessageId, Money, PriceVersionId, Role, Scope,
    Timestamp, TokenCounts, TurnStatus, UsageId, UsageSource, UserId, UserRole,
};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::Arc};

/// Who is calling: proof that a token was checked. Only the engine makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// What it may do.
    pub role: UserRole,
    /// The session's name in the list of ended sessions.
    pub(crate) session: Arc<str>,
    /// When the token ends by itself.
    pub(crate) expires_at: Timestamp,
    /// The key, where the caller is a program with one.
    pub(crate) key: Option<ApiKeyId>,
    /// The models that the key may use; `None` for all.
    pub(crate) key_models: Option<Arc<[String]>>,
    /// The number of changes to accounts and keys that the check of its token knew of.
    pub(crate) generation: u64,
}

impl Caller {
    /// Who pays for what the caller asks.
    pub(crate) fn payer(&self) -> Payer {
        Payer {
            owner: self.user_id,
            key: self.key,
        }
    }
}

/// Where a call comes from, for rate limits, and for the list of sessions where it is a sign-in.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address, as far as proxies can be trusted.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// A new account as asked for; lengths and forms are checked by the engine.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The e-mail as given.
    pub email: String,
    /// The password as given.
    pub password: String,
    /// A name to show.
    pub display_name: Option<String>,
}

/// A finished sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The bearer token.
    pub token: String,
    /// How long it lives.
    pub lifetime_secs: i64,
    /// The account.
    pub user_id: UserId,
}

/// An account as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Its e-mail as registered.
    pub email: String,
    /// Its shown name.
    pub display_name: Option<String>,
    /// What it may do.
    pub role: UserRole,
    /// Whether an administrator has shut it.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A conversation in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its title.
    pub title: Option<String>,
    /// Its summary, as its client set it.
    pub summary: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is pinned.
    pub pinned_at: Option<Timestamp>,
}

/// A message with everything a client may see of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// The user's message that an answer answers.
    pub request_id: Option<MessageId>,
    /// The message it follows.
    pub parent_id: Option<MessageId>,
    /// Who speaks.
    pub role: Role,
    /// Where an answer stands.
    pub status: TurnStatus,
    /// The text.
    pub text: String,
    /// The compact form of a long text.
    pub summary: Option<String>,
    /// The model asked or answering.
    pub model: Option<String>,
    /// What all model calls of the turn used; answers alone.
    pub tokens: Option<TokenCounts>,
    /// What they cost; answers alone.
    pub price: Option<Money>,
    /// How the turn failed.
    pub error: Option<(ErrorCode, String)>,
    /// When it was written.
    pub created_at: Timestamp,
    /// How long it took; answers alone.
    pub times: Times,
    /// The files that came with it.
    pub attachments: Vec<Attachment>,
    /// The messages that follow the same one, itself included.
    pub siblings: Vec<MessageId>,
}

/// How long an answer took, in milliseconds from its question. Unknown where nobody saw its end, and for imported ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// To its first piece.
    pub first_ms: Option<i64>,
    /// To its last.
    pub total_ms: Option<i64>,
}

/// A file that came with a message, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Its message.
    pub message_id: MessageId,
    /// Its name, cleaned.
    pub filename: String,
    /// Its media type as stored.
    pub content_type: Option<String>,
}

/// A file's bytes for download.
#[derive(Clone, Debug)]
pub struct AttachmentFile {
    /// Its name, cleaned.
    pub filename: String,
    /// Its media type as stored.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// One model call's usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its id.
    pub id: UsageId,
    /// The answer it belongs to.
    pub message_id: MessageId,
    /// What the call was for.
    pub scope: Scope,
    /// The model that was called.
    pub model: String,
    /// What it used.
    pub tokens: TokenCounts,
    /// What it cost; `None` where no price is known.
    pub price: Option<Money>,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// The model that was asked first, where this one answered in its place.
    pub fallback_from: Option<String>,
    /// Where the counts come from.
    pub source: UsageSource,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// A file as uploaded.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The name as sent.
    pub filename: String,
    /// The media type as sent.
    pub content_type: Option<String>,
    /// The bytes.
    pub bytes: Bytes,
}

/// What a new question follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parent {
    /// The active branch's last message.
    #[default]
    Head,
    /// Nothing: it is a new first message.
    Nothing,
    /// This message.
    Message(MessageId),
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct SendMessage {
    /// The conversation; `None` starts a new one.
    pub conversation_id: Option<ConversationId>,
    /// What it follows there.
    pub parent: Parent,
    /// The question, as sent.
    pub text: String,
    /// The model; `None` means the configured default.
    pub model: Option<String>,
    /// The files.
    pub files: Vec<Upload>,
    /// The client's key, when the request may be repeated without repeating its effect.
    pub idempotency_key: Option<String>,
}

/// An answer to be given again.
#[derive(Clone, Debug)]
pub struct Regenerate {
    /// The answer whose question is answered again.
    pub answer: MessageId,
    /// The model; `None` means the one that answered before, where it still can, else the default.
    pub model: Option<String>,
    /// Whether the new answer begins with what the old one says and goes on from there.
    pub goes_on: bool,
    /// The client's key, when the request may be repeated without repeating its effect.
    pub idempotency_key: Option<String>,
}

/// Which messages of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// The whole active branch.
    All,
    /// Every branch.
    Tree,
    /// The latest so many of the active branch.
    Latest(i64),
    /// The latest so many before this one.
    Before(MessageId, i64),
    /// The first so many after this one.
    After(MessageId, i64),
}

/// A tool's call, or what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolEvent {
    /// The call's id.
    pub id: String,
    /// The tool's name, as the model gave it.
    pub name: String,
    /// The arguments, as the model gave them.
    pub arguments: String,
    /// Where it stands.
    pub state: ToolState,
    /// What came of it, shortened.
    pub result: Option<String>,
}

/// Where a tool's call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolState {
    /// It runs.
    Running,
    /// It has a result.
    Done,
    /// It could not be run as asked.
    Failed,
}

impl ToolState {
    /// The stable text, as sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl ToolEvent {
    /// What of a result is shown, in characters.
    const RESULT_CHARS: usize = 500;

    pub(crate) fn running(call: &ToolCall) -> Self {
        Self {
            id: call.id.clone(),
            name: call.name.replace('\0', ""),
            arguments: call.arguments.replace('\0', ""),
            state: ToolState::Running,
            result: None,
        }
    }

    pub(crate) fn ended(call: &ToolCall, output: &str) -> Self {
        let failed = serde_json::from_str::<serde_json::Value>(output)
            .is_ok_and(|output| output.get("error").is_some());
        let mut result: String = output.chars().take(Self::RESULT_CHARS).collect();
        if result.len() < output.len() {
            result.push('…');
        }
        Self {
            state: if failed {
                ToolState::Failed
            } else {
                ToolState::Done
            },
            result: Some(result),
            ..Self::running(call)
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and names are JSON")
    }
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its final status.
    pub status: TurnStatus,
    /// The answer as stored.
    pub answer: String,
    /// Why it failed, where it did; carries the turn's ids.
    pub error: Option<crate::EngineError>,
    /// The sum of all its calls.
    pub tokens: Option<TokenCounts>,
    /// What they cost together.
    pub price: Option<Money>,
    /// Whether it is in the database as told here.
    pub is_stored: bool,
}

/// Bounds of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// Characters of its text.
    pub text_chars: usize,
    /// Its files.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
}

/// A stored error; a code that a later version wrote is still an error, of a kind this one does not know.
pub(crate) fn stored_error(error: Option<(String, String)>) -> Option<(ErrorCode, String)> {
    error.map(|(code, detail)| (ErrorCode::from_name(&code).unwrap_or(ErrorCode::Internal), detail))
}
