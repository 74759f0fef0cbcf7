//! `GET /conversations/{conversation_id}/export`: a conversation as a file, sent as it is read.

use super::list::ConversationBody;
use crate::{
    auth::Signed,
    error::ApiError,
    input::{fields::Fields, params::PathParams, urlencoded::Urlencoded},
    state::App,
    wire::{markdown, message::MessageBody, usage::UsageBody},
};
use axum::{
    body::Body,
    extract::{RawQuery, State},
    response::Response,
};
use bytes::Bytes;
use chatai_engine::{EngineError, Export, ExportExtent, ExportedMessage, content_disposition};
use chatai_types::ConversationId;
use futures_util::{Stream, stream};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

/// The forms a conversation is exported in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Everything, for programs.
    Json,
    /// The active branch, for people.
    Markdown,
}

/// A whole conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub(crate) struct ExportBody<'a> {
    /// The conversation.
    conversation: ConversationBody<'a>,
    /// The last message of the active branch; null where there is none.
    head_id: Option<i64>,
    /// When this was made, UTC, `YYYY-MM-DD HH:MM:SS`.
    exported_at: String,
    /// Every message of every branch, oldest first.
    messages: Vec<ExportedMessageBody<'a>>,
}

/// A message, and the model calls behind it.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedMessage)]
pub(crate) struct ExportedMessageBody<'a> {
    #[serde(flatten)]
    message: MessageBody<'a>,
    /// What each call used and cost, in order; empty on a user's message.
    usage_details: Vec<UsageBody<'a>>,
}

impl Format {
    fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }

    fn extent(self) -> ExportExtent {
        match self {
            Self::Json => ExportExtent::Tree,
            Self::Markdown => ExportExtent::Branch,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }

    fn file_name(self, export: &Export) -> String {
        let title = export.conversation.title.as_deref().unwrap_or_default();
        // A slash would end the name of a folder.
        let title = title.replace(['/', '\\'], "-");
        let stem = match title.trim() {
            "" => format!("conversation-{}", export.conversation.id),
            title => title.chars().take(100).collect(),
        };
        let extension = match self {
            Self::Json => "json",
            Self::Markdown => "md",
        };
        format!("{stem}.{extension}")
    }

    /// What stands before the messages.
    fn beginning(self, export: &Export) -> String {
        match self {
            Self::Markdown => markdown::beginning(&export.conversation),
            Self::Json => {
                let empty = text(&ExportBody {
                    conversation: ConversationBody::from(&export.conversation),
                    head_id: export.head.map(|id| id.0),
                    exported_at: export.at.to_wire(),
                    messages: Vec::new(),
                });
                let open = empty
                    .strip_suffix(self.end())
                    .expect("the messages are the last member");
                open.to_owned()
            }
        }
    }

    /// One message.
    fn message(self, exported: &ExportedMessage, is_first: bool) -> String {
        match self {
            Self::Markdown => markdown::message(exported),
            Self::Json => {
                let body = text(&ExportedMessageBody {
                    message: MessageBody::from(&exported.message),
                    usage_details: exported.usage.iter().map(UsageBody::from).collect(),
                });
                if is_first { body } else { format!(",{body}") }
            }
        }
    }

    /// What stands behind the messages.
    fn end(self) -> &'static str {
        match self {
            Self::Json => "]}",
            Self::Markdown => "",
        }
    }
}

fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("resources hold texts, finite numbers and lists only")
}

/// A conversation as a file: as JSON with every branch and what each model call used and cost, or as Markdown with the
/// active branch.
#[utoipa::path(get, path = "/conversations/{conversation_id}/export", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation"),
           ("format" = Option<String>, Query, description = "`json` (when absent) or `markdown`")),
    responses((status = 200, description = "The file, named after the title",
        content((ExportBody = "application/json"), (String = "text/markdown")))))]
pub(crate) async fn export(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let id = path.fields(&mut faults).id("conversation_id");
    let format =
        Fields::new(&query, &mut faults).optional_choice("format", "'json' or 'markdown'", Format::named);
    let (Some(id), Some(format)) = (id, format) else {
        return Err(ApiError::validation(faults));
    };
    let format = format.value().unwrap_or(Format::Json);
    let export = state
        .engine
        .export(&caller, ConversationId(id), format.extent())
        .await?;
    let disposition = content_disposition(&format.file_name(&export));
    let mut response = Response::new(Body::from_stream(pieces(format, export)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    let disposition = HeaderValue::try_from(disposition).expect("it is visible ASCII");
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Where a file on its way out stands.
enum At {
    Beginning,
    Message { is_first: bool },
    End,
}

/// The file, a few messages at a time. A failure breaks it off, so that no part is taken for the whole.
fn pieces(format: Format, export: Export) -> impl Stream<Item = Result<Bytes, EngineError>> {
    stream::try_unfold(
        (export, At::Beginning),
        move |(mut export, at): (Export, At)| async move {
            let (piece, next) = match at {
                At::Beginning => (format.beginning(&export), At::Message { is_first: true }),
                At::Message { is_first } => match export.next().await {
                    Ok(Some(messages)) => {
                        let texts = messages
                            .iter()
                            .enumerate()
                            .map(|(place, message)| format.message(message, is_first && place == 0));
                        (texts.collect(), At::Message { is_first: false })
                    }
                    Ok(None) => (format.end().to_owned(), At::End),
                    Err(error) => {
                        tracing::warn!(%error, "an export broke off");
                        return Err(error);
                    }
                },
                At::End => return Ok(None),
            };
            Ok(Some((Bytes::from(piece), (export, next))))
        },
    )
}
