//! `POST /mcp`: the book collection as a server of tools, by the Model Context Protocol over streamable HTTP.
//!
//! One request, one answer, nothing kept in between: what the newest version of the protocol demands, and what the
//! older ones, with their handshake, allow. There are no sessions and no streams, so `GET` and `DELETE` are refused as
//! the protocol says (405).

mod message;
mod methods;

use crate::{
    auth::{JSON_BYTES, Signed},
    body, cors,
    error::ApiError,
    input::content_type::ContentType,
    state::App,
};
use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use chatai_types::ErrorCode;
use http::{HeaderMap, StatusCode, header};
use message::{Fault, Message};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What older versions name a session by. We give none out.
const SESSION: &str = "mcp-session-id";

/// A request of JSON-RPC 2.0.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by hand; this is its description")]
pub(crate) struct RpcRequest {
    /// `2.0`.
    jsonrpc: String,
    /// A text or a whole number, which the answer repeats; a notification has none.
    #[schema(value_type = Option<String>)]
    id: Option<Value>,
    /// `initialize`, `server/discover`, `ping`, `tools/list` or `tools/call`.
    method: String,
    /// As the method wants them.
    #[schema(value_type = Option<Object>)]
    params: Option<Value>,
}

/// An answer of JSON-RPC 2.0.
#[derive(Serialize, ToSchema)]
pub(crate) struct RpcAnswer {
    /// `2.0`.
    jsonrpc: &'static str,
    /// The request's; null where it could not be read.
    #[schema(value_type = Option<String>)]
    id: Value,
    /// What the method gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Why there is no result: `code`, `message` and sometimes `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    error: Option<Value>,
}

/// The book collection as a server of tools, by the Model Context Protocol (streamable HTTP, one message a request).
#[utoipa::path(post, path = "/mcp", tag = "tools", request_body = RpcRequest,
    responses((status = 200, description = "The answer", body = RpcAnswer),
              (status = 202, description = "A notification was taken"),
              (status = 400, description = "The message is none of the protocol's", body = RpcAnswer),
              (status = 404, description = "There is no such method or session", body = RpcAnswer)))]
pub(crate) async fn post(
    State(state): State<App>,
    Signed(caller): Signed,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    check_origin(&parts.headers, &state.settings.cors_origins)?;
    let bytes = body::read_all(body, JSON_BYTES).await?;
    let read = match ContentType::of(&parts.headers) {
        ContentType::Json | ContentType::None => Message::read(&bytes),
        _ => Err(Fault::not_a_message("The body must be `application/json`")),
    };
    let message = match read {
        Ok(message) => message,
        Err(fault) => return Ok(refused(Value::Null, &fault)),
    };
    let Some(id) = message.id.clone() else {
        // Nothing here waits for one: what is asked is answered by the time anything else could be said of it.
        return Ok(StatusCode::ACCEPTED.into_response());
    };
    let version = match message.version(&parts.headers) {
        Ok(version) => version,
        Err(fault) => return Ok(refused(id, &fault)),
    };
    if version.has_sessions() && parts.headers.contains_key(SESSION) {
        return Ok(refused(id, &Fault::no_session()));
    }
    Ok(match methods::answer(&state, &caller, version, &message).await {
        Ok(result) => answer(
            StatusCode::OK,
            &RpcAnswer {
                jsonrpc: "2.0",
                id,
                result: Some(result),
                error: None,
            },
        ),
        Err(fault) => refused(id, &fault.at(version)),
    })
}

/// A page of an origin that may not call us is refused whatever its token: a browser that was led here by a name that
/// points to this machine sends the origin of the page that led it.
fn check_origin(headers: &HeaderMap, origins: &[String]) -> Result<(), ApiError> {
    if !headers.contains_key(header::ORIGIN) || cors::allowed(headers, origins).is_some() {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::Forbidden,
        "Pages of this origin may not call; the administrator can name it in `server.cors_origins`",
    ))
}

fn refused(id: Value, fault: &Fault) -> Response {
    let mut error = json!({"code": fault.code, "message": fault.message});
    if let Some(data) = &fault.data {
        error["data"] = data.clone();
    }
    answer(
        fault.status,
        &RpcAnswer {
            jsonrpc: "2.0",
            id,
            result: None,
            error: Some(error),
        },
    )
}

fn answer(status: StatusCode, body: &RpcAnswer) -> Response {
    let bytes = serde_json::to_vec(body).expect("texts, numbers and lists always serialise");
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, Body::from(bytes)).into_response()
}
