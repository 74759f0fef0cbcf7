//! Everything that goes wrong with a provider, as a table: each fault with what its user has to be told.
//!
//! Every dialect can have each of them; the refusals are in the words of the vendor that is asked.

use super::{Fault, Reply};
use serde_json::Value;
use std::time::Duration;

/// One way in which a call goes wrong.
#[derive(Clone, Debug)]
pub struct Case {
    /// What happens, in words.
    pub name: &'static str,
    /// What the provider does, at each attempt.
    pub reply: Reply,
    /// What it means for whoever called.
    pub meaning: Meaning,
    /// The text that arrives before it goes wrong.
    pub shown: &'static str,
}

/// What a failed call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The key is wrong or without credit.
    Auth,
    /// Asked to wait.
    RateLimited,
    /// No such model.
    ModelUnavailable,
    /// The input does not fit the model.
    ContextTooLong,
    /// Refused for another reason.
    Rejected,
    /// Silent for too long.
    Timeout,
    /// Not complete in time.
    TooLong,
    /// Broken.
    Failed,
}

/// All of them. None ends by itself before its caller's bounds on silence and on the whole call do.
pub fn all() -> Vec<Case> {
    let mut cases = refusals();
    cases.extend(before_an_answer());
    cases.extend(within_an_answer());
    cases
}

fn case(name: &'static str, reply: Reply, meaning: Meaning, shown: &'static str) -> Case {
    Case {
        name,
        reply,
        meaning,
        shown,
    }
}

fn refusals() -> Vec<Case> {
    use Meaning::{Auth, ContextTooLong, Failed, ModelUnavailable, RateLimited, Rejected};
    let page = |status| Reply::page(status, "text/html", "<h1>No</h1>");
    let waiting = Reply::status(503, &Value::Null).header("retry-after", "60");
    let cases = [
        ("a wrong key", Reply::unauthorized(), Auth),
        ("no credit", Reply::insufficient_quota(), Auth),
        ("401 by a proxy", page(401), Auth),
        ("403 without a word", Reply::status(403, &Value::Null), Auth),
        ("an unknown model", Reply::model_not_found(), ModelUnavailable),
        ("too long an input", Reply::context_too_long(), ContextTooLong),
        ("413 by a proxy", page(413), ContextTooLong),
        ("a bad request", Reply::bad_request("Bad."), Rejected),
        (
            "a redirect",
            Reply::redirect("http://127.0.0.1:9/elsewhere"),
            Rejected,
        ),
        ("429", Reply::rate_limited(None), RateLimited),
        (
            "429 with a time beyond patience",
            Reply::rate_limited(Some(60)),
            RateLimited,
        ),
        ("503 with a time beyond patience", waiting, RateLimited),
        ("408", Reply::status(408, &Value::Null), Failed),
        ("500", Reply::server_error(), Failed),
        ("502 by a proxy", page(502), Failed),
        ("503", Reply::status(503, &Value::Null), Failed),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(name, reply, meaning)| case(name, reply, meaning, ""))
        .collect()
}

fn before_an_answer() -> Vec<Case> {
    use Meaning::{Failed, Timeout};
    // No line of it is complete within any bound on silence.
    let slowly = Duration::from_millis(200);
    let cases = [
        (
            "the connection closes without a word",
            Reply::close_before_headers(),
            Failed,
        ),
        ("something that is no HTTP", Reply::not_http(), Failed),
        (
            "a page in place of a stream",
            Reply::page(200, "text/html", "<h1>Sign in to the network</h1>"),
            Failed,
        ),
        (
            "a document in place of a stream",
            Reply::status(200, &Value::Null),
            Failed,
        ),
        (
            "silence before the headers",
            Reply::hang_before_headers(),
            Timeout,
        ),
        (
            "headers that drip",
            Reply::status(200, &Value::Null).byte_by_byte(slowly),
            Timeout,
        ),
        (
            "an answer that drips",
            Reply::text("abcd").byte_by_byte(slowly),
            Timeout,
        ),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(name, reply, meaning)| case(name, reply, meaning, ""))
        .collect()
}

fn within_an_answer() -> Vec<Case> {
    use Meaning::{Auth, ContextTooLong, Failed, RateLimited, Timeout, TooLong};
    let broken = |deltas, fault| Reply::text("abcd").deltas(4).fault_after(deltas, fault);
    vec![
        case(
            "silence before the first word",
            broken(0, Fault::Hang),
            Timeout,
            "",
        ),
        case("silence amid the answer", broken(2, Fault::Hang), Timeout, "ab"),
        case("cut before the first word", broken(0, Fault::Cut), Failed, ""),
        case("cut amid the answer", broken(2, Fault::Cut), Failed, "ab"),
        case("an end before the first word", broken(0, Fault::End), Failed, ""),
        case("an end amid the answer", broken(2, Fault::End), Failed, "ab"),
        case("garbage", broken(2, Fault::Garbage), Failed, "ab"),
        case("bytes that are no text", broken(2, Fault::BadUtf8), Failed, "ab"),
        case("a line without end", broken(2, Fault::EndlessLine), Failed, "ab"),
        case(
            "comments without end",
            broken(2, Fault::EndlessComments),
            TooLong,
            "ab",
        ),
        case(
            "an error in place of the end",
            Reply::text("abcd").fails("server_error", "The server had an error."),
            Failed,
            "abcd",
        ),
        case(
            "an error before the first word",
            Reply::call_tool("get_book_summaries", &Value::Null).errors("server_error", "Overloaded."),
            Failed,
            "",
        ),
        case(
            "a limit in place of the end",
            Reply::text("abcd").fails("rate_limit_exceeded", "Slow down."),
            RateLimited,
            "abcd",
        ),
        case(
            "no more credit in place of the end",
            Reply::text("abcd").errors("insufficient_quota", "No credit."),
            Auth,
            "abcd",
        ),
        case(
            "too long in place of the end",
            Reply::text("abcd").errors("context_length_exceeded", "Too long."),
            ContextTooLong,
            "abcd",
        ),
    ]
}
