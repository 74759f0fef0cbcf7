//! `/` and `/app/…`: the page as a browser fetches it. What it does there is tested in `tests/page`.

use crate::support::{Answer, app, get, send};
use chatai_testkit::app::TestApp;

async fn fetch(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.client().get(app.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

#[tokio::test]
async fn the_page_is_asked_for_each_time_and_its_files_once() {
    let app = app().await;
    let page = get(&app, "/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(page.header("cache-control"), "no-cache");
    let tag = page.header("etag").to_owned();
    assert!(tag.len() > 10, "{tag}");
    for known in [tag.clone(), format!("W/{tag}, \"x\""), format!("\"x\", {tag}")] {
        let again = fetch(&app, "/", &[("if-none-match", &known)]).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), tag);
    }
    assert_eq!(fetch(&app, "/", &[("if-none-match", "\"x\"")]).await.status, 200);

    let mut loaded = 0;
    for reference in page
        .text
        .split("href=\"")
        .chain(page.text.split("src=\""))
        .skip(1)
    {
        let reference = reference.split('"').next().unwrap();
        if !reference.starts_with("app/") {
            continue;
        }
        let file = get(&app, &format!("/{reference}")).await;
        assert_eq!(file.status, 200, "{reference}");
        assert_eq!(
            file.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        loaded += 1;
    }
    assert!(loaded > 10, "{}", page.text);
}

#[tokio::test]
async fn the_page_may_do_nothing_but_what_it_needs() {
    let app = app().await;
    let page = get(&app, "/").await;
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
}

#[tokio::test]
async fn what_can_be_opened_by_itself_says_what_it_may_do() {
    let app = app().await;
    let page = get(&app, "/").await;
    let (_, folder) = page.text.split_once("\"app/").unwrap();
    let folder = folder.split('/').next().unwrap();
    for (name, has_policy) in [
        ("worker.js", true),
        ("icon.svg", true),
        ("main.js", false),
        ("style/base.css", false),
    ] {
        let file = get(&app, &format!("/app/{folder}/{name}")).await;
        let policy = file.headers.get("content-security-policy");
        assert_eq!((file.status, policy.is_some()), (200, has_policy), "{name}");
    }
}

#[tokio::test]
async fn files_come_in_the_form_that_the_browser_takes() {
    let app = app().await;
    for (offered, taken) in [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("identity", ""),
    ] {
        let page = app.client().get(app.url("/")).header("accept-encoding", offered);
        let page = page.send().await.unwrap();
        let coding = page.headers().get("content-encoding");
        assert_eq!(
            coding.map_or("", |coding| coding.to_str().unwrap()),
            taken,
            "{offered}"
        );
        assert_eq!(page.headers()["vary"], "Accept-Encoding");
        let bytes = page.bytes().await.unwrap();
        assert_eq!(
            bytes.starts_with(b"<!doctype html>"),
            taken.is_empty(),
            "{offered}"
        );
    }
}

#[tokio::test]
async fn nothing_else_is_there() {
    let app = app().await;
    for path in [
        "/app/main.js",
        "/app/0000000000000000/main.js",
        "/app/dev/main.js",
        "/app/dev/lib/api.js",
        "/app/dev/..%2f..%2fetc%2fpasswd/x",
        "/web/main.js",
    ] {
        assert_eq!(get(&app, path).await.status, 404, "{path}");
    }
}
