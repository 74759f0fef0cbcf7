//! Texts that mean something to a database, a browser, a shell or a log: here they are texts.

use crate::support::{
    app_with_vendor, chat, get, get_as, list, messages, on_both, options, post, send, with_vendor,
};
use reqwest::Method;
use serde_json::json;

/// What breaks programs that paste texts together.
const NASTY: [&str; 12] = [
    "'; drop table users; --",
    "' or '1'='1",
    "\" OR \"\"=\"",
    "\\'; select pg_sleep(10); --",
    "%' like '%_",
    "* NEAR/2 \"x OR AND NOT (",
    "$1 $2 ?1 :name @p",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} ${7*7} #{7*7}",
    "$(reboot) `reboot` | reboot",
    "\u{202e}\u{200b}\u{fffd}\u{feff}",
];

on_both! {
    async fn metacharacters_are_stored_as_sent_and_reach_nothing(options) {
        let (app, _provider) = with_vendor(options).await;
        let ada = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        ada.post("/conversations/", &json!({"title": "private"})).await;
        for (number, nasty) in NASTY.into_iter().enumerate() {
            let (status, id) = eve.post("/conversations/", &json!({"title": nasty, "summary": nasty})).await;
            assert_eq!(status, 200, "{nasty}: {id}");
            let query = [("new_title", nasty)];
            let url: String = reqwest::Url::parse_with_params("http://x/", query).unwrap().query().unwrap().to_owned();
            let path = format!("/conversations/{id}/rename?{url}");
            assert_eq!(send(eve.call(Method::PUT, &path)).await.status, 200, "{nasty}");
            let sent = chat(&eve, &[("text", nasty), ("conversation_id", &id.to_string())]).await;
            assert_eq!(sent["answer"], format!("Echo: {nasty}").trim(), "{nasty}");
            let (_, listed) = eve.get("/conversations/").await;
            assert_eq!(list(&listed).len(), number + 1, "own rows alone");
            assert_eq!((&listed[0]["title"], &listed[0]["summary"]), (&json!(nasty), &json!(nasty)));
            assert_eq!(messages(&eve, &id).await[0]["text"], nasty);

            let (status, body) = eve.chat(&[("text", "x"), ("model", nasty)]).await;
            assert_eq!((status, &body["code"]), (400, &json!("model_unknown")), "{body}");
            let login = post(&app, "/auth/login", &json!({"email": nasty, "password": nasty})).await;
            assert_eq!(login.status, 401, "{nasty}: {login:?}");
            let answer = get_as(&eve, &format!("/x?{url}")).await;
            assert_eq!(answer.status, 404);
        }
        assert_eq!(list(&ada.get("/conversations/").await.1).len(), 1, "the tables are there");
        let body = json!({"email": "o'hara+\"x\"@example.com", "password": NASTY[0], "display_name": NASTY[0]});
        assert_eq!(post(&app, "/auth/register", &body).await.status, 200);
        assert_eq!(post(&app, "/auth/login", &body).await.status, 200);
    }
}

/// What holds markup is JSON that no browser takes for a page.
#[tokio::test]
async fn markup_is_never_served_as_a_page() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let markup = "<script>alert(1)</script>";
    let sent = chat(&user, &[("text", markup)]).await;
    let id = &sent["conversation_id"];
    let files: [(&str, &str, &[u8]); 1] = [(
        "<script>x</script>.html",
        "text/html",
        b"<script>alert(1)</script>",
    )];
    let conversation = id.to_string();
    let fields = [("text", markup), ("conversation_id", conversation.as_str())];
    assert_eq!(user.chat_with_files(&fields, &files).await.0, 200);
    for path in [
        "/conversations/".to_owned(),
        format!("/conversations/{id}/messages"),
        format!("/conversations/{id}/context"),
        format!("/chat/{id}/usage-details"),
        "/%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/conversations/%3Cscript%3E/messages".to_owned(),
    ] {
        let answer = get_as(&user, &path).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

/// Nothing that a caller sends decides on headers.
#[tokio::test]
async fn headers_cannot_be_injected() {
    let (app, _provider) = app_with_vendor().await;
    for path in [
        "/models?x=%0d%0aX-Evil:%201",
        "/%0d%0aX-Evil:%201",
        "/docs/%0d%0aX-Evil:%201",
        "/api/%0d%0aLocation:%20http://evil.example",
    ] {
        let answer = get(&app, path).await;
        assert!(!answer.headers.contains_key("x-evil"), "{path}: {answer:?}");
        assert!(!answer.header("location").contains("evil"), "{path}: {answer:?}");
    }
    // A host of the caller's choosing appears nowhere.
    for path in ["/", "/docs", "/openapi.json", "/nothing"] {
        let answer = send(app.client().get(app.url(path)).header("host", "evil.example")).await;
        assert!(
            !format!("{answer:?}").contains("evil.example"),
            "{path}: {answer:?}"
        );
    }
}

/// A slip in one of many fields is no reason to keep or to repeat a secret.
#[tokio::test]
async fn refusals_do_not_repeat_passwords() {
    let app = options().start().await;
    let secret = "hunter2-hunter2";
    for body in [
        json!({"email": secret, "password": [secret]}),
        json!({"email": 5, "password": secret}),
        json!({"password": secret}),
        json!([{"password": secret}]),
    ] {
        for path in ["/auth/register", "/auth/login"] {
            let answer = post(&app, path, &body).await;
            assert_eq!(answer.status, 422);
            let repeated = answer.text.matches(secret).count();
            // What stands in the e-mail's place or in the place of the whole body is the caller's own fault.
            let allowed = usize::from(body["email"] == secret) + usize::from(body.is_array());
            assert!(repeated <= allowed, "{path} {body}: {answer:?}");
        }
    }
}
