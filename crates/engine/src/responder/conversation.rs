//! What a request says, as the responder reads it: the question with its files, what was said before, and what
//! tools gave back in this turn.
//!
//! Reads the normal form alone, exactly what every other provider is given.

use super::{attachments::Document, markdown::code};
use chatai_llm::{Item, Part, Request, ToolCall};

/// How many earlier messages are looked at.
const EARLIER_MESSAGES: usize = 60;
/// The most files of one conversation that are looked at.
const MOST_DOCUMENTS: usize = 50;

/// A conversation up to its last question.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    /// What the user said last.
    pub(super) question: &'a str,
    /// What was attached to it.
    pub(super) documents: Vec<Document<'a>>,
    /// The messages before it, oldest first.
    pub(super) earlier: Vec<Earlier<'a>>,
    /// The tool calls of this turn that were answered.
    pub(super) exchanges: Vec<Exchange<'a>>,
}

/// An earlier message.
#[derive(Debug)]
pub(super) enum Earlier<'a> {
    User {
        text: &'a str,
        documents: Vec<Document<'a>>,
    },
    Assistant(&'a str),
}

/// A tool call and what came back.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    pub(super) call: &'a ToolCall,
    pub(super) output: &'a str,
}

impl<'a> Conversation<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        let items = &request.items;
        let Some(last) = items.iter().rposition(|item| matches!(item, Item::User(_))) else {
            return Self::default();
        };
        let mut conversation = Self {
            exchanges: exchanges(&items[last + 1..]),
            ..Self::default()
        };
        if let Item::User(parts) = &items[last] {
            (conversation.question, conversation.documents) = message(parts);
        }
        let mut documents = conversation.documents.len();
        for item in items[last.saturating_sub(EARLIER_MESSAGES)..last].iter().rev() {
            match item {
                Item::User(parts) => {
                    let (text, mut attached) = message(parts);
                    attached.truncate(MOST_DOCUMENTS.saturating_sub(documents));
                    documents += attached.len();
                    conversation.earlier.push(Earlier::User {
                        text,
                        documents: attached,
                    });
                }
                Item::Assistant(text) => conversation.earlier.push(Earlier::Assistant(text)),
                Item::Reasoning(_) | Item::ToolCall(_) | Item::ToolResult { .. } => {}
            }
        }
        conversation.earlier.reverse();
        conversation
    }

    /// Questions that were asked before, oldest first.
    pub(super) fn earlier_questions(&self) -> impl DoubleEndedIterator<Item = &'a str> {
        self.earlier.iter().filter_map(|message| match message {
            Earlier::User { text, .. } => Some(*text),
            Earlier::Assistant(_) => None,
        })
    }

    /// Answers that were given before, oldest first.
    pub(super) fn earlier_answers(&self) -> impl DoubleEndedIterator<Item = &'a str> {
        self.earlier.iter().filter_map(|message| match message {
            Earlier::Assistant(text) => Some(*text),
            Earlier::User { .. } => None,
        })
    }

    /// The files of earlier messages, message by message, the latest message first.
    pub(super) fn earlier_documents(&self) -> impl Iterator<Item = &[Document<'a>]> {
        self.earlier.iter().rev().filter_map(|message| match message {
            Earlier::User { documents, .. } if !documents.is_empty() => Some(documents.as_slice()),
            _ => None,
        })
    }

    /// Whether the last exchange was about files: they were attached to it, or its answer named one.
    pub(super) fn is_about_files(&self) -> bool {
        let attached = self.earlier.iter().rev().find_map(|message| match message {
            Earlier::User { documents, .. } => Some(!documents.is_empty()),
            Earlier::Assistant(_) => None,
        });
        let answer = self.earlier_answers().next_back().unwrap_or_default();
        attached.unwrap_or(false)
            || self
                .earlier_documents()
                .flatten()
                .any(|document| answer.contains(&code(document.name)))
    }
}

/// The text of a message is its last part; what is fenced before it are files.
fn message(parts: &[Part]) -> (&str, Vec<Document<'_>>) {
    let text = parts.iter().rposition(|part| matches!(part, Part::Text(_)));
    let mut documents = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Text(fenced) if Some(at) != text => documents.extend(Document::read(fenced)),
            Part::Text(_) => {}
            Part::Image { .. } | Part::ImageUrl { .. } => documents.push(Document::image()),
        }
    }
    documents.truncate(MOST_DOCUMENTS);
    let text = match text.map(|at| &parts[at]) {
        Some(Part::Text(text)) => text.as_str(),
        _ => "",
    };
    (text, documents)
}

fn exchanges(items: &[Item]) -> Vec<Exchange<'_>> {
    let mut exchanges = Vec::new();
    for item in items {
        if let Item::ToolResult { call_id, output } = item {
            let call = items.iter().find_map(|item| match item {
                Item::ToolCall(call) if call.id == *call_id => Some(call),
                _ => None,
            });
            exchanges.extend(call.map(|call| Exchange { call, output }));
        }
    }
    exchanges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Item {
        Item::User(vec![Part::Text(text.to_owned())])
    }

    #[test]
    fn a_conversation_is_read_up_to_its_last_question() {
        let call = ToolCall {
            id: "1".to_owned(),
            name: "x".to_owned(),
            arguments: String::new(),
        };
        let request = Request {
            items: vec![
                user("first"),
                Item::Assistant("answer".to_owned()),
                Item::User(vec![
                    Part::Text("<attachment name=\"a.txt\">\nabc\n</attachment>".to_owned()),
                    Part::Text("second".to_owned()),
                ]),
                Item::ToolCall(call.clone()),
                Item::ToolResult {
                    call_id: "1".to_owned(),
                    output: "out".to_owned(),
                },
                Item::ToolResult {
                    call_id: "unknown".to_owned(),
                    output: "out".to_owned(),
                },
            ],
            ..Request::default()
        };
        let conversation = Conversation::of(&request);
        assert_eq!(conversation.question, "second");
        assert_eq!(conversation.documents.len(), 1);
        assert_eq!(conversation.earlier_questions().collect::<Vec<_>>(), ["first"]);
        assert_eq!(conversation.earlier_answers().collect::<Vec<_>>(), ["answer"]);
        assert_eq!(conversation.exchanges.len(), 1);
    }

    #[test]
    fn a_question_that_looks_like_a_file_stays_a_question() {
        let fenced = "<attachment name=\"a.txt\">\nabc\n</attachment>";
        let request = Request {
            items: vec![user(fenced)],
            ..Request::default()
        };
        let conversation = Conversation::of(&request);
        assert_eq!((conversation.question, conversation.documents.len()), (fenced, 0));
    }

    #[test]
    fn nothing_asked_is_nothing_read() {
        let request = Request::default();
        assert_eq!(Conversation::of(&request).question, "");
    }

    #[test]
    fn a_thousand_messages_are_bounded() {
        let items = (0..5_000).map(|n| user(&n.to_string())).collect();
        let request = Request {
            items,
            ..Request::default()
        };
        assert_eq!(Conversation::of(&request).earlier.len(), EARLIER_MESSAGES);
    }
}
