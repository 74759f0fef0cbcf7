//! `/auth/sessions`: where the caller is signed in.

use crate::{
    auth::Signed,
    client::Client,
    error::ApiError,
    input::params::PathParams,
    routes::session::clear_cookie,
    state::App,
    wire::{self, DoneBody, json},
};
use axum::{extract::State, response::Response};
use chatai_engine::Session;
use chatai_types::{SessionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A session that has not ended.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody<'a> {
    /// Its id.
    id: i64,
    /// When it began, UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
    /// When it was last used, UTC, to the minute or so; null while it was not used.
    last_used_at: Option<String>,
    /// When it ends by itself, UTC.
    expires_at: String,
    /// What the client called itself when it signed in (`User-Agent`); null where it said nothing.
    user_agent: Option<&'a str>,
    /// Whether it is the one that asks.
    current: bool,
}

impl<'a> From<&'a Session> for SessionBody<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id.0,
            created_at: session.created_at.to_wire(),
            last_used_at: session.last_used_at.map(Timestamp::to_wire),
            expires_at: session.expires_at.to_wire(),
            user_agent: session.user_agent.as_deref(),
            current: session.is_current,
        }
    }
}

/// The sessions of the caller's account that have not ended, the newest first.
#[utoipa::path(get, path = "/auth/sessions", tag = "auth",
    responses((status = 200, description = "The latest 200 of them", body = [SessionBody])))]
pub(crate) async fn list(State(state): State<App>, Signed(caller): Signed) -> Result<Response, ApiError> {
    let sessions = state.engine.sessions(&caller).await?;
    Ok(json(&sessions.iter().map(SessionBody::from).collect::<Vec<_>>()))
}

/// End a session of the caller's account; its token no longer counts.
#[utoipa::path(delete, path = "/auth/sessions/{session_id}", tag = "auth",
    params(("session_id" = i64, Path, description = "The session")),
    responses((status = 200, description = "Ended", body = DoneBody)))]
pub(crate) async fn end(
    State(state): State<App>,
    client: Client,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = SessionId(path.id("session_id")?);
    let was_current = state.engine.end_session(&caller, id).await?;
    let mut response = wire::done("Session ended");
    if was_current {
        clear_cookie(&mut response, client);
    }
    Ok(response)
}
