//! `GET /tools` and `PUT /tools/{tool}`: tools from outside, and which of them the caller's models may call.

use crate::{
    auth::{JsonInput, Signed, SignedJson},
    error::ApiError,
    input::{
        fields::{Fields, TextRule},
        params::PathParams,
    },
    state::{App, AppState},
    wire::json,
};
use axum::{extract::State, response::Response};
use chatai_engine::OwnTool;
use serde::Serialize;
use utoipa::ToSchema;

/// Longer than any tool's name.
const NAME: TextRule = TextRule::up_to(200);

/// A tool from outside.
#[derive(Serialize, ToSchema)]
#[schema(as = Tool)]
pub(crate) struct ToolBody<'a> {
    /// The name that models are given: `SERVER__TOOL`.
    name: &'a str,
    /// A name for people, where its server gives one.
    title: Option<&'a str>,
    /// What it does, in its server's words.
    description: &'a str,
    /// The server that it is of.
    server: &'a str,
    /// Whether the caller's models may call it.
    granted: bool,
    /// Whether that needs the caller's word.
    needs_grant: bool,
}

/// What to say of a tool.
#[derive(ToSchema)]
pub(crate) struct GrantRequest {
    /// Whether the caller's models may call it.
    granted: bool,
}

impl JsonInput for GrantRequest {
    const MEMBERS: &'static [&'static str] = &["granted"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        match fields.optional_bool("granted")?.value() {
            Some(granted) => Some(Self { granted }),
            None => fields.missing("granted"),
        }
    }
}

impl<'a> From<&'a OwnTool> for ToolBody<'a> {
    fn from(tool: &'a OwnTool) -> Self {
        Self {
            name: &tool.name,
            title: tool.title.as_deref(),
            description: &tool.description,
            server: &tool.server,
            granted: tool.granted,
            needs_grant: tool.needs_grant,
        }
    }
}

/// The tools from outside that there are for the caller. Those of a server that is not there are missing, or as they
/// were when it was last there.
#[utoipa::path(get, path = "/tools", tag = "tools",
    responses((status = 200, description = "The tools", body = [ToolBody])))]
pub(crate) async fn list(State(state): State<App>, Signed(caller): Signed) -> Result<Response, ApiError> {
    let tools = state.engine.tools(&caller).await?;
    Ok(json(&tools.iter().map(ToolBody::from).collect::<Vec<_>>()))
}

/// Say whether the caller's models may call a tool, from the next call on. A key may not say so.
#[utoipa::path(put, path = "/tools/{tool}", tag = "tools", request_body = GrantRequest,
    params(("tool" = String, Path, description = "The tool's name")),
    responses((status = 200, description = "The tool as it is now", body = ToolBody)))]
pub(crate) async fn grant(
    State(state): State<App>,
    path: PathParams,
    SignedJson(caller, grant): SignedJson<GrantRequest>,
) -> Result<Response, ApiError> {
    let mut faults = Vec::new();
    let name = path.fields(&mut faults).text("tool", NAME);
    let name = name.ok_or_else(|| ApiError::validation(faults))?;
    let tool = state.engine.grant_tool(&caller, &name, grant.granted).await?;
    Ok(json(&ToolBody::from(&tool)))
}
