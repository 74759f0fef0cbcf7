//! Pages of other origins: none may call with a user's credentials unless it was configured.

use crate::support::{Answer, app, options, send};
use chatai_testkit::app::TestApp;
use reqwest::Method;

async fn preflight(app: &TestApp, origin: &str) -> Answer {
    let request = app
        .client()
        .request(Method::OPTIONS, app.url("/chat/"))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, content-type");
    send(request).await
}

#[track_caller]
fn expect_no_allow_header(answer: &Answer) {
    let allowed = answer
        .headers
        .keys()
        .any(|name| name.as_str().starts_with("access-control-"));
    assert!(!allowed, "{answer:?}");
}

#[tokio::test]
async fn a_foreign_origin_gets_no_allow_header() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "*", ""] {
        expect_no_allow_header(&preflight(&app, origin).await);
        let request = user.call(Method::GET, "/conversations/").header("origin", origin);
        let answer = send(request).await;
        // It is answered: a proxy may make `Host` differ from `Origin`. The browser keeps it from the page.
        assert_eq!(answer.status, 200);
        expect_no_allow_header(&answer);
    }
}

#[tokio::test]
async fn a_configured_origin_may_call_and_no_other_that_looks_like_it() {
    let app = options()
        .env("CHATAI__SERVER__CORS_ORIGINS", "https://chat.example.org")
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let origin = "https://chat.example.org";
    let answer = preflight(&app, origin).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    let headers = answer.header("access-control-allow-headers").to_lowercase();
    assert!(
        headers.contains("authorization") && headers.contains("content-type"),
        "{headers}"
    );

    let answer = send(user.call(Method::GET, "/conversations/").header("origin", origin)).await;
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert!(answer.header("vary").to_lowercase().contains("origin"));
    // Errors too, or the page could not read them.
    let request = app.client().get(app.url("/users/me")).header("origin", origin);
    let answer = send(request).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (401, origin)
    );

    for other in [
        "https://chat.example.org.evil.example",
        "http://chat.example.org",
        "https://chat.example.org:8443",
        "https://evil.example",
        "null",
    ] {
        expect_no_allow_header(&preflight(&app, other).await);
    }
}
