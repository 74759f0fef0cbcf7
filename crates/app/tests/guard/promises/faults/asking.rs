//! Turns with everything that a turn can have.

use chatai_testkit::{
    app::User,
    events::{EventStream, Told},
    provider::{Gate, RecordedRequest, Reply},
};
use reqwest::{
    Method, RequestBuilder, Response,
    multipart::{Form, Part},
};
use serde_json::json;
use std::{sync::Mutex, time::Duration};

/// What a turn is besides a question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A new conversation: a file, a long question, a title, reasoning, a round of tools, a long answer.
    New,
    /// Another answer to a question that has one.
    Again,
    /// As the first; another question follows while it runs.
    Followed,
}

/// The mark of a question whose first call waits at the gate.
const HELD: &str = "held";

/// Reasoning, a round of tools, and a long answer in pieces.
pub(super) fn answer(request: &RecordedRequest, gate: &Mutex<Gate>) -> Reply {
    if !request.tool_outputs().is_empty() {
        // Each piece is written before the next one comes. It is so long that a summary of it is made.
        let long = format!("{} {}", request.last_user_text(), "and so on ".repeat(80));
        return Reply::text(long)
            .deltas(3)
            .delay_between(Duration::from_millis(10))
            .usage(100, 0, 10, 0);
    }
    if request.schema_name().is_some() {
        return Reply::echo(request).usage(100, 0, 10, 0);
    }
    if request.tool_names().is_empty() {
        return Reply::text("In short.").usage(100, 0, 10, 0);
    }
    let reply = Reply::call_tool("get_book_summaries", &json!({"titles": ["Emma"]}))
        .reasoning("Let me think.")
        .usage(100, 0, 10, 0);
    if request.last_user_text().contains(HELD) {
        let gate = gate.lock().expect("no script panicked").clone();
        return reply.gate_headers(&gate);
    }
    reply
}

/// What became of a message.
pub(super) enum Outcome {
    Refused(u16),
    Ended(Box<Told>),
}

impl Outcome {
    pub(super) fn is_complete(&self) -> bool {
        matches!(self, Self::Ended(told) if told.status() == "complete")
    }

    /// The status of a refusal.
    pub(super) fn refused(&self) -> Option<u16> {
        match self {
            Self::Refused(status) => Some(*status),
            Self::Ended(_) => None,
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Refused(_) => "",
            Self::Ended(told) => &told.text,
        }
    }
}

/// Whoever asks.
pub(super) struct Asking<'a> {
    pub(super) user: &'a User,
    pub(super) gate: &'a Mutex<Gate>,
}

impl Asking<'_> {
    /// Asks under this key, and reads the answer as it comes: another one in the place of `base`, where that is asked for.
    pub(super) async fn ask(&self, shape: Shape, key: &str, base: Option<i64>) -> Outcome {
        let request = match (shape, base) {
            (Shape::Again, Some(base)) => {
                let path = format!("/chat/messages/{base}/regenerate");
                self.user.call(Method::POST, &path).json(&json!({"stream": true}))
            }
            (Shape::Again, None) => panic!("there is nothing to answer again"),
            (Shape::New, _) => self.question(key, "at once"),
            (Shape::Followed, _) => self.question(key, HELD),
        };
        let gate = Gate::new();
        *self.gate.lock().expect("no script panicked") = gate.clone();
        let reply = sent(request, key).await;
        if reply.status() != 200 {
            return Outcome::Refused(reply.status().as_u16());
        }
        let mut events = EventStream::of(reply).await;
        let mut told = Told::default();
        told.take(&events.next().await.expect("`turn` comes first"));
        if shape == Shape::Followed {
            self.follow(key, told.conversation()).await;
        }
        gate.open();
        events.read_to_end(&mut told).await;
        Outcome::Ended(Box::new(told))
    }

    /// A turn that nothing comes between; its answer.
    pub(super) async fn whole(&self, key: &str) -> i64 {
        match self.ask(Shape::New, key, None).await {
            Outcome::Ended(told) if told.status() == "complete" => told.answer(),
            Outcome::Ended(told) => panic!("{told:?}"),
            Outcome::Refused(status) => panic!("{status}"),
        }
    }

    /// Asks for more in a conversation whose last answer is still to come.
    async fn follow(&self, key: &str, conversation: i64) {
        let next = json!({"text": format!("[{key}] And then?"), "model": "m", "stream": true, "conversation_id": conversation});
        let request = self.user.call(Method::POST, "/chat/").json(&next);
        let reply = sent(request, &format!("{key}, the follower")).await;
        assert_eq!(reply.status(), 200);
        let mut told = Told::default();
        EventStream::of(reply).await.read_to_end(&mut told).await;
        assert_eq!(told.status(), "complete", "{told:?}");
    }

    /// A question so long that a summary of it is made, with a file.
    fn question(&self, key: &str, how: &str) -> RequestBuilder {
        let file = Part::bytes(key.to_owned().into_bytes()).file_name("note.txt");
        let form = Form::new()
            .text(
                "text",
                format!("[{key}] {how} What is this? {}", "And that? ".repeat(50)),
            )
            .text("model", "m")
            .text("stream", "true")
            .part("files", file);
        self.user.call(Method::POST, "/chat/").multipart(form)
    }
}

async fn sent(request: RequestBuilder, key: &str) -> Response {
    let request = request.header("idempotency-key", key);
    request.send().await.expect("the program answers")
}
