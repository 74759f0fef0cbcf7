//! What operators, proxies and browsers ask: `/`, `/healthz`, `/readyz`, `/openapi.json`, `/docs`.

use crate::support::{app, app_with_vendor, get, keys, on_both, send};
use reqwest::Method;
use serde_json::json;

on_both! {
    async fn alive_and_ready(options) {
        let app = options.start().await;
        for path in ["/healthz", "/readyz", "/api/healthz", "/api/readyz"] {
            let answer = get(&app, path).await;
            assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ok")), "{path}");
        }
    }
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let app = app().await;
    let answer = get(&app, "/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert_eq!(
        document["openapi"]
            .as_str()
            .unwrap()
            .split('.')
            .take(2)
            .collect::<Vec<_>>(),
        ["3", "1"]
    );
    for (path, method) in [
        ("/auth/register", "post"),
        ("/auth/login", "post"),
        ("/auth/token", "post"),
        ("/users/me", "get"),
        ("/conversations/", "get"),
        ("/conversations/", "post"),
        ("/conversations/{conversation_id}", "delete"),
        ("/conversations/{conversation_id}/messages", "get"),
        ("/conversations/{conversation_id}/context", "get"),
        ("/conversations/{conversation_id}/rename", "put"),
        ("/chat/", "post"),
        ("/chat/{conversation_id}/usage-details", "get"),
        ("/chat/messages/{message_id}/usage-details", "get"),
        ("/attachments/{attachment_id}", "get"),
        ("/models", "get"),
    ] {
        assert!(
            document["paths"][path][method]["responses"]["200"].is_object(),
            "{method} {path}"
        );
    }
    let printed = app.command(&["openapi"]).output().unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, document, "the command prints the same");
}

/// The shapes of the document are those of the answers.
#[tokio::test]
async fn the_documents_shapes_hold() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let sent = crate::support::chat(&user, &[("text", "hello")]).await;
    let document = get(&app, "/openapi.json").await.json();
    let members = |name: &str| -> Vec<String> {
        let schema = &document["components"]["schemas"][name]["properties"];
        let mut names: Vec<String> = keys(schema).into_iter().map(str::to_owned).collect();
        names.sort();
        names
    };
    let sorted = |value: &serde_json::Value| -> Vec<String> {
        let mut names: Vec<String> = keys(value).into_iter().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(members("Answer"), sorted(&sent));
    let path = format!("/conversations/{}/messages", sent["conversation_id"]);
    let body = user.get(&path).await.1;
    assert_eq!(members("Messages"), sorted(&body));
    assert_eq!(members("Message"), sorted(&body["messages"][0]));
    assert_eq!(members("Message"), sorted(&body["messages"][1]));
    assert_eq!(
        members("Conversation"),
        sorted(&user.get("/conversations/").await.1[0])
    );
    let path = format!("/chat/{}/usage-details", sent["conversation_id"]);
    let body = user.get(&path).await.1;
    assert_eq!(members("ConversationUsage"), sorted(&body));
    assert_eq!(members("Usage"), sorted(&body["usage_details"][0]));
    assert_eq!(members("Models"), sorted(&get(&app, "/models").await.json()));
}

#[tokio::test]
async fn the_documentation_loads_nothing_from_elsewhere() {
    let app = app().await;
    for (path, to) in [("/api/", "/api/docs"), ("/docs", "docs/")] {
        let answer = get(&app, path).await;
        assert_eq!((answer.status, answer.header("location")), (307, to), "{path}");
    }
    for prefix in ["", "/api"] {
        let page = get(&app, &format!("{prefix}/docs/")).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
        let mut loaded = 0;
        for (index, _) in page
            .text
            .match_indices("src=\"")
            .chain(page.text.match_indices("href=\""))
        {
            let reference = page.text[index..].split('"').nth(1).unwrap();
            assert!(!reference.contains("//"), "{reference}");
            if reference.ends_with(".js") || reference.ends_with(".css") {
                let file = reference.trim_start_matches("./");
                let answer = get(&app, &format!("{prefix}/docs/{file}")).await;
                assert_eq!(answer.status, 200, "{file}");
                loaded += 1;
            }
        }
        assert!(loaded >= 3, "{}", page.text);
    }
    for path in ["/docs/none.js", "/docs/..%2f..%2fetc%2fpasswd", "/docs/%2e%2e/x"] {
        assert_eq!(get(&app, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn head_goes_wherever_get_does() {
    let app = app().await;
    for path in ["/models", "/healthz", "/openapi.json"] {
        let full = get(&app, path).await;
        let head = send(app.client().request(Method::HEAD, app.url(path))).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-type"), full.header("content-type"));
    }
}

#[tokio::test]
async fn larger_json_goes_out_compressed_to_whoever_takes_that() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for number in 0..40 {
        let title = format!("A chat about the sea, number {number}");
        user.post("/conversations/", &json!({"title": title})).await;
    }
    let fetch = async |path: &str, accepted: &str| {
        let request = user.call(Method::GET, path).header("accept-encoding", accepted);
        let response = request.send().await.unwrap();
        let coding = response.headers().get("content-encoding").cloned();
        let length = response.headers().get("content-length").cloned();
        let bytes = response.bytes().await.unwrap();
        assert_eq!(length.unwrap(), bytes.len().to_string().as_str());
        (coding.map(|coding| coding.to_str().unwrap().to_owned()), bytes)
    };
    let (coding, plain) = fetch("/conversations/", "identity").await;
    assert_eq!(coding, None);
    assert!(serde_json::from_slice::<serde_json::Value>(&plain).is_ok());
    let (coding, packed) = fetch("/conversations/", "gzip, br").await;
    assert_eq!(coding.as_deref(), Some("gzip"));
    assert!(
        packed.starts_with(&[0x1f, 0x8b]) && packed.len() * 5 < plain.len(),
        "{}",
        packed.len()
    );
    let (coding, _) = fetch("/users/me", "gzip, br").await;
    assert_eq!(coding, None, "a small reply");

    // What comes piece by piece is never held back to be compressed.
    provider.push(chatai_testkit::provider::Reply::text("All at sea. ".repeat(200)));
    let request = user
        .call(Method::POST, "/chat/")
        .header("accept-encoding", "gzip");
    let request = request.header("accept", "text/event-stream");
    let response = request.json(&json!({"text": "Where?"})).send().await.unwrap();
    assert_eq!(response.headers().get("content-encoding"), None);
    let text = response.text().await.unwrap();
    let message = text.split("\"response_message_id\":").nth(1).unwrap();
    let message: String = message.chars().take_while(char::is_ascii_digit).collect();
    let events = user.call(Method::GET, &format!("/chat/messages/{message}/events"));
    let response = events.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers().get("content-encoding")
        ),
        (200, None)
    );
}
