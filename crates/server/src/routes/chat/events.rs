//! `GET /chat/messages/{response_message_id}/events`

use crate::{
    auth::Signed,
    error::ApiError,
    input::{
        fault::Fault,
        fields::{Raw, Source},
        params::PathParams,
        urlencoded::Urlencoded,
    },
    state::App,
    stream::{self, TurnFrames},
    wire::turn::read_cursor,
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use chatai_engine::Position;
use chatai_types::MessageId;
use http::{HeaderMap, HeaderName};
use serde_json::Value;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// An answer's events, from the beginning or from where a stream was left.
#[utoipa::path(get, path = "/chat/messages/{response_message_id}/events", tag = "chat",
    params(("response_message_id" = i64, Path, description = "The answer"),
           ("after" = Option<String>, Query, description = "The `id` of the last event that was read"),
           ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it; stronger than `after`")),
    responses((status = 200, description = "The events, until the end", content((String = "text/event-stream")))))]
pub(crate) async fn events(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let answer = MessageId(path.id("response_message_id")?);
    let query = Urlencoded::query(query.as_deref().unwrap_or_default());
    let asked = asked(answer, &query, &headers);
    let after = match asked {
        None => None,
        Some((_, Some(position))) => Some(position),
        // Whether there is such an answer of the caller's is told first.
        Some((place, None)) => {
            state.engine.read_turn(&caller, answer, None).await?;
            return Err(never_given_out(place));
        }
    };
    let reader = state.engine.read_turn(&caller, answer, after).await?;
    match (reader, asked) {
        (Some(reader), _) => Ok(stream::respond(TurnFrames(reader), &state)),
        (None, Some((place, _))) => Err(never_given_out(place)),
        (None, None) => Err(ApiError::internal("a reader from the beginning was refused")),
    }
}

/// Where the cursor stands, in a header or the query.
type Place = [&'static str; 2];

/// The cursor that was sent: its place, and the position it stands for.
fn asked(
    answer: MessageId,
    query: &Urlencoded<'_>,
    headers: &HeaderMap,
) -> Option<(Place, Option<Position>)> {
    if let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) {
        let position = value.to_str().ok().and_then(|text| read_cursor(answer, text));
        return Some((["header", "last-event-id"], position));
    }
    let position = match query.field("after") {
        Raw::Absent => return None,
        Raw::Text(text) => read_cursor(answer, &text),
        _ => None,
    };
    Some((["query", "after"], position))
}

fn never_given_out(place: Place) -> ApiError {
    let loc = place.map(Into::into).to_vec();
    let reason = "no event of this answer has this id";
    ApiError::validation(vec![Fault::value_error(loc, Value::Null, reason)])
}
