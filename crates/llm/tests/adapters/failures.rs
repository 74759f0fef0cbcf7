//! What goes wrong, by name and in time.

use crate::support::{
    KEY, SILENCE, adapter, ask, call, failure, finished, impatient, kind, on_every_adapter, settings, start,
};
use chatai_llm::{Effort, LlmError, Request, VendorSettings};
use chatai_testkit::provider::{
    Dialect, Fault, Reply, ScriptedProvider,
    faults::{self, Meaning},
};
use serde_json::json;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

/// How much longer than its bound a call may take on a busy machine.
const SLACK: Duration = Duration::from_secs(10);

on_every_adapter! {
    /// Each fault by its name, after the text that came before it, once something came never again, and in time.
    async fn every_fault_is_named_and_ends_in_time(dialect) {
        let cases = faults::all();
        assert!(cases.len() >= 30, "{}", cases.len());
        for case in cases {
            let provider = ScriptedProvider::start().await;
            let whole = Duration::from_secs(20);
            // Only what lasts for ever is waited for: on a busy machine an endless line takes a while to become too
            // long.
            let (silence, total) = match case.meaning {
                Meaning::Timeout => (SILENCE, whole),
                Meaning::TooLong => (whole, Duration::from_secs(2)),
                _ => (whole, whole),
            };
            let bounded = VendorSettings { timeout: silence, total_timeout: total, ..settings(dialect, &provider) };
            let asked = adapter(dialect, bounded);
            let reply = case.reply.clone();
            provider.script(move |_| reply.clone());
            let began = Instant::now();
            let (text, error) = failure(&asked, ask(dialect, "x")).await;
            assert_eq!(
                (text.as_str(), kind(&error)),
                (case.shown, format!("{:?}", case.meaning)),
                "{}: {error}",
                case.name
            );
            assert!(began.elapsed() < silence.min(total) + SLACK, "{}: {:?}", case.name, began.elapsed());
            assert!(!error.to_string().contains("sk-"), "{error}");
            if !case.shown.is_empty() {
                assert_eq!(provider.counts().calls, 1, "{}: repeated once the answer began", case.name);
            }
            // One that had sent all it had to send may wait in the pool.
            drop(asked);
            let opened = provider.counts().connections;
            provider.wait_for_connections_closed(opened).await;
        }
    }

    async fn failures_that_may_pass_are_tried_again_twice(dialect) {
        for fault in [
            Reply::server_error(),
            Reply::status(503, &json!(null)),
            Reply::status(529, &json!(null)),
            Reply::status(408, &json!(null)),
            Reply::status(409, &json!(null)),
            Reply::rate_limited(None),
            Reply::rate_limited(Some(0)),
            Reply::page(502, "text/html", "<h1>Bad Gateway</h1>"),
            Reply::close_before_headers(),
        ] {
            let (provider, adapter) = start(dialect).await;
            provider.push(fault.clone());
            provider.push(fault.clone());
            assert_eq!(call(&adapter, ask(dialect, "hi")).await.unwrap().0, "Echo: hi", "{fault:?}");
            assert_eq!(provider.counts().calls, 3, "{fault:?}");
            let bodies: HashSet<Vec<u8>> = provider.calls().iter().map(|call| call.body.to_vec()).collect();
            assert_eq!(bodies.len(), 1, "the same request each time");

            let (provider, adapter) = start(dialect).await;
            provider.script(move |_| fault.clone());
            failure(&adapter, ask(dialect, "hi")).await;
            assert_eq!(provider.counts().calls, 3);
        }
    }

    /// The time to wait stands in a header, or in the body of Google's.
    async fn a_time_to_wait_is_understood_and_beyond_patience_left_to_the_caller(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.push(Reply::rate_limited(Some(60)));
        let (_, error) = failure(&adapter, ask(dialect, "x")).await;
        let LlmError::RateLimited { retry_after, .. } = error else { panic!("{error:?}") };
        assert_eq!((retry_after, provider.counts().calls), (Some(Duration::from_secs(60)), 1));
        // One second is waited for, and no less.
        provider.push(Reply::rate_limited(Some(1)));
        let began = Instant::now();
        assert_eq!(call(&adapter, ask(dialect, "x")).await.unwrap().0, "Echo: x");
        assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    }

    async fn refusals_that_repeating_cannot_mend_are_not_repeated(dialect) {
        for reply in [
            Reply::unauthorized(),
            Reply::insufficient_quota(),
            Reply::model_not_found(),
            Reply::context_too_long(),
            Reply::bad_request("Bad."),
            Reply::redirect("http://127.0.0.1:9/"),
            Reply::page(200, "text/html", "<h1>Sign in to the network</h1>"),
        ] {
            let (provider, adapter) = start(dialect).await;
            provider.push(reply.clone());
            failure(&adapter, ask(dialect, "x")).await;
            assert_eq!(provider.counts().calls, 1, "{reply:?}");
        }
    }

    async fn a_key_that_the_vendor_quotes_back_is_not_passed_on(dialect) {
        let (provider, adapter) = start(dialect).await;
        let words = format!("who sent {KEY}?\nfor{KEY}ged");
        provider.push(Reply::unauthorized_saying(&words));
        let (_, error) = failure(&adapter, ask(dialect, "x")).await;
        let said = error.to_string();
        assert!(said.contains("who sent [redacted]? for[redacted]ged (status 40"), "{said}");
        provider.push(Reply::text("a").fails("server_error", &words));
        let (_, error) = failure(&adapter, ask(dialect, "x")).await;
        assert!(error.to_string().contains("who sent [redacted]? for[redacted]ged"), "{error}");
    }

    async fn silence_before_the_headers_is_not_repeated(dialect) {
        let provider = ScriptedProvider::start().await;
        let adapter = impatient(dialect, &provider);
        for reply in [Reply::hang_before_headers(), Reply::status(500, &json!(0)).byte_by_byte(SILENCE)] {
            provider.push(reply);
            let (_, error) = failure(&adapter, ask(dialect, "x")).await;
            assert!(matches!(error, LlmError::Timeout(silence) if silence == SILENCE), "{error:?}");
        }
        assert_eq!(provider.counts().calls, 2);
        provider.wait_for_aborted(2).await;
    }

    /// Events of some later version of the API, and keep-alives, are no part of the answer and no failure.
    async fn what_is_unknown_in_a_stream_is_passed_over(dialect) {
        let (provider, adapter) = start(dialect).await;
        let unknown = b": alive\n\nevent: of.tomorrow\ndata: {\"type\":\"of.tomorrow\",\"x\":[1]}\n\n".to_vec();
        provider.push(Reply::text("abcd").deltas(4).fault_after(2, Fault::Raw(unknown)));
        assert_eq!(call(&adapter, ask(dialect, "x")).await.unwrap().0, "abcd");
    }
}

#[tokio::test]
async fn events_without_their_members_are_a_failure_of_a_stream_that_has_them() {
    let (provider, openai) = start(Dialect::Responses).await;
    let raw = Fault::Raw(b"data: {}\n\ndata: [1]\n\n".to_vec());
    provider.push(Reply::text("abcd").deltas(4).fault_after(2, raw));
    let (text, error) = failure(&openai, ask(Dialect::Responses, "x")).await;
    assert_eq!((text.as_str(), kind(&error).as_str()), ("ab", "Failed"));
}

/// An organisation that may not have thoughts told to it has its answers, and is not refused again.
#[tokio::test]
async fn an_account_that_is_told_no_thoughts_is_answered() {
    let (provider, openai) = start(Dialect::Responses).await;
    let asks = |place: usize| provider.calls()[place].json()["reasoning"].clone();
    let request = |model: &str| Request {
        model: model.to_owned(),
        reasoning_effort: Some(Effort::Low),
        shows_reasoning: true,
        ..ask(Dialect::Responses, "x")
    };
    for (place, refusal) in [
        "Your organization must be verified to generate reasoning summaries. Please go to: https://platform.openai.com",
        "Unsupported parameter: 'reasoning.summary' is not supported with this model.",
    ]
    .into_iter()
    .enumerate()
    {
        let model = ["o3", "o3-mini"][place];
        provider.push(Reply::bad_request(refusal));
        for _ in 0..2 {
            assert_eq!(call(&openai, request(model)).await.unwrap().0, "Echo: x");
        }
        let first = place * 3;
        let (with, without) = (json!({"effort": "low", "summary": "auto"}), json!({"effort": "low"}));
        assert_eq!([asks(first), asks(first + 1), asks(first + 2)], [with, without.clone(), without]);
    }
    // Another refusal is the caller's to hear.
    provider.push(Reply::bad_request("no such effort"));
    let (_, error) = failure(&openai, request("gpt-5")).await;
    assert_eq!((kind(&error).as_str(), provider.calls().len()), ("Rejected", 7));
}

/// Compatible servers that refuse to be asked for the report of use are not asked again.
#[tokio::test]
async fn a_server_that_takes_no_stream_options_is_asked_without() {
    let (provider, chat) = start(Dialect::Chat).await;
    let asks = |place: usize| provider.calls()[place].json().get("stream_options").is_some();
    provider.push(Reply::bad_request(
        "Unrecognized request argument supplied: stream_options",
    ));
    for round in 0..2 {
        let (text, events) = call(&chat, ask(Dialect::Chat, "x")).await.unwrap();
        assert_eq!(
            (text.as_str(), finished(&events).usage),
            ("Echo: x", None),
            "{round}"
        );
    }
    assert_eq!([asks(0), asks(1), asks(2)], [true, false, false]);
}
