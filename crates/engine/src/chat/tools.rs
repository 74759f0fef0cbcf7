//! The tools a model may call: searching the collection and telling about its books. Whatever comes back is of the
//! collection; a call that makes no sense gets an answer that says so, and the model may try again.

use super::{books::Books, calls::Served, plan::Plan, size::estimate_tokens, turn::Failure};
use crate::{Engine, inner::Inner, library::Embedded, views::Caller};
use chatai_llm::{ToolCall, ToolSpec};
use chatai_rag::{Hit, Query, TitleOutcome};
use chatai_store::ops::turns::ModelCall;
use chatai_types::{MessageId, Scope, TokenCounts, UsageSource};
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};

const RECOMMENDATIONS: &str = "get_book_recommendations";
const SUMMARIES: &str = "get_book_summaries";

const DEFAULT_LIMIT: usize = 5;
const MOST_RECOMMENDATIONS: usize = 20;
const MOST_TITLES: usize = 20;
/// Bounds of what a model sends: longer lists and texts are cut.
const MOST_ENTRIES: usize = 200;
const LONGEST_TEXT_CHARS: usize = 2_000;

/// The tools, in a stable order.
pub(crate) fn specs() -> Vec<Arc<ToolSpec>> {
    static SPECS: LazyLock<[Arc<ToolSpec>; 2]> = LazyLock::new(|| made().map(Arc::new));
    SPECS.to_vec()
}

fn made() -> [ToolSpec; 2] {
    let texts =
        |description: &str| json!({"type": "array", "items": {"type": "string"}, "description": description});
    [
        ToolSpec {
            name: RECOMMENDATIONS.to_owned(),
            description:
                "Searches the book collection for books to recommend. Only books of the collection come back."
                    .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "content": {"type": "string", "description": "What the books should be about: themes, genre, mood, setting, period."},
                    "authors": texts("Only books by these authors."),
                    "exclude_titles": texts("Titles that must not come back, such as those the user knows."),
                    "exclude_content": {"type": "string", "description": "What the books must not be about."},
                    "exclude_authors": texts("Authors whose books must not come back."),
                    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_RECOMMENDATIONS, "default": DEFAULT_LIMIT, "description": "How many books at most."}
                }
            }),
            // Strict schemas demand every property; these have optional ones, and arguments are checked here anyway.
            strict: false,
        },
        ToolSpec {
            name: SUMMARIES.to_owned(),
            description: "Gives the summaries of books of the collection, with author, year and language."
                .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {"titles": texts("The titles.")},
                "required": ["titles"]
            }),
            strict: false,
        },
    ]
}

/// A tool of the collection, for others that call it.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionTool {
    /// Its name.
    pub name: String,
    /// A name for people.
    pub title: &'static str,
    /// When and how to use it.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

impl Engine {
    /// The tools of the collection, as models are given them.
    pub fn collection_tools(&self) -> Vec<CollectionTool> {
        made()
            .into_iter()
            .map(|spec| CollectionTool {
                title: match spec.name.as_str() {
                    RECOMMENDATIONS => "Search the book collection",
                    _ => "Tell what books are about",
                },
                name: spec.name,
                description: spec.description,
                parameters: spec.parameters,
            })
            .collect()
    }

    /// Calls a tool of the collection outside of any turn; `None` where there is no such tool. The collection is searched
    /// by words alone: a query's vector is a model's call, and there is no turn here that pays for one.
    pub async fn call_collection_tool(
        &self,
        _: &Caller,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Option<Value> {
        by_words(&self.inner, name, arguments).await
    }
}

/// Runs one call; the output is JSON text.
pub(crate) async fn run(
    inner: &Inner,
    plan: &Plan,
    call: &ToolCall,
    answer: MessageId,
    books: &mut Books,
) -> Result<String, Failure> {
    let arguments = match arguments(&call.arguments) {
        Ok(arguments) => arguments,
        Err(problem) => return Ok(json!({"error": problem}).to_string()),
    };
    let output = match call.name.as_str() {
        RECOMMENDATIONS => recommend(inner, plan, &arguments, answer, books).await?,
        SUMMARIES => summarise(inner, &arguments),
        other => unknown(other),
    };
    Ok(output.to_string())
}

/// Runs one call without asking any model.
pub(crate) async fn run_alone(inner: &Inner, call: &ToolCall) -> String {
    let output = match arguments(&call.arguments) {
        Ok(arguments) => by_words(inner, &call.name, &arguments)
            .await
            .unwrap_or_else(|| unknown(&call.name)),
        Err(problem) => json!({"error": problem}),
    };
    output.to_string()
}

/// What a tool gives when no model may be asked: books are found by their words alone. `None` where there is no such tool.
async fn by_words(inner: &Inner, tool: &str, arguments: &Map<String, Value>) -> Option<Value> {
    match tool {
        RECOMMENDATIONS => Some(match query(arguments) {
            Ok(query) => recommendations(&inner.library.search(&query, None).await.hits),
            Err(problem) => json!({"error": problem}),
        }),
        SUMMARIES => Some(summarise(inner, arguments)),
        _ => None,
    }
}

fn unknown(tool: &str) -> Value {
    let name: String = tool.chars().take(64).collect();
    json!({"error": format!("there is no tool `{name}`")})
}

/// The arguments as a model gives them; what is wrong with them is told to it.
pub(crate) fn arguments(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err("the arguments are not a JSON object".to_owned()),
        Err(error) => Err(format!("the arguments are not JSON: {error}")),
    }
}

async fn recommend(
    inner: &Inner,
    plan: &Plan,
    arguments: &Map<String, Value>,
    answer: MessageId,
    books: &mut Books,
) -> Result<Value, Failure> {
    let query = match query(arguments) {
        Ok(query) => query,
        Err(problem) => return Ok(json!({"error": problem})),
    };
    let embedder = if plan.answering.is_built_in() {
        None
    } else {
        inner.models.embedder()
    };
    let content = query.content.as_deref().unwrap_or_default();
    let mut number = None;
    if let Some(embedder) = embedder.as_ref().filter(|_| !content.is_empty()) {
        let tokens = estimate_tokens(content);
        number = Some(
            books
                .begin(inner, answer, embedder, Scope::Tool, tokens, 0)
                .await?,
        );
    }
    let found = inner.library.search(&query, embedder.as_ref()).await;
    if let (Some(embedded), Some(embedder), Some(number)) = (found.embedded, &embedder, number) {
        books.end(number, embedding_call(inner, embedder, embedded, content));
    }
    Ok(recommendations(&found.hits))
}

fn recommendations(hits: &[Hit]) -> Value {
    if hits.is_empty() {
        return json!({"recommendations": [], "note": "nothing in the collection fits"});
    }
    json!({"recommendations": hits.iter().map(recommendation).collect::<Vec<_>>()})
}

fn embedding_call(inner: &Inner, embedder: &Served, embedded: Embedded, content: &str) -> ModelCall {
    let (fresh_input, source) = match embedded {
        Embedded::Reported(tokens) => (tokens, UsageSource::Provider),
        Embedded::Unreported => (estimate_tokens(content), UsageSource::Estimated),
    };
    let tokens = TokenCounts {
        fresh_input,
        ..TokenCounts::default()
    };
    ModelCall {
        scope: Scope::Tool,
        model: embedder.model.name.clone(),
        tokens,
        source,
        price: embedder.model.charge(&tokens),
        price_version: embedder.model.price_version,
        fallback_from: None,
        at: inner.clock.now(),
    }
}

fn query(arguments: &Map<String, Value>) -> Result<Query, String> {
    Ok(Query {
        content: text(arguments, "content")?,
        authors: texts(arguments, "authors")?,
        exclude_titles: texts(arguments, "exclude_titles")?,
        exclude_content: texts(arguments, "exclude_content")?,
        exclude_authors: texts(arguments, "exclude_authors")?,
        limit: limit(arguments)?,
        ..Query::default()
    })
}

fn limit(arguments: &Map<String, Value>) -> Result<usize, String> {
    let asked = match arguments.get("limit") {
        None | Some(Value::Null) => return Ok(DEFAULT_LIMIT),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match asked {
        Some(asked) if asked.is_finite() && asked >= 1.0 => Ok((asked as usize).min(MOST_RECOMMENDATIONS)),
        _ => Err(format!(
            "`limit` is not a number from 1 to {MOST_RECOMMENDATIONS}"
        )),
    }
}

fn text(arguments: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    let joined = texts(arguments, name)?.join(", ");
    Ok((!joined.trim().is_empty()).then_some(joined))
}

/// A list of texts; models also send a single text, or nothing.
fn texts(arguments: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let cut = |text: &str| {
        text.chars()
            .filter(|c| *c != '\0')
            .take(LONGEST_TEXT_CHARS)
            .collect::<String>()
    };
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![cut(text)]),
        Some(Value::Array(list)) => list
            .iter()
            .take(MOST_ENTRIES)
            .map(|item| {
                item.as_str()
                    .map(cut)
                    .ok_or_else(|| format!("`{name}` holds something that is no text"))
            })
            .collect(),
        Some(_) => Err(format!("`{name}` is no text")),
    }
}

fn recommendation(hit: &Hit) -> Value {
    let book = &hit.book;
    let why: Vec<String> = hit
        .matched
        .iter()
        .map(|matched| format!("{}: {}", matched.field.as_str(), matched.terms.join(", ")))
        .collect();
    let why = if why.is_empty() {
        hit.via.as_str().to_owned()
    } else {
        why.join("; ")
    };
    json!({
        "title": book.title,
        "author": book.author,
        "year": book.year.as_ref().map(ToString::to_string),
        "language": book.language,
        "short_summary": book.short_summary,
        "themes": book.themes,
        "genres": book.genres,
        "why": why,
    })
}

fn summarise(inner: &Inner, arguments: &Map<String, Value>) -> Value {
    let mut titles = match texts(arguments, "titles") {
        Ok(titles) if !titles.is_empty() => titles,
        Ok(_) => return json!({"error": "`titles` is missing"}),
        Err(problem) => return json!({"error": problem}),
    };
    titles.truncate(MOST_TITLES);
    let index = inner.library.index();
    let mut summaries = Vec::new();
    let mut not_found = Vec::new();
    for hit in index.find_titles(&titles) {
        match hit.outcome {
            TitleOutcome::Found { book, .. } => {
                let Some(book) = index.book(book) else { continue };
                let summary = if book.full_summary.is_empty() {
                    &book.short_summary
                } else {
                    &book.full_summary
                };
                summaries.push(json!({
                    "title": book.title,
                    "author": book.author,
                    "year": book.year.as_ref().map(ToString::to_string),
                    "language": book.language,
                    "summary": summary,
                }));
            }
            TitleOutcome::Unknown { suggestions } => {
                let suggestions: Vec<&str> = suggestions
                    .iter()
                    .filter_map(|id| index.book(*id).map(|book| book.title.as_str()))
                    .collect();
                not_found.push(json!({"asked": hit.asked, "suggestions": suggestions}));
            }
        }
    }
    json!({"summaries": summaries, "not_found": not_found})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Query, String> {
        query(&arguments(text)?)
    }

    #[test]
    fn arguments_are_read_as_models_send_them() {
        let query =
            parsed(r#"{"content": "sea", "authors": "Melville", "exclude_titles": ["Emma"], "limit": "3"}"#)
                .unwrap();
        assert_eq!(query.content.as_deref(), Some("sea"));
        assert_eq!(query.authors, ["Melville"]);
        assert_eq!(query.exclude_titles, ["Emma"]);
        assert_eq!(query.limit, 3);
        assert_eq!(parsed("").unwrap().limit, DEFAULT_LIMIT);
        assert_eq!(
            parsed(r#"{"limit": 1e9, "content": null}"#).unwrap().limit,
            MOST_RECOMMENDATIONS
        );
    }

    #[test]
    fn nonsense_is_named_to_the_model() {
        for text in [
            "[]",
            "{",
            r#"{"limit": -1}"#,
            r#"{"limit": {}}"#,
            r#"{"authors": [1]}"#,
            r#"{"content": 5}"#,
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
