//! Where requests and keys go: to the configured address, and nowhere else. What a server's process is given: what its
//! entry says, and nothing else.

use super::{ask, entry, listed, offered, peer::Notes, with_servers};
use crate::support::{chat, options};
use chatai_testkit::provider::{Reply, ScriptedProvider};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A service that answers every request with this; the heads of what it was sent.
async fn answering(reply: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (reply, seen) = (reply.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                seen.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                let _ = stream.write_all(reply.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (format!("http://{address}/mcp"), heads)
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_and_takes_no_key_along() {
    let elsewhere = ScriptedProvider::start().await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let reply = format!(
            "HTTP/1.1 {status}\r\nlocation: http://{}/mcp\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            elsewhere.address()
        );
        let (url, heads) = answering(reply).await;
        let entry = format!(
            "[[mcp]]\nname = \"peer\"\nurl = \"{url}\"\napi_key = \"key-of-the-house\"\ngrant = \"everyone\"\n"
        );
        let (app, provider) = with_servers(options(), &entry).await;
        let user = app.register("ada@example.com").await;
        chat(&user, &[("text", "hi")]).await;
        assert!(offered(&provider).is_empty());
        let heads = heads.lock().unwrap().clone();
        assert!(
            !heads.is_empty() && heads.iter().all(|head| head.contains("Bearer key-of-the-house")),
            "{heads:?}"
        );
        assert_eq!(elsewhere.counts().connections, 0, "{status}");
        assert!(!app.log().contains("key-of-the-house"), "{}", app.log());
    }
}

/// A server that quotes the key back does not have it told to anyone.
#[tokio::test]
async fn a_key_that_a_server_quotes_is_not_passed_on() {
    let body = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"key-of-the-house is no good"}}"#;
    let reply = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let (url, _) = answering(reply).await;
    let entry = format!(
        "[[mcp]]\nname = \"peer\"\nurl = \"{url}\"\napi_key = \"key-of-the-house\"\ngrant = \"everyone\"\n"
    );
    let (app, _provider) = with_servers(options().env("CHATAI__LOG__LEVEL", "debug"), &entry).await;
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", "hi")]).await;
    let log = app.log();
    assert!(log.contains("a tool server is not connected"), "{log}");
    assert!(!log.contains("key-of-the-house"), "{log}");
}

/// Nothing that a user can name leads anywhere: neither a grant nor a call makes an address.
#[tokio::test]
async fn users_name_no_addresses() {
    let elsewhere = ScriptedProvider::start().await;
    let notes = Notes::start().await;
    let (app, provider) = with_servers(
        options(),
        &entry("peer", "peer.py", &[], &notes, "grant = \"everyone\""),
    )
    .await;
    let user = app.register("ada@example.com").await;
    listed(&user, 1).await;
    let address = elsewhere.base_url();
    let body = json!({"granted": true, "url": address, "server": address, "command": "/bin/true"});
    let (status, tool) = user.put("/tools/peer__add", &body).await;
    assert_eq!((status, &tool["server"]), (200, &json!("peer")), "{tool}");
    let named = json!({"a": 1, "b": 1, "url": address, "_meta": {"url": address}});
    let said = ask(&user, &provider, Reply::call_tool("peer__add", &named)).await;
    assert!(
        said[0]["result"] == "2" || said[0]["error"].is_string(),
        "{said:?}"
    );
    assert_eq!(elsewhere.counts().connections, 0);
}

#[tokio::test]
async fn a_process_is_given_no_variable_that_its_entry_does_not_name() {
    let notes = Notes::start().await;
    let more = "grant = \"everyone\"\nenv_from = [\"TRACKER_TOKEN\"]";
    let options = options()
        .env("TRACKER_TOKEN", "tracker-token-1")
        .env("HOME", "/tmp")
        .env("SECRET_OF_OURS", "x")
        .env("JWT_SECRET_KEY", crate::support::jwt::SECRET);
    let (app, provider) = with_servers(options, &entry("peer", "peer.py", &[], &notes, more)).await;
    let user = app.register("ada@example.com").await;
    listed(&user, 1).await;
    let said = ask(&user, &provider, Reply::call_tool("peer__variables", &json!({}))).await;
    let said = said[0]["result"].as_str().unwrap();
    for name in ["TRACKER_TOKEN", "HOME", "PEER_NOTES"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    for name in ["SECRET_OF_OURS", "JWT", "OPENAI", "CHATAI"] {
        assert!(!said.contains(name), "{name}: {said}");
    }
}
