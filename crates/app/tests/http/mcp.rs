//! `POST /mcp`: the collection as a server of tools, asked by the official SDK's client and by hand.

use crate::{
    support::{Answer, app, get, list, on_both, options, send},
    tools::peer::{python, script},
};
use chatai_testkit::app::{TestApp, User};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

const MODERN: &str = "2026-07-28";

/// Sends one message as a client of a version with a handshake does.
async fn ask(user: &User, message: &Value) -> Answer {
    send(user.call(Method::POST, "/mcp").json(message)).await
}

fn request(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

/// The same as a client of the newest version does.
async fn ask_modern(user: &User, method: &str, mut params: Value, headers: &[(&str, &str)]) -> Answer {
    params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {}});
    let mut call = user.call(Method::POST, "/mcp").json(&request(method, params));
    for (name, value) in headers {
        call = call.header(*name, *value);
    }
    send(call).await
}

fn code(answer: &Answer) -> i64 {
    answer.json()["error"]["code"]
        .as_i64()
        .unwrap_or_else(|| panic!("{answer:?}"))
}

/// A key of the account.
async fn key(user: &User) -> String {
    let (status, key) = user.post("/keys", &json!({"name": "mcp"})).await;
    assert_eq!(status, 200, "{key}");
    key["key"].as_str().unwrap().to_owned()
}

async fn with_books() -> TestApp {
    let books = json!([
        {"title": "Salt and Sails", "author": "Mara Lind", "year": 1900, "short_summary": "A crew crosses a cold sea.",
         "full_summary": "In full: A crew crosses a cold sea.", "themes": ["sea"], "genres": ["novel"], "language": "en"},
        {"title": "Paper Mountains", "author": "Ines Roth", "year": 1900, "short_summary": "A climber writes letters.",
         "full_summary": "", "themes": ["mountains"], "genres": ["novel"], "language": "en"}
    ]);
    options()
        .file("BOOKS_FILE", "books.json", books.to_string())
        .start()
        .await
}

/// In the newest way of the protocol and with the handshake of the older ones.
#[tokio::test]
async fn the_official_client_lists_and_calls_the_tools() {
    let app = with_books().await;
    let user = app.register("ada@example.com").await;
    let done = Command::new(python())
        .arg(script("client.py"))
        .env("MCP_URL", app.url("/mcp"))
        .env("API_KEY", key(&user).await)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "passed auto",
            "passed legacy",
            "passed 2026-07-28",
            "passed refused"
        ]
    );
}

on_both! {
    async fn tokens_and_keys_are_taken_as_everywhere(options) {
        let app = options.start().await;
        let (ada, bob) = (app.register("ada@example.com").await, app.register("bob@example.com").await);
        let list = request("tools/list", json!({}));
        let keys = [key(&ada).await, key(&bob).await];
        let mut answers = Vec::new();
        for caller in [&ada, &bob, &ada.with_token(&keys[0]), &ada.with_token(&keys[1])] {
            let answer = ask(caller, &list).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answers.push(answer.text);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        for path in ["/mcp", "/api/mcp", "/mcp/"] {
            let refused = send(app.client().post(app.url(path)).json(&list)).await;
            refused.expect_error(401, "not_authenticated", "Not authenticated");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
        let refused = ask(&ada.with_token("sk-wrong"), &list).await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
        // One of them is shut out, and the other is not.
        let (_, me) = bob.get("/users/me").await;
        let (status, _) = ada.patch(&format!("/admin/users/{}", me["id"]), &json!({"disabled": true})).await;
        assert_eq!(status, 200);
        assert_eq!(ask(&ada.with_token(&keys[1]), &list).await.status, 401);
        assert_eq!(ask(&bob, &list).await.status, 401);
        assert_eq!(ask(&ada.with_token(&keys[0]), &list).await.status, 200);
    }
}

#[tokio::test]
async fn the_tools_are_those_that_models_are_given() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = ask(&user, &request("tools/list", json!({}))).await.json();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)));
    let tools = list(&answer["result"]["tools"]);
    assert_eq!(
        (tools.len(), &tools[0]["name"], &tools[1]["name"]),
        (
            2,
            &json!("get_book_recommendations"),
            &json!("get_book_summaries")
        )
    );
    assert_eq!(tools[1]["inputSchema"]["required"], json!(["titles"]));
    let call =
        |name: &str, arguments: Value| request("tools/call", json!({"name": name, "arguments": arguments}));
    let found = ask(
        &user,
        &call(
            "get_book_recommendations",
            json!({"content": "whale", "limit": 2}),
        ),
    )
    .await
    .json();
    let told: Value = serde_json::from_str(found["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(found["result"]["structuredContent"], told);
    assert_eq!(
        (list(&told["recommendations"]).len(), &found["result"]["isError"]),
        (2, &json!(false))
    );
    // A call that makes no sense is the tool's to explain; one of nothing is the protocol's.
    let odd = ask(&user, &call("get_book_recommendations", json!({"limit": -1})))
        .await
        .json();
    assert_eq!(odd["result"]["isError"], true);
    assert_eq!(
        ask(
            &user,
            &request("tools/call", json!({"name": "get_book_summaries"}))
        )
        .await
        .json()["result"]["isError"],
        true
    );
    for (message, expected) in [
        (call("delete_everything", json!({})), -32602),
        (request("tools/call", json!({})), -32602),
        (request("tools/call", json!({"name": 5})), -32602),
        (
            request(
                "tools/call",
                json!({"name": "get_book_summaries", "arguments": [1]}),
            ),
            -32602,
        ),
        (request("tools/list", json!({"cursor": "x"})), -32602),
        (request("resources/list", json!({})), -32601),
        (request("server/discover", json!({})), -32601),
    ] {
        let answer = ask(&user, &message).await;
        assert_eq!(
            (answer.status, code(&answer)),
            (200, expected),
            "{message}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn versions_are_agreed_on() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for (wanted, given) in [
        (json!("2025-03-26"), "2025-03-26"),
        (json!("2025-06-18"), "2025-06-18"),
        (json!("2025-11-25"), "2025-11-25"),
        (json!("1999-01-01"), "2025-11-25"),
        (json!(MODERN), "2025-11-25"),
        (json!(5), "2025-11-25"),
    ] {
        let answer = ask(
            &user,
            &request(
                "initialize",
                json!({"protocolVersion": wanted, "capabilities": {}}),
            ),
        )
        .await;
        assert!(!answer.headers.contains_key("mcp-session-id"));
        let result = &answer.json()["result"];
        assert_eq!(result["protocolVersion"], given, "{wanted}");
        assert_eq!(
            (&result["serverInfo"]["name"], &result["capabilities"]),
            (&json!("chatai"), &json!({"tools": {}}))
        );
    }
    assert_eq!(
        ask(&user, &request("ping", json!({}))).await.json()["result"],
        json!({})
    );
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = ask(&user, &initialized).await;
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    // The version that was agreed on is said with each request from then on, and none that nobody knows is taken.
    let said = async |version: &str| {
        let call = user
            .call(Method::POST, "/mcp")
            .header("mcp-protocol-version", version);
        send(call.json(&request("tools/list", json!({})))).await
    };
    assert_eq!(said("2025-06-18").await.status, 200);
    let refused = said("1999-01-01").await;
    assert_eq!((refused.status, code(&refused)), (400, -32022));
    let supported = &refused.json()["error"]["data"]["supported"];
    assert!(
        list(supported).contains(&json!(MODERN)) && list(supported).contains(&json!("2025-06-18")),
        "{supported}"
    );
}

#[tokio::test]
async fn the_newest_version_needs_no_handshake_and_says_itself_what_it_is() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let right = |method: &'static str| [("mcp-protocol-version", MODERN), ("mcp-method", method)];
    let found = ask_modern(&user, "server/discover", json!({}), &right("server/discover"))
        .await
        .json();
    let result = &found["result"];
    assert_eq!(
        (&result["supportedVersions"], &result["resultType"]),
        (&json!([MODERN]), &json!("complete"))
    );
    assert_eq!(
        (&result["cacheScope"], result["ttlMs"].is_u64()),
        (&json!("private"), true)
    );
    let tools = ask_modern(&user, "tools/list", json!({}), &right("tools/list"))
        .await
        .json();
    assert_eq!(
        (
            list(&tools["result"]["tools"]).len(),
            &tools["result"]["resultType"]
        ),
        (2, &json!("complete"))
    );
    let name = json!({"name": "get_book_summaries", "arguments": {"titles": ["x"]}});
    let version = ("mcp-protocol-version", MODERN);
    let call = ("mcp-method", "tools/call");
    let called = ask_modern(
        &user,
        "tools/call",
        name.clone(),
        &[version, call, ("mcp-name", "get_book_summaries")],
    )
    .await;
    assert_eq!(called.json()["result"]["resultType"], "complete", "{called:?}");
    for (headers, expected) in [
        (vec![version], -32020),
        (vec![version, ("mcp-method", "tools/list")], -32020),
        (vec![version, call], -32020),
        (vec![version, call, ("mcp-name", "another")], -32020),
        (
            vec![version, version, call, ("mcp-name", "get_book_summaries")],
            -32020,
        ),
        (vec![("mcp-protocol-version", "2027-01-01"), call], -32020),
    ] {
        let refused = ask_modern(&user, "tools/call", name.clone(), &headers).await;
        assert_eq!(
            (refused.status, code(&refused)),
            (400, expected),
            "{headers:?}: {refused:?}"
        );
    }
    for method in ["ping", "initialize", "prompts/list"] {
        let refused = ask_modern(&user, method, json!({}), &[version, ("mcp-method", method)]).await;
        assert_eq!((refused.status, code(&refused)), (404, -32601), "{refused:?}");
    }
    let bare = user
        .call(Method::POST, "/mcp")
        .header(version.0, version.1)
        .header("mcp-method", "tools/list");
    let refused = send(bare.json(&request("tools/list", json!({})))).await;
    assert_eq!((refused.status, code(&refused)), (400, -32602), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let sent = async |body: &str, kind: &str| {
        let call = user.call(Method::POST, "/mcp").header("content-type", kind);
        send(call.body(body.to_owned())).await
    };
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{deep}}}}}"#);
    for (body, expected) in [
        ("", -32700),
        ("{", -32700),
        ("\u{feff}{}", -32700),
        (deep.as_str(), -32700),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        ("5", -32600),
        (r#"{"id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, -32600),
    ] {
        let answer = sent(body, "application/json").await;
        assert_eq!(
            (answer.status, code(&answer)),
            (400, expected),
            "{body:.80}: {answer:?}"
        );
        assert_eq!(answer.json()["id"], Value::Null);
    }
    let ping = r#"{"jsonrpc":"2.0","id":"one","method":"ping"}"#;
    assert_eq!(sent(ping, "text/plain").await.status, 400);
    assert_eq!(
        sent(ping, "application/json; charset=utf-8").await.json()["id"],
        "one"
    );
    let large = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":"{}"}}}}"#,
        "x".repeat(2 << 20)
    );
    assert_eq!(sent(&large, "application/json").await.status, 413);
}

#[tokio::test]
async fn there_are_no_sessions_and_no_streams() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let call = user
        .call(Method::POST, "/mcp")
        .header("mcp-session-id", "made-up");
    let refused = send(call.json(&request("tools/list", json!({})))).await;
    assert_eq!(
        (refused.status, code(&refused)),
        (404, -32600),
        "a client begins anew then: {refused:?}"
    );
    for method in [Method::GET, Method::DELETE] {
        let refused = send(user.call(method, "/mcp").header("accept", "text/event-stream")).await;
        assert_eq!(
            (refused.status, refused.header("allow")),
            (405, "POST"),
            "{refused:?}"
        );
    }
    assert_eq!(get(&app, "/mcp").await.status, 405);
}

/// A name that an attacker lets point here leads browsers here; they send the page's origin.
#[tokio::test]
async fn pages_of_other_origins_are_refused_whatever_their_token() {
    let app = options()
        .env("CHATAI__SERVER__CORS_ORIGINS", "https://chat.example.org")
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let from = async |origin: &str| {
        let call = user.call(Method::POST, "/mcp").header("origin", origin);
        send(call.json(&request("ping", json!({})))).await
    };
    let allowed = from("https://chat.example.org").await;
    assert_eq!(
        (allowed.status, allowed.header("access-control-allow-origin")),
        (200, "https://chat.example.org")
    );
    for origin in [
        "https://evil.example",
        "http://chat.example.org",
        "null",
        &app.base_url(),
    ] {
        let refused = from(origin).await;
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (403, Some("forbidden")),
            "{origin}"
        );
        assert_eq!(refused.header("access-control-allow-origin"), "");
    }
}
