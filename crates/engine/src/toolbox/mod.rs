//! Tools from outside: which there are for whom, what of them a turn offers, and their calls.
//!
//! A server's grant says who may use its tools, and each account may say more for itself, tool by tool. Both are looked
//! at when a turn begins and again before each call, so that neither a demotion nor a change of mind waits for its end.

mod calls;
mod names;

use names::offered_name;

pub(crate) use calls::call;

use crate::{Engine, EngineError, catalog::Model, chat::tool_tokens, inner::Inner, views::Caller};
use chatai_llm::ToolSpec;
use chatai_mcp::{Tool, ToolServer};
use chatai_store::{Tx, ops::tool_grants};
use chatai_types::{ErrorCode, UserId, UserRole};
use futures_util::future::join_all;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// How long a turn, or a list of tools, waits for servers that are not connected yet: the first byte waits for it, once.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most tools from outside of one turn. With the collection's there are no more than vendors take.
const MOST_OFFERED: usize = 120;
/// The part of a model's window that they may take.
const WINDOW_PART: i64 = 4;

/// A server of tools, and who may use them.
#[derive(Clone)]
pub struct ToolSource {
    /// The server.
    pub server: Arc<dyn ToolServer>,
    /// Who may use its tools.
    pub grant: Grant,
}

impl fmt::Debug for ToolSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolSource")
            .field("server", &self.server.name())
            .field("grant", &self.grant)
            .finish()
    }
}

/// Who may use the tools of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Everyone, until they say no.
    Everyone,
    /// Administrators, until they say no. For others the tools do not exist.
    Administrators,
    /// Whoever has said yes.
    OnRequest,
}

impl Grant {
    /// Whether the tools exist for an account of this role.
    fn is_for(self, role: UserRole) -> bool {
        self != Self::Administrators || role == UserRole::Admin
    }

    /// Whether an account's models may call a tool, given what it said of it.
    fn allows(self, role: UserRole, said: Option<bool>) -> bool {
        self.is_for(role) && said.unwrap_or(self != Self::OnRequest)
    }
}

/// A tool from outside as an account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTool {
    /// The name that models are given.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// What it does, in its server's words.
    pub description: String,
    /// Its server.
    pub server: String,
    /// Whether the account's models may call it.
    pub granted: bool,
    /// Whether that needs the account's word.
    pub needs_grant: bool,
}

/// All servers.
pub(crate) struct Toolbox {
    sources: Vec<ToolSource>,
}

/// What a turn offers of tools from outside.
#[derive(Clone, Default)]
pub(crate) struct Offered {
    tools: Vec<OfferedTool>,
}

/// A tool as it is offered.
#[derive(Clone)]
pub(crate) struct OfferedTool {
    pub(crate) spec: Arc<ToolSpec>,
    tool: String,
    source: ToolSource,
}

/// A tool that a server lists, under the name that models are given.
struct Listed {
    name: String,
    tool: Tool,
    source: ToolSource,
}

impl Offered {
    /// For the model, in a stable order.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &Arc<ToolSpec>> {
        self.tools.iter().map(|offered| &offered.spec)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// The one of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&OfferedTool> {
        self.tools.iter().find(|offered| offered.spec.name == name)
    }
}

impl Toolbox {
    pub(crate) fn new(sources: Vec<ToolSource>) -> Self {
        Self { sources }
    }

    /// What the caller's turn with this model offers.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn offered(
        &self,
        inner: &Inner,
        caller: &Caller,
        model: &Model,
        question_tokens: i64,
    ) -> Result<Offered, EngineError> {
        if self.sources.is_empty() || !model.calls_tools || model.name == crate::BUILT_IN {
            return Ok(Offered::default());
        }
        let (role, owner) = (caller.role, caller.user_id);
        let said = said_by(inner, owner).await?;
        // A server that nobody has asked for a tool of is not started for nothing.
        let may_have = |source: &ToolSource| {
            let start = format!("{}__", source.server.name());
            let asked = || said.iter().any(|(name, yes)| *yes && name.starts_with(&start));
            source.grant.is_for(role) && (source.grant != Grant::OnRequest || asked())
        };
        let mut tools = self.listed(may_have).await;
        tools.retain(|listed| listed.source.grant.allows(role, said.get(&listed.name).copied()));
        let mut tools = tools.into_iter().map(OfferedTool::from).collect();
        keep_what_fits(&mut tools, model, question_tokens);
        Ok(Offered { tools })
    }

    /// The tools of these servers, in the order of the configuration and theirs.
    async fn listed(&self, is_wanted: impl Fn(&ToolSource) -> bool) -> Vec<Listed> {
        let wanted = self.sources.iter().filter(|source| is_wanted(source));
        let listing = wanted.map(async |source| (source, source.server.tools(PATIENCE).await.tools));
        let mut listed: Vec<Listed> = Vec::new();
        for (source, tools) in join_all(listing).await {
            for tool in tools.iter() {
                let name = offered_name(source.server.name(), &tool.name);
                // A server can give a tool the very name that another's is rewritten to: the first has it.
                if !listed.iter().any(|known| known.name == name) {
                    let (tool, source) = (tool.clone(), source.clone());
                    listed.push(Listed { name, tool, source });
                }
            }
        }
        listed
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        join_all(self.sources.iter().map(|source| source.server.close())).await;
    }
}

impl From<Listed> for OfferedTool {
    fn from(listed: Listed) -> Self {
        Self {
            spec: Arc::new(ToolSpec {
                name: listed.name,
                description: listed.tool.description,
                parameters: listed.tool.parameters,
                // Their schemas are whatever their servers say, which is no vendor's strict subset.
                strict: false,
            }),
            tool: listed.tool.name,
            source: listed.source,
        }
    }
}

impl Listed {
    /// As an account sees it that said this of it.
    fn seen_by(self, role: UserRole, said: Option<bool>) -> OwnTool {
        OwnTool {
            granted: self.source.grant.allows(role, said),
            needs_grant: self.source.grant == Grant::OnRequest,
            server: self.source.server.name().to_owned(),
            title: self.tool.title,
            description: self.tool.description,
            name: self.name,
        }
    }
}

/// Leaves out, from the end, what a model's window has no room for or no vendor takes.
fn keep_what_fits(tools: &mut Vec<OfferedTool>, model: &Model, question_tokens: i64) {
    let all = tools.len();
    let mut room = (model.context_window / WINDOW_PART).min(model.context_window / 2 - question_tokens);
    let mut fits = 0;
    for offered in tools.iter().take(MOST_OFFERED) {
        room -= tool_tokens(&offered.spec);
        if room < 0 {
            break;
        }
        fits += 1;
    }
    tools.truncate(fits);
    if fits < all {
        tracing::warn!(
            model = %model.name,
            offered = fits,
            left_out = all - fits,
            "more tools are granted than a turn can offer; fewer can be named under `tools` of their servers"
        );
    }
}

/// What an account said, by the tools' names.
async fn said_by(inner: &Inner, owner: UserId) -> Result<BTreeMap<String, bool>, EngineError> {
    let said = inner.store.read(move |tx| tool_grants::list(tx, owner)).await?;
    Ok(said.into_iter().collect())
}

impl Engine {
    /// The tools from outside that there are for the caller, in a stable order.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tools(&self, caller: &Caller) -> Result<Vec<OwnTool>, EngineError> {
        let (role, owner) = (caller.role, caller.user_id);
        let said = self.read(move |tx| tool_grants::list(tx, owner)).await?;
        let said: BTreeMap<String, bool> = said.into_iter().collect();
        let listed = self
            .inner
            .toolbox
            .listed(|source| source.grant.is_for(role))
            .await;
        let seen = listed.into_iter().map(|listed| {
            let said = said.get(&listed.name).copied();
            listed.seen_by(role, said)
        });
        Ok(seen.collect())
    }

    /// Says whether the caller's models may call a tool, from the next call on.
    ///
    /// # Errors
    /// `forbidden` for a caller with a key, `tool_not_found`.
    pub async fn grant_tool(
        &self,
        caller: &Caller,
        name: &str,
        granted: bool,
    ) -> Result<OwnTool, EngineError> {
        caller.signed_in_by_a_person()?;
        let (role, owner, now) = (caller.role, caller.user_id, self.now());
        let its = |source: &ToolSource| {
            let start = format!("{}__", source.server.name());
            source.grant.is_for(role) && name.starts_with(&start)
        };
        let listed = self.inner.toolbox.listed(its).await;
        let tool = listed.into_iter().find(|listed| listed.name == name);
        let tool = tool.ok_or_else(tool_not_found)?;
        let name = tool.name.clone();
        let set = move |tx: &mut Tx<'_>| tool_grants::set(tx, owner, &name, granted, now);
        if !self.store().write(set).await? {
            let detail = "The account is gone, or has said something of as many tools as it may";
            return Err(EngineError::new(ErrorCode::ToolNotFound, detail));
        }
        Ok(tool.seen_by(role, Some(granted)))
    }
}

fn tool_not_found() -> EngineError {
    EngineError::new(ErrorCode::ToolNotFound, "Tool not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_call_what() {
        let (user, admin) = (UserRole::User, UserRole::Admin);
        for (grant, role, said, expected) in [
            (Grant::Everyone, user, None, true),
            (Grant::Everyone, user, Some(false), false),
            (Grant::Administrators, user, None, false),
            // What somebody said while administering counts no longer.
            (Grant::Administrators, user, Some(true), false),
            (Grant::Administrators, admin, None, true),
            (Grant::Administrators, admin, Some(false), false),
            (Grant::OnRequest, user, None, false),
            (Grant::OnRequest, admin, None, false),
            (Grant::OnRequest, user, Some(true), true),
        ] {
            assert_eq!(grant.allows(role, said), expected, "{grant:?} {role:?} {said:?}");
        }
    }
}
