//! What answers did beside speaking, in short: when they reasoned, which tools they called, and how long both took.
//! The texts of it are a turn's events.

use crate::{
    Engine, EngineError,
    views::{Caller, ToolEvent, ToolState},
};
use chatai_store::ops::turns::{self, StoredStep};
use chatai_types::{ConversationId, MessageId, Timestamp};
use std::collections::HashMap;

/// One thing that an answer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it did.
    pub kind: StepKind,
    /// How long it took, where that was seen.
    pub took_ms: Option<i64>,
}

/// What an answer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// It reasoned, and showed it.
    Reasoning,
    /// It called a tool.
    Tool {
        /// The call's id.
        id: String,
        /// The tool's name, as the model gave it.
        name: String,
        /// Where the call stands.
        state: ToolState,
    },
}

impl Engine {
    /// The steps of a conversation's answers between two messages, both included; answers without any are left out.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn steps(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        first: MessageId,
        last: MessageId,
    ) -> Result<HashMap<MessageId, Vec<Step>>, EngineError> {
        let owner = caller.user_id;
        let rows = self
            .read(move |tx| turns::steps(tx, owner, conversation, first, last))
            .await?;
        Ok(collected(rows))
    }
}

/// Pieces of reasoning that follow each other are one step, a call and what came of it another.
fn collected(rows: Vec<StoredStep>) -> HashMap<MessageId, Vec<Step>> {
    let mut found: HashMap<MessageId, Vec<(Step, Option<Timestamp>)>> = HashMap::new();
    for row in rows {
        let steps = found.entry(row.answer).or_default();
        let kind = match row.tool.map(|json| serde_json::from_str::<ToolEvent>(&json)) {
            None => StepKind::Reasoning,
            Some(Ok(event)) => StepKind::Tool {
                id: event.id,
                name: event.name,
                state: event.state,
            },
            // Written by a later version.
            Some(Err(_)) => continue,
        };
        let goes_on = match &kind {
            StepKind::Reasoning => steps
                .last_mut()
                .filter(|(step, _)| step.kind == StepKind::Reasoning),
            StepKind::Tool { id, .. } => steps
                .iter_mut()
                .find(|(step, _)| matches!(&step.kind, StepKind::Tool { id: known, .. } if known == id)),
        };
        match goes_on {
            Some((step, since)) => {
                step.kind = kind;
                step.took_ms = since
                    .zip(row.written_at)
                    .map(|(since, now)| (now.as_micros() - since.as_micros()).max(0) / 1_000);
            }
            None => steps.push((Step { kind, took_ms: None }, row.written_at)),
        }
    }
    let plain = |steps: Vec<(Step, Option<Timestamp>)>| steps.into_iter().map(|(step, _)| step).collect();
    found
        .into_iter()
        .map(|(answer, steps)| (answer, plain(steps)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(answer: i64, tool: Option<(&str, ToolState)>, at_ms: Option<i64>) -> StoredStep {
        StoredStep {
            answer: MessageId(answer),
            tool: tool.map(|(id, state)| {
                let event = ToolEvent {
                    id: id.to_owned(),
                    name: "look".to_owned(),
                    arguments: "{}".to_owned(),
                    state,
                    result: None,
                };
                event.to_json()
            }),
            written_at: at_ms.map(|ms| Timestamp::from_micros(ms * 1_000)),
        }
    }

    fn tool(id: &str, state: ToolState, took_ms: Option<i64>) -> Step {
        let kind = StepKind::Tool {
            id: id.to_owned(),
            name: "look".to_owned(),
            state,
        };
        Step { kind, took_ms }
    }

    fn reasoning(took_ms: Option<i64>) -> Step {
        let kind = StepKind::Reasoning;
        Step { kind, took_ms }
    }

    #[test]
    fn pieces_become_steps_with_their_times() {
        use ToolState::{Done, Failed, Running};
        let found = collected(vec![
            row(1, None, Some(10)),
            row(1, None, Some(250)),
            row(1, Some(("a", Running)), Some(260)),
            row(1, Some(("b", Running)), Some(261)),
            row(1, Some(("a", Done)), Some(300)),
            row(1, Some(("b", Failed)), Some(200)),
            row(1, None, Some(400)),
            row(2, None, None),
            row(2, None, Some(9)),
            row(2, Some(("a", Running)), None),
        ]);
        let first = [
            reasoning(Some(240)),
            tool("a", Done, Some(40)),
            tool("b", Failed, Some(0)),
            reasoning(None),
        ];
        assert_eq!(found[&MessageId(1)], first);
        assert_eq!(found[&MessageId(2)], [reasoning(None), tool("a", Running, None)]);
        assert_eq!(found.len(), 2);
    }
}
