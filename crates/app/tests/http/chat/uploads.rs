//! How files arrive: large ones, and at every spelling of the path.

use crate::support::{messages, on_both, send};
use chatai_testkit::app::User;
use reqwest::{Method, multipart};
use serde_json::Value;

async fn upload(user: &User, path: &str, bytes: Vec<u8>) -> Value {
    let part = multipart::Part::bytes(bytes).file_name("large.bin");
    let form = multipart::Form::new()
        .text("text", "keep this")
        .part("files", part);
    let answer = send(user.call(Method::POST, path).multipart(form)).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

on_both! {
    /// The original client sends more than the two megabytes at which some frameworks stop by default.
    async fn large_files_come_back_as_they_were_at_every_spelling(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
        for path in ["/chat/", "/chat", "/api/chat/", "/api/chat"] {
            let sent = upload(&user, path, bytes.clone()).await;
            let stored = messages(&user, &sent["conversation_id"]).await;
            let attachment = &stored[0]["attachments"][0];
            assert_eq!(attachment["filename"], "large.bin", "{path}");
            let call = user.call(Method::GET, &format!("/attachments/{}", attachment["id"]));
            let back = call.send().await.unwrap().bytes().await.unwrap();
            assert!(back == bytes, "{path}: {} bytes came back", back.len());
        }
    }
}
