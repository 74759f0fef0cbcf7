//! What the log must not hold, and what nobody may write into it.

use crate::support::{raw, *};
use chatai_testkit::{
    app::TestApp,
    provider::{Reply, ScriptedProvider},
};
use serde_json::{Value, json};

const PASSWORD: &str = "p4ssw0rd-hush";
const RENEWED: &str = "r3n3wed-hush";
const PROMPT: &str = "prompt-hush";
const FILE: &str = "file-hush";
const ANSWER: &str = "answer-hush";
const TITLE: &str = "title-hush";
const KEY: &str = "sk-test-0123456789";
const SECRET: &str = "a-signing-secret-that-is-hush-0123456789";

/// Uses everything once, rightly and wrongly. Returns the tokens.
async fn use_everything(app: &TestApp, provider: &ScriptedProvider) -> Vec<String> {
    let account = json!({"email": "a@example.com", "password": PASSWORD});
    let mut tokens =
        vec![text(&post(app, "/auth/register", &account).await.json()["access_token"]).to_owned()];
    post(
        app,
        "/auth/login",
        &json!({"email": "a@example.com", "password": format!("{PASSWORD}-wrong")}),
    )
    .await;
    tokens.push(text(&post(app, "/auth/login", &account).await.json()["access_token"]).to_owned());
    let broken = format!("{{\"email\": \"a@example.com\", \"password\": \"{PASSWORD}\"");
    send(app.client().post(app.url("/auth/login")).body(broken))
        .await
        .expect(422, "validation_error");
    let user = app.register("b@example.com").await.with_token(&tokens[0]);

    provider.push(Reply::text(ANSWER).tool_call("get_book_summaries", &json!({"titles": [PROMPT]})));
    provider.push(Reply::text(ANSWER));
    let file: (&str, &str, &[u8]) = ("f.txt", "text/plain", FILE.as_bytes());
    let (status, turn) = user.chat_with_files(&[("text", PROMPT)], &[file]).await;
    assert_eq!(status, 200, "{turn}");
    // A vendor's own words about a failure are logged, for they are what an operator needs. Its key is not, even
    // where the vendor repeats it.
    for fault in [
        Reply::error(500, "server_error", "", "broken"),
        Reply::error(
            401,
            "invalid_request_error",
            "invalid_api_key",
            &format!("Incorrect API key provided: {KEY}"),
        ),
        Reply::error(400, "invalid_request_error", "", "bad input"),
        Reply::text(ANSWER).deltas(3).cut_after(1),
        Reply::text(ANSWER).fails("server_error", "sorry"),
    ] {
        // Some calls are tried again: the fault stays.
        provider.script(move |_| fault.clone());
        let id = turn["conversation_id"].to_string();
        let (status, said) = user.chat(&[("text", PROMPT), ("conversation_id", &id)]).await;
        assert!((400..600).contains(&status), "{said}");
        assert!(!said.to_string().contains(KEY), "{said}");
    }
    provider.unscript();
    let id = conversation(&user, TITLE).await;
    send(user.call(
        reqwest::Method::PUT,
        &format!("/conversations/{id}/rename?new_title={TITLE}"),
    ))
    .await;
    send(
        app.client()
            .get(app.url("/attachments/1"))
            .header("cookie", format!("chatai_token={}", tokens[0])),
    )
    .await;
    let body = json!({"current_password": PASSWORD, "new_password": RENEWED});
    let (status, renewed) = user.post("/auth/password", &body).await;
    assert_eq!(status, 200, "{renewed}");
    tokens.push(text(&renewed["access_token"]).to_owned());
    tokens
}

async fn expect_silence(level: &str, format: &str) {
    let options = options()
        .env("JWT_SECRET_KEY", SECRET)
        .env("CHATAI__LOG__LEVEL", level)
        .env("CHATAI__LOG__FORMAT", format);
    let (mut app, provider) = with_vendor(options).await;
    let tokens = use_everything(&app, &provider).await;
    app.terminate().await;
    let log = app.log();
    assert!(log.contains("a turn failed"), "the log is not about this: {log}");
    let mut secrets: Vec<&str> = vec![PASSWORD, RENEWED, PROMPT, FILE, ANSWER, TITLE, KEY, SECRET];
    for token in &tokens {
        secrets.push(token);
        secrets.push(token.rsplit('.').next().unwrap());
    }
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "`{secret}` is in the log at {level}");
    }
}

#[tokio::test]
async fn no_secret_and_no_content_is_logged() {
    expect_silence("info", "text").await;
}

#[tokio::test]
async fn not_even_when_debugging() {
    expect_silence("debug", "json").await;
}

/// Whether a line is one that the program itself began.
fn is_own(line: &str, format: &str) -> bool {
    match format {
        "json" => serde_json::from_str::<Value>(line).is_ok_and(|line| line["level"].is_string()),
        _ => line.len() > 28 && line.as_bytes()[..4].iter().all(u8::is_ascii_digit) && &line[26..27] == "Z",
    }
}

async fn expect_own_lines_alone(format: &str) {
    let options = options()
        .env("CHATAI__LOG__LEVEL", "debug")
        .env("CHATAI__LOG__FORMAT", format);
    let (mut app, provider) = with_vendor(options).await;
    let user = app.register("a@example.com").await;
    let forged = "2026-01-01T00:00:00.000000Z ERROR forged-line";
    let breaks = [
        format!("x\n{forged}"),
        format!("x\r\n{forged}"),
        format!("x\u{2028}{forged}\u{85}{forged}"),
        format!("\u{1b}[2K\u{1b}[1A{forged}"),
    ];
    for text in &breaks {
        for fault in [
            Reply::error(500, "server_error", text, text),
            Reply::error(400, text, text, text),
            Reply::text("x").fails(text, text),
            Reply::text("x").errors(text, text),
            Reply::call_tool(text, &json!({})),
        ] {
            provider.push(fault);
            let (_, said) = user.chat(&[("text", text)]).await;
            assert!(said.is_object());
        }
        let file: (&str, &str, &[u8]) = (text, "application/pdf", b"%PDF-1.7\nbroken");
        user.chat_with_files(&[("text", "x")], &[file]).await;
        user.chat(&[("text", "x"), ("model", text)]).await;
        post(&app, "/auth/login", &json!({"email": text, "password": text})).await;
    }
    for path in [
        "/x%0a2026-01-01T00:00:00.000000Z%20ERROR%20forged-line",
        "/conversations/%0d%0aforged-line/messages",
    ] {
        get(&app, path).await;
    }
    for bytes in [
        format!("GET /x\u{b}{} HTTP/1.1\r\nHost: x\r\n\r\n", "forged-line"),
        "GET /models HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\u{1b}[31m forged-line\r\nConnection: close\r\n\r\n".to_owned(),
        "FORGED-LINE\n /models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
    ] {
        raw::exchange(&app, bytes.as_bytes()).await;
    }
    app.terminate().await;
    let log = app.log();
    assert!(log.lines().count() > 20, "{log}");
    for line in log
        .split(['\n', '\r', '\u{85}', '\u{2028}'])
        .filter(|line| !line.is_empty())
    {
        assert!(
            is_own(line, format),
            "a line that the program did not begin: {line:?}"
        );
        assert!(!line.starts_with("2026-01-01T00:00:00"), "{line:?}");
        assert!(!line.contains('\u{1b}'), "a terminal would obey: {line:?}");
    }
}

#[tokio::test]
async fn lines_cannot_be_forged_in_text() {
    expect_own_lines_alone("text").await;
}

#[tokio::test]
async fn lines_cannot_be_forged_in_json() {
    expect_own_lines_alone("json").await;
}
