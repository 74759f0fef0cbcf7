//! The beginning of a turn: question, files and the empty, running answer, or nothing at all.

use super::{
    calls::{BegunCall, record_calls},
    repeat::{self, Claim, Repeatable, TurnIds},
};
use crate::{
    StoreError, Tx,
    ops::{
        attachments::{self, NewAttachment},
        branches,
        budgets::{self, Admission, Payer},
        conversations,
    },
    tx::{insert_id, params},
};
use chatai_types::{ConversationId, MessageId, Money, PriceVersionId, Role, Timestamp, TurnStatus, UserId};

/// A turn to open.
#[derive(Clone, Debug)]
pub struct OpenTurn {
    /// Whose, and with which key.
    pub payer: Payer,
    /// What is asked.
    pub question: Question,
    /// The model that will answer.
    pub model: String,
    /// The version of its prices that the turn is charged by; `None` where nobody knows any.
    pub price_version: Option<PriceVersionId>,
    /// The estimated tokens of the first request.
    pub request_tokens: i64,
    /// Other calls that begin with the turn.
    pub calls: Vec<BegunCall>,
    /// What it may cost at most, to be set aside where a limit applies.
    pub worst_case: Money,
    /// Set when the client may repeat the request.
    pub repeatable: Option<Repeatable>,
    /// When.
    pub now: Timestamp,
    /// Until when the answer's owner is believed alive.
    pub lease_until: Timestamp,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// Something new.
    New {
        /// In which conversation; `None` makes one with `provisional_title`.
        conversation: Option<ConversationId>,
        /// What it follows.
        parent: Parent,
        /// The title of a new conversation until the made one comes.
        provisional_title: String,
        /// The question, as sent.
        text: String,
        /// Its estimated size with attachments, in tokens.
        size_tokens: i64,
        /// Its files.
        attachments: Vec<NewAttachment>,
    },
    /// What this answer answered already.
    Again(MessageId),
}

/// What a new question follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// The active branch's last message.
    Head,
    /// The active branch's last message, which has to be this one.
    HeadAt(MessageId),
    /// Nothing: it is a new first message.
    Nothing,
    /// This message.
    Message(MessageId),
}

/// What became of it. Whoever is refused rolls the whole job back, so that nothing is written and no key used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is open.
    Turn(OpenedTurn),
    /// The key was used by the same request: this is its turn.
    Repeated(TurnIds),
    /// The key was used by another request.
    OtherRequest,
    /// The account is gone.
    NoOwner,
    /// The conversation is missing or another's.
    NoConversation,
    /// The message to follow or to answer again is missing or another's.
    NoMessage,
    /// The active branch ends with another message than the one that was to be its last.
    Moved,
    /// Its worst case does not fit what is left of the owner's budget.
    OverBudget,
    /// Its worst case does not fit what is left of the key's budget.
    OverKeyBudget,
}

/// The ids of an opened turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedTurn {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The question.
    pub request_message_id: MessageId,
    /// The empty, running answer.
    pub response_message_id: MessageId,
    /// The message that the question follows.
    pub parent_id: Option<MessageId>,
    /// The sum of the sizes before the question.
    pub tokens_before: i64,
    /// The question's size.
    pub question_tokens: i64,
    /// Whether its worst case was set aside.
    pub is_reserved: bool,
}

/// A question that is written, waiting for its answer's row.
struct Asked {
    conversation: ConversationId,
    id: MessageId,
    parent: Option<MessageId>,
    tokens_before: i64,
    size_tokens: i64,
}

/// Writes the question with its files and the empty, running answer, in one go with everything that belongs to them.
pub fn open(tx: &mut Tx<'_>, turn: &OpenTurn) -> Result<Opened, StoreError> {
    if let Some(request) = &turn.repeatable {
        match repeat::claim(tx, turn.payer.owner, request, turn.now)? {
            Claim::New => {}
            Claim::Same(ids) => return Ok(Opened::Repeated(ids)),
            Claim::Other => return Ok(Opened::OtherRequest),
            Claim::NoOwner => return Ok(Opened::NoOwner),
        }
    }
    let asked = match &turn.question {
        Question::New { .. } => ask(tx, turn)?,
        Question::Again(answer) => ask_again(tx, turn.payer.owner, *answer)?,
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(refused) => return Ok(refused),
    };
    let held = match budgets::reserve(tx, turn.payer, turn.worst_case, turn.now)? {
        Admission::Unlimited => None,
        Admission::Reserved(held) => Some(held),
        Admission::OverBudget => return Ok(Opened::OverBudget),
        Admission::OverKeyBudget => return Ok(Opened::OverKeyBudget),
    };
    let answer = add_answer(tx, turn, &asked)?;
    if let Some(held) = held {
        budgets::hold(tx, turn.payer, answer, held, turn.now)?;
    }
    let ids = TurnIds {
        conversation_id: asked.conversation,
        request_message_id: asked.id,
        response_message_id: answer,
    };
    if let Some(request) = &turn.repeatable {
        repeat::settle(tx, turn.payer.owner, request, ids)?;
    }
    record_calls(tx, answer, &[], &turn.calls, turn.now)?;
    Ok(Opened::Turn(OpenedTurn {
        conversation_id: asked.conversation,
        request_message_id: asked.id,
        response_message_id: answer,
        parent_id: asked.parent,
        tokens_before: asked.tokens_before,
        question_tokens: asked.size_tokens,
        is_reserved: held.is_some(),
    }))
}

/// Writes a new question.
fn ask(tx: &mut Tx<'_>, turn: &OpenTurn) -> Result<Result<Asked, Opened>, StoreError> {
    let Question::New {
        conversation,
        parent,
        provisional_title,
        text,
        size_tokens,
        attachments,
    } = &turn.question
    else {
        return Err(StoreError::Internal("no new question to write".to_owned()));
    };
    let (conversation, parent) = match conversation {
        // There is nothing to follow in what is about to begin.
        None if matches!(parent, Parent::Message(_) | Parent::HeadAt(_)) => {
            return Ok(Err(Opened::NoMessage));
        }
        None => {
            let title = Some(provisional_title.as_str());
            let Some(id) = conversations::add(tx, turn.payer.owner, title, None, turn.now)? else {
                return Ok(Err(Opened::NoOwner));
            };
            (id, None)
        }
        Some(id) => {
            let Some(head) = branches::take(tx, turn.payer.owner, *id)? else {
                return Ok(Err(Opened::NoConversation));
            };
            let parent = match parent {
                Parent::HeadAt(last) if head != Some(*last) => return Ok(Err(Opened::Moved)),
                Parent::Head | Parent::HeadAt(_) => head,
                Parent::Nothing => None,
                Parent::Message(message) => Some(*message),
            };
            if parent != head && !branches::fork(tx, turn.payer.owner, *id, parent)? {
                return Ok(Err(Opened::NoMessage));
            }
            (*id, parent)
        }
    };
    let tokens_before = match parent {
        None => 0,
        Some(parent) => tx
            .query_opt(
                "select tokens_before + size_tokens from messages where id = $1 and conversation_id = $2",
                params![parent, conversation],
                |row| row.get(0),
            )?
            .unwrap_or(0),
    };
    let id: Option<MessageId> = insert_id!(
        tx,
        "insert into messages (conversation_id, user_id, parent_id, role, status, text, model, \
         size_tokens, tokens_before, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            conversation,
            turn.payer.owner,
            parent,
            Role::User,
            TurnStatus::Complete,
            text,
            &turn.model,
            *size_tokens,
            tokens_before,
            turn.now
        ]
    )?;
    let id = id.ok_or_else(not_inserted)?;
    attachments::add_all(tx, turn.payer.owner, id, attachments)?;
    Ok(Ok(Asked {
        conversation,
        id,
        parent,
        tokens_before,
        size_tokens: *size_tokens,
    }))
}

/// Finds the question that `answer` answered.
fn ask_again(tx: &mut Tx<'_>, owner: UserId, answer: MessageId) -> Result<Result<Asked, Opened>, StoreError> {
    let found: Option<Asked> = tx.query_opt(
        "select q.conversation_id, q.id, q.parent_id, q.tokens_before, q.size_tokens from messages a \
         join messages q on q.id = a.request_id and q.conversation_id = a.conversation_id \
         where a.id = $1 and a.user_id = $2 and a.role = 'assistant'",
        params![answer, owner],
        |row| {
            Ok(Asked {
                conversation: row.get(0)?,
                id: row.get(1)?,
                parent: row.get(2)?,
                tokens_before: row.get(3)?,
                size_tokens: row.get(4)?,
            })
        },
    )?;
    let Some(asked) = found else {
        return Ok(Err(Opened::NoMessage));
    };
    let is_there = branches::take(tx, owner, asked.conversation)?.is_some()
        && branches::fork(tx, owner, asked.conversation, Some(asked.id))?;
    Ok(if is_there {
        Ok(asked)
    } else {
        Err(Opened::NoMessage)
    })
}

/// Writes the answer's row, the conversation's new head.
fn add_answer(tx: &mut Tx<'_>, turn: &OpenTurn, asked: &Asked) -> Result<MessageId, StoreError> {
    let answer: Option<MessageId> = insert_id!(
        tx,
        "insert into messages (conversation_id, user_id, parent_id, request_id, role, status, text, model, \
         tokens_before, request_tokens, lease_until, created_at, key_id, price_version) \
         values ($1, $2, $3, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12)",
        params![
            asked.conversation,
            turn.payer.owner,
            asked.id,
            Role::Assistant,
            TurnStatus::Running,
            &turn.model,
            asked.tokens_before + asked.size_tokens,
            turn.request_tokens,
            turn.lease_until,
            turn.now,
            turn.payer.key,
            turn.price_version
        ]
    )?;
    let answer = answer.ok_or_else(not_inserted)?;
    branches::set_head(tx, asked.conversation, answer)?;
    Ok(answer)
}

fn not_inserted() -> StoreError {
    StoreError::Internal("a message was not inserted".to_owned())
}
