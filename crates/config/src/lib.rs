//! Files, environment and flags become one validated [`Config`]; nothing else in the workspace reads the
//! environment.
//!
//! One table of keys (`keys.rs`) is the source of everything: the structs of [`Config`], how each value is
//! parsed and checked, `docs/config.md`, and what `chatai config show|check|example` print. Layers, weakest
//! first: defaults, `chatai.toml`, `.env`, the environment, flags. Every problem is found in one go and
//! says where its value came from.
//!
//! Deliberately not here: opening or creating what a value names (folders, databases, sockets), and what an
//! administrator changes at run time, which is data.

#[macro_use]
mod table;

mod check;
mod dotenv;
mod entries;
mod environment;
mod file;
mod inputs;
mod keys;
mod kinds;
mod load;
mod mcp;
mod problem;
mod providers;
mod render;
mod suggest;

pub use inputs::{Flags, Inputs, Surroundings, TextFile};
pub use keys::{
    Anthropic, Auth, BooksMode, Cache, Collection, Config, DatabaseSection, Gemini, JwtAlgorithm, Limits,
    Log, LogFormat, Models, Ollama, OpenAi, Providers, Registration, Server,
};
pub use kinds::{Database, Network, PostgresUrl, Secret};
pub use load::{Loaded, ProviderSetting, Setting};
pub use mcp::{McpGrant, McpPlace, McpServer};
pub use problem::{Problem, Problems, Source};
pub use providers::{Provider, ProviderKind, ProviderModel};
pub use render::{render_docs, render_example, render_show};
pub use table::{Key, keys};
