//! What every server of tools offers, and how a call of it fails.

use async_trait::async_trait;
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// A server of tools. It is connected when it is first needed and again after it was lost, never more than once at a
/// time.
#[async_trait]
pub trait ToolServer: Send + Sync {
    /// The name it is configured by.
    fn name(&self) -> &str;

    /// Its tools as they were last listed, in its order. Connects where that is due, and waits for that so long; what
    /// is not there by then is there for a later caller.
    async fn tools(&self, patience: Duration) -> Listing;

    /// Calls a tool by the server's own name of it. Dropping this tells the server that nobody waits any more.
    async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Result<Output, CallError>;

    /// Ends the connection, and the server's process where it has one, and waits for that. It stays ended.
    async fn close(&self);
}

/// A tool as its server describes it, within bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// The server's name of it.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// When and how to use it; may be empty.
    pub description: String,
    /// JSON Schema of the arguments, always of an object.
    pub parameters: Value,
}

/// What a server has.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The tools; those of the last connection where there is none now.
    pub tools: Arc<[Tool]>,
    /// Why there is no connection, for whoever administers the instance.
    pub fault: Option<Arc<str>>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The result as text, within the server's bound.
    pub text: String,
    /// Whether the tool says that it failed; the text says why.
    pub failed: bool,
}

/// Why a call has no result. The words are for models and users: no address, no command and no secret is in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The server is not there now.
    #[error("the tool's server is not available now")]
    Unavailable,
    /// As many calls as may be made at once are under way, and none ended in time.
    #[error("the tool's server is busy")]
    Busy,
    /// The server lists no such tool, or not any more.
    #[error("the tool's server has no such tool any more")]
    NoSuchTool,
    /// It did not answer in time.
    #[error("the tool did not answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// The server refused the call, in its words.
    #[error("the tool's server refused the call: {0}")]
    Refused(String),
    /// The connection broke before the answer was there, or the answer was larger than any may be.
    #[error("the tool's server broke off, or sent more than it may")]
    Lost,
    /// It answered with something that is no result.
    #[error("the tool's server answered with something that is no result")]
    NoResult,
}
