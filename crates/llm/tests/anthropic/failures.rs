//! What goes wrong, by name and in time.

use crate::{
    KEY, SILENCE, TEXT, adapter, adapter_within, ask, call, kind,
    server::{Reply, Server, Then},
};
use chatai_llm::{LlmError, Provider};
use std::time::{Duration, Instant};

/// A beginning of an answer: all up to the end of the first delta.
fn beginning() -> &'static str {
    let at = TEXT.find("Hello, ").unwrap();
    let end = at + TEXT[at..].find("\n\n").unwrap() + 2;
    &TEXT[..end]
}

#[tokio::test]
async fn refusals_are_named_and_not_repeated() {
    for (reply, expected) in [
        (Reply::error(400, "", "invalid_request_error", "Bad"), "Rejected"),
        (
            Reply::error(
                400,
                "",
                "invalid_request_error",
                "prompt is too long: 9 tokens > 8 maximum",
            ),
            "ContextTooLong",
        ),
        (
            Reply::error(401, "", "authentication_error", "invalid x-api-key"),
            "Auth",
        ),
        (Reply::error(403, "", "permission_error", "m"), "Auth"),
        (
            Reply::error(404, "", "not_found_error", "model: x"),
            "ModelUnavailable",
        ),
        (Reply::error(413, "", "request_too_large", "m"), "ContextTooLong"),
        (
            Reply::error(429, "retry-after: 60\r\n", "rate_limit_error", "m"),
            "RateLimited",
        ),
        (
            Reply::error(529, "retry-after: 60\r\n", "overloaded_error", "m"),
            "RateLimited",
        ),
    ] {
        let server = Server::start([reply.clone()]).await;
        let (_, error) = call(&adapter(&server), ask("x")).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{reply:?}: {error}");
        assert_eq!(server.received().len(), 1, "{reply:?}");
        if let LlmError::RateLimited { retry_after, .. } = error {
            assert_eq!(retry_after, Some(Duration::from_secs(60)));
        }
    }
}

#[tokio::test]
async fn failures_that_may_pass_are_tried_again_twice() {
    for (fault, expected) in [
        (Reply::error(500, "", "api_error", "m"), "Failed"),
        (Reply::error(529, "", "overloaded_error", "Overloaded"), "Failed"),
        (Reply::error(429, "", "rate_limit_error", "m"), "RateLimited"),
        (
            Reply::error(429, "retry-after: 0\r\n", "rate_limit_error", "m"),
            "RateLimited",
        ),
    ] {
        let whole = Reply::stream(TEXT.as_bytes(), Then::End);
        let server = Server::start([fault.clone(), fault.clone(), whole]).await;
        call(&adapter(&server), ask("hi")).await.unwrap();
        assert_eq!(server.received().len(), 3, "{fault:?}");

        let server = Server::start([fault.clone()]).await;
        let (_, error) = call(&adapter(&server), ask("hi")).await.unwrap_err();
        assert_eq!(
            (kind(&error).as_str(), server.received().len()),
            (expected, 3),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_goes_wrong_ends_in_time_after_what_it_told() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n";
    let limited = error.replace("overloaded_error", "rate_limit_error");
    for (more, then, expected) in [
        (&b""[..], Then::Hang, "Timeout"),
        (b"", Then::Cut, "Failed"),
        (b"", Then::End, "Failed"),
        (b"data: garbage\n\n", Then::Hang, "Failed"),
        (b"data: \xff\xfe\n\n", Then::Hang, "Failed"),
        (error.as_bytes(), Then::Hang, "Failed"),
        (limited.as_bytes(), Then::End, "RateLimited"),
    ] {
        let stream = [beginning().as_bytes(), more].concat();
        let server = Server::start([Reply::stream(&stream, then)]).await;
        let start = Instant::now();
        let (text, error) = call(&adapter_within(&server, SILENCE), ask("x"))
            .await
            .unwrap_err();
        assert_eq!(
            (text.as_str(), kind(&error).as_str()),
            ("Hello, ", expected),
            "{then:?} {}: {error}",
            String::from_utf8_lossy(more)
        );
        assert!(start.elapsed() < SILENCE + Duration::from_secs(5), "{then:?}");
        assert_eq!(server.received().len(), 1, "never repeated once the answer began");
    }
}

#[tokio::test]
async fn silence_before_the_headers_is_a_timeout_and_not_repeated() {
    let server = Server::start([Reply::silence()]).await;
    let anthropic = adapter_within(&server, SILENCE);
    let (_, error) = call(&anthropic, ask("x")).await.unwrap_err();
    assert!(
        matches!(error, LlmError::Timeout(silence) if silence == SILENCE),
        "{error:?}"
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_key_that_the_vendor_quotes_back_is_not_passed_on() {
    let words = format!("who sent {KEY}?");
    let server = Server::start([Reply::error(401, "", "authentication_error", &words)]).await;
    let anthropic = adapter(&server);
    let (_, error) = call(&anthropic, ask("x")).await.unwrap_err();
    let expected = "the provider refused the key: who sent [redacted]? (status 401)";
    assert_eq!(error.to_string(), expected);
    assert_eq!(anthropic.models().await.unwrap_err().to_string(), expected);
}
