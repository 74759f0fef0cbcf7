//! Requests that two servers in a row could read as different ones: refused, and the connection ends.

use crate::support::{app, get, raw};

#[tokio::test]
async fn smuggling_forms_are_refused_and_the_connection_closes() {
    let app = app().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for (name, head) in [
        (
            "both lengths",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        ),
        (
            "both, the other way round",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        ),
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("a list of lengths", "Content-Length: 5, 6\r\n"),
        ("a negative length", "Content-Length: -5\r\n"),
        ("a signed length", "Content-Length: +5\r\n"),
        ("a length in hex", "Content-Length: 0x5\r\n"),
        (
            "a length beyond 64 bits",
            "Content-Length: 99999999999999999999999\r\n",
        ),
        ("an unknown encoding", "Transfer-Encoding: gzip\r\n"),
        (
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ),
        ("chunked behind another", "Transfer-Encoding: gzip, chunked\r\n"),
        ("chunked not last", "Transfer-Encoding: chunked, identity\r\n"),
        ("a tab before chunked", "Transfer-Encoding:\x0bchunked\r\n"),
        ("a blank before the colon", "Content-Length : 5\r\n"),
        ("two hosts", "Host: y\r\nContent-Length: 0\r\n"),
        ("a folded header", "X: a\r\n b\r\nContent-Length : 0\r\n"),
        (
            "a bare line end in a value",
            "X: a\nContent-Length: 5\r\nContent-Length: 7\r\n",
        ),
    ] {
        let request = format!("POST /auth/login HTTP/1.1\r\nHost: x\r\n{head}\r\n0\r\n\r\n{smuggled}");
        let said = raw::exchange(&app, request.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{name}: {said}");
        assert_eq!(
            said.matches("HTTP/1.1").count(),
            1,
            "{name}: nothing behind it is answered: {said}"
        );
    }
    for (name, request) in [
        ("no host", "GET /models HTTP/1.1\r\n\r\n"),
        ("two hosts", "GET /models HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
        ("no version", "GET /models\r\n\r\n"),
        ("a strange version", "GET /models HTTP/9.9\r\nHost: x\r\n\r\n"),
        ("no HTTP at all", "\x16\x03\x01\x02\r\n\r\n\r\n"),
    ] {
        let said = raw::exchange(&app, request.as_bytes()).await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 400") || said.starts_with("HTTP/1.1 505"),
            "{name}: {said}"
        );
    }
    assert_eq!(get(&app, "/readyz").await.status, 200);
}

#[tokio::test]
async fn chunks_that_are_none() {
    let app = app().await;
    for chunks in [
        "xyz\r\nhello\r\n0\r\n\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nx\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
    ] {
        let request = format!(
            "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        );
        let said = raw::exchange(&app, request.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{chunks:?}: {said}");
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{said}");
    }
}

/// Honest forms still work, one after another on one connection.
#[tokio::test]
async fn honest_framing_is_understood() {
    let app = app().await;
    let body = "{\"email\": \"a@b.de\", \"password\": \"secret\"}";
    let pipelined = format!(
        "POST /auth/register HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}GET /models HTTP/1.1\r\nHost: x\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    let said = raw::exchange(&app, pipelined.as_bytes()).await;
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 2, "{said}");
    let chunked = format!(
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let said = raw::exchange(&app, chunked.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    let said = raw::exchange(&app, b"GET /models HTTP/1.0\r\n\r\n").await;
    assert!(said.contains(" 200 OK"), "{said}");
}
