//! The configured servers of tools, from their configuration to what calls them. Nothing is started or sent here.

use crate::{failure::Failure, vendors::key_of_file};
use chatai_config::{Config, McpGrant, McpPlace, McpServer as Configured};
use chatai_engine::{Grant, ToolSource};
use chatai_files::Worker;
use chatai_mcp::{Listing, McpServer, Place, Program, ServerSettings, Service};
use std::{sync::Arc, time::Duration};

const KIB: usize = 1024;

/// All of them, in the order of the configuration.
pub(crate) fn tool_sources(config: &Config) -> Result<Vec<ToolSource>, Failure> {
    config.mcp_servers.iter().map(tool_source).collect()
}

/// One of them. Only a certificate store or a key file that cannot be read, and headers that cannot be sent, make it
/// fail.
pub(crate) fn tool_source(configured: &Configured) -> Result<ToolSource, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format_args!("tool server `{}`: {error}", configured.name))
    };
    let place = match &configured.place {
        McpPlace::Program {
            command,
            args,
            environment,
        } => Place::Program(Program {
            guardian: Worker::this_program().program,
            command: command.clone(),
            arguments: args.iter().map(|argument| argument.reveal().to_owned()).collect(),
            environment: environment
                .iter()
                .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
                .collect(),
        }),
        McpPlace::Service {
            url,
            api_key,
            api_key_file,
            headers,
        } => {
            let key = match (api_key, api_key_file) {
                (Some(key), _) => Some(key.clone()),
                (None, Some(path)) => Some(key_of_file("tool server", &configured.name, path)?),
                (None, None) => None,
            };
            let headers = headers.iter();
            Place::Service(Service {
                url: url.parse().map_err(|error| failed(&error))?,
                key: key.as_ref().map_or("", |key| key.reveal()).into(),
                headers: headers
                    .map(|(name, value)| (name.clone(), value.reveal().into()))
                    .collect(),
            })
        }
    };
    let settings = ServerSettings {
        name: configured.name.clone(),
        place,
        tools: configured.tools.clone(),
        timeout: Duration::from_secs(configured.timeout_s),
        max_result_bytes: usize::try_from(configured.max_result_kb).unwrap_or(usize::MAX / KIB) * KIB,
    };
    Ok(ToolSource {
        server: Arc::new(McpServer::new(settings).map_err(|error| failed(&error))?),
        grant: match configured.grant {
            McpGrant::Everyone => Grant::Everyone,
            McpGrant::Administrators => Grant::Administrators,
            McpGrant::OnRequest => Grant::OnRequest,
        },
    })
}

/// Asks all servers for their tools at once, each for as long as its configuration gives it, and ends them again.
pub(crate) async fn ask_all(sources: &[(Duration, ToolSource)]) -> Vec<Listing> {
    let asking = sources.iter().map(async |(patience, source)| {
        let listing = source.server.tools(*patience).await;
        source.server.close().await;
        listing
    });
    futures_util::future::join_all(asking).await
}
