//! Too much, too deep, too slow: refused at once or closed at a deadline, and the service goes on.

use crate::support::{app, get, get_as, options, post, post_as, raw, send};
use chatai_testkit::app::TestApp;
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

async fn expect_alive(app: &TestApp) {
    assert_eq!(get(app, "/readyz").await.status, 200);
}

#[tokio::test]
async fn bodies_over_the_limit() {
    let app = options().env("CHATAI__LIMITS__BODY_MB", "1").start().await;
    let user = app.register("ada@example.com").await;
    let large = "x".repeat((1 << 20) + 1);
    for path in ["/auth/register", "/auth/login", "/conversations/"] {
        let request = user
            .call(Method::POST, path)
            .header("content-type", "application/json");
        let answer = send(request.body(large.clone())).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (413, &json!("too_large")),
            "{path}"
        );
        assert!(
            answer.json()["detail"].as_str().unwrap().contains("1 MiB"),
            "{answer:?}"
        );
    }
    for content_type in ["application/json", "application/x-www-form-urlencoded"] {
        let request = user
            .call(Method::POST, "/chat/")
            .header("content-type", content_type);
        let answer = send(request.body(large.clone())).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (413, &json!("too_large")),
            "{content_type}"
        );
    }
    // Announced, not sent: refused without waiting for it.
    let head = format!(
        "POST /chat/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 9999999999999\r\nConnection: close\r\n\r\n",
        user.token
    );
    let mut socket = raw::connect(&app).await;
    socket.write_all(head.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let said = first_line(&mut socket).await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    expect_alive(&app).await;
}

/// The first line that comes; the connection may stay open for a while to let the caller read it.
async fn first_line(socket: &mut tokio::net::TcpStream) -> String {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let mut line = String::new();
    let reading = BufReader::new(socket);
    let mut reading = reading;
    tokio::time::timeout(Duration::from_secs(20), reading.read_line(&mut line))
        .await
        .expect("an answer in time")
        .expect("text");
    line
}

#[tokio::test]
async fn deep_and_wide_json() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    for body in [
        deep("[", "]"),
        deep("{\"title\":", "}"),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "9".repeat(1_000_000),
        format!("{{\"title\": {}}}", "9".repeat(900_000)),
        format!("{{\"title\": \"{}\"}}", "x".repeat(900_000)),
        format!("{{\"title\": -1e{}}}", "9".repeat(900_000)),
    ] {
        let begun = Instant::now();
        let request = user
            .call(Method::POST, "/conversations/")
            .header("content-type", "application/json");
        let answer = send(request.body(body)).await;
        assert_eq!(
            answer.status,
            422,
            "{}",
            &answer.text[..answer.text.len().min(300)]
        );
        assert!(answer.text.len() < 10_000, "nothing long is sent back");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    // Unknown members may be as deep as they like.
    let body = format!("{{\"x\": {}, \"title\": \"fine\"}}", deep("[", "]"));
    let request = user
        .call(Method::POST, "/conversations/")
        .header("content-type", "application/json");
    assert_eq!(send(request.body(body)).await.status, 200);
    expect_alive(&app).await;
}

#[tokio::test]
async fn many_fields_and_many_parts() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let pairs = "a=b&".repeat(200_000) + "text=hello";
    let request = user
        .call(Method::POST, "/chat/")
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(send(request.body(pairs)).await.status, 200);
    let part = "--x\r\nContent-Disposition: form-data; name=\"y\"\r\n\r\nz\r\n";
    let parts = part.repeat(10_000) + "--x--\r\n";
    let request = user
        .call(Method::POST, "/chat/")
        .header("content-type", "multipart/form-data; boundary=x");
    let answer = send(request.body(parts)).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (413, &json!("too_large"))
    );
    let long_header = format!(
        "--x\r\nContent-Disposition: form-data; name=\"text\"\r\nX: {}\r\n\r\nhi\r\n--x--\r\n",
        "y".repeat(1 << 20)
    );
    let request = user
        .call(Method::POST, "/chat/")
        .header("content-type", "multipart/form-data; boundary=x");
    let answer = send(request.body(long_header)).await;
    assert!([400, 413].contains(&answer.status), "{answer:?}");
    expect_alive(&app).await;
}

#[tokio::test]
async fn long_paths_queries_and_headers() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let long = "x".repeat(20_000);
    assert_eq!(get_as(&user, &format!("/{long}")).await.status, 404);
    let path = format!("/conversations/1/rename?new_title={long}");
    let answer = send(user.call(Method::PUT, &path)).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.len() < 2_000, "{}", answer.text.len());
    let request = app.client().get(app.url("/users/me")).bearer_auth(&long);
    assert_eq!(send(request).await.status, 401);
    let huge = format!(
        "GET /models HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "y".repeat(1 << 20)
    );
    let said = raw::exchange(&app, huge.as_bytes()).await;
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 400"),
        "{said}"
    );
    let many: String = (0..2_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let said = raw::exchange(
        &app,
        format!("GET /models HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes(),
    )
    .await;
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 400"),
        "{said}"
    );
    expect_alive(&app).await;
}

/// The deadlines are what is tested, so these wait for them.
#[tokio::test]
async fn slow_headers_and_bodies_are_closed() {
    let app = options()
        .env("CHATAI__SERVER__HEADER_TIMEOUT_S", "1")
        .env("CHATAI__SERVER__BODY_TIMEOUT_S", "1")
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let silent = async {
        let mut socket = raw::connect(&app).await;
        raw::rest(&mut socket).await
    };
    let half_a_head = async {
        let mut socket = raw::connect(&app).await;
        socket
            .write_all(b"GET /models HTTP/1.1\r\nHost: x\r\nX-Slow")
            .await
            .unwrap();
        raw::rest(&mut socket).await
    };
    let half_a_body = async {
        let mut socket = raw::connect(&app).await;
        let head = format!(
            "POST /chat/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntext=",
            user.token
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        raw::rest(&mut socket).await
    };
    let begun = Instant::now();
    let (silent, head, body) = tokio::join!(silent, half_a_head, half_a_body);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    for said in [silent, head] {
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    assert!(
        body.starts_with("HTTP/1.1 408") && body.contains("request_timeout"),
        "{body}"
    );
    // By a connection of its own: one that is kept may be closed at this very moment.
    let asked = reqwest::Client::new().get(app.url("/readyz"));
    assert_eq!(send(asked).await.status, 200);
}

/// A hundred connections that say nothing hold up nobody.
#[tokio::test]
async fn idle_connections_hold_up_nobody() {
    let app = app().await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(raw::connect(&app).await);
    }
    let user = app.register("ada@example.com").await;
    assert_eq!(get_as(&user, "/users/me").await.status, 200);
    drop(idle);
}

#[tokio::test]
async fn a_megabyte_password_is_refused_before_it_is_hashed() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let long = "x".repeat(1_000_000);
    let begun = Instant::now();
    for _ in 0..5 {
        for path in ["/auth/register", "/auth/login"] {
            let answer = post(&app, path, &json!({"email": "a@b.de", "password": long})).await;
            assert_eq!(answer.status, 422);
            assert!(answer.text.len() < 1_000);
        }
        let body = json!({"current_password": "secret", "new_password": long});
        assert_eq!(post_as(&user, "/auth/password", &body).await.status, 422);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
