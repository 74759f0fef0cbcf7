//! The rules as the test understands them: which messages there are, how they hang together, how each turn may have ended,
//! and what it was to cost. It asks nobody; whatever the program says is compared with this.

use super::{money::Prices, vendor::Plan};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that was written, and what was deleted of it.
#[derive(Default)]
pub(super) struct Model {
    pub(super) conversations: BTreeMap<i64, Conversation>,
    /// All turns that were asked for, refused ones included, in order.
    pub(super) turns: Vec<Turn>,
}

/// A conversation that is there.
pub(super) struct Conversation {
    /// Whose, by its place among the members.
    pub(super) owner: usize,
    pub(super) messages: BTreeMap<i64, Message>,
    pub(super) head: i64,
}

/// A message that is there.
pub(super) struct Message {
    pub(super) parent: Option<i64>,
    pub(super) says: Says,
}

/// What a message is.
pub(super) enum Says {
    Question(String),
    /// The answer of a turn.
    Answer(usize),
}

/// One answer that was asked for.
pub(super) struct Turn {
    pub(super) owner: usize,
    pub(super) model: &'static str,
    /// The prices when it began: it is charged at these, whatever comes after.
    pub(super) prices: Prices,
    pub(super) plan: Plan,
    pub(super) asked: Asked,
    /// `None` while it was not written, and where it was refused.
    pub(super) ids: Option<Ids>,
    pub(super) fate: Fate,
    /// What it has set aside of its owner's budget while it runs, in pico-dollars.
    pub(super) reserved: i64,
    pub(super) is_deleted: bool,
    /// What a reader was shown of it.
    pub(super) shown: String,
}

/// A request, to be sent again as it was.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) key: Option<String>,
    /// The question's mark, without its brackets.
    pub(super) mark: String,
    pub(super) follows: Follows,
}

/// What a question follows, or that it was asked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    NewConversation,
    Head(i64),
    Nothing(i64),
    Message(i64, i64),
    /// This answer of a conversation is given again.
    Again(i64, i64),
}

/// Where a turn stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) conversation: i64,
    pub(super) question: i64,
    pub(super) answer: i64,
}

/// How a turn went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing was written.
    Refused,
    Running,
    Complete,
    Stopped,
    /// Its provider broke off after some text.
    BrokenOff,
    /// Its provider refused it.
    Failed,
    /// The program was killed in its midst.
    Killed,
}

impl Ids {
    /// Out of an answer, a failure or the event `turn`.
    pub(super) fn of(value: &Value) -> Self {
        let id = |name: &str| {
            let id = value[name].as_i64();
            id.unwrap_or_else(|| panic!("no {name}: {value}"))
        };
        Self {
            conversation: id("conversation_id"),
            question: id("request_message_id"),
            answer: id("response_message_id"),
        }
    }
}

impl Fate {
    /// The status that an answer has.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::BrokenOff | Self::Killed => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl Turn {
    /// Whether a text may be what is stored of its answer.
    pub(super) fn may_say(&self, text: &str) -> bool {
        let whole = self.plan.text();
        match self.fate {
            Fate::Complete => text == whole,
            Fate::Stopped => text == self.shown,
            Fate::BrokenOff => text == self.plan.shown_before_gap(),
            Fate::Failed => text.is_empty(),
            // Whatever anybody was shown is kept, and nothing that was never said.
            Fate::Killed => text.starts_with(&self.shown) && whole.starts_with(text),
            // It is written piece by piece, and the message has its text at its end.
            Fate::Running => text.is_empty() || whole.starts_with(text),
            Fate::Refused => false,
        }
    }
}

impl Model {
    /// A turn was written: question and answer are there, and the branch through them is the active one.
    pub(super) fn written(&mut self, turn: usize, ids: Ids) {
        let known = &mut self.turns[turn];
        known.ids = Some(ids);
        let (owner, follows) = (known.owner, known.asked.follows);
        if follows == Follows::NewConversation {
            let new = Conversation {
                owner,
                messages: BTreeMap::new(),
                head: ids.answer,
            };
            let known = self.conversations.insert(ids.conversation, new);
            assert!(known.is_none(), "a new conversation has an old id: {ids:?}");
        }
        let question = Says::Question(known.asked.mark.clone());
        let conversation = self.conversations.get_mut(&ids.conversation);
        let conversation = conversation.unwrap_or_else(|| panic!("answered somewhere else: {ids:?}"));
        assert_eq!(
            conversation.owner, owner,
            "answered in another's conversation: {ids:?}"
        );
        let parent = match follows {
            Follows::NewConversation => None,
            Follows::Nothing(id) => {
                assert_eq!(id, ids.conversation);
                None
            }
            Follows::Head(id) => {
                assert_eq!(id, ids.conversation);
                Some(conversation.head)
            }
            Follows::Message(id, parent) => {
                assert_eq!(id, ids.conversation);
                Some(parent)
            }
            Follows::Again(id, answer) => {
                assert_eq!(id, ids.conversation);
                let before = conversation.messages.get(&answer);
                let before = before.unwrap_or_else(|| panic!("{answer} is not there to be given again"));
                assert_eq!(
                    before.parent,
                    Some(ids.question),
                    "another question is answered: {ids:?}"
                );
                conversation.add_answer(ids, turn);
                return;
            }
        };
        let question = Message {
            parent,
            says: question,
        };
        let known = conversation.messages.insert(ids.question, question);
        assert!(known.is_none(), "a new question has an old id: {ids:?}");
        conversation.add_answer(ids, turn);
    }

    /// A conversation is gone with everything in it. What its turns used stays charged.
    pub(super) fn delete(&mut self, id: i64) {
        self.conversations.remove(&id).expect("it was there");
        for turn in &mut self.turns {
            if turn.ids.is_some_and(|ids| ids.conversation == id) {
                turn.is_deleted = true;
            }
        }
    }

    /// The conversations of a member.
    pub(super) fn of(&self, owner: usize) -> Vec<i64> {
        let all = self.conversations.iter();
        all.filter(|(_, known)| known.owner == owner)
            .map(|(id, _)| *id)
            .collect()
    }

    /// What a member's running turns have set aside, in pico-dollars.
    pub(super) fn reserved(&self, owner: usize) -> i64 {
        let running = self.turns.iter().filter(|turn| turn.fate == Fate::Running);
        running
            .filter(|turn| turn.owner == owner)
            .map(|turn| turn.reserved)
            .sum()
    }

    /// The turn of an answer that is there.
    pub(super) fn turn_of(&self, answer: i64) -> Option<usize> {
        let mut all = self.turns.iter();
        all.position(|turn| turn.ids.is_some_and(|ids| ids.answer == answer))
    }
}

impl Conversation {
    fn add_answer(&mut self, ids: Ids, turn: usize) {
        let answer = Message {
            parent: Some(ids.question),
            says: Says::Answer(turn),
        };
        let known = self.messages.insert(ids.answer, answer);
        assert!(known.is_none(), "a new answer has an old id: {ids:?}");
        self.head = ids.answer;
    }

    /// The active branch, from its first message to the head.
    pub(super) fn branch(&self) -> Vec<i64> {
        let mut branch = vec![self.head];
        while let Some(parent) = self.messages[&branch[branch.len() - 1]].parent {
            branch.push(parent);
        }
        branch.reverse();
        branch
    }

    /// The messages that follow the same one as this.
    pub(super) fn siblings(&self, id: i64) -> Vec<i64> {
        let parent = self.messages[&id].parent;
        let all = self.messages.iter();
        all.filter(|(_, message)| message.parent == parent)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Makes the branch through a message the active one, up to its latest end, which is given back.
    pub(super) fn choose(&mut self, id: i64) -> i64 {
        let mut end = id;
        while let Some((latest, _)) = self
            .messages
            .iter()
            .rfind(|(_, message)| message.parent == Some(end))
        {
            end = *latest;
        }
        self.head = end;
        end
    }

    /// The answers in it.
    pub(super) fn answers(&self) -> Vec<i64> {
        let all = self.messages.iter();
        all.filter(|(_, message)| matches!(message.says, Says::Answer(_)))
            .map(|(id, _)| *id)
            .collect()
    }
}
