//! The cookie that opens attachments, and nothing else.

use crate::support::{app_with_vendor, chat, get, list, messages, post, post_as, routes, send};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

/// The cookie pair of a `Set-Cookie` line, after its attributes were checked.
#[track_caller]
fn checked(line: &str) -> String {
    let mut parts = line.split("; ");
    let pair = parts.next().unwrap_or_default().to_owned();
    let mut attributes: Vec<&str> = parts.collect();
    attributes.sort_unstable();
    assert_eq!(
        attributes,
        ["HttpOnly", "Max-Age=86400", "Path=/", "SameSite=Strict"],
        "{line}"
    );
    pair
}

#[tokio::test]
async fn every_way_of_signing_in_sets_it() {
    let (app, _provider) = app_with_vendor().await;
    let body = json!({"email": "ada@example.com", "password": "secret"});
    let registered = post(&app, "/auth/register", &body).await;
    let user = chatai_testkit::app::User::register(app.client(), &app.base_url(), "b@b.de", "secret").await;
    let form = [("username", "ada@example.com"), ("password", "secret")];
    let change = json!({"current_password": "secret", "new_password": "secret2"});
    for answer in [
        registered,
        post(&app, "/auth/login", &body).await,
        send(app.client().post(app.url("/api/auth/token")).form(&form)).await,
        post_as(&user, "/auth/password", &change).await,
    ] {
        assert_eq!(answer.status, 200, "{answer:?}");
        let pair = checked(answer.header("set-cookie"));
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(pair, format!("chatai_token={token}"));
    }
}

#[tokio::test]
async fn opens_attachments_and_nothing_else() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let (status, sent) = user
        .chat_with_files(&[("text", "look")], &[("a.txt", "text/plain", b"hello")])
        .await;
    assert_eq!(status, 200, "{sent}");
    let attachment = messages(&user, &sent["conversation_id"]).await[0]["attachments"][0]["id"].clone();
    let with_cookie = |method: Method, path: &str| -> RequestBuilder {
        let request = app.client().request(method, app.url(path));
        request.header("cookie", format!("theme=dark; chatai_token={}", user.token))
    };
    for prefix in ["", "/api"] {
        let answer = send(with_cookie(
            Method::GET,
            &format!("{prefix}/attachments/{attachment}"),
        ))
        .await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "hello"));
    }
    let conversation = &sent["conversation_id"];
    let routes = routes(&app).await.into_iter();
    for route in routes.filter(|route| route.takes_token && !route.takes_cookie) {
        let path = route.path_with(&conversation.to_string());
        let answer = send(with_cookie(route.method.clone(), &path).json(&json!({"text": "x"}))).await;
        assert_eq!(answer.status, 401, "{}: {answer:?}", route.name());
        let (ours, theirs) = (&answer.json()["detail"], &answer.json()["error"]["message"]);
        let said = if route.speaks_for_a_vendor() { theirs } else { ours };
        assert_eq!(said, "Not authenticated");
    }
    assert_eq!(
        list(&user.get("/conversations/").await.1).len(),
        1,
        "nothing was written"
    );

    // A header that is there decides, whatever the cookie says.
    let path = format!("/attachments/{attachment}");
    let answer = send(with_cookie(Method::GET, &path).header("authorization", "Bearer stale")).await;
    answer.expect_error(401, "invalid_token", "Could not validate credentials");
    get(&app, &path)
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}

#[tokio::test]
async fn ends_with_its_session() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let sent = chat(&user, &[("text", "hello")]).await;
    assert!(sent["conversation_id"].is_i64());
    assert_eq!(send(user.call(Method::POST, "/auth/logout")).await.status, 200);
    let request = app.client().get(app.url("/attachments/1"));
    let answer = send(request.header("cookie", format!("chatai_token={}", user.token))).await;
    answer.expect_error(401, "invalid_token", "Could not validate credentials");
}
