//! A client that reads answers as they come, and knows what it was told.

use super::super::{asking, mark_of, read_some, resuming, whole};
use crate::support::{list, random::Random, text};
use chatai_testkit::{
    app::User,
    events::{CutOff, EventStream, Told},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    ops::AddAssign,
};

/// One user, and what it was told.
pub(super) struct Client {
    name: String,
    user: User,
    random: Random,
    count: u64,
    conversations: Vec<i64>,
    /// Answers that it has read something of, and has not been told the end of.
    open: Vec<Told>,
    /// Answers that are believed alive, with all that was shown of them.
    waiting: Vec<Told>,
    /// Answers that it was told the end of.
    ended: Vec<Told>,
    /// Questions of which nothing was heard.
    unheard: Vec<Unheard>,
    /// The marks of all questions.
    asked: HashSet<String>,
}

/// A question as it was sent, to be sent again.
struct Unheard {
    question: String,
    conversation: Option<i64>,
}

impl Unheard {
    /// The same request as ever.
    fn request(&self, user: &User) -> RequestBuilder {
        let key = mark_of(&self.question);
        asking(user, &self.question, self.conversation).header("idempotency-key", key)
    }
}

/// What was found after a new start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) complete: usize,
    pub(super) interrupted: usize,
    /// Believed alive until their lease ends.
    pub(super) running: usize,
    /// Interrupted ones of which somebody had read text.
    pub(super) shown: usize,
    /// Questions sent again, of which nothing had been heard.
    pub(super) repeated: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.complete += other.complete;
        self.interrupted += other.interrupted;
        self.running += other.running;
        self.shown += other.shown;
        self.repeated += other.repeated;
    }
}

impl Client {
    pub(super) fn new(name: String, user: User, random: Random) -> Self {
        Self {
            name,
            user,
            random,
            count: 0,
            conversations: Vec::new(),
            open: Vec::new(),
            waiting: Vec::new(),
            ended: Vec::new(),
            unheard: Vec::new(),
            asked: HashSet::new(),
        }
    }

    /// Asks and reads until the program is gone.
    pub(super) async fn work_until_cut_off(mut self, base_url: String) -> Self {
        self.user = self.user.at(&base_url);
        while self.act().await.is_ok() {}
        self
    }

    async fn act(&mut self) -> Result<(), CutOff> {
        let known = self.ended.len() as u64;
        let again = (known > 0 && self.random.below(10) == 0).then(|| self.random.below(known) as usize);
        let mut told = Told::default();
        let read = match again {
            Some(at) => {
                let path = format!("/chat/messages/{}/regenerate", self.ended[at].answer());
                let request = self.user.call(Method::POST, &path).json(&json!({"stream": true}));
                self.read(request, &mut told).await
            }
            None => {
                let unheard = self.ask();
                let request = unheard.request(&self.user);
                let twice = (self.random.below(6) == 0).then(|| unheard.request(&self.user));
                self.unheard.push(unheard);
                // Sent twice at once, as by a client that lost patience.
                let second = async {
                    if let Some(request) = twice {
                        drop(EventStream::try_open(request).await);
                    }
                };
                let (read, ()) = tokio::join!(self.read(request, &mut told), second);
                if told.turn.is_some() {
                    self.unheard.pop();
                }
                read
            }
        };
        self.keep(told);
        read
    }

    fn ask(&mut self) -> Unheard {
        self.count += 1;
        let mark = format!("{}-{}", self.name, self.count);
        self.asked.insert(mark.clone());
        // Recent conversations alone: long ones would make every look at them long too.
        let recent = self.conversations.len().min(3) as u64;
        let conversation = (recent > 0 && self.random.below(3) == 0)
            .then(|| self.conversations[self.conversations.len() - 1 - self.random.below(recent) as usize]);
        Unheard {
            question: format!("[{mark}]"),
            conversation,
        }
    }

    fn keep(&mut self, told: Told) {
        if told.turn.is_none() {
            return;
        }
        if !self.conversations.contains(&told.conversation()) {
            self.conversations.push(told.conversation());
        }
        if told.done.is_some() {
            self.ended.push(told);
        } else {
            self.open.push(told);
        }
    }

    /// Reads an answer, leaving and coming back in between; now and then it is stopped.
    async fn read(&mut self, request: RequestBuilder, told: &mut Told) -> Result<(), CutOff> {
        let mut events = EventStream::try_open(request).await?;
        while read_some(&mut events, told, 1 + self.random.below(6)).await? {
            match self.random.below(12) {
                0 => {
                    let path = format!("/chat/messages/{}/cancel", told.answer());
                    let stopped = self.user.call(Method::POST, &path).send().await;
                    assert_eq!(stopped.map_err(|_| CutOff)?.status(), 200);
                }
                1..4 if told.done.is_none() => {
                    events = EventStream::try_open(resuming(&self.user, told, &mut self.random)).await?;
                }
                _ => {}
            }
        }
        assert!(told.done.is_some(), "the stream ended before its turn: {told:?}");
        Ok(())
    }

    /// Looks for what it was told of before the kill, in a program that was just started.
    pub(super) async fn look(mut self, base_url: String, is_shared: bool) -> (Self, Seen) {
        self.user = self.user.at(&base_url);
        let mut seen = Seen::default();
        for mut told in std::mem::take(&mut self.open) {
            if is_shared && self.still_runs(&told).await {
                seen.running += 1;
                seen.shown += usize::from(!told.text.is_empty());
                self.waiting.push(told);
                continue;
            }
            let shown = !told.text.is_empty();
            self.expect_the_rest(&mut told).await;
            match told.status() {
                "complete" => seen.complete += 1,
                "interrupted" => {
                    seen.interrupted += 1;
                    seen.shown += usize::from(shown);
                }
                "stopped" => {}
                other => panic!("{other}: {told:?}"),
            }
            self.ended.push(told);
        }
        for unheard in std::mem::take(&mut self.unheard) {
            seen.repeated += 1;
            let mut events = EventStream::open(unheard.request(&self.user)).await;
            let is_replayed = events.headers().contains_key("idempotent-replayed");
            let mut told = Told::default();
            if is_shared && is_replayed {
                // It may run for somebody, as far as anybody knows.
                read_some(&mut events, &mut told, 1)
                    .await
                    .expect("the program lives");
            } else {
                events.read_to_end(&mut told).await;
            }
            self.keep(told);
        }
        (self, seen)
    }

    /// Whether an answer is believed alive; if so, everything that was shown of it is there.
    async fn still_runs(&mut self, told: &Told) -> bool {
        let path = format!("/chat/messages/{}/events", told.answer());
        let mut events = EventStream::open(self.user.call(Method::GET, &path)).await;
        let mut fresh = Told::default();
        read_some(&mut events, &mut fresh, 1)
            .await
            .expect("the program lives");
        events.read_text(&mut fresh, told.text.len()).await;
        assert!(
            fresh.text.starts_with(&told.text),
            "shown and lost: {told:?} is {fresh:?}"
        );
        fresh.done.is_none() && {
            let (status, body) = self
                .user
                .get(&format!(
                    "/conversations/{}/messages?tree=true",
                    told.conversation()
                ))
                .await;
            assert_eq!(status, 200, "{body}");
            let messages = list(&body["messages"]);
            let found = messages.iter().find(|message| message["id"] == told.answer());
            found.expect("what was told is there")["status"] == "running"
        }
    }

    /// The rest of an answer follows what was told of it, and makes the whole.
    async fn expect_the_rest(&mut self, told: &mut Told) {
        let events = EventStream::open(resuming(&self.user, told, &mut self.random)).await;
        events.read_to_end(told).await;
        expect_whole(&self.user, told).await;
    }

    /// Every question is there once, and every answer as it was told.
    pub(super) async fn look_at_everything(mut self, base_url: String) -> Seen {
        let (mut me, seen) = {
            self.open.append(&mut self.waiting);
            self.look(base_url, false).await
        };
        for told in std::mem::take(&mut me.ended) {
            expect_whole(&me.user, &told).await;
        }
        let mut found: HashMap<String, usize> = HashMap::new();
        let (_, conversations) = me.user.get("/conversations/").await;
        for conversation in list(&conversations) {
            let path = format!("/conversations/{}/messages?tree=true", conversation["id"]);
            let (_, body) = me.user.get(&path).await;
            let messages = list(&body["messages"]);
            for message in messages {
                expect_place(message, messages);
                if message["role"] == "user" {
                    *found
                        .entry(mark_of(text(&message["text"])).to_owned())
                        .or_default() += 1;
                }
            }
        }
        assert!(
            found.values().all(|count| *count == 1),
            "sent once and there twice: {found:?}"
        );
        let found: HashSet<String> = found.into_keys().collect();
        assert_eq!(found, me.asked);
        seen
    }
}

/// An answer stands behind its question, with an end.
fn expect_place(message: &Value, messages: &[Value]) {
    if message["role"] == "user" {
        let answers = messages
            .iter()
            .filter(|answer| answer["request_id"] == message["id"]);
        assert!(answers.count() >= 1, "no answer to {message}");
        return;
    }
    assert_ne!(message["status"], "running", "{message}");
    let question = messages
        .iter()
        .find(|question| question["id"] == message["request_id"]);
    assert!(
        question.is_some_and(|question| question["role"] == "user"),
        "{message}"
    );
    assert_eq!(message["parent_id"], message["request_id"]);
}

async fn expect_whole(user: &User, told: &Told) {
    let whole = whole(user, told.answer()).await;
    assert_eq!((&whole.text, &whole.reasoning), (&told.text, &told.reasoning));
    assert_eq!((&whole.tools, &whole.titles), (&told.tools, &told.titles));
    assert_eq!((&whole.turn, &whole.done), (&told.turn, &told.done));
}
