//! What nobody sends by accident: text that is syntax elsewhere, too much, too deep, too slow, two requests in one.

use crate::support::{raw, *};
use chatai_testkit::provider::Reply;
use reqwest::{Method, header};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// Texts that mean something to a database, a search, a template, a shell, a terminal or a browser.
const STRANGE: &[&str] = &[
    "'; drop table messages; --",
    "' or '1'='1",
    "\" or \"\"=\"",
    "$1 $2 ?1 :name @name",
    "%' or 1=1 /* _ % */",
    "NEAR(a b, 3) AND NOT \"x\" OR *",
    "col:val^2 ~3 (unclosed",
    "\\'; select pg_sleep(9); --",
    "{{7*7}} ${jndi:ldap://x} <%= 1 %>",
    "`rm -rf /` $(id) | & ; > /dev/null",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</title><svg onload=alert(1)>",
    "[x](javascript:alert(1)) ![y](http://127.0.0.1:9/p.png)",
    "\u{1b}[2J\u{7}\u{8}",
    "a\r\nSet-Cookie: x=1",
    "\u{202e}txt.exe\u{200b}\u{feff}",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🏴‍☠️ e\u{301} İıß ﷺ",
    "NaN",
    "null",
    "-0",
    "1e999",
    "%00%0a..%2f",
];

on_both! {
    async fn syntax_of_others_is_text_here(options) {
        let app = options.env("CHATAI__LIMITS__SIGN_IN_FAILURES_PER_MINUTE", "0").start().await;
        let (user, other) = (app.register("a@example.com").await, app.register("b@example.com").await);
        let theirs = conversation(&other, "untouched").await;
        for (number, strange) in STRANGE.iter().enumerate() {
            let id = conversation(&user, strange).await;
            let path = format!("/conversations/{id}/rename?new_title={}", encoded(strange));
            let renamed = send(user.call(Method::PUT, &path)).await;
            assert_eq!(renamed.status, 200, "{strange:?}: {renamed:?}");
            renamed.expect_plain_data();
            let listed = get_as(&user, "/conversations/").await;
            listed.expect_plain_data();
            let row = &listed.json()[0];
            assert_eq!((&row["id"], &row["title"]), (&json!(id), &json!(strange)));
            assert_eq!(list(&listed.json()).len(), number + 1);

            let (status, turn) = user.chat(&[("text", strange), ("conversation_id", &id.to_string())]).await;
            assert_eq!(status, 200, "{strange:?}: {turn}");
            let page = get_as(&user, &format!("/conversations/{id}/messages")).await;
            page.expect_plain_data();
            assert_eq!(page.json()["messages"][0]["text"], *strange);
            get_as(&user, &format!("/conversations/{id}/context")).await.expect_plain_data();

            // As an e-mail, a password, a model, an id, a token: refused or unknown, never a fault of ours.
            let account = json!({"email": strange, "password": "secret", "display_name": strange});
            assert_eq!(post(&app, "/auth/register", &account).await.status, 422, "{strange:?}");
            let sign_in = json!({"email": "a@example.com", "password": strange});
            assert_eq!(post(&app, "/auth/login", &sign_in).await.status, 401, "{strange:?}");
            let (status, said) = user.chat(&[("text", "x"), ("model", strange)]).await;
            assert_eq!((status, &said["code"]), (400, &json!("model_unknown")), "{strange:?}: {said}");
            let odd = get_as(&user, &format!("/conversations/{}/messages", encoded(strange))).await;
            assert!(matches!(odd.status, 404 | 422), "{strange:?}: {odd:?}");
            odd.expect_plain_data();
        }
        let (_, their_list) = other.get("/conversations/").await;
        assert_eq!((list(&their_list).len(), &their_list[0]["id"]), (1, &json!(theirs)));
        assert_eq!(user.get("/users/me").await.0, 200);
    }

    /// PostgreSQL cannot keep a NUL, JSON can send one: both databases give the same answer.
    async fn a_nul_is_no_fault_of_ours(options) {
        let app = options.start().await;
        let user = app.register("a@example.com").await;
        let calls = [
            ("/conversations/", json!({"title": "a\0b"})),
            ("/chat/", json!({"text": "a\0b"})),
            ("/auth/register", json!({"email": "n@example.com", "password": "secret", "display_name": "a\0b"})),
            ("/auth/login", json!({"email": "a\0@example.com", "password": "secret"})),
        ];
        for (path, body) in calls {
            let (status, said) = user.post(path, &body).await;
            assert!(matches!(status, 200 | 401 | 422), "{path}: {status} {said}");
        }
        let file: (&str, &str, &[u8]) = ("a\u{1}b.txt", "text/plain", b"nul \0 inside");
        let (status, said) = user.chat_with_files(&[("text", "read it")], &[file]).await;
        assert_eq!(status, 200, "{said}");
    }
}

/// Every byte that is no letter or digit as `%XX`.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Origins of pages that have no business here get no leave, signed in or not.
#[tokio::test]
async fn foreign_pages_get_no_leave() {
    let app = options()
        .env("CHATAI__SERVER__CORS_ORIGINS", "https://chat.example.org")
        .start()
        .await;
    let user = app.register("a@example.com").await;
    for (origin, allowed) in [
        ("https://chat.example.org", true),
        ("https://evil.example", false),
        ("https://chat.example.org.evil.example", false),
        ("http://chat.example.org", false),
        ("null", false),
        ("file://", false),
    ] {
        let preflight = app
            .client()
            .request(Method::OPTIONS, app.url("/chat/"))
            .header(header::ORIGIN, origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization");
        let cookie = format!("chatai_token={}", user.token);
        let calls = [
            preflight,
            user.call(Method::GET, "/users/me").header(header::ORIGIN, origin),
            user.call(Method::GET, "/attachments/1")
                .header(header::ORIGIN, origin)
                .header(header::COOKIE, cookie),
            app.client()
                .get(app.url("/nowhere"))
                .header(header::ORIGIN, origin),
        ];
        for call in calls {
            let answer = send(call).await;
            let expected = if allowed { origin } else { "" };
            assert_eq!(
                answer.header("access-control-allow-origin"),
                expected,
                "{answer:?}"
            );
            assert_eq!(
                answer.headers.contains_key("access-control-allow-credentials"),
                allowed,
                "{answer:?}"
            );
        }
    }
    let closed = crate::support::app().await;
    let call = closed
        .client()
        .get(closed.url("/models"))
        .header(header::ORIGIN, "https://evil.example");
    assert_eq!(send(call).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_read() {
    let app = options().env("CHATAI__LIMITS__BODY_MB", "1").start().await;
    let user = app.register("a@example.com").await;
    // Announced: refused without a byte of it.
    for path in ["/chat/", "/conversations/", "/auth/login"] {
        let mut socket = raw::connect(&app).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: 2000000000\r\nConnection: close\r\n\r\n",
            user.token
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let said = raw::rest(&mut socket).await;
        assert!(said.starts_with("HTTP/1.1 413 "), "{path}: {said}");
    }
    // Not announced: refused when it is too much.
    let mut chunked = format!(
        "POST /chat/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n8\r\ntext=abc\r\n",
        user.token
    );
    for _ in 0..40 {
        chunked += &format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    }
    chunked += "0\r\n\r\n";
    let said = raw::exchange(&app, chunked.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    let big = vec![b'x'; 2 << 20];
    let (status, said) = user
        .chat_with_files(&[("text", "x")], &[("x.bin", "application/octet-stream", &big)])
        .await;
    assert_eq!((status, &said["code"]), (413, &json!("too_large")));
    let many: Vec<(&str, &str, &[u8])> = vec![("x.txt", "text/plain", b"x"); 11];
    let (status, said) = user.chat_with_files(&[("text", "x")], &many).await;
    assert_eq!((status, &said["code"]), (413, &json!("too_large")), "{said}");
    let (status, said) = user.post("/chat/", &json!({"text": "x".repeat(200_001)})).await;
    assert_eq!((status, &said["code"]), (413, &json!("too_large")), "{said}");
    let head = format!(
        "GET /models HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let said = raw::exchange(&app, head.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    let (_, listed) = user.get("/conversations/").await;
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn deep_and_endless_json_is_refused_at_once() {
    let app = app().await;
    let user = app.register("a@example.com").await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let digits = "9".repeat(900_000);
    let bodies = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        "[".repeat(500_000),
        format!("{{\"text\": {}}}", deep("[", "]")),
        format!("{{\"text\": \"x\", \"conversation_id\": {digits}}}"),
        format!("{{\"text\": \"x\", \"conversation_id\": 1e{digits}}}"),
        format!(
            "{{\"text\": \"x\", \"conversation_id\": -{digits}.{}}}",
            &digits[..10]
        ),
        format!("{{\"text\": {digits}}}"),
        "{\"text\": NaN}".to_owned(),
        "{\"text\": \"x\", \"conversation_id\": Infinity}".to_owned(),
        "{\"text\": \"\\ud800\"}".to_owned(),
        "{\"text\": \"x\"".to_owned(),
    ];
    for body in bodies {
        for path in ["/chat/", "/auth/login"] {
            let begun = Instant::now();
            let call = user
                .call(Method::POST, path)
                .header(header::CONTENT_TYPE, "application/json");
            let answer = send(call.body(body.clone())).await;
            let start = &body[..body.len().min(40)];
            assert_eq!(answer.status, 422, "{path}: {start}: {answer:?}");
            assert!(
                answer.text.len() < 10_000,
                "{path}: {start}: an answer of {} bytes",
                answer.text.len()
            );
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{path}: {start}: {:?}",
                begun.elapsed()
            );
        }
    }
    // A member that nobody asked for may be as deep as it likes, or is refused; the service stays.
    let call = user
        .call(Method::POST, "/conversations/")
        .header(header::CONTENT_TYPE, "application/json");
    let answer = send(call.body(format!("{{\"title\": \"x\", \"other\": {}}}", deep("[", "]")))).await;
    assert!(matches!(answer.status, 200 | 422), "{answer:?}");
    assert_eq!(user.get("/users/me").await.0, 200);
}

/// Clients that send a byte now and then hold a connection only so long, and hold up nobody else.
#[tokio::test]
async fn slow_clients_are_given_up() {
    let options = options()
        .env("CHATAI__SERVER__HEADER_TIMEOUT_S", "1")
        .env("CHATAI__SERVER__BODY_TIMEOUT_S", "1");
    let app = options.start().await;
    let user = app.register("a@example.com").await;
    let head = format!(
        "POST /chat/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n",
        user.token
    );
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let json = "Content-Type: application/json\r\n";
    let multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    let parts = "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhal";
    let mut slow = Vec::new();
    for (beginning, answer) in [
        (String::new(), None),
        ("GET /mod".to_owned(), None),
        ("GET /models HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_owned(), None),
        (
            format!("{head}{form}Content-Length: 50\r\n\r\ntext=half"),
            Some("HTTP/1.1 408 "),
        ),
        (
            format!("{head}{json}Content-Length: 50\r\n\r\n{{\"text\""),
            Some("HTTP/1.1 408 "),
        ),
        (
            format!("{head}{multipart}Content-Length: 500\r\n\r\n{parts}"),
            Some("HTTP/1.1 408 "),
        ),
        (
            format!("{head}{form}Transfer-Encoding: chunked\r\n\r\n4\r\ntext\r\n"),
            Some("HTTP/1.1 408 "),
        ),
    ] {
        let mut socket = raw::connect(&app).await;
        socket.write_all(beginning.as_bytes()).await.unwrap();
        slow.push((beginning, answer, socket));
    }
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(user.get("/users/me").await.0, 200);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "others are held up: {:?}",
        begun.elapsed()
    );
    for (beginning, answer, mut socket) in slow {
        let said = raw::rest(&mut socket).await;
        match answer {
            Some(answer) => assert!(said.starts_with(answer), "{beginning}: {said}"),
            // The library may say 408 or nothing.
            None => assert!(
                said.is_empty() || said.starts_with("HTTP/1.1 408 "),
                "{beginning}: {said}"
            ),
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let (_, listed) = user.get("/conversations/").await;
    assert_eq!(listed, json!([]), "half a question was stored");
}

/// What two servers in a row could read as different requests is refused, and nothing behind it is read.
#[tokio::test]
async fn smuggled_requests_are_refused() {
    let app = app().await;
    let user = app.register("a@example.com").await;
    let hidden = format!(
        "POST /conversations/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 17\r\n\r\n{{\"title\":\"hidden\"}}",
        user.token
    );
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: \r\n",
        "Content-Length : 5\r\n",
        "Host: y\r\n",
        "Bad Header: x\r\n",
        "Bad\0Header: x\r\n",
        ": x\r\n",
    ] {
        let request = format!("POST /auth/login HTTP/1.1\r\nHost: x\r\n{framing}\r\n0\r\n\r\n{hidden}");
        let said = raw::exchange(&app, request.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{framing:?}: {said}");
        assert_eq!(
            said.matches("HTTP/1.1 ").count(),
            1,
            "{framing:?}: more than one answer: {said}"
        );
    }
    for start in [
        "POST /models HTTP/1.1\r\n",
        "GET /models HTTP/9.9\r\nHost: x\r\n",
        "GET  /models HTTP/1.1\r\nHost: x\r\n",
        "GET /mo dels HTTP/1.1\r\nHost: x\r\n",
        "\0\0\0\0 / HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n",
    ] {
        let said = raw::exchange(&app, format!("{start}\r\n{hidden}").as_bytes()).await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 400 "),
            "{start:?}: {said}"
        );
    }
    let (_, listed) = user.get("/conversations/").await;
    assert_eq!(listed, json!([]), "a hidden request was read");
}

/// A model's arguments are no better than anybody's.
#[tokio::test]
async fn absurd_arguments_of_tools_end_no_turn() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("a@example.com").await;
    let calls = [
        r#"{"content": "ships", "limit": -1}"#,
        r#"{"content": "ships", "limit": 0}"#,
        r#"{"content": "ships", "limit": 1e308}"#,
        r#"{"content": "ships", "limit": 9223372036854775807}"#,
        r#"{"content": "ships", "limit": 99999999999999999999999999}"#,
        r#"{"content": "ships", "limit": NaN}"#,
        r#"{"content": "ships", "limit": "NaN"}"#,
        r#"{"content": "ships", "limit": 2.5}"#,
        r#"{"content": "ships", "limit": null, "authors": null}"#,
        r#"{"content": {"$ne": 1}, "authors": "x", "exclude_titles": [1, null]}"#,
        r#"{"content": "\"; drop table books; -- NEAR( * ^", "limit": 3}"#,
        r#"[1, 2]"#,
        r#"null"#,
        r#"{"#,
        "",
    ];
    for arguments in calls {
        provider.push(Reply::text("").raw_tool_call("get_book_recommendations", arguments));
        provider.push(Reply::text("done"));
        let (status, turn) = user.chat(&[("text", "books about ships")]).await;
        assert_eq!(
            (status, &turn["answer"]),
            (200, &json!("done")),
            "{arguments}: {turn}"
        );
        let told = provider.answer_calls().pop().unwrap();
        let outputs = told.tool_outputs();
        assert_eq!(outputs.len(), 1, "{arguments}");
        assert!(
            outputs[0].1.len() < 100_000,
            "{arguments}: {} bytes of books",
            outputs[0].1.len()
        );
    }
    for (name, arguments) in [
        ("get_book_summaries", r#"{"titles": []}"#),
        ("get_book_summaries", r#"{"titles": "x"}"#),
        ("get_book_summaries", r#"{}"#),
        ("run_shell", r#"{"command": "id"}"#),
    ] {
        provider.push(Reply::text("").raw_tool_call(name, arguments));
        provider.push(Reply::text("done"));
        let (status, turn) = user.chat(&[("text", "books about ships")]).await;
        assert_eq!(
            (status, &turn["answer"]),
            (200, &json!("done")),
            "{name} {arguments}: {turn}"
        );
    }
    // What names no tool is no call; what is then left is no answer either.
    provider.push(Reply::text("").raw_tool_call("", "{}"));
    let (status, said) = user.chat(&[("text", "books about ships")]).await;
    assert_eq!((status, &said["code"]), (502, &json!("provider_error")), "{said}");
    assert_eq!(provider.unused(), 0);
    assert_ne!(messages(&user, &json!(1)).await[1]["price"], Value::Null);
}
