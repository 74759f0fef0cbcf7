//! What can be read again of a direct call.

use super::{
    CallEnd, CallUse,
    lease::{self, AbandonedCall, Unclosed},
};
use crate::{Backend, StoreError, Tx, ops::turns::Appended, row::Row, tx::params};
use chatai_types::{CallId, CallKind, ErrorCode, Timestamp, TokenCounts, TurnStatus, UsageSource, UserId};

/// A kept call with what has come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptCall {
    /// What was asked.
    pub kept: Kept,
    /// How it ended; `None` while it runs.
    pub end: Option<CallEnd>,
    /// The pieces of its output, a JSON array; of a running one those that were written.
    pub pieces: String,
    /// How many of a running one's pieces were written before these.
    pub first: i64,
}

/// What was asked of a kept call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The call.
    pub id: CallId,
    /// The interface it came through.
    pub kind: CallKind,
    /// The name it is read by.
    pub public_id: String,
    /// The response that it goes on from.
    pub previous_id: Option<String>,
    /// The model that was asked first.
    pub model: String,
    /// The model that answers: the same, or one in its place.
    pub answering: String,
    /// What was asked for beside the input, in the interface's words.
    pub face: String,
    /// The input, in the interface's words.
    pub input: String,
    /// When it began.
    pub created_at: Timestamp,
}

const BY_ID: &str = "select c.id, c.kind, k.public_id, k.previous_id, coalesce(c.fallback_from, c.model), k.face, k.input, c.created_at, c.status, \
     c.stop_reason, c.error_code, c.error_detail, c.fresh_input, c.cache_read, c.cache_write, c.output, c.reasoning, \
     c.usage_source, c.price, c.price_version, c.ended_at, k.output, c.model from kept_calls k \
     join direct_calls c on c.id = k.call_id where k.public_id = $1 and k.user_id = $2";
const BY_CALL: &str = "select c.id, c.kind, k.public_id, k.previous_id, coalesce(c.fallback_from, c.model), k.face, k.input, c.created_at, c.status, \
     c.stop_reason, c.error_code, c.error_detail, c.fresh_input, c.cache_read, c.cache_write, c.output, c.reasoning, \
     c.usage_source, c.price, c.price_version, c.ended_at, k.output, c.model from kept_calls k \
     join direct_calls c on c.id = k.call_id where k.call_id = $1 and k.user_id = $2";

/// Writes pieces of a running call's output, from the one numbered `first` on. Written again, they stay as they are.
pub fn append(tx: &mut Tx<'_>, call: CallId, first: i64, pieces: &[String]) -> Result<Appended, StoreError> {
    // On PostgreSQL the row is taken, so that nobody closes or deletes the call in between.
    let sql = match tx.backend() {
        Backend::Sqlite => "select output is null from kept_calls where call_id = $1",
        Backend::Postgres => "select output is null from kept_calls where call_id = $1 for no key update",
    };
    match tx.query_opt(sql, params![call], |row| row.get::<bool>(0))? {
        Some(true) => {}
        Some(false) => return Ok(Appended::Closed),
        None => return Ok(Appended::Gone),
    }
    for (number, piece) in (first..).zip(pieces) {
        tx.exec(
            "insert into kept_pieces (call_id, number, data) values ($1, $2, $3) \
             on conflict (call_id, number) do nothing",
            params![call, number, piece],
        )?;
    }
    Ok(Appended::Written)
}

/// A kept call of the owner's, by the name it is read by.
pub fn kept_by_id(tx: &mut Tx<'_>, owner: UserId, public_id: &str) -> Result<Option<KeptCall>, StoreError> {
    let found = tx.query_opt(BY_ID, params![public_id, owner], read)?;
    with_pieces(tx, found)
}

/// A kept call of the owner's.
pub fn kept_by_call(tx: &mut Tx<'_>, owner: UserId, call: CallId) -> Result<Option<KeptCall>, StoreError> {
    let found = tx.query_opt(BY_CALL, params![call, owner], read)?;
    with_pieces(tx, found)
}

/// The same, of a running one only the pieces from number `first` on.
pub fn kept_after(
    tx: &mut Tx<'_>,
    owner: UserId,
    call: CallId,
    first: i64,
) -> Result<Option<KeptCall>, StoreError> {
    let found = tx.query_opt(BY_CALL, params![call, owner], read)?;
    let Some((mut call, None)) = found else {
        return with_pieces(tx, found);
    };
    let written = pieces(tx, call.kept.id, first - 1)?;
    call.pieces = format!("[{}]", written.join(","));
    call.first = first;
    Ok(Some(call))
}

/// A response of the owner's with those that it goes on from, the newest first. It ends where the next one is gone, with
/// so many of them, or with the one that brings it to so many bytes: then the last one names another.
pub fn lineage(
    tx: &mut Tx<'_>,
    owner: UserId,
    public_id: &str,
    most: usize,
    most_bytes: usize,
) -> Result<Vec<KeptCall>, StoreError> {
    let mut chain: Vec<KeptCall> = Vec::new();
    let mut bytes = 0;
    let mut next = Some(public_id.to_owned());
    while let Some(id) = next.take() {
        if chain.len() == most || bytes >= most_bytes {
            break;
        }
        let Some(found) = kept_by_id(tx, owner, &id)? else {
            break;
        };
        bytes += found.kept.input.len() + found.pieces.len();
        next.clone_from(&found.kept.previous_id);
        chain.push(found);
    }
    Ok(chain)
}

/// Deletes what is kept of a call, and with it the key that stood for it; its charges stay, and one that runs is charged
/// what `settle` finds. `None` when it is missing or another's.
pub fn delete_kept(
    tx: &mut Tx<'_>,
    owner: UserId,
    public_id: &str,
    now: Timestamp,
    settle: impl Fn(&AbandonedCall) -> CallEnd,
) -> Result<Option<CallId>, StoreError> {
    let found: Option<CallId> = tx.query_opt(
        "select call_id from kept_calls where public_id = $1 and user_id = $2",
        params![public_id, owner],
        |row| row.get(0),
    )?;
    let Some(call) = found else { return Ok(None) };
    // In the order in which calls are closed: the call's row, then what is kept of it.
    lease::before_deletion(tx, Unclosed::Call(call), now, settle)?;
    let deleted: Option<CallId> = tx.query_opt(
        "delete from kept_calls where call_id = $1 returning call_id",
        params![call],
        |row| row.get(0),
    )?;
    if let Some(call) = deleted {
        tx.exec(
            "delete from idempotency_keys where user_id = $1 and call_id = $2",
            params![owner, call],
        )?;
    }
    Ok(deleted)
}

/// Forgets what was to be kept until before this moment, so many calls at once at most; returns how many.
pub fn forget_kept(tx: &mut Tx<'_>, now: Timestamp, most: i64) -> Result<u64, StoreError> {
    let old: Vec<CallId> = tx.query(
        "select call_id from kept_calls where keep_until < $1 and output is not null order by keep_until limit $2",
        params![now, most],
        |row| row.get(0),
    )?;
    let mut forgotten = 0;
    for call in old {
        forgotten += tx.exec("delete from kept_calls where call_id = $1", params![call])?;
    }
    Ok(forgotten)
}

/// The pieces of a running call that were written after the one numbered `after`.
pub(super) fn pieces(tx: &mut Tx<'_>, call: CallId, after: i64) -> Result<Vec<String>, StoreError> {
    tx.query(
        "select data from kept_pieces where call_id = $1 and number > $2 order by number",
        params![call, after],
        |row| row.get(0),
    )
}

fn with_pieces(
    tx: &mut Tx<'_>,
    found: Option<(KeptCall, Option<String>)>,
) -> Result<Option<KeptCall>, StoreError> {
    let Some((mut call, output)) = found else {
        return Ok(None);
    };
    call.pieces = match output {
        Some(output) => output,
        None => format!("[{}]", pieces(tx, call.kept.id, -1)?.join(",")),
    };
    Ok(Some(call))
}

fn read(row: &Row<'_>) -> Result<(KeptCall, Option<String>), StoreError> {
    let status: TurnStatus = row.get(8)?;
    let end = match status {
        TurnStatus::Running => None,
        _ => Some(end(row, status)?),
    };
    let call = KeptCall {
        kept: Kept {
            id: row.get(0)?,
            kind: row.get::<CallKind>(1)?,
            public_id: row.get(2)?,
            previous_id: row.get(3)?,
            model: row.get(4)?,
            answering: row.get(22)?,
            face: row.get(5)?,
            input: row.get(6)?,
            created_at: row.get(7)?,
        },
        end,
        pieces: String::new(),
        first: 0,
    };
    Ok((call, row.get(21)?))
}

fn end(row: &Row<'_>, status: TurnStatus) -> Result<CallEnd, StoreError> {
    let count = |index| row.get::<Option<i64>>(index).map(|count| count.unwrap_or(0));
    let error: Option<String> = row.get(10)?;
    let error = match error {
        // A code that a later version wrote is still an error, of a kind this one does not know.
        Some(code) => Some((
            ErrorCode::from_name(&code).unwrap_or(ErrorCode::Internal),
            row.get::<Option<String>>(11)?.unwrap_or_default(),
        )),
        None => None,
    };
    let used = match row.get::<Option<UsageSource>>(17)? {
        None => None,
        Some(source) => Some(CallUse {
            tokens: TokenCounts {
                fresh_input: count(12)?,
                cache_read: count(13)?,
                cache_write: count(14)?,
                output: count(15)?,
                reasoning: count(16)?,
            },
            source,
            price: row.get(18)?,
            price_version: row.get(19)?,
        }),
    };
    Ok(CallEnd {
        status,
        stop_reason: row.get(9)?,
        error,
        used,
        at: row.get(20)?,
    })
}
