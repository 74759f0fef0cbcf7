//! What goes wrong, by name and in time.

use crate::{KEY, SILENCE, ask, call, config, impatient, kind, start};
use chatai_llm::{LlmError, OpenAiResponses, VendorSettings};
use chatai_testkit::provider::{Fault, Reply, ScriptedProvider};
use serde_json::json;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

#[tokio::test]
async fn failures_that_may_pass_are_tried_again_twice() {
    for fault in [
        Reply::server_error(),
        Reply::status(503, &json!(null)),
        Reply::status(408, &json!(null)),
        Reply::status(409, &json!(null)),
        Reply::rate_limited(None),
        Reply::rate_limited(Some(0)),
        Reply::page(502, "text/html", "<h1>Bad Gateway</h1>"),
        Reply::close_before_headers(),
    ] {
        let (provider, openai) = start().await;
        provider.push(fault.clone());
        provider.push(fault.clone());
        assert_eq!(call(&openai, ask("hi")).await.unwrap().0, "Echo: hi", "{fault:?}");
        assert_eq!(provider.counts().calls, 3, "{fault:?}");
        let bodies: HashSet<Vec<u8>> = provider.calls().iter().map(|call| call.body.to_vec()).collect();
        assert_eq!(bodies.len(), 1, "the same request each time");

        let (provider, openai) = start().await;
        provider.script(move |_| fault.clone());
        call(&openai, ask("hi")).await.unwrap_err();
        assert_eq!(provider.counts().calls, 3);
    }
}

#[tokio::test]
async fn refusals_are_named_and_not_repeated() {
    for (reply, expected) in [
        (Reply::unauthorized(), "Auth"),
        (Reply::insufficient_quota(), "Auth"),
        (Reply::status(403, &json!(null)), "Auth"),
        (Reply::model_not_found(), "ModelUnavailable"),
        (Reply::context_too_long(), "ContextTooLong"),
        (
            Reply::error(400, "invalid_request_error", "invalid_value", "Bad"),
            "Rejected",
        ),
        (Reply::rate_limited(Some(60)), "RateLimited"),
        (
            Reply::status(503, &json!(null)).header("retry-after", "60"),
            "RateLimited",
        ),
        (
            Reply::page(200, "text/html; charset=utf-8", "<h1>Sign in to the network</h1>"),
            "Failed",
        ),
    ] {
        let (provider, openai) = start().await;
        provider.push(reply.clone());
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!(
            (kind(&error).as_str(), provider.counts().calls),
            (expected, 1),
            "{reply:?}: {error}"
        );
        assert!(!error.to_string().contains("sk-"), "{error}");
        if let LlmError::RateLimited { retry_after, .. } = error {
            assert_eq!(retry_after, Some(Duration::from_secs(60)));
        }
    }
}

#[tokio::test]
async fn a_key_that_the_vendor_quotes_back_is_not_passed_on() {
    let (provider, openai) = start().await;
    let words = format!("who sent {KEY}?\nfor{KEY}ged");
    provider.push(Reply::error(400, "invalid_request_error", "", &words));
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    let expected = "the provider refused the request: who sent [redacted]? for[redacted]ged (status 400)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_stream_that_goes_wrong_ends_in_time_after_what_it_told() {
    for (fault, expected, deltas) in [
        (Fault::Hang, "Timeout", 2),
        (Fault::Cut, "Failed", 2),
        (Fault::End, "Failed", 2),
        (Fault::Garbage, "Failed", 2),
        (Fault::BadUtf8, "Failed", 2),
        (Fault::EndlessLine, "Failed", 2),
        (Fault::Raw(b"data: {}\n\ndata: [1]\n\n".to_vec()), "Failed", 2),
        (Fault::Hang, "Timeout", 0),
        (Fault::Cut, "Failed", 0),
    ] {
        let provider = ScriptedProvider::start().await;
        // Only silence is waited for: on a busy machine an endless line takes a while to become too long.
        let openai = if matches!(fault, Fault::Hang) {
            impatient(&provider)
        } else {
            OpenAiResponses::new(config(&provider.base_url())).unwrap()
        };
        provider.push(Reply::text("abcd").deltas(4).fault_after(deltas, fault.clone()));
        let start = Instant::now();
        let (text, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!(
            (text.as_str(), kind(&error).as_str()),
            (&"abcd"[..deltas], expected),
            "{fault:?}: {error}"
        );
        assert!(start.elapsed() < Duration::from_secs(20), "{fault:?}");
        assert_eq!(provider.counts().calls, 1, "never repeated once the answer began");
        // One that had sent all it had to send may wait in the pool.
        drop(openai);
        provider.wait_for_connections_closed(1).await;
    }
}

#[tokio::test]
async fn endless_comments_end_with_the_call() {
    let provider = ScriptedProvider::start().await;
    let bounded = VendorSettings {
        total_timeout: SILENCE,
        ..config(&provider.base_url())
    };
    let openai = OpenAiResponses::new(bounded).unwrap();
    provider.push(Reply::text("ab").deltas(2).fault_after(1, Fault::EndlessComments));
    let (text, error) = call(&openai, ask("x")).await.unwrap_err();
    assert_eq!((text.as_str(), kind(&error).as_str()), ("a", "TooLong"));
    provider.wait_for_connections_closed(1).await;
}

#[tokio::test]
async fn errors_inside_a_stream_are_named() {
    for (reply, expected) in [
        (Reply::text("a").fails("server_error", "m"), "Failed"),
        (Reply::text("a").fails("rate_limit_exceeded", "m"), "RateLimited"),
        (
            Reply::text("a").errors("context_length_exceeded", "m"),
            "ContextTooLong",
        ),
        (Reply::text("a").errors("insufficient_quota", "m"), "Auth"),
    ] {
        let (provider, openai) = start().await;
        provider.push(reply);
        let (text, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!((text.as_str(), kind(&error).as_str()), ("a", expected));
    }
}

#[tokio::test]
async fn silence_before_the_headers_is_a_timeout_and_not_repeated() {
    let provider = ScriptedProvider::start().await;
    let openai = impatient(&provider);
    for reply in [
        Reply::hang_before_headers(),
        Reply::status(500, &json!(0)).byte_by_byte(SILENCE),
    ] {
        provider.push(reply);
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        assert!(
            matches!(error, LlmError::Timeout(silence) if silence == SILENCE),
            "{error:?}"
        );
    }
    assert_eq!(provider.counts().calls, 2);
    provider.wait_for_aborted(2).await;
}

#[tokio::test]
async fn what_is_no_http_failed() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::not_http());
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    assert_eq!(kind(&error), "Failed");
}
