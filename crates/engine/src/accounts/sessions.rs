//! Sessions: a token is one, from sign-in until it expires or somebody ends it.

use crate::{
    Engine, EngineError,
    views::{Caller, SignedIn},
};
use chatai_store::ops::{
    accounts::{self, AuthState},
    sessions::{self as rows, NewSession},
};
use chatai_types::{ErrorCode, SessionId, Timestamp};
use std::sync::Arc;

/// A session of the caller's account that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What the client called itself when it signed in.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Whether it is the caller's own.
    pub is_current: bool,
}

impl Engine {
    /// The sessions of the caller's account that have not ended, the newest first and not without bound.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<Session>, EngineError> {
        let (owner, now) = (caller.user_id, self.now());
        let rows = self.read(move |tx| rows::list(tx, owner, now)).await?;
        let uses = &self.inner.accounts.uses.sessions;
        let session = |row: rows::Session| Session {
            id: row.id,
            last_used_at: uses.of(row.session.as_str()).max(row.last_used_at),
            is_current: caller.key.is_none() && *caller.session == *row.session,
            user_agent: row.user_agent,
            created_at: row.created_at,
            expires_at: row.expires_at,
        };
        Ok(rows.into_iter().map(session).collect())
    }

    /// Ends a session of the caller's account; its token no longer counts. Whether it was the caller's own.
    ///
    /// # Errors
    /// `forbidden` for a caller with a key, `session_not_found`.
    pub async fn end_session(&self, caller: &Caller, id: SessionId) -> Result<bool, EngineError> {
        caller.signed_in_by_a_person()?;
        let (owner, now) = (caller.user_id, self.now());
        let ended = self
            .store()
            .write(move |tx| rows::end(tx, owner, id, now))
            .await?;
        let session =
            ended.ok_or_else(|| EngineError::new(ErrorCode::SessionNotFound, "Session not found"))?;
        self.forget_session(&session);
        Ok(*caller.session == *session)
    }

    /// Ends the caller's session; its token no longer counts.
    ///
    /// # Errors
    /// `forbidden` for a caller with a key.
    pub async fn logout(&self, caller: &Caller) -> Result<(), EngineError> {
        caller.signed_in_by_a_person()?;
        let (owner, session, expires_at, now) = (
            caller.user_id,
            Arc::clone(&caller.session),
            caller.expires_at,
            self.now(),
        );
        self.store()
            .write(move |tx| accounts::end_session(tx, owner, &session, expires_at, now))
            .await?;
        self.forget_session(&caller.session);
        Ok(())
    }

    fn forget_session(&self, session: &str) {
        self.inner.accounts.forget_checked();
        self.inner.accounts.uses.sessions.forget(session);
    }

    /// Signs an account in.
    pub(super) async fn begin_session(
        &self,
        account: &accounts::Account,
        epoch: i64,
        user_agent: Option<String>,
    ) -> Result<SignedIn, EngineError> {
        let (ours, now) = (&self.inner.accounts, self.now());
        let session = ours.random.hex(16);
        let token = ours
            .tokens
            .issue(account.id, &account.email, &session, epoch, now)?;
        let lifetime_secs = ours.tokens.lifetime_secs();
        let new = NewSession {
            session,
            epoch,
            user_agent,
            created_at: now,
            expires_at: now.plus_secs(lifetime_secs),
        };
        let owner = account.id;
        if let Err(error) = self.store().write(move |tx| rows::add(tx, owner, &new)).await {
            // The right password signs in even when nothing can be written.
            tracing::warn!(%error, "a session could not be noted; it counts, and is not listed");
        }
        Ok(SignedIn {
            token,
            lifetime_secs,
            user_id: owner,
        })
    }

    /// Who the token of a session speaks for.
    pub(super) async fn authenticate_session(
        &self,
        token: &str,
        now: Timestamp,
        generation: u64,
    ) -> Result<Caller, EngineError> {
        let ours = &self.inner.accounts;
        let claims = ours
            .tokens
            .read(token, now)
            .ok_or_else(EngineError::invalid_token)?;
        let (owner, session) = (claims.user_id, claims.session.clone());
        let state: Option<AuthState> = self
            .store()
            .read(move |tx| accounts::auth_state(tx, owner, &session))
            .await?;
        let state = state.ok_or_else(EngineError::invalid_token)?;
        let is_anothers = claims.foreign_email.is_some_and(|email| email != state.email);
        if state.disabled || state.ended || state.epoch != claims.epoch || is_anothers {
            return Err(EngineError::invalid_token());
        }
        Ok(Caller {
            user_id: owner,
            role: state.role,
            session: claims.session.into(),
            expires_at: claims.expires_at,
            key: None,
            key_models: None,
            generation,
        })
    }
}
