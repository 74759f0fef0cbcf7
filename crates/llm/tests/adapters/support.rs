//! What all tests share: an adapter of each kind with its provider, and calls read to their end.

use chatai_llm::{
    Anthropic, Event, Finished, Gemini, Item, LlmError, OpenAiChat, OpenAiResponses, Part, Provider, Request,
    ToolCall, ToolSpec, VendorSettings,
};
use chatai_testkit::provider::{Dialect, ScriptedProvider};
use futures_util::StreamExt;
use serde_json::json;
use std::{sync::Arc, time::Duration};

pub(crate) const KEY: &str = "sk-test-0123456789";

/// Long enough for a busy machine, short enough to wait for.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);

pub(crate) type Adapter = Box<dyn Provider>;

/// Makes `NAME::responses`, `NAME::chat`, `NAME::anthropic` and `NAME::gemini` out of one test that is given the dialect.
macro_rules! on_every_adapter {
    ($($(#[$attribute:meta])* async fn $name:ident($dialect:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            async fn case($dialect: chatai_testkit::provider::Dialect) $body

            #[tokio::test]
            async fn responses() {
                case(chatai_testkit::provider::Dialect::Responses).await;
            }

            #[tokio::test]
            async fn chat() {
                case(chatai_testkit::provider::Dialect::Chat).await;
            }

            #[tokio::test]
            async fn anthropic() {
                case(chatai_testkit::provider::Dialect::Anthropic).await;
            }

            #[tokio::test]
            async fn gemini() {
                case(chatai_testkit::provider::Dialect::Gemini).await;
            }
        }
    )+};
}
pub(crate) use on_every_adapter;

/// Where a vendor's API lies on a scripted provider.
pub(crate) fn base_url(dialect: Dialect, provider: &ScriptedProvider) -> String {
    match dialect {
        Dialect::Gemini => format!("{}/v1beta", provider.root_url()),
        _ => provider.base_url(),
    }
}

/// Settings with little patience for what can be waited for, and much for what cannot.
pub(crate) fn settings(dialect: Dialect, provider: &ScriptedProvider) -> VendorSettings {
    VendorSettings {
        timeout: Duration::from_secs(20),
        retry_backoff: Duration::from_millis(1),
        ..VendorSettings::new(base_url(dialect, provider).parse().unwrap(), KEY)
    }
}

/// The adapter of a dialect.
pub(crate) fn adapter(dialect: Dialect, settings: VendorSettings) -> Adapter {
    match dialect {
        Dialect::Responses => Box::new(OpenAiResponses::new(settings).unwrap()),
        Dialect::Chat => Box::new(OpenAiChat::new(settings).unwrap()),
        Dialect::Anthropic => Box::new(Anthropic::new(settings).unwrap()),
        Dialect::Gemini => Box::new(Gemini::new(settings).unwrap()),
    }
}

pub(crate) async fn start(dialect: Dialect) -> (ScriptedProvider, Adapter) {
    let provider = ScriptedProvider::start().await;
    let adapter = adapter(dialect, settings(dialect, &provider));
    (provider, adapter)
}

/// An adapter that waits for nothing longer than [`SILENCE`].
pub(crate) fn impatient(dialect: Dialect, provider: &ScriptedProvider) -> Adapter {
    adapter(
        dialect,
        VendorSettings {
            timeout: SILENCE,
            ..settings(dialect, provider)
        },
    )
}

/// A model of the vendor's that answers at once.
pub(crate) fn model(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Responses => "gpt-4.1-nano",
        Dialect::Chat => "llama-3.3-70b",
        Dialect::Anthropic => "claude-sonnet-4-5",
        Dialect::Gemini => "gemini-2.5-flash",
    }
}

/// One that thinks before, and wants its thoughts back with the results of tools.
pub(crate) fn thinking_model(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Responses => "o3",
        Dialect::Chat => "deepseek-reasoner",
        Dialect::Anthropic => "claude-opus-4-6",
        Dialect::Gemini => "gemini-3-pro-preview",
    }
}

/// The path of a model call.
pub(crate) fn path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Responses => "/v1/responses",
        Dialect::Chat => "/v1/chat/completions",
        Dialect::Anthropic => "/v1/messages",
        Dialect::Gemini => "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    }
}

pub(crate) fn ask(dialect: Dialect, text: &str) -> Request {
    Request {
        model: model(dialect).to_owned(),
        items: vec![Item::User(vec![Part::Text(text.to_owned())])],
        ..Request::default()
    }
}

/// A tool in the form that every vendor can be held to.
pub(crate) fn tool(name: &str) -> Arc<ToolSpec> {
    Arc::new(ToolSpec {
        name: name.to_owned(),
        description: "Finds books.".to_owned(),
        parameters: json!({
            "type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"],
            "additionalProperties": false
        }),
        strict: true,
    })
}

/// A whole call: its events, texts joined, or how it failed; what was shown before stands beside the error.
pub(crate) async fn call(
    adapter: &Adapter,
    request: Request,
) -> Result<(String, Vec<Event>), (String, LlmError)> {
    let mut stream = adapter
        .stream(request)
        .await
        .map_err(|error| (String::new(), error))?;
    let (mut text, mut others) = (String::new(), Vec::new());
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Text(more)) => text.push_str(&more),
            Ok(event) => others.push(event),
            Err(error) => {
                assert!(stream.next().await.is_none(), "an error is the end");
                return Err((text, error));
            }
        }
    }
    assert!(
        matches!(others.last(), Some(Event::Finished(_))),
        "the end comes last: {others:?}"
    );
    Ok((text, others))
}

/// The same, of a call that fails.
pub(crate) async fn failure(adapter: &Adapter, request: Request) -> (String, LlmError) {
    call(adapter, request).await.unwrap_err()
}

/// The variant's name.
pub(crate) fn kind(error: &LlmError) -> String {
    let shown = format!("{error:?}");
    shown
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap()
        .to_owned()
}

pub(crate) fn finished(events: &[Event]) -> &Finished {
    match events.last() {
        Some(Event::Finished(finished)) => finished,
        other => panic!("no end: {other:?}"),
    }
}

pub(crate) fn reasoning(events: &[Event]) -> String {
    let reasoned = events.iter().filter_map(|event| match event {
        Event::Reasoning(text) => Some(text.as_str()),
        _ => None,
    });
    reasoned.collect()
}

pub(crate) fn tool_calls(events: &[Event]) -> Vec<ToolCall> {
    let calls = events.iter().filter_map(|event| match event {
        Event::ToolCall(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}
