//! `/keys`: what programs sign in with.

use crate::{
    auth::{JsonInput, Signed, SignedJson},
    error::ApiError,
    input::{
        fields::{Fields, TextRule},
        params::PathParams,
        values::Given,
    },
    state::{App, AppState},
    wire::{self, DoneBody, budget::BudgetBody, json},
};
use axum::{extract::State, response::Response};
use chatai_engine::{ApiKey, KeyWish};
use chatai_types::{ApiKeyId, BudgetPeriod, Money, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A key's name, and a model's.
const NAME: TextRule = TextRule::between(1, 200);
/// The most models that a key names.
const MOST_MODELS: usize = 100;

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
    /// The models it may use; null for all.
    models: Option<&'a [String]>,
    /// What it may spend, beside what its account may; null where it has no limit of its own.
    budget: Option<BudgetBody>,
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
    /// The models it may use. Absent or null, it may use all.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    models: Given<Vec<String>>,
    /// What it may spend in a period, in US dollars, as a number or as exact decimal text, beside what its account may.
    /// Absent or null, it has no limit of its own.
    #[schema(value_type = Option<String>)]
    limit: Given<Money>,
    /// `day`, `month` (when absent) or `total`; with `limit` alone.
    #[schema(value_type = Option<String>)]
    period: BudgetPeriod,
}

/// What to change of a key; what is absent stays.
#[derive(ToSchema)]
pub(crate) struct KeyChangeRequest {
    /// What to call it.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The models it may use; null for all.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    models: Given<Vec<String>>,
    /// What it may spend in a period, in US dollars; null takes its limit away.
    #[schema(value_type = Option<String>)]
    limit: Given<Money>,
    /// `day`, `month` (when absent) or `total`; with `limit` alone.
    #[schema(value_type = Option<String>)]
    period: BudgetPeriod,
}

/// Reads `limit` and `period`.
fn limit(fields: &mut Fields<'_>) -> Option<(Given<Money>, BudgetPeriod)> {
    let limit = fields.optional_decimal("limit", Money::parse_usd);
    let expected = "'day', 'month' or 'total'";
    let period = fields.optional_choice("period", expected, |name| name.parse().ok());
    let (limit, period) = (limit?, period?);
    if limit == Given::Absent && period != Given::Absent {
        return fields.missing("limit");
    }
    Some((limit, period.value().unwrap_or(BudgetPeriod::Month)))
}

/// Reads `models`.
fn models(fields: &mut Fields<'_>) -> Option<Given<Vec<String>>> {
    fields.optional_names("models", MOST_MODELS, NAME)
}

/// The limit that is wished for.
fn wished(limit: Given<Money>, period: BudgetPeriod) -> Option<Option<(Money, BudgetPeriod)>> {
    let amount = limit.change()?;
    Some(amount.map(|amount| (amount, period)))
}

impl JsonInput for KeyChangeRequest {
    const MEMBERS: &'static [&'static str] = &["name", "models", "limit", "period"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let name = fields.optional_text("name", NAME);
        let models = models(fields);
        let limit = limit(fields);
        let (limit, period) = limit?;
        Some(Self {
            name: name?,
            models: models?,
            limit,
            period,
        })
    }
}

impl JsonInput for KeyRequest {
    const MEMBERS: &'static [&'static str] = &["name", "expires_at", "models", "limit", "period"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let name = fields.text("name", NAME);
        let expires_at = fields.optional_moment("expires_at");
        let models = models(fields);
        let limit = limit(fields);
        let (limit, period) = limit?;
        Some(Self {
            name: name?,
            expires_at: expires_at?.value(),
            models: models?,
            limit,
            period,
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
            models: key.models.as_deref(),
            budget: key.budget.as_ref().map(BudgetBody::from),
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
    let wish = KeyWish {
        name: Some(new.name),
        models: new.models.change(),
        limit: wished(new.limit, new.period),
    };
    let (about, key) = state.engine.create_key(&caller, wish, new.expires_at).await?;
    Ok(json(&NewKeyBody {
        about: KeyBody::from(&about),
        key: &key,
    }))
}

/// Change what a key is called, which models it may use and what it may spend, from its next request on.
#[utoipa::path(patch, path = "/keys/{key_id}", tag = "users", request_body = KeyChangeRequest,
    params(("key_id" = i64, Path, description = "The key")),
    responses((status = 200, description = "The key as it is now", body = KeyBody)))]
pub(crate) async fn change(
    State(state): State<App>,
    path: PathParams,
    SignedJson(caller, change): SignedJson<KeyChangeRequest>,
) -> Result<Response, ApiError> {
    let id = ApiKeyId(path.id("key_id")?);
    let wish = KeyWish {
        name: change.name,
        models: change.models.change(),
        limit: wished(change.limit, change.period),
    };
    let changed = state.engine.change_key(&caller, id, wish).await?;
    Ok(json(&KeyBody::from(&changed)))
}

/// Delete a key, which ends it and what runs for it at once.
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
