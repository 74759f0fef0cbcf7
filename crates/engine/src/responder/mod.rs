//! The built-in responder: what answers on a machine without any key.
//!
//! A provider like the others: it sees the normal form of a request and answers with events, calls the same tools over
//! the collection, and so exercises the whole pipeline. It is rules and a search, no language model, and says so.
//! Nothing it states is its own: facts come from tool results and from what is attached.

mod about;
mod answers;
mod attachments;
mod conversation;
mod cues;
mod history;
mod intent;
mod markdown;
mod talk;
mod title;
mod topics;
mod wish;
mod words;

#[cfg(test)]
mod tests;

use crate::{catalog::BUILT_IN, chat::prompt, library::Library};
use async_trait::async_trait;
use chatai_llm::{
    Embeddings, Event, EventStream, Finished, Format, Item, LlmError, OfferedModel, Part, Provider, Request,
    StopReason, ToolCall,
};
use chatai_rag::{Index, summarise};
use chatai_types::TokenCounts;
use conversation::Conversation;
use futures_util::{StreamExt, stream};
use intent::{Intent, understand};
use serde_json::{Value, json};
use std::sync::Arc;

const RECOMMENDATIONS: &str = "get_book_recommendations";
const SUMMARIES: &str = "get_book_summaries";

/// How long a summary of a message is at most, in characters.
const SUMMARY_CHARS: usize = 360;
/// A request with more text than this is worked on beside the async threads, in bytes.
const LARGE_REQUEST_BYTES: usize = 32 * 1024;
/// How many bytes a piece of streamed text has at least, but for the last.
const PIECE_BYTES: usize = 24;

/// Answers from the collection and from attachments, without any model.
pub(crate) struct BuiltIn {
    library: Arc<Library>,
}

/// What a request gets.
#[derive(Debug)]
enum Reply {
    Text(String),
    Calls(Vec<(&'static str, Value)>),
}

impl BuiltIn {
    pub(crate) fn new(library: Arc<Library>) -> Self {
        Self { library }
    }
}

#[async_trait]
impl Provider for BuiltIn {
    fn name(&self) -> &str {
        "built-in"
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        let index = self.library.index();
        let events = if text_bytes(&request) > LARGE_REQUEST_BYTES {
            let work = tokio::task::spawn_blocking(move || events(&request, &index));
            work.await
                .map_err(|error| LlmError::Failed(format!("the built-in responder broke down: {error}")))??
        } else {
            events(&request, &index)?
        };
        Ok(stream::iter(events.into_iter().map(Ok)).boxed())
    }

    async fn embed(&self, _model: &str, _texts: &[String]) -> Result<Embeddings, LlmError> {
        Err(LlmError::Rejected(
            "the built-in responder makes no embeddings".to_owned(),
        ))
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        Ok(vec![OfferedModel {
            id: BUILT_IN.to_owned(),
            ..OfferedModel::default()
        }])
    }
}

fn events(request: &Request, index: &Index) -> Result<Vec<Event>, LlmError> {
    let (mut events, reason) = match reply(request, index)? {
        Reply::Text(text) => (
            pieces(&text).map(|piece| Event::Text(piece.to_owned())).collect(),
            StopReason::Stop,
        ),
        Reply::Calls(calls) => (tool_calls(calls, &request.items), StopReason::ToolCalls),
    };
    // Nothing was used: there is no model. Reported, so that nothing is estimated.
    events.push(Event::Finished(Finished {
        reason,
        usage: Some(TokenCounts::default()),
        response_id: None,
    }));
    Ok(events)
}

fn reply(request: &Request, index: &Index) -> Result<Reply, LlmError> {
    let conversation = Conversation::of(request);
    match &request.format {
        Format::JsonSchema { name, .. } => match name.as_str() {
            "title" => Ok(Reply::Text(
                json!({"title": title::title(conversation.question, index)}).to_string(),
            )),
            // All that fits is the right amount for something that only reads what it needs.
            "context" => Ok(Reply::Text(json!({"context": "full"}).to_string())),
            other => Err(LlmError::Rejected(format!(
                "the built-in responder cannot answer in the form `{other}`"
            ))),
        },
        Format::JsonObject => Err(LlmError::Rejected(
            "the built-in responder cannot answer in the form of any json object".to_owned(),
        )),
        Format::Text if request.system == prompt::SUMMARY => {
            Ok(Reply::Text(summarise(conversation.question, SUMMARY_CHARS)))
        }
        Format::Text => Ok(answer(request, &conversation, index)),
    }
}

fn answer(request: &Request, conversation: &Conversation<'_>, index: &Index) -> Reply {
    let intent = understand(conversation, index);
    let books = index.len();
    let calls = match &intent {
        Intent::Talk(talk) => return Reply::Text(talk::reply(*talk, books)),
        Intent::Files(task, documents) => {
            return Reply::Text(attachments::answer(*task, conversation.question, documents));
        }
        Intent::OwnText => return Reply::Text(attachments::summary_of_text(conversation.question)),
        Intent::WhichOf(titles) => return Reply::Text(talk::which_of(titles)),
        Intent::Unable { topic } => return Reply::Text(talk::refusal(topic.as_deref(), books)),
        Intent::Titles(asked) => vec![(SUMMARIES, json!({"titles": asked.titles}))],
        Intent::Books { wish, .. } => vec![(RECOMMENDATIONS, wish.arguments())],
        Intent::TitlesAndBooks(asked, wish) => {
            vec![
                (SUMMARIES, json!({"titles": asked.titles})),
                (RECOMMENDATIONS, wish.arguments()),
            ]
        }
    };
    if !conversation.exchanges.is_empty() {
        return Reply::Text(answers::from_tools(
            &intent,
            conversation.question,
            &conversation.exchanges,
        ));
    }
    let is_offered = |name: &str| request.tools.iter().any(|tool| tool.name == name);
    if calls.iter().all(|(name, _)| is_offered(name)) {
        Reply::Calls(calls)
    } else {
        Reply::Text(
            "I cannot look into the book collection for this message, and I know no books beside it."
                .to_owned(),
        )
    }
}

fn tool_calls(calls: Vec<(&'static str, Value)>, items: &[Item]) -> Vec<Event> {
    let is_taken = |id: &str| {
        items
            .iter()
            .any(|item| matches!(item, Item::ToolCall(call) if call.id == id))
    };
    let mut ids = (1..)
        .map(|number| format!("built-in-{number}"))
        .filter(|id| !is_taken(id));
    calls
        .into_iter()
        .map(|(name, arguments)| {
            let id = ids.next().unwrap_or_default();
            Event::ToolCall(ToolCall {
                id,
                name: name.to_owned(),
                arguments: arguments.to_string(),
            })
        })
        .collect()
}

/// A text in pieces of a few words, so that it can be seen to come.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let least = rest.ceil_char_boundary(PIECE_BYTES);
        let end = rest[least..].find(char::is_whitespace).map_or(rest.len(), |at| {
            let blank = least + at;
            blank + rest[blank..].chars().next().map_or(0, char::len_utf8)
        });
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

fn text_bytes(request: &Request) -> usize {
    request
        .items
        .iter()
        .map(|item| match item {
            Item::User(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.len(),
                    Part::Image { .. } | Part::ImageUrl { .. } => 0,
                })
                .sum(),
            Item::Assistant(text) => text.len(),
            Item::Reasoning(_) => 0,
            Item::ToolCall(call) => call.arguments.len(),
            Item::ToolResult { output, .. } => output.len(),
        })
        .sum()
}
