//! A program that calls `/v1` and knows what it was told.

use super::super::read_json;
use crate::support::{Answer, random::Random, send};
use chatai_testkit::{
    app::User,
    events::{CutOff, EventStream},
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::ops::AddAssign;

const RESPONSES: &str = "/v1/responses";

/// One program, and what it was told.
pub(super) struct Program {
    name: String,
    user: User,
    random: Random,
    count: u64,
    /// Calls that it has not been told the end of.
    open: Vec<Call>,
    /// Calls that it was told the end of.
    ended: Vec<Call>,
    /// Responses that it had deleted.
    deleted: Vec<Call>,
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A response in the background, read as a stream.
    Background,
    /// A stored response, waited for.
    Stored,
    /// A chat completion, read as a stream.
    Chat,
    /// A chat completion, waited for.
    Whole,
}

/// A call, and what was heard of it.
#[derive(Clone, Debug)]
struct Call {
    /// Its key, which is what is asked as well.
    mark: String,
    way: Way,
    /// The events or chunks of a stream, or the whole answer.
    heard: Vec<Value>,
    /// Whether it was asked to be deleted.
    is_deleting: bool,
}

/// What was found after a new start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) complete: usize,
    pub(super) interrupted: usize,
    /// Interrupted ones of which somebody had read text.
    pub(super) shown: usize,
    /// Calls made again under their key.
    pub(super) repeated: usize,
    pub(super) deleted: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.complete += other.complete;
        self.interrupted += other.interrupted;
        self.shown += other.shown;
        self.repeated += other.repeated;
        self.deleted += other.deleted;
    }
}

impl Call {
    /// The same request as ever.
    fn request(&self, user: &User) -> RequestBuilder {
        let question = format!("[{}]", self.mark);
        let (path, body) = match self.way {
            Way::Background => (
                RESPONSES,
                json!({"model": "m", "input": question, "background": true, "stream": true}),
            ),
            Way::Stored => (RESPONSES, json!({"model": "m", "input": question})),
            Way::Chat | Way::Whole => (
                "/v1/chat/completions",
                json!({"model": "m", "messages": [{"role": "user", "content": question}],
                    "stream": self.way == Way::Chat}),
            ),
        };
        let request = user.call(Method::POST, path).json(&body);
        request.header("idempotency-key", &self.mark)
    }

    fn streams(&self) -> bool {
        matches!(self.way, Way::Background | Way::Chat)
    }

    /// The name of a response, once it was heard.
    fn id(&self) -> Option<&str> {
        let first = self.heard.first()?;
        match self.way {
            Way::Background => first["response"]["id"].as_str(),
            Way::Stored => first["id"].as_str(),
            Way::Chat | Way::Whole => None,
        }
    }

    fn path(&self) -> String {
        format!("{RESPONSES}/{}", self.id().expect("it was heard"))
    }

    /// Whether the end was heard.
    fn has_ended(&self) -> bool {
        let Some(last) = self.heard.last() else {
            return false;
        };
        match self.way {
            Way::Background => matches!(
                last["type"].as_str(),
                Some("response.completed" | "response.incomplete" | "response.failed")
            ),
            Way::Chat => last == "[DONE]" || !last["error"].is_null(),
            Way::Stored | Way::Whole => true,
        }
    }

    fn has_text(&self) -> bool {
        self.heard.iter().any(|heard| match self.way {
            Way::Background => heard["type"] == "response.output_text.delta",
            Way::Chat => !heard["choices"][0]["delta"]["content"]
                .as_str()
                .unwrap_or_default()
                .is_empty(),
            Way::Stored | Way::Whole => false,
        })
    }

    /// Whether it ended with the program that ran it.
    fn is_interrupted(&self) -> bool {
        let last = self.heard.last().expect("its end was heard");
        let error = match self.way {
            Way::Background => &last["response"]["error"],
            Way::Stored | Way::Chat | Way::Whole => &last["error"],
        };
        // OpenAI's responses have no other word for it; the provider of these tests never fails.
        error["code"] == "interrupted" || error["code"] == "server_error"
    }

    /// More of its stream.
    async fn read(&mut self, events: &mut EventStream, frames: u64) -> Result<bool, CutOff> {
        for _ in 0..frames {
            match read_json(events).await? {
                Some(heard) => self.heard.push(heard),
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

impl Program {
    pub(super) fn new(name: String, user: User, random: Random) -> Self {
        Self {
            name,
            user,
            random,
            count: 0,
            open: Vec::new(),
            ended: Vec::new(),
            deleted: Vec::new(),
        }
    }

    /// The keys of all calls but those that were deleted, and how many were.
    pub(super) fn marks(&self) -> (Vec<String>, usize) {
        let kept = self.ended.iter().map(|call| call.mark.clone()).collect();
        (kept, self.deleted.len())
    }

    /// Calls and reads until the program is gone.
    pub(super) async fn work_until_cut_off(mut self, base_url: String) -> Self {
        self.user = self.user.at(&base_url);
        loop {
            self.count += 1;
            let mut call = Call {
                mark: format!("{}-{}", self.name, self.count),
                way: [
                    Way::Background,
                    Way::Background,
                    Way::Stored,
                    Way::Chat,
                    Way::Chat,
                    Way::Whole,
                ][self.random.below(6) as usize],
                heard: Vec::new(),
                is_deleting: false,
            };
            let made = self.make(&mut call).await;
            let is_cut_off = made.is_err();
            match made {
                Ok(true) => self.deleted.push(call),
                Ok(false) => self.ended.push(call),
                Err(CutOff) => self.open.push(call),
            }
            if is_cut_off {
                return self;
            }
        }
    }

    /// Makes a call; whether it was deleted.
    async fn make(&mut self, call: &mut Call) -> Result<bool, CutOff> {
        // Sent twice at once, as by a program that lost patience.
        let twice = (self.random.below(6) == 0).then(|| call.request(&self.user));
        let request = call.request(&self.user);
        let second = async {
            if let Some(request) = twice {
                drop(request.send().await);
            }
        };
        if call.streams() {
            let (opened, ()) = tokio::join!(EventStream::try_open(request), second);
            if self.follow(call, opened?).await? {
                return Ok(true);
            }
            assert!(call.has_ended(), "the stream ended before its call: {call:?}");
        } else {
            let (answer, ()) = tokio::join!(request.send(), second);
            let reply = answer.map_err(|_| CutOff)?;
            assert_eq!(reply.status(), StatusCode::OK, "{call:?}");
            call.heard.push(reply.json().await.map_err(|_| CutOff)?);
            if call.way == Way::Stored && self.random.below(8) == 0 {
                self.delete(call).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a stream, leaving and coming back in between; now and then it is stopped or deleted. Whether it was deleted.
    async fn follow(&mut self, call: &mut Call, mut events: EventStream) -> Result<bool, CutOff> {
        while call.read(&mut events, 1 + self.random.below(6)).await? {
            let is_response = call.id().is_some();
            match self.random.below(14) {
                0 if is_response => {
                    let path = format!("{}/cancel", call.path());
                    let stopped = self.user.call(Method::POST, &path).send().await;
                    assert_eq!(stopped.map_err(|_| CutOff)?.status(), StatusCode::OK);
                }
                1 if is_response => {
                    self.delete(call).await?;
                    return Ok(true);
                }
                2..4 if !call.has_ended() => events = self.come_back(call).await?,
                _ => {}
            }
        }
        Ok(false)
    }

    async fn delete(&self, call: &mut Call) -> Result<(), CutOff> {
        call.is_deleting = true;
        let deleted = self.user.call(Method::DELETE, &call.path()).send().await;
        assert_eq!(deleted.map_err(|_| CutOff)?.status(), StatusCode::OK);
        Ok(())
    }

    /// The stream from where it was left: a response's from any event, a completion's from its beginning.
    async fn come_back(&mut self, call: &Call) -> Result<EventStream, CutOff> {
        if call.way == Way::Background {
            let after = call.heard.len() - 1;
            let path = format!("{}?stream=true&starting_after={after}", call.path());
            return EventStream::try_open(self.user.call(Method::GET, &path)).await;
        }
        let mut events = EventStream::try_open(call.request(&self.user)).await?;
        let mut again = Call {
            heard: Vec::new(),
            ..call.clone()
        };
        again.read(&mut events, call.heard.len() as u64).await?;
        assert_eq!(again.heard, call.heard, "told anew otherwise");
        Ok(events)
    }

    /// Looks for what it was told of before the kill, in a program that was just started.
    pub(super) async fn look(mut self, base_url: String) -> (Self, Seen) {
        self.user = self.user.at(&base_url);
        let mut seen = Seen::default();
        for call in std::mem::take(&mut self.open) {
            if call.is_deleting && self.is_gone(&call).await {
                seen.deleted += 1;
                self.deleted.push(call);
                continue;
            }
            let again = self.again(&call).await;
            assert!(
                again.heard.starts_with(&call.heard),
                "shown and lost: {call:?} is {again:?}"
            );
            assert!(again.has_ended(), "it does not end: {again:?}");
            seen.repeated += 1;
            if again.is_interrupted() {
                seen.interrupted += 1;
                seen.shown += usize::from(call.has_text());
                expect_shown_is_billed(&again);
            } else {
                seen.complete += 1;
            }
            self.ended.push(again);
        }
        (self, seen)
    }

    /// What is told now of a call, from its beginning: by its name where it is known, else under its key.
    async fn again(&self, call: &Call) -> Call {
        let mut again = Call {
            heard: Vec::new(),
            is_deleting: false,
            ..call.clone()
        };
        let named = call.id().map(|_| call.path());
        if call.streams() {
            let request = match named {
                Some(path) => self.user.call(Method::GET, &format!("{path}?stream=true")),
                None => call.request(&self.user),
            };
            let reply = request.send().await.expect("the program answers");
            if reply.status() != StatusCode::OK {
                // Of a call that gave nothing there is no stream to begin.
                again.heard.push(reply.json().await.expect("an error"));
                assert!(again.is_interrupted(), "{again:?}");
                return again;
            }
            let mut events = EventStream::of(reply).await;
            while again.read(&mut events, 99).await.expect("the program lives") {}
            return again;
        }
        let answer = match named {
            Some(path) => send(self.user.call(Method::GET, &path)).await,
            None => send(call.request(&self.user)).await,
        };
        again.heard.push(answer.json());
        expect_answer(&answer, &again);
        again
    }

    async fn is_gone(&self, call: &Call) -> bool {
        match send(self.user.call(Method::GET, &call.path())).await.status {
            404 => true,
            status => {
                assert_eq!(status, 200);
                false
            }
        }
    }

    /// Every call is as it was told, and what was deleted is gone.
    pub(super) async fn look_at_everything(self, base_url: String) -> Self {
        let (me, _) = self.look(base_url).await;
        for call in &me.ended {
            assert_eq!(me.again(call).await.heard, call.heard, "{call:?}");
        }
        for call in &me.deleted {
            assert!(me.is_gone(call).await, "deleted and there: {call:?}");
        }
        me
    }
}

/// An answer that was waited for is one, or says that the program ended before it.
fn expect_answer(answer: &Answer, call: &Call) {
    if call.is_interrupted() {
        return;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// What somebody was shown of a response was billed by its provider.
fn expect_shown_is_billed(call: &Call) {
    if call.way != Way::Background || !call.has_text() {
        return;
    }
    let usage = &call.heard.last().expect("an end")["response"]["usage"];
    assert!(
        usage["total_tokens"].as_i64().is_some_and(|total| total > 0),
        "{call:?}"
    );
}
