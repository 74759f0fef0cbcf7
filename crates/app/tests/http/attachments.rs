//! `GET /attachments/{id}`

use crate::support::{
    Answer, app, app_with_vendor, fault, get_as, list, messages, on_both, send, with_vendor,
};
use chatai_testkit::app::User;
use reqwest::{Method, multipart};
use serde_json::json;

/// Sends a file; its path.
async fn attach(user: &User, name: &str, media_type: &str, bytes: &[u8]) -> String {
    let (status, body) = user
        .chat_with_files(&[("text", "x")], &[(name, media_type, bytes)])
        .await;
    assert_eq!(status, 200, "{body}");
    let stored = messages(user, &body["conversation_id"]).await;
    format!("/attachments/{}", stored[0]["attachments"][0]["id"])
}

on_both! {
    async fn the_bytes_as_sent(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        let path = attach(&user, "data.bin", "application/x-something", &bytes).await;
        let reply = user.call(Method::GET, &path).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-length"], "70000");
        assert_eq!(reply.headers()["content-type"], stored_type(&user, &path).await);
        assert_eq!(reply.bytes().await.unwrap(), bytes);
    }

    async fn another_users_is_unknown(options) {
        let (app, _provider) = with_vendor(options).await;
        let ada = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        let path = attach(&ada, "a.txt", "text/plain", b"secret").await;
        for path in [path.as_str(), "/attachments/99", "/attachments/-1", "/attachments/9223372036854775807"] {
            get_as(&eve, path).await.expect_error(404, "attachment_not_found", "Attachment not found");
        }
    }
}

/// The media type that the messages show for an attachment.
async fn stored_type(user: &User, path: &str) -> String {
    for conversation in list(&user.get("/conversations/").await.1) {
        for message in messages(user, &conversation["id"]).await {
            for attachment in list(&message["attachments"]) {
                if path == format!("/attachments/{}", attachment["id"]) {
                    return attachment["content_type"].as_str().unwrap_or_default().to_owned();
                }
            }
        }
    }
    panic!("no attachment is at {path}");
}

/// A part without a type, of bytes that say nothing either.
#[tokio::test]
async fn an_unknown_type_is_a_stream_of_bytes() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let part = multipart::Part::bytes(&b"\x00\x01\xfe"[..]).file_name("thing");
    let form = multipart::Form::new().text("text", "x").part("files", part);
    let answer = send(user.call(Method::POST, "/chat/").multipart(form)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let stored = messages(&user, &answer.json()["conversation_id"]).await;
    let path = format!("/attachments/{}", stored[0]["attachments"][0]["id"]);
    let reply = user.call(Method::GET, &path).send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "application/octet-stream");
}

#[tokio::test]
async fn types_names_and_safe_headers() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for (name, media_type, bytes, content_type, disposition) in [
        (
            "notes.txt",
            "text/plain",
            &b"hello"[..],
            "text/plain; charset=utf-8",
            "attachment; filename=\"notes.txt\"",
        ),
        (
            "Grüße 😀.md",
            "text/markdown",
            b"# x",
            "text/markdown; charset=utf-8",
            "attachment; filename=\"Gr__e _.md\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%F0%9F%98%80.md",
        ),
        (
            "<b>\"x\";a=b%41.csv",
            "text/csv",
            b"a,b",
            "text/csv; charset=utf-8",
            "attachment; filename=\"<b>_x_;a=b_41.csv\"; filename*=UTF-8''%3Cb%3E%22x%22%3Ba%3Db%2541.csv",
        ),
    ] {
        let path = attach(&user, name, media_type, bytes).await;
        for prefix in ["", "/api"] {
            let answer = get_as(&user, &format!("{prefix}{path}")).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), content_type, "{name}");
            assert_eq!(answer.header("content-disposition"), disposition, "{name}");
            assert!(
                answer.header("content-security-policy").starts_with("sandbox"),
                "{answer:?}"
            );
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(answer.header("cache-control").contains("private"));
        }
    }
}

/// What a browser would run is never delivered as such.
#[tokio::test]
async fn nothing_active_is_served_to_be_shown() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let page = b"<!doctype html><script>alert(1)</script>";
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
    for (name, media_type, bytes) in [
        ("page.html", "text/html", &page[..]),
        ("page.txt", "text/html; charset=utf-7", &page[..]),
        ("x.svg", "image/svg+xml", &svg[..]),
        ("x.js", "text/javascript", b"alert(1)"),
    ] {
        let path = attach(&user, name, media_type, bytes).await;
        let answer = get_as(&user, &path).await;
        assert!(
            answer.header("content-disposition").starts_with("attachment"),
            "{answer:?}"
        );
        assert!(answer.header("content-security-policy").contains("sandbox"));
        assert!(!answer.header("content-security-policy").contains("allow-scripts"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("content-type").contains("utf-7"), "{answer:?}");
    }
}

/// Names as programs that mean harm send them: the stored one is a name and nothing else.
#[tokio::test]
async fn names_that_are_paths_or_headers() {
    let (mut app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for (sent, stored) in [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\x.dll", "x.dll"),
        ("/etc/shadow", "shadow"),
        ("C:\\x\\y.txt", "y.txt"),
        ("..", "file"),
        ("a\u{202e}txt.exe", "atxt.exe"),
        ("nul\u{1}\u{7f}l.txt", "null.txt"),
    ] {
        let form = multipart::Form::new().text("text", "x").part(
            "files",
            multipart::Part::bytes(b"content".as_slice()).file_name(sent),
        );
        let answer = send(user.call(Method::POST, "/chat/").multipart(form)).await;
        assert_eq!(answer.status, 200, "{sent:?}: {answer:?}");
        let messages = messages(&user, &answer.json()["conversation_id"]).await;
        let attachment = &messages[0]["attachments"][0];
        assert_eq!(attachment["filename"], stored, "{sent:?}");
        let file = get_as(&user, &format!("/attachments/{}", attachment["id"])).await;
        let disposition = file.header("content-disposition");
        assert!(
            disposition.starts_with(&format!("attachment; filename=\"{stored}\"")),
            "{disposition}"
        );
    }
    // Raw line ends in a name reach no header either.
    let body = "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhi\r\n--x\r\nContent-Disposition: \
                form-data; name=\"files\"; filename=\"a%0d%0aX-Evil: 1.txt\"\r\nContent-Type: text/plain\r\nX: y\r\n\r\n\
                data\r\n--x--\r\n";
    let request = user
        .call(Method::POST, "/chat/")
        .header("content-type", "multipart/form-data; boundary=x");
    let answer: Answer = send(request.body(body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let messages = messages(&user, &answer.json()["conversation_id"]).await;
    let file = get_as(
        &user,
        &format!("/attachments/{}", messages[0]["attachments"][0]["id"]),
    )
    .await;
    assert_eq!(file.status, 200);
    assert!(!file.headers.contains_key("x-evil"), "{file:?}");

    // Nothing was written beside the database.
    assert!(app.terminate().await.success());
    let mut names: Vec<String> = std::fs::read_dir(app.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("chatai.db") || name == "jwt_secret"),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_part_of_the_bytes() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let path = attach(&user, "a.txt", "text/plain", b"0123456789").await;
    let call = |range: &str| send(user.call(Method::GET, &path).header("range", range));
    let answer = call("bytes=2-4").await;
    assert_eq!((answer.status, answer.text.as_str()), (206, "234"));
    assert_eq!(answer.header("content-range"), "bytes 2-4/10");
    let answer = call("bytes=-3").await;
    assert_eq!((answer.status, answer.text.as_str()), (206, "789"));
    for nonsense in ["lines=1-2", "bytes=x", "bytes=4-2"] {
        let answer = call(nonsense).await;
        assert!(
            answer.status == 200 || answer.status == 416,
            "{nonsense}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn unknown_and_malformed_ids() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let parsing = "Input should be a valid integer, unable to parse string as an integer";
    let answer = get_as(&user, "/attachments/x").await;
    answer.expect_faults(&json!([fault(
        "int_parsing",
        json!(["path", "attachment_id"]),
        parsing,
        json!("x")
    )]));
    let answer = get_as(&user, "/attachments/9223372036854775808").await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(list(&answer.json()["detail"]).len(), 1);
}
