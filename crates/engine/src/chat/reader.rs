//! Readers of a turn: positions in its log, from the beginning or from wherever they left.

use super::{
    log::{Listener, TurnLog},
    piece::{Beside, BesideKind, FoundPart},
};
use crate::{
    error::TurnIds,
    views::{Outcome, ToolEvent},
};
use chatai_types::ConversationId;
use std::sync::Arc;

/// Text that is given to a reader at once, in bytes. A slow reader holds no more than this.
const AT_ONCE: usize = 4 * 1024;

/// Where a reader stands: what it has been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes of the answer's text.
    pub text: usize,
    /// The size of what is shown beside it: bytes of reasoning, and one for each tool event and title.
    pub beside: u64,
    /// Whether it has been told of the end.
    pub ended: bool,
}

/// Something a reader is told.
#[derive(Clone, Debug)]
pub enum TurnEvent {
    /// The turn is open; always first.
    Opened {
        /// Its ids.
        ids: TurnIds,
        /// The model that answers.
        model: String,
    },
    /// More of the answer's text.
    Text(String),
    /// More of the reasoning that the model shows.
    Reasoning(String),
    /// A tool's call, or what came of it.
    Tool(ToolEvent),
    /// The conversation has its title.
    Title(ConversationId, String),
    /// The end; always last.
    Ended(Box<Outcome>),
}

/// A reader of a turn. Dropping it drops a reader, nothing else.
#[derive(Debug)]
pub struct TurnReader {
    listener: Listener,
    position: Position,
    /// Whether the beginning is still to be told.
    opening: bool,
}

impl TurnReader {
    /// A reader from the beginning.
    pub(crate) fn new(log: &Arc<TurnLog>) -> Self {
        Self {
            listener: log.listen(),
            position: Position::default(),
            opening: true,
        }
    }

    /// A reader that goes on where another left. `None` for a position that was never given out.
    pub(crate) fn at(log: &Arc<TurnLog>, position: Position) -> Option<Self> {
        if position.ended {
            // Nobody is told of the end before it is there.
            if !log.has_ended() {
                return None;
            }
        } else if !log.holds(position.text, position.beside) {
            return None;
        }
        Some(Self {
            listener: log.listen(),
            position,
            opening: false,
        })
    }

    /// The turn's ids.
    pub fn ids(&self) -> TurnIds {
        self.listener.log.ids
    }

    /// Whether it has been told of the end.
    pub fn has_ended(&self) -> bool {
        self.position.ended
    }

    /// Waits for what comes next, with the position after each. `None` after the end, or when this instance can no
    /// longer follow: then the same position is good at another, or after a restart.
    pub async fn next(&mut self) -> Option<Vec<(Position, TurnEvent)>> {
        if self.position.ended {
            return None;
        }
        loop {
            self.listener.mark();
            let events = self.ready();
            if !events.is_empty() {
                return Some(events);
            }
            if self.listener.log.is_left() {
                return None;
            }
            self.listener.changed().await;
        }
    }

    /// What is there already.
    fn ready(&mut self) -> Vec<(Position, TurnEvent)> {
        let log = Arc::clone(&self.listener.log);
        let mut events = Vec::new();
        if std::mem::replace(&mut self.opening, false) {
            events.push((
                self.position,
                TurnEvent::Opened {
                    ids: log.ids,
                    model: log.model.clone(),
                },
            ));
        }
        let found = log.from(self.position.text, self.position.beside, AT_ONCE);
        for part in found.parts {
            let event = match part {
                FoundPart::Text(text) => {
                    self.position.text += text.len();
                    Some(TurnEvent::Text(text))
                }
                FoundPart::Beside(part) => {
                    self.position.beside = part.start + part.size();
                    beside(log.ids.conversation_id, part)
                }
            };
            events.extend(event.map(|event| (self.position, event)));
        }
        if let Some(outcome) = found.outcome {
            self.position.ended = true;
            events.push((self.position, TurnEvent::Ended(Box::new(outcome))));
        }
        events
    }
}

fn beside(conversation: ConversationId, part: Beside) -> Option<TurnEvent> {
    Some(match part.kind {
        BesideKind::Reasoning => TurnEvent::Reasoning(part.data),
        BesideKind::Title => TurnEvent::Title(conversation, part.data),
        BesideKind::Tool => match serde_json::from_str(&part.data) {
            Ok(event) => TurnEvent::Tool(event),
            Err(error) => {
                tracing::error!(%error, "a tool's event cannot be read");
                return None;
            }
        },
    })
}
