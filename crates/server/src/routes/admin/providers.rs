//! `GET /admin/providers`

use crate::{auth::Admin, error::ApiError, state::App, wire::json};
use axum::{extract::State, response::Response};
use chatai_engine::{VendorEntry, VendorState};
use chatai_types::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A configured provider, as its last calls showed it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminProvider)]
pub(crate) struct ProviderBody<'a> {
    /// Its name, as it stands before the slash in `PROVIDER/MODEL`.
    name: &'a str,
    /// Its protocol: `openai`, `openai-chat`, `anthropic` or `gemini`.
    kind: &'static str,
    /// The host it is reached at.
    host: &'a str,
    /// `unknown` (not called yet), `reachable`, `failing`, or `resting` (left alone for a moment after repeated failures).
    state: &'static str,
    /// Since when that is so, UTC, `YYYY-MM-DD HH:MM:SS`; null while it was not called.
    state_since: Option<String>,
    /// Until when it is left alone at least, UTC; null where it is not.
    resting_until: Option<String>,
    /// Its calls in a row that failed.
    failures: u64,
    /// Calls that it has not ended yet.
    in_flight: usize,
    /// When it last answered, UTC, `YYYY-MM-DD HH:MM:SS`.
    answered_at: Option<String>,
    /// Its last failure; null where there was none.
    last_error: Option<ProviderError<'a>>,
    /// How many models it serves.
    models: usize,
}

/// A provider's failure in the words of this service, never in its own.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderError<'a> {
    /// A stable name; `docs/errors.md` lists all.
    code: &'static str,
    /// A sentence.
    detail: &'a str,
    /// When that was, UTC, `YYYY-MM-DD HH:MM:SS`.
    at: String,
}

impl<'a> From<&'a VendorEntry> for ProviderBody<'a> {
    fn from(entry: &'a VendorEntry) -> Self {
        let health = &entry.health;
        Self {
            name: &entry.name,
            kind: entry.kind,
            host: &entry.host,
            state: match health.state {
                VendorState::Unknown => "unknown",
                VendorState::Reachable => "reachable",
                VendorState::Failing => "failing",
                VendorState::Resting => "resting",
            },
            state_since: health.since.map(Timestamp::to_wire),
            resting_until: health.resting_until.map(Timestamp::to_wire),
            failures: health.failures,
            in_flight: entry.in_flight,
            answered_at: health.answered_at.map(Timestamp::to_wire),
            last_error: health
                .last_error
                .as_ref()
                .map(|(code, detail, at)| ProviderError {
                    code: code.as_str(),
                    detail,
                    at: at.to_wire(),
                }),
            models: entry.models,
        }
    }
}

/// The configured providers, in their order. Nobody is called for this.
#[utoipa::path(get, path = "/admin/providers", tag = "admin",
    responses((status = 200, description = "The providers", body = [ProviderBody])))]
pub(crate) async fn providers(
    State(state): State<App>,
    Admin(administrator): Admin,
) -> Result<Response, ApiError> {
    let providers = state.engine.vendor_entries(&administrator);
    let bodies: Vec<ProviderBody<'_>> = providers.iter().map(ProviderBody::from).collect();
    Ok(json(&bodies))
}
