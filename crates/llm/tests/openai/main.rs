//! The OpenAI adapter against a provider that misbehaves on purpose, over real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod connections;
mod embeddings;
mod failures;

use chatai_llm::{Event, Finished, Item, LlmError, OpenAiResponses, Part, Provider, Request, VendorSettings};
use chatai_testkit::provider::ScriptedProvider;
use futures_util::StreamExt;
use std::time::Duration;

const KEY: &str = "sk-test-0123456789";

/// Long enough for a busy machine, short enough to wait for.
const SILENCE: Duration = Duration::from_millis(300);

fn config(base_url: &str) -> VendorSettings {
    VendorSettings {
        timeout: Duration::from_secs(20),
        retry_backoff: Duration::from_millis(1),
        ..VendorSettings::new(base_url.parse().unwrap(), KEY)
    }
}

async fn start() -> (ScriptedProvider, OpenAiResponses) {
    let provider = ScriptedProvider::start().await;
    let openai = OpenAiResponses::new(config(&provider.base_url())).unwrap();
    (provider, openai)
}

fn impatient(provider: &ScriptedProvider) -> OpenAiResponses {
    OpenAiResponses::new(VendorSettings {
        timeout: SILENCE,
        ..config(&provider.base_url())
    })
    .unwrap()
}

fn ask(text: &str) -> Request {
    Request {
        model: "gpt-4.1-nano".to_owned(),
        items: vec![Item::User(vec![Part::Text(text.to_owned())])],
        ..Request::default()
    }
}

/// A whole call: its events, texts joined, or how it failed; what was shown before stands beside the error.
async fn call(
    openai: &OpenAiResponses,
    request: Request,
) -> Result<(String, Vec<Event>), (String, LlmError)> {
    let mut stream = openai
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

/// The variant's name.
fn kind(error: &LlmError) -> String {
    let shown = format!("{error:?}");
    shown
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap()
        .to_owned()
}

fn finished(events: &[Event]) -> &Finished {
    match events.last() {
        Some(Event::Finished(finished)) => finished,
        other => panic!("no end: {other:?}"),
    }
}
