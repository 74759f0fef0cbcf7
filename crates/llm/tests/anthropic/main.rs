//! The Anthropic adapter against a server that misbehaves on purpose, over real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod failures;
mod server;

use chatai_llm::{Anthropic, Event, Item, LlmError, Part, Provider, Request, VendorSettings};
use futures_util::StreamExt;
use server::Server;
use std::time::Duration;

const KEY: &str = "sk-ant-test-0123456789";

/// Long enough for a busy machine, short enough to wait for.
const SILENCE: Duration = Duration::from_millis(300);

/// A whole answer that the vendor could send.
const TEXT: &str = include_str!("../../fixtures/anthropic/text.sse");

fn adapter(server: &Server) -> Anthropic {
    adapter_within(server, Duration::from_secs(20))
}

fn adapter_within(server: &Server, timeout: Duration) -> Anthropic {
    Anthropic::new(VendorSettings {
        timeout,
        retry_backoff: Duration::from_millis(1),
        ..VendorSettings::new(server.url.parse().unwrap(), KEY)
    })
    .unwrap()
}

fn ask(text: &str) -> Request {
    Request {
        model: "claude-sonnet-4-5".to_owned(),
        items: vec![Item::User(vec![Part::Text(text.to_owned())])],
        ..Request::default()
    }
}

/// A whole call: its events, texts joined, or how it failed; what was shown before stands beside the error.
async fn call(anthropic: &Anthropic, request: Request) -> Result<(String, Vec<Event>), (String, LlmError)> {
    let mut stream = anthropic
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
