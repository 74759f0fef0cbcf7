//! What a server has to be told: plain values, already validated by whoever read the configuration.

use chatai_llm::Secret;
use std::{fmt, path::PathBuf, time::Duration};
use url::Url;

/// A server and its bounds.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The name it is configured by.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// The tools that are taken, by the server's names; empty for all.
    pub tools: Vec<String>,
    /// How long connecting may take, and how long a call.
    pub timeout: Duration,
    /// The most bytes of a result's text.
    pub max_result_bytes: usize,
}

/// Where a server is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A program that is started here, and spoken to over its standard input and output.
    Program(Program),
    /// A service, spoken to over HTTP.
    Service(Service),
}

/// A program to start.
#[derive(Clone)]
pub struct Program {
    /// The program that starts it and watches over it: this one, see [`crate::guardian_main`].
    pub guardian: PathBuf,
    /// Its name or path.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All variables of its environment; it is given no others.
    pub environment: Vec<(String, String)>,
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its endpoint. Requests go there, and nowhere else whatever it answers.
    pub url: Url,
    /// Sent as a bearer token; empty for none.
    pub key: Secret,
    /// Further headers of each request.
    pub headers: Vec<(String, Secret)>,
}

impl fmt::Debug for Program {
    /// Arguments and values of variables may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Program")
            .field("command", &self.command)
            .field("environment", &names)
            .finish_non_exhaustive()
    }
}
