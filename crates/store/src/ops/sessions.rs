//! Sessions as their owners see them: when each began, from what, and when it was last used.
//!
//! A token counts without a row here. These are for looking at, and for ending one that is not one's own any more.

use super::accounts;
use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{SessionId, Timestamp, UserId};

/// The most sessions of one account that are kept; of more the oldest are no longer listed, and go on.
pub const SESSIONS: i64 = 200;

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// As its token names it.
    pub session: String,
    /// The account's epoch.
    pub epoch: i64,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// When it begins.
    pub created_at: Timestamp,
    /// When its token ends by itself.
    pub expires_at: Timestamp,
}

/// A session that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// As its token names it.
    pub session: String,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When its token ends by itself.
    pub expires_at: Timestamp,
}

fn session(row: &Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.get(0)?,
        session: row.get(1)?,
        user_agent: row.get(2)?,
        created_at: row.get(3)?,
        last_used_at: row.get(4)?,
        expires_at: row.get(5)?,
    })
}

/// Notes a session that begins, and forgets those of its account that have ended or are too many. Nothing is noted for
/// an account that is gone.
pub fn add(tx: &mut Tx<'_>, owner: UserId, new: &NewSession) -> Result<(), StoreError> {
    tx.exec(
        "insert into sessions (user_id, session, epoch, user_agent, created_at, expires_at) \
         select id, $2, cast($3 as bigint), $4, cast($5 as bigint), cast($6 as bigint) from users where id = $1",
        params![
            owner,
            &new.session,
            new.epoch,
            new.user_agent.as_deref(),
            new.created_at,
            new.expires_at
        ],
    )?;
    tx.exec(
        "delete from sessions where user_id = $1 and (expires_at <= $2 or epoch < $3 or id in \
         (select id from (select id, row_number() over (order by id desc) as place from sessions where user_id = $1) \
         placed where place > $4))",
        params![owner, new.created_at, new.epoch, SESSIONS],
    )?;
    Ok(())
}

/// The owner's sessions that have not ended, the newest first.
pub fn list(tx: &mut Tx<'_>, owner: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    tx.query(
        "select s.id, s.session, s.user_agent, s.created_at, s.last_used_at, s.expires_at \
         from sessions s join users u on u.id = s.user_id and u.epoch = s.epoch \
         where s.user_id = $1 and s.expires_at > $2 order by s.id desc limit $3",
        params![owner, now, SESSIONS],
        session,
    )
}

/// Ends one: its token no longer counts. The name it had; `None` when it is missing, another's, or has ended.
pub fn end(
    tx: &mut Tx<'_>,
    owner: UserId,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let found: Option<(String, Timestamp)> = tx.query_opt(
        "select s.session, s.expires_at from sessions s join users u on u.id = s.user_id and u.epoch = s.epoch \
         where s.id = $1 and s.user_id = $2 and s.expires_at > $3",
        params![id, owner, now],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let Some((session, expires_at)) = found else {
        return Ok(None);
    };
    accounts::end_session(tx, owner, &session, expires_at, now)?;
    Ok(Some(session))
}

/// Notes when sessions were last used, by the names their tokens have.
pub fn note_uses(tx: &mut Tx<'_>, uses: &[(String, Timestamp)]) -> Result<(), StoreError> {
    for (session, at) in uses {
        tx.exec(
            "update sessions set last_used_at = $2 where session = $1 and (last_used_at is null or last_used_at < $2)",
            params![session, *at],
        )?;
    }
    Ok(())
}
