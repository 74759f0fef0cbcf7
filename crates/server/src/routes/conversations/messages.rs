//! `GET /conversations/{conversation_id}/messages`

use crate::{
    auth::Signed,
    error::ApiError,
    input::{
        cursor::{Kind, List},
        fields::Fields,
        page::{Begin, Page},
        params::PathParams,
        urlencoded::Urlencoded,
    },
    routes::service::AskedPath,
    state::App,
    wire::{json, link::set_links, message::MessageBody},
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use chatai_engine::{Message, MessagePart, Step};
use chatai_types::{ConversationId, MessageId, Role};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// A conversation's messages.
#[derive(Serialize, ToSchema)]
#[schema(as = Messages)]
pub(crate) struct MessagesBody<'a> {
    /// The conversation.
    conversation_id: i64,
    /// Its messages, oldest first.
    messages: Vec<MessageBody<'a>>,
}

/// The active branch of a conversation, oldest message first.
#[utoipa::path(get, path = "/conversations/{conversation_id}/messages", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation"),
           ("limit" = Option<i64>, Query, description = "The most messages, the latest first of all; all without it", minimum = 1, maximum = 200),
           ("after" = Option<String>, Query, description = "A cursor of a `Link`: those that come after it"),
           ("before" = Option<String>, Query, description = "A cursor of a `Link`: those that come before it"),
           ("steps" = Option<bool>, Query, description = "With what each answer did beside speaking"),
           ("tree" = Option<bool>, Query, description = "Every message of every branch, without pages")),
    responses((status = 200, description = "Its messages, or a page of them", body = MessagesBody,
        headers(("Link" = Option<String>, description = "The pages after (`next`) and before (`prev`), where there are any")))))]
pub(crate) async fn messages(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
    Extension(AskedPath(asked)): Extension<AskedPath>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let mut faults = Vec::new();
    let id = path.fields(&mut faults).id("conversation_id");
    let list = List::new(Kind::Messages, id.unwrap_or_default());
    let asked_for = Urlencoded::query(query.as_deref().unwrap_or_default());
    let page = Page::read(&asked_for, &mut faults, list);
    let mut fields = Fields::new(&asked_for, &mut faults);
    let (steps, tree) = (fields.flag("steps"), fields.flag("tree"));
    let (Some(id), Some(page), Some(steps), Some(tree)) = (id, page, steps, tree) else {
        return Err(ApiError::validation(faults));
    };
    // One more than asked for tells whether there is another page.
    let limit = page.limit.map_or(i64::MAX, |limit| i64::from(limit) + 1);
    let part = match page.from {
        _ if tree => MessagePart::Tree,
        Begin::Start if page.limit.is_none() => MessagePart::All,
        Begin::Start => MessagePart::Latest(limit),
        Begin::After(place) => MessagePart::After(MessageId(place.0), limit),
        Begin::Before(place) => MessagePart::Before(MessageId(place.0), limit),
    };
    let found = state.engine.messages(&caller, ConversationId(id), part).await?;
    let page = Found::of(&found, part, limit);
    let steps = match (steps, page.messages.first(), page.messages.last()) {
        (false, ..) => None,
        (true, Some(first), Some(last)) => {
            let conversation = ConversationId(id);
            let steps = state.engine.steps(&caller, conversation, first.id, last.id);
            Some(steps.await?)
        }
        (true, ..) => Some(HashMap::new()),
    };
    let mut response = json(&MessagesBody {
        conversation_id: id,
        messages: bodies(page.messages, steps.as_ref()),
    });
    let cursor = |message: &Message| list.cursor((message.id.0, 0));
    let next = page.messages.last().filter(|_| page.goes_on).map(cursor);
    let prev = page.messages.first().filter(|_| page.has_earlier).map(cursor);
    set_links(
        &mut response,
        &asked,
        query.as_deref(),
        next.as_deref(),
        prev.as_deref(),
    );
    Ok(response)
}

fn bodies<'a>(
    messages: &'a [Message],
    steps: Option<&'a HashMap<MessageId, Vec<Step>>>,
) -> Vec<MessageBody<'a>> {
    let body = |message: &'a Message| match steps {
        Some(steps) if message.role == Role::Assistant => {
            let steps = steps.get(&message.id).map(Vec::as_slice).unwrap_or_default();
            MessageBody::from(message).with_steps(steps)
        }
        _ => MessageBody::from(message),
    };
    messages.iter().map(body).collect()
}

/// A page, and what lies around it.
struct Found<'a> {
    messages: &'a [Message],
    has_earlier: bool,
    goes_on: bool,
}

impl<'a> Found<'a> {
    fn of(messages: &'a [Message], part: MessagePart, limit: i64) -> Self {
        let is_more = i64::try_from(messages.len()).is_ok_and(|found| found >= limit);
        let cut = usize::from(is_more);
        match part {
            MessagePart::All | MessagePart::Tree => Self {
                messages,
                has_earlier: false,
                goes_on: false,
            },
            MessagePart::Latest(_) | MessagePart::Before(..) => Self {
                messages: &messages[cut..],
                has_earlier: is_more,
                // The message of the cursor is there.
                goes_on: matches!(part, MessagePart::Before(..)),
            },
            MessagePart::After(..) => Self {
                messages: &messages[..messages.len() - cut],
                has_earlier: true,
                goes_on: is_more,
            },
        }
    }
}
