//! What is promised of answers, whatever happens to clients, the network or the program: each promise a test with random
//! histories that prints its seed.
//!
//! `CHATAI_TEST_SEED` repeats a seed, `CHATAI_TEST_SCALE` makes the histories so many times more, and `CHATAI_TEST_KILLS`
//! says how many kills there are over all tests; which moment of the program a kill hits also depends on the machine.

mod clock;
mod faults;
mod histories;
mod kills;
mod operations;
mod programs;
mod providers;
mod readers;
mod shutdown;

use crate::support::{Rows, number_of, random::Random};
use chatai_testkit::{
    app::{TestApp, User},
    events::{CutOff, EventStream, Told},
    provider::{RecordedRequest, Reply},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// The generator of a test, by its own seed or the one that is to be repeated.
fn seeded(default_seed: u64) -> Random {
    let seed = number_of("CHATAI_TEST_SEED").map_or(default_seed, |seed| seed as u64);
    println!("CHATAI_TEST_SEED={seed}");
    Random::new(seed)
}

/// Lets a random time go by, at whose end something is done to the program.
async fn moment(random: &mut Random, from_ms: u64, to_ms: u64) {
    tokio::time::sleep(random.millis(from_ms, to_ms)).await;
}

/// The leases of all answers of a program that was killed run out, on a database that others may share.
fn let_leases_run_out(app: &TestApp) {
    let rows = Rows::of(app);
    // What the killed program had sent last is still being done: it may open a turn.
    let at_work = "select count(*) from pg_stat_activity where datname = current_database() \
                   and backend_type = 'client backend' and pid <> pg_backend_pid()";
    while rows.count(at_work) > 0 {
        std::thread::yield_now();
    }
    rows.change("update messages set lease_until = 0 where status = 'running'");
    rows.change("update direct_calls set lease_until = 0 where status = 'running'");
}

/// A message to be answered with a stream.
fn asking(user: &User, text: &str, conversation: Option<i64>) -> RequestBuilder {
    let body = json!({"text": text, "conversation_id": conversation, "stream": true});
    user.call(Method::POST, "/chat/").json(&body)
}

/// An answer's events from where a reader left.
fn resuming(user: &User, told: &Told, random: &mut Random) -> RequestBuilder {
    let path = format!("/chat/messages/{}/events", told.answer());
    let cursor = told.cursor.as_deref().expect("something was told");
    if random.below(2) == 0 {
        user.call(Method::GET, &path).header("last-event-id", cursor)
    } else {
        user.call(Method::GET, &format!("{path}?after={cursor}"))
    }
}

/// Everything that is told of an answer.
async fn whole(user: &User, answer: i64) -> Told {
    let call = user.call(Method::GET, &format!("/chat/messages/{answer}/events"));
    let mut told = Told::default();
    EventStream::open(call).await.read_to_end(&mut told).await;
    told
}

/// Reads at most so many frames. False at the stream's end.
async fn read_some(events: &mut EventStream, told: &mut Told, frames: u64) -> Result<bool, CutOff> {
    for _ in 0..frames {
        match events.try_next().await? {
            Some(frame) => told.take(&frame),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The data of a stream's next frame that has any, as JSON or as the text that it is. `None` at the stream's end.
async fn read_json(events: &mut EventStream) -> Result<Option<Value>, CutOff> {
    while let Some(frame) = events.try_next().await? {
        if let Some(data) = frame.data {
            return Ok(Some(serde_json::from_str(&data).unwrap_or(Value::String(data))));
        }
    }
    Ok(None)
}

/// The mark of a question, `[…]`, in whatever a model was sent.
fn mark_of(text: &str) -> &str {
    let mark = text.rsplit_once('[').and_then(|(_, rest)| rest.split_once(']'));
    mark.unwrap_or_else(|| panic!("whose is this: {text}")).0
}

/// An answer that takes its time, with everything that an answer can have: reasoning, rounds of tools, blanks at its
/// ends, signs of several bytes.
fn varied(request: &RecordedRequest) -> Reply {
    let mut random = Random::new(request.index);
    if request.schema_name().is_some() || request.tool_names().is_empty() {
        return Reply::echo(request).delay(random.millis(0, 10));
    }
    let text = format!(
        " \n{} — é😀\n\n{}  ",
        request.last_user_text(),
        "и так далее ".repeat(random.below(12) as usize)
    );
    let mut reply = Reply::text(text)
        .deltas(1 + random.below(14) as usize)
        .delay(random.millis(0, 10))
        .delay_between(random.millis(0, 6));
    if random.below(3) == 0 {
        reply = reply.reasoning("Hm… é, let me think. ".repeat(1 + random.below(3) as usize));
    }
    if request.tool_outputs().is_empty() && random.below(4) == 0 {
        reply = reply.tool_call("get_book_summaries", &json!({"titles": ["Emma"]}));
    }
    reply
}
