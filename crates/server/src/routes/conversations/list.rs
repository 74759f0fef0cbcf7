//! `GET /conversations/`

use crate::{
    auth::Signed,
    error::ApiError,
    input::{
        cursor::{Kind, List},
        fields::Fields,
        page::{Begin, Page},
        urlencoded::Urlencoded,
    },
    routes::service::AskedPath,
    state::App,
    wire::{json, link::set_links},
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use chatai_engine::{Conversation, ConversationKey, ConversationPage, ConversationsFrom, WhichConversations};
use chatai_types::{ConversationId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A conversation in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Conversation)]
pub(crate) struct ConversationBody<'a> {
    /// Its id.
    id: i64,
    /// Its title.
    title: Option<&'a str>,
    /// Its summary, as its client set it.
    summary: Option<&'a str>,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
    /// Since when it is pinned, UTC; null for one that is not.
    pinned_at: Option<String>,
}

impl<'a> From<&'a Conversation> for ConversationBody<'a> {
    fn from(conversation: &'a Conversation) -> Self {
        Self {
            id: conversation.id.0,
            title: conversation.title.as_deref(),
            summary: conversation.summary.as_deref(),
            created_at: conversation.created_at.to_wire(),
            pinned_at: conversation.pinned_at.map(Timestamp::to_wire),
        }
    }
}

/// The caller's conversations, newest first by creation.
#[utoipa::path(get, path = "/conversations/", tag = "conversations",
    params(("limit" = Option<i64>, Query, description = "The most conversations; all without it", minimum = 1, maximum = 200),
           ("after" = Option<String>, Query, description = "A cursor of a `Link`: those behind it, which are older"),
           ("before" = Option<String>, Query, description = "A cursor of a `Link`: those ahead of it, which are newer"),
           ("pinned" = Option<bool>, Query, description = "Those that are pinned alone")),
    responses((status = 200, description = "All of them, or a page", body = [ConversationBody],
        headers(("Link" = Option<String>, description = "The pages behind (`next`) and ahead (`prev`), where there are any")))))]
pub(crate) async fn list(
    State(state): State<App>,
    Signed(caller): Signed,
    Extension(AskedPath(asked)): Extension<AskedPath>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let list = List::new(Kind::Conversations, caller.user_id.0);
    let mut faults = Vec::new();
    let asked_for = Urlencoded::query(query.as_deref().unwrap_or_default());
    let page = Page::read(&asked_for, &mut faults, list);
    let pinned = Fields::new(&asked_for, &mut faults).flag("pinned");
    let (Some(page), Some(pinned)) = (page, pinned) else {
        return Err(ApiError::validation(faults));
    };
    let key = |(at, id)| -> ConversationKey { (Timestamp::from_micros(at), ConversationId(id)) };
    let from = match page.from {
        Begin::Start if page.limit.is_none() && !pinned => {
            let all = state.engine.conversations(&caller).await?;
            return Ok(json(&bodies(&all)));
        }
        Begin::Start => ConversationsFrom::Newest,
        Begin::After(place) => ConversationsFrom::OlderThan(key(place)),
        Begin::Before(place) => ConversationsFrom::NewerThan(key(place)),
    };
    let which = match pinned {
        true => WhichConversations::Pinned,
        false => WhichConversations::All,
    };
    let limit = page.limit.unwrap_or(u32::MAX);
    let found = state
        .engine
        .conversation_page(&caller, which, from, limit)
        .await?;
    let mut response = json(&bodies(&found.conversations));
    let [next, prev] = neighbours(&found, list);
    set_links(
        &mut response,
        &asked,
        query.as_deref(),
        next.as_deref(),
        prev.as_deref(),
    );
    Ok(response)
}

fn bodies(conversations: &[Conversation]) -> Vec<ConversationBody<'_>> {
    conversations.iter().map(ConversationBody::from).collect()
}

/// The cursors of the pages behind and ahead, where there are any.
fn neighbours(page: &ConversationPage, list: List) -> [Option<String>; 2] {
    let cursor =
        |conversation: &Conversation| list.cursor((conversation.created_at.as_micros(), conversation.id.0));
    [
        page.conversations.last().filter(|_| page.has_older).map(cursor),
        page.conversations.first().filter(|_| page.has_newer).map(cursor),
    ]
}
