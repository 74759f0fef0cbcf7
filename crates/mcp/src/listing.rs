//! What a server says of its tools, within bounds: how many, how long, how large. What is beyond them is left out, and
//! the log says so.

use crate::{server::Tool, settings::ServerSettings};
use rmcp::{Peer, RoleClient, ServiceError, model::PaginatedRequestParams};
use serde_json::Value;
use std::sync::Arc;

/// The most tools of one server; no vendor takes many more in a call.
const MOST_TOOLS: usize = 128;
/// The most that are looked through for those that the configuration names.
const MOST_LISTED: usize = 5_000;
/// The most pages of a list, so that one that never ends is left.
const MOST_PAGES: usize = 200;
/// The longest name; longer ones are nobody's honest tools.
const NAME_BYTES: usize = 256;
const TITLE_CHARS: usize = 200;
/// What vendors take of a description.
const DESCRIPTION_CHARS: usize = 1_024;
/// The largest schema of a tool's arguments.
const SCHEMA_BYTES: usize = 16 * 1024;

/// Lists a server's tools.
pub(crate) async fn list(
    peer: &Peer<RoleClient>,
    settings: &ServerSettings,
) -> Result<Arc<[Tool]>, ServiceError> {
    let mut taken = Taken::default();
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let page = peer
            .list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor)))
            .await?;
        for tool in page.tools {
            taken.take(tool, settings);
        }
        cursor = page.next_cursor;
        if cursor.is_none() || taken.seen >= MOST_LISTED {
            break;
        }
    }
    taken.report(&settings.name, cursor.is_some());
    Ok(taken.tools.into())
}

#[derive(Default)]
struct Taken {
    tools: Vec<Tool>,
    seen: usize,
    /// Beyond the most of a server.
    surplus: usize,
    /// Those that cannot be offered, with why.
    unfit: Vec<String>,
}

impl Taken {
    fn take(&mut self, tool: rmcp::model::Tool, settings: &ServerSettings) {
        self.seen += 1;
        if self.seen > MOST_LISTED {
            return;
        }
        if !settings.tools.is_empty() && !settings.tools.iter().any(|name| *name == tool.name) {
            return;
        }
        match described(tool) {
            Ok(tool) if self.tools.iter().any(|known| known.name == tool.name) => {}
            Ok(_) if self.tools.len() == MOST_TOOLS => self.surplus += 1,
            Ok(tool) => self.tools.push(tool),
            // A few are enough for whoever looks.
            Err(why) if self.unfit.len() < 5 => self.unfit.push(why),
            Err(_) => {}
        }
    }

    fn report(&self, server: &str, is_endless: bool) {
        if self.surplus > 0 || is_endless || self.seen > MOST_LISTED {
            tracing::warn!(
                server,
                taken = self.tools.len(),
                left_out = self.surplus,
                "the server has more tools than are taken; name those that are wanted under `tools`"
            );
        }
        if !self.unfit.is_empty() {
            tracing::warn!(server, unfit = ?self.unfit, "tools that cannot be offered were left out");
        }
    }
}

/// A tool within bounds, or why it is left out.
fn described(tool: rmcp::model::Tool) -> Result<Tool, String> {
    let name = tool.name.into_owned();
    if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        let beginning: String = name.chars().take(40).collect();
        return Err(format!("{beginning:?}: not a name"));
    }
    let mut parameters = Arc::unwrap_or_clone(tool.input_schema);
    // Every vendor wants it said.
    parameters.entry("type").or_insert_with(|| Value::from("object"));
    parameters
        .entry("properties")
        .or_insert_with(|| Value::Object(serde_json::Map::new()));
    let parameters = Value::Object(parameters);
    if parameters["type"] != "object" {
        return Err(format!("{name:?}: its arguments are no object"));
    }
    if parameters.to_string().len() > SCHEMA_BYTES {
        return Err(format!(
            "{name:?}: its schema is larger than {SCHEMA_BYTES} bytes"
        ));
    }
    let title = tool
        .title
        .or_else(|| tool.annotations.and_then(|hints| hints.title));
    Ok(Tool {
        name,
        title: title
            .map(|title| tidy(&title, TITLE_CHARS))
            .filter(|title| !title.is_empty()),
        description: tidy(&tool.description.unwrap_or_default(), DESCRIPTION_CHARS),
        parameters,
    })
}

/// A text without the control characters that no text needs, and of bounded length.
fn tidy(text: &str, chars: usize) -> String {
    let plain = text.trim().chars().filter(|c| !c.is_control() || *c == '\n');
    plain.take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Place, Program};
    use serde_json::json;
    use std::time::Duration;

    fn settings(tools: &[&str]) -> ServerSettings {
        ServerSettings {
            name: "s".to_owned(),
            place: Place::Program(Program {
                guardian: "x".into(),
                command: "x".to_owned(),
                arguments: Vec::new(),
                environment: Vec::new(),
            }),
            tools: tools.iter().map(|name| (*name).to_owned()).collect(),
            timeout: Duration::from_secs(1),
            max_result_bytes: 1,
        }
    }

    fn tool(name: &str, schema: Value) -> rmcp::model::Tool {
        serde_json::from_value(json!({"name": name, "inputSchema": schema, "description": "d".repeat(2_000)}))
            .unwrap()
    }

    #[test]
    fn more_tools_than_are_taken_are_left_out_unless_they_are_named() {
        let (mut all, mut named) = (Taken::default(), Taken::default());
        for number in 0..1_000 {
            let tool = tool(&format!("t{number}"), json!({}));
            all.take(tool.clone(), &settings(&[]));
            named.take(tool, &settings(&["t3", "t998"]));
        }
        assert_eq!((all.tools.len(), all.surplus), (MOST_TOOLS, 1_000 - MOST_TOOLS));
        let names: Vec<&str> = named.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["t3", "t998"]);
    }

    #[test]
    fn tools_are_brought_within_bounds_or_left_out() {
        let good = described(tool("a", json!({}))).unwrap();
        assert_eq!(good.parameters, json!({"type": "object", "properties": {}}));
        assert_eq!(good.description.chars().count(), DESCRIPTION_CHARS);
        let large = json!({"type": "object", "properties": {"a": {"description": "x".repeat(SCHEMA_BYTES)}}});
        for unfit in [
            tool("", json!({})),
            tool("a\nb", json!({})),
            tool(&"x".repeat(300), json!({})),
            tool("a", json!({"type": "string"})),
            tool("a", large),
        ] {
            assert!(described(unfit.clone()).is_err(), "{unfit:?}");
        }
    }

    #[test]
    fn a_name_is_taken_once() {
        let mut taken = Taken::default();
        taken.take(tool("a", json!({})), &settings(&[]));
        taken.take(tool("a", json!({"x": 1})), &settings(&[]));
        assert_eq!(taken.tools.len(), 1);
    }
}
