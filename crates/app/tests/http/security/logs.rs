//! The log: a line cannot be forged, and no secret, token or prompt is in it.

use crate::support::{app, chat, get_as, options, post, send, with_vendor};
use chatai_testkit::provider::Reply;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_that_is_nobodys_business_is_logged() {
    let options = options()
        .env(
            "RUST_LOG",
            "trace,hyper=off,hyper_util=off,reqwest=off,rustls=off,h2=off,mio=off,tokio_util=off",
        )
        .env("JWT_SECRET_KEY", "Kq7vZp2mXw9sBd4nRt6yHc3jLf8gTa1e");
    let (mut app, provider) = with_vendor(options).await;
    let user = app.register("ada@example.com").await;
    let password = "pass-word-of-ada";
    let register = json!({"email": "second@example.com", "password": password, "display_name": "x"});
    assert_eq!(post(&app, "/auth/register", &register).await.status, 200);
    let login = json!({"email": "second@example.com", "password": "wrong-pass-word-guess"});
    assert_eq!(post(&app, "/auth/login", &login).await.status, 401);

    provider.push(Reply::text("confidential-answer"));
    let (status, sent) = user
        .chat_with_files(
            &[("text", "confidential-question")],
            &[("confidential-name.txt", "text/plain", b"confidential-file")],
        )
        .await;
    assert_eq!(status, 200);
    let id = sent["conversation_id"].to_string();
    for failing in [
        Reply::unauthorized(),
        Reply::text("confidential-part").cut_after(1),
    ] {
        provider.push(failing);
        let (status, _) = user
            .chat(&[("text", "confidential-question-2"), ("conversation_id", &id)])
            .await;
        assert_eq!(status, 502);
    }
    let path = format!("/conversations/{id}/rename?new_title=confidential-title");
    assert_eq!(send(user.call(Method::PUT, &path)).await.status, 200);
    get_as(&user, &format!("/users/me?token={}", user.token)).await;
    send(user.call(Method::POST, "/auth/logout")).await;
    assert!(app.terminate().await.success());
    let log = app.log();
    assert!(log.contains("a turn failed"), "the failures are there: {log}");
    for secret in [
        password,
        "wrong-pass-word-guess",
        "Kq7vZp2mXw9sBd4n",
        "sk-test-0123456789",
        user.token.as_str(),
        user.token.rsplit('.').next().unwrap(),
        "argon2",
        "confidential-question",
        "confidential-answer",
        "confidential-part",
        "confidential-file",
        "confidential-title",
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "`{secret}` is in the log");
    }
}

#[tokio::test]
async fn lines_cannot_be_forged() {
    for format in ["text", "json"] {
        let options = options()
            .env("RUST_LOG", "debug,hyper=off")
            .env("CHATAI__LOG__FORMAT", format);
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let forged = "x\n2025-01-01T00:00:00Z ERROR forged line\r\n\u{1b}[31mred\u{1b}[0m";
        for path in [
            "/%0a2025-01-01T00:00:00Z%20ERROR%20forged%20line",
            "/%1b%5b31mred",
        ] {
            send(app.client().get(app.url(path))).await;
        }
        let register = json!({"email": forged, "password": "secret"});
        post(&app, "/auth/register", &register).await;
        user.chat(&[("text", "x"), ("model", forged)]).await;
        provider.push(Reply::error(400, "invalid_request_error", "x", forged));
        user.chat(&[("text", "x")]).await;
        user.chat_with_files(
            &[("text", "x")],
            &[(
                "a\n2025 ERROR forged line.docx",
                "text/plain",
                b"PK\x03\x04broken",
            )],
        )
        .await;
        chat(&user, &[("text", forged)]).await;
        assert!(app.terminate().await.success());
        let log = app.log();
        assert!(log.lines().count() > 3, "{log}");
        assert!(!log.contains('\u{1b}'), "no escapes reach a terminal: {log:?}");
        for line in log.lines() {
            assert!(
                !line.starts_with("2025") && !line.trim_start().starts_with("ERROR forged"),
                "{line}"
            );
            if format == "json" {
                let parsed: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(parsed["level"].is_string(), "{line}");
            }
        }
    }
}

/// The cause is logged once, and the id that the caller was given leads there.
#[tokio::test]
async fn failures_are_logged_once_under_their_request() {
    let (mut app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    let (_, id) = user.post("/conversations/", &json!({"title": "t"})).await;
    provider.push(Reply::unauthorized());
    let request = user
        .call(Method::POST, "/chat/")
        .header("x-request-id", "find-me-again");
    let answer = send(request.form(&[("text", "x"), ("conversation_id", &id.to_string())])).await;
    assert_eq!(answer.status, 502);
    assert!(app.terminate().await.success());
    let log = app.log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("find-me-again"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    let answer_id = format!("answer={}", answer.json()["response_message_id"]);
    assert!(
        lines[0].contains("provider_auth") && lines[0].contains(&answer_id),
        "{lines:?}"
    );
    let causes: Vec<&str> = log.lines().filter(|line| line.contains("cause=")).collect();
    assert_eq!(causes.len(), 1, "{log}");
    assert!(
        causes[0].contains("provider_auth") && causes[0].contains(&answer_id),
        "{causes:?}"
    );
}

#[tokio::test]
async fn a_quiet_service_logs_little() {
    let mut app = app().await;
    let user = app.register("ada@example.com").await;
    for _ in 0..20 {
        get_as(&user, "/users/me").await;
        get_as(&user, "/nothing").await;
    }
    assert!(app.terminate().await.success());
    assert!(app.log().lines().count() < 10, "{}", app.log());
}
