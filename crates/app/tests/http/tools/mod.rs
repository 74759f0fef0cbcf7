//! Tools from outside: servers made with the official SDK, and broken ones, behind the program.

mod commands;
mod egress;
mod failures;
mod grants;
pub(crate) mod peer;
mod processes;
mod turns;

use crate::support::with_vendor;
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{RecordedRequest, Reply, ScriptedProvider},
};
use peer::{Notes, entry};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The variable by which the configuration file of a test comes to lie where the program finds it.
const FILE: &str = "CHATAI_TOML_OF_THE_TEST";

/// How long a server may need to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with these entries of `[[mcp]]` and a scripted vendor.
async fn with_servers(options: AppOptions, entries: &str) -> (TestApp, ScriptedProvider) {
    with_vendor(options.file(FILE, "chatai.toml", entries)).await
}

/// The program with one server, whose tools are everyone's.
async fn with_server(options: AppOptions, script: &str, arguments: &[&str], more: &str) -> Server {
    let notes = Notes::start().await;
    let more = format!("grant = \"everyone\"\n{more}");
    let (app, provider) = with_servers(options, &entry("peer", script, arguments, &notes, &more)).await;
    let user = app.register("ada@example.com").await;
    listed(&user, 1).await;
    Server {
        app,
        provider,
        user,
        notes,
    }
}

/// A program with one server of tools, its first account, and what the server tells.
struct Server {
    app: TestApp,
    provider: ScriptedProvider,
    user: User,
    notes: Notes,
}

impl Server {
    /// A turn whose model calls tools once and then answers; what the tools said.
    async fn ask(&self, call: Reply) -> Vec<Value> {
        ask(&self.user, &self.provider, call).await
    }
}

/// Waits until the account is told of so many tools: a server may need longer to start than a turn waits for it.
async fn listed(user: &User, number: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, tools) = user.get("/tools").await;
        assert_eq!(status, 200, "{tools}");
        if tools.as_array().unwrap().len() >= number {
            return;
        }
        assert!(Instant::now() < deadline, "{tools}");
        tokio::task::yield_now().await;
    }
}

/// Lets the model call tools once and then answer; what the tools said.
async fn ask(user: &User, provider: &ScriptedProvider, call: Reply) -> Vec<Value> {
    provider.push(call);
    provider.push(Reply::text("That is it."));
    let (status, body) = user.chat(&[("text", "use your tools")]).await;
    assert_eq!(
        (status, body["answer"].as_str()),
        (200, Some("That is it.")),
        "{body}"
    );
    outputs(provider.answer_calls().last().unwrap())
}

/// What the model was told by its tools, in order.
fn outputs(request: &RecordedRequest) -> Vec<Value> {
    let outputs = request.tool_outputs().into_iter();
    outputs
        .map(|(_, text)| serde_json::from_str(text).expect("JSON"))
        .collect()
}

/// The names of the tools from outside that the model's last request offered.
fn offered(provider: &ScriptedProvider) -> Vec<String> {
    let calls = provider.answer_calls();
    let names = calls.last().unwrap().tool_names().into_iter();
    names
        .filter(|name| name.contains("__"))
        .map(str::to_owned)
        .collect()
}
