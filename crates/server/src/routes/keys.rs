//! `/keys`: what programs sign in with.

use crate::{
    auth::{JsonInput, Signed, SignedJson},
    error::ApiError,
    input::{
        fields::{Fields, TextRule},
        params::PathParams,
    },
    state::{App, AppState},
    wire::{self, DoneBody, json},
};
use axum::{extract::State, response::Response};
use chatai_engine::ApiKey;
use chatai_types::{ApiKeyId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyBody<'a> {
    /// Its id.
    id: i64,
    /// What its owner calls it.
    name: &'a str,
    /// Its first signs.
    prefix: &'a str,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
    /// UTC, to the minute or so; null while it was not used.
    last_used_at: Option<String>,
    /// UTC; null where it ends only by being deleted.
    expires_at: Option<String>,
}

/// A new key, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = NewKey)]
pub(crate) struct NewKeyBody<'a> {
    #[serde(flatten)]
    about: KeyBody<'a>,
    /// The key: sent as a bearer token. It is shown this once.
    key: &'a str,
}

/// A key to make.
#[derive(ToSchema)]
pub(crate) struct KeyRequest {
    /// What to call it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// When it ends by itself: RFC 3339, or `YYYY-MM-DD HH:MM:SS` in UTC. Absent or null, it does not.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
}

impl JsonInput for KeyRequest {
    const MEMBERS: &'static [&'static str] = &["name", "expires_at"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let name = fields.text("name", TextRule::between(1, 200));
        let expires_at = fields.optional_moment("expires_at");
        Some(Self {
            name: name?,
            expires_at: expires_at?.value(),
        })
    }
}

impl<'a> From<&'a ApiKey> for KeyBody<'a> {
    fn from(key: &'a ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: &key.name,
            prefix: &key.prefix,
            created_at: key.created_at.to_wire(),
            last_used_at: key.last_used_at.map(Timestamp::to_wire),
            expires_at: key.expires_at.map(Timestamp::to_wire),
        }
    }
}

/// The caller's keys, the oldest first.
#[utoipa::path(get, path = "/keys", tag = "users",
    responses((status = 200, description = "The keys, without their secrets", body = [KeyBody])))]
pub(crate) async fn list(State(state): State<App>, Signed(caller): Signed) -> Result<Response, ApiError> {
    let keys = state.engine.keys(&caller).await?;
    Ok(json(&keys.iter().map(KeyBody::from).collect::<Vec<_>>()))
}

/// Make a key. It is sent wherever a bearer token is, and may do what its account may, but for keys and the account.
#[utoipa::path(post, path = "/keys", tag = "users", request_body = KeyRequest,
    responses((status = 200, description = "The key, shown this once", body = NewKeyBody)))]
pub(crate) async fn create(
    State(state): State<App>,
    SignedJson(caller, new): SignedJson<KeyRequest>,
) -> Result<Response, ApiError> {
    let (about, key) = state.engine.create_key(&caller, new.name, new.expires_at).await?;
    Ok(json(&NewKeyBody {
        about: KeyBody::from(&about),
        key: &key,
    }))
}

/// Delete a key, which ends it at once.
#[utoipa::path(delete, path = "/keys/{key_id}", tag = "users",
    params(("key_id" = i64, Path, description = "The key")),
    responses((status = 200, description = "Deleted", body = DoneBody)))]
pub(crate) async fn delete(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ApiKeyId(path.id("key_id")?);
    state.engine.delete_key(&caller, id).await?;
    Ok(wire::done("Key deleted"))
}
