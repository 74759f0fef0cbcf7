//! What a reader was told of one turn, over all the streams it read it by.

use super::Frame;
use serde_json::Value;

/// What was told, and the cursor to go on from. Refuses what must not come: events out of order or of no known name,
/// data with other members than described.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The data of `turn`.
    pub turn: Option<Value>,
    /// The answer's text.
    pub text: String,
    /// The reasoning.
    pub reasoning: String,
    /// The data of each `tool`.
    pub tools: Vec<Value>,
    /// The data of each `title`.
    pub titles: Vec<Value>,
    /// The data of `done`.
    pub done: Option<Value>,
    /// Where it stands.
    pub cursor: Option<String>,
    /// The events' names in order, equal ones that follow each other once.
    pub order: Vec<String>,
    /// Every cursor that was given out, with the bytes of text before it.
    pub cursors: Vec<(String, usize)>,
}

impl Told {
    /// Takes a frame; comments change nothing.
    ///
    /// # Panics
    /// When the frame must not come here.
    pub fn take(&mut self, frame: &Frame) {
        let Some(name) = frame.event.as_deref() else {
            assert!(
                frame.data.is_none() && frame.id.is_none(),
                "no event, yet something to tell: {frame:?}"
            );
            return;
        };
        assert!(self.done.is_none(), "something comes after `done`: {frame:?}");
        assert_eq!(
            name == "turn",
            self.cursor.is_none(),
            "`turn` comes first and once: {frame:?}"
        );
        let data = frame.json();
        match name {
            "turn" => {
                let members = [
                    "conversation_id",
                    "request_message_id",
                    "response_message_id",
                    "model",
                ];
                expect_members(&data, &members);
                self.turn = Some(data);
            }
            "delta" => self.text.push_str(text_of(&data)),
            "reasoning" => self.reasoning.push_str(text_of(&data)),
            "tool" => {
                let has_ended = data["state"] != "running";
                let members = ["id", "name", "arguments", "state", "result"];
                expect_members(&data, &members[..members.len() - usize::from(!has_ended)]);
                self.tools.push(data);
            }
            "title" => {
                expect_members(&data, &["conversation_id", "title"]);
                self.titles.push(data);
            }
            "done" => {
                let members = [
                    "response_message_id",
                    "status",
                    "usage",
                    "price",
                    "price_exact",
                    "error",
                ];
                let has_error = data.get("error").is_some();
                expect_members(&data, &members[..members.len() - usize::from(!has_error)]);
                self.done = Some(data);
            }
            other => panic!("no event is called `{other}`"),
        }
        if self.order.last().is_none_or(|last| last != name) {
            self.order.push(name.to_owned());
        }
        self.cursor = Some(frame.cursor().to_owned());
        self.cursors.push((frame.cursor().to_owned(), self.text.len()));
    }

    /// The answer's id.
    ///
    /// # Panics
    /// When `turn` has not come.
    pub fn answer(&self) -> i64 {
        self.number("response_message_id")
    }

    /// The conversation's id.
    ///
    /// # Panics
    /// When `turn` has not come.
    pub fn conversation(&self) -> i64 {
        self.number("conversation_id")
    }

    /// The status that `done` told.
    ///
    /// # Panics
    /// When `done` has not come.
    pub fn status(&self) -> &str {
        let done = self.done.as_ref().expect("`done` has come");
        done["status"].as_str().expect("a status")
    }

    fn number(&self, name: &str) -> i64 {
        let turn = self.turn.as_ref().expect("`turn` has come");
        turn[name].as_i64().expect("an id")
    }
}

impl<'a> FromIterator<&'a Frame> for Told {
    fn from_iter<I: IntoIterator<Item = &'a Frame>>(frames: I) -> Self {
        let mut told = Self::default();
        for frame in frames {
            told.take(frame);
        }
        told
    }
}

fn text_of(data: &Value) -> &str {
    expect_members(data, &["text"]);
    let text = data["text"].as_str().expect("a text");
    assert!(!text.is_empty(), "an event that tells nothing");
    text
}

fn expect_members(data: &Value, members: &[&str]) {
    let found = data.as_object().expect("data is an object");
    assert!(
        found.keys().eq(members.iter().copied()),
        "not the members {members:?}: {data}"
    );
}
