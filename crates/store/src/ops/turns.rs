//! A turn from its opening to its end: each a single transaction.

use super::{
    attachments::{self, NewAttachment},
    budgets::{self, Admission},
    ledger::{self, Entry},
    messages::{self, Message},
};
use crate::{StoreError, Tx, tx::params};
use chatai_types::{
    ConversationId, ErrorCode, MessageId, Money, PriceVersionId, Role, Scope, Timestamp, TokenCounts,
    TurnStatus, UsageSource, UserId,
};

/// How many messages one step of reading the history takes, and how many steps there are at most.
const HISTORY_PAGE: i64 = 64;
const HISTORY_PAGES: usize = 64;

/// The latest messages, oldest first, until they amount to `tokens` or the conversation begins; those before `before`
/// alone where it is given. `None` when it is missing or another's.
pub fn history(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    before: Option<MessageId>,
    tokens: i64,
) -> Result<Option<Vec<Message>>, StoreError> {
    if head(tx, owner, conversation)?.is_none() {
        return Ok(None);
    }
    let mut newest_first: Vec<Message> = Vec::new();
    for _ in 0..HISTORY_PAGES {
        let before = newest_first.last().map(|oldest| oldest.id).or(before);
        let page = messages::latest(tx, owner, conversation, before, HISTORY_PAGE)?;
        let at_start = i64::try_from(page.len()).is_ok_and(|read| read < HISTORY_PAGE);
        newest_first.extend(page);
        let (Some(newest), Some(oldest)) = (newest_first.first(), newest_first.last()) else {
            break;
        };
        if at_start || newest.tokens_before + newest.size_tokens - oldest.tokens_before >= tokens {
            break;
        }
    }
    newest_first.reverse();
    Ok(Some(newest_first))
}

/// The last message of the active branch; the outer `None` for a conversation that is missing or another's.
pub fn head(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<Option<MessageId>>, StoreError> {
    tx.query_opt(
        "select head_id from conversations where id = $1 and user_id = $2",
        params![conversation, owner],
        |row| row.get(0),
    )
}

/// A turn to open.
#[derive(Clone, Debug)]
pub struct OpenTurn {
    /// Whose.
    pub owner: UserId,
    /// In which conversation; `None` makes one with `provisional_title`.
    pub conversation: Option<ConversationId>,
    /// The title of a new conversation until the made one comes.
    pub provisional_title: String,
    /// The question, as sent.
    pub text: String,
    /// The model that will answer.
    pub model: String,
    /// The question's estimated size with attachments, in tokens.
    pub size_tokens: i64,
    /// Its files.
    pub attachments: Vec<NewAttachment>,
    /// When.
    pub now: Timestamp,
    /// Until when the answer's owner is believed alive.
    pub lease_until: Timestamp,
    /// What it may cost at most, to be set aside where a limit applies.
    pub worst_case: Money,
}

/// What came of opening a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenOutcome {
    /// It is open.
    Opened(OpenedTurn),
    /// The conversation is missing or another's.
    NotFound,
    /// Its worst case does not fit what is left of the owner's budget.
    OverBudget,
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
    /// Whether its worst case was set aside.
    pub is_reserved: bool,
}

/// Writes the question with its files and the empty, running answer, and sets aside what it may cost. Whoever is
/// refused rolls the whole job back, so that nothing is written.
pub fn open(tx: &mut Tx<'_>, turn: &OpenTurn) -> Result<OpenOutcome, StoreError> {
    let (conversation_id, head) = match turn.conversation {
        None => {
            let id: ConversationId = tx.query_one(
                "insert into conversations (user_id, title, created_at) values ($1, $2, $3) returning id",
                params![turn.owner, &turn.provisional_title, turn.now],
                |row| row.get(0),
            )?;
            (id, None)
        }
        Some(id) => {
            // An update takes the row: turns of one conversation open one after another.
            let head: Option<Option<MessageId>> = tx.query_opt(
                "update conversations set head_id = head_id where id = $1 and user_id = $2 \
                 returning head_id",
                params![id, turn.owner],
                |row| row.get(0),
            )?;
            let Some(head) = head else {
                return Ok(OpenOutcome::NotFound);
            };
            (id, head)
        }
    };
    let admission = budgets::reserve(tx, turn.owner, turn.worst_case, turn.now)?;
    if admission == Admission::OverBudget {
        return Ok(OpenOutcome::OverBudget);
    }
    let is_reserved = admission == Admission::Reserved;
    let tokens_before = match head {
        None => 0,
        Some(head) => tx
            .query_opt(
                "select tokens_before + size_tokens from messages where id = $1",
                params![head],
                |row| row.get(0),
            )?
            .unwrap_or(0),
    };
    let request_message_id: MessageId = tx.query_one(
        "insert into messages (conversation_id, user_id, parent_id, role, status, text, model, \
         size_tokens, tokens_before, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
        params![
            conversation_id,
            turn.owner,
            head,
            Role::User,
            TurnStatus::Complete,
            &turn.text,
            &turn.model,
            turn.size_tokens,
            tokens_before,
            turn.now
        ],
        |row| row.get(0),
    )?;
    for attachment in &turn.attachments {
        attachments::add(tx, turn.owner, request_message_id, attachment)?;
    }
    let response_message_id: MessageId = tx.query_one(
        "insert into messages (conversation_id, user_id, parent_id, request_id, role, status, text, model, \
         tokens_before, lease_until, created_at) \
         values ($1, $2, $3, $3, $4, $5, '', $6, $7, $8, $9) returning id",
        params![
            conversation_id,
            turn.owner,
            request_message_id,
            Role::Assistant,
            TurnStatus::Running,
            &turn.model,
            tokens_before + turn.size_tokens,
            turn.lease_until,
            turn.now
        ],
        |row| row.get(0),
    )?;
    tx.exec(
        "update conversations set head_id = $2 where id = $1",
        params![conversation_id, response_message_id],
    )?;
    if is_reserved {
        budgets::hold(tx, turn.owner, response_message_id, turn.worst_case, turn.now)?;
    }
    Ok(OpenOutcome::Opened(OpenedTurn {
        conversation_id,
        request_message_id,
        response_message_id,
        parent_id: head,
        tokens_before,
        is_reserved,
    }))
}

/// One model call of a turn.
#[derive(Clone, Debug)]
pub struct ModelCall {
    /// What it was for.
    pub scope: Scope,
    /// The model called.
    pub model: String,
    /// What it used.
    pub tokens: TokenCounts,
    /// Where the counts come from.
    pub source: UsageSource,
    /// What it cost, and by which version of the prices.
    pub price: Option<Money>,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// When it ended.
    pub at: Timestamp,
}

/// A turn to close.
#[derive(Clone, Debug)]
pub struct CloseTurn {
    /// Whose.
    pub owner: UserId,
    /// Its ids.
    pub ids: OpenedTurn,
    /// How it ended.
    pub status: TurnStatus,
    /// The answer.
    pub text: String,
    /// The answer's estimated size in tokens.
    pub size_tokens: i64,
    /// The compact form of a long answer.
    pub answer_summary: Option<String>,
    /// The compact form of a long question.
    pub question_summary: Option<String>,
    /// The provisional title and the made one that replaces it.
    pub title: Option<(String, String)>,
    /// Why it failed.
    pub error: Option<(ErrorCode, String)>,
    /// The sum of all calls; `None` where no model was called.
    pub tokens: Option<TokenCounts>,
    /// What they cost together.
    pub price: Option<Money>,
    /// All calls, in order.
    pub calls: Vec<ModelCall>,
}

/// Ends a turn, once: answer, status, summaries, title, usage rows and ledger lines. An owner that lives, though a
/// sweep believed it gone, still has its say. False when its conversation was deleted meanwhile: then only the
/// ledger is written, since the calls were made.
pub fn close(tx: &mut Tx<'_>, turn: &CloseTurn) -> Result<bool, StoreError> {
    let (error_code, error_detail) = match &turn.error {
        Some((code, detail)) => (Some(code.as_str()), Some(detail.as_str())),
        None => (None, None),
    };
    let tokens = turn.tokens;
    let ids = turn.ids;
    let closed = tx.exec(
        "update messages set status = $3, text = $4, summary = $5, size_tokens = $6, error_code = $7, \
         error_detail = $8, fresh_input = $9, cache_read = $10, cache_write = $11, output = $12, \
         reasoning = $13, price = $14, lease_until = null \
         where id = $1 and user_id = $2 and status in ('running', 'interrupted')",
        params![
            ids.response_message_id,
            turn.owner,
            turn.status,
            &turn.text,
            turn.answer_summary.as_deref(),
            turn.size_tokens,
            error_code,
            error_detail,
            tokens.map(|counts| counts.fresh_input),
            tokens.map(|counts| counts.cache_read),
            tokens.map(|counts| counts.cache_write),
            tokens.map(|counts| counts.output),
            tokens.map(|counts| counts.reasoning),
            turn.price
        ],
    )? == 1;
    if closed {
        if let Some(summary) = &turn.question_summary {
            tx.exec(
                "update messages set summary = $3 where id = $1 and user_id = $2",
                params![ids.request_message_id, turn.owner, summary],
            )?;
        }
        if let Some((provisional, title)) = &turn.title {
            super::conversations::settle_title(tx, turn.owner, ids.conversation_id, provisional, title)?;
        }
    }
    if closed {
        // Turns that were opened meanwhile counted this answer as empty.
        tx.exec(
            "update messages set tokens_before = tokens_before + $3 \
             where conversation_id = $1 and id > $2",
            params![ids.conversation_id, ids.response_message_id, turn.size_tokens],
        )?;
    }
    budgets::release(tx, turn.owner, ids.response_message_id)?;
    // A commit whose outcome was unknown is tried again: what it charged is not charged twice.
    if !ledger::is_charged(tx, ids.response_message_id)? {
        if closed {
            for call in &turn.calls {
                add_usage(tx, turn.owner, ids, call)?;
            }
        }
        let entries: Vec<Entry<'_>> = turn.calls.iter().map(|call| entry(turn, call)).collect();
        ledger::append(tx, &entries)?;
    }
    Ok(closed)
}

fn add_usage(tx: &mut Tx<'_>, owner: UserId, ids: OpenedTurn, call: &ModelCall) -> Result<(), StoreError> {
    tx.exec(
        "insert into usage_details (message_id, conversation_id, user_id, scope, model, fresh_input, \
         cache_read, cache_write, output, reasoning, usage_source, price, price_version, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            ids.response_message_id,
            ids.conversation_id,
            owner,
            call.scope,
            &call.model,
            call.tokens.fresh_input,
            call.tokens.cache_read,
            call.tokens.cache_write,
            call.tokens.output,
            call.tokens.reasoning,
            call.source,
            call.price,
            call.price_version,
            call.at
        ],
    )?;
    Ok(())
}

fn entry<'c>(turn: &CloseTurn, call: &'c ModelCall) -> Entry<'c> {
    Entry {
        owner: turn.owner,
        conversation_id: turn.ids.conversation_id,
        message_id: turn.ids.response_message_id,
        scope: call.scope,
        model: &call.model,
        tokens: call.tokens,
        source: call.source,
        amount: call.price.unwrap_or(Money::ZERO),
        price_version: call.price_version,
        at: call.at,
    }
}

/// Renews the lease of running answers. Returns how many are still running.
pub fn renew_leases(
    tx: &mut Tx<'_>,
    answers: &[MessageId],
    lease_until: Timestamp,
) -> Result<u64, StoreError> {
    let mut renewed = 0;
    for answer in answers {
        renewed += tx.exec(
            "update messages set lease_until = $2 where id = $1 and status = 'running'",
            params![*answer, lease_until],
        )?;
    }
    Ok(renewed)
}

/// How long a reservation outlives a deleted answer: longer than any turn that may still settle it.
const DELETED_SECS: i64 = 3_600;

/// Marks running answers whose lease ended before `now` as interrupted, and gives back what they had set aside;
/// returns how many.
pub fn sweep(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let swept = tx.exec(
        "update messages set status = 'interrupted', error_code = $2, error_detail = $3, lease_until = null \
         where status = 'running' and lease_until < $1",
        params![
            now,
            ErrorCode::Interrupted.as_str(),
            "The service ended before the answer was complete"
        ],
    )?;
    budgets::release_ended(tx, now.plus_secs(-DELETED_SECS))?;
    Ok(swept)
}
