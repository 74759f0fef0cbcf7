//! Who may see and do what. The routes come from the program's own description, so that a new one that nobody
//! thought of fails here.

use crate::{admin, support::*};
use chatai_testkit::{app::User, provider::ScriptedProvider};
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What anybody may call.
const OPEN: [&str; 13] = [
    "GET /",
    "GET /app/{version}/{file}",
    "GET /app/{version}/{folder}/{file}",
    "GET /auth/registration",
    "GET /docs",
    "GET /docs/{file}",
    "GET /healthz",
    "GET /models",
    "GET /openapi.json",
    "GET /readyz",
    "POST /auth/login",
    "POST /auth/register",
    "POST /auth/token",
];

/// What takes a cookie too.
const BY_COOKIE: [&str; 1] = ["GET /attachments/{attachment_id}"];

#[tokio::test]
async fn nobody_passes_without_a_token_but_for_the_open_routes() {
    let app = app().await;
    let routes = routes(&app).await;
    let names = |wanted: &dyn Fn(&Route) -> bool| -> BTreeSet<String> {
        routes
            .iter()
            .filter(|route| wanted(route))
            .map(Route::name)
            .collect()
    };
    assert_eq!(
        names(&|route| !route.takes_token),
        OPEN.map(str::to_owned).into(),
        "a route that is open must be listed here"
    );
    assert_eq!(
        names(&|route| route.takes_cookie),
        BY_COOKIE.map(str::to_owned).into()
    );

    for route in routes
        .iter()
        .filter(|route| !OPEN.contains(&route.name().as_str()))
    {
        let path = route.path_with("1");
        for prefix in ["", "/api"] {
            let call = || {
                app.client()
                    .request(route.method.clone(), app.url(&format!("{prefix}{path}")))
            };
            for (authorization, code) in [
                (None, "not_authenticated"),
                (Some("Basic dXNlcjpzZWNyZXQ="), "not_authenticated"),
                (Some("Bearer"), "invalid_token"),
                (Some("Bearer abc.def.ghi"), "invalid_token"),
                (Some("Bearer null"), "invalid_token"),
            ] {
                let call = match authorization {
                    None => call(),
                    Some(value) => call().header(header::AUTHORIZATION, value),
                };
                let answer = send(call).await;
                answer.expect_unauthorized(route, code);
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", route.name());
            }
            // A cookie speaks for its owner on links alone.
            if !BY_COOKIE.contains(&route.name().as_str()) {
                let user = format!("{}@example.com", route.name().replace(['/', ' ', '{', '}'], "-"));
                let token = match prefix {
                    "" => app.register(&user).await.token,
                    _ => continue,
                };
                let answer = send(call().header(header::COOKIE, format!("chatai_token={token}"))).await;
                answer.expect_unauthorized(route, "not_authenticated");
            }
        }
        if route.method == Method::GET {
            let head = send(app.client().head(app.url(&path))).await;
            assert_eq!(head.status, 401, "HEAD {path}");
        }
    }
}

/// Whatever a stranger sends to the open routes, and to the others, a model is never called for it.
#[tokio::test]
async fn nobody_without_an_account_causes_a_provider_call() {
    let provider = ScriptedProvider::start().await;
    let app = options()
        .vendor(&provider)
        .env("OPENAI_MODEL", "gpt-4.1-nano")
        .start()
        .await;
    let routes = routes(&app).await;
    assert!(routes.iter().filter(|route| !route.takes_token).count() >= OPEN.len());
    for route in &routes {
        for prefix in ["", "/api"] {
            for (number, body) in [
                json!({}),
                json!({"text": "hello", "model": "gpt-4.1-nano", "title": "x"}),
                json!({"email": format!("{prefix}@example.com"), "password": "wrong one"}),
            ]
            .into_iter()
            .enumerate()
            {
                let path = format!("{prefix}{}?text=hello&model=gpt-4.1-nano", route.path_with("1"));
                let call = app.client().request(route.method.clone(), app.url(&path));
                let call = match (route.method == Method::GET, number) {
                    (true, _) => call,
                    (false, 2) => call.form(&body),
                    (false, _) => call.json(&body),
                };
                let answer = send(call).await;
                assert!(answer.status < 500, "{}: {answer:?}", route.name());
            }
        }
    }
    // Registering is what a stranger may do; it makes an account and calls nobody.
    app.register("a@example.com").await;
    assert_eq!(provider.counts().calls, 0, "{:?}", provider.calls());
    // The vendor is really there: an account's first message reaches it.
    let user = app.register("b@example.com").await;
    user.chat(&[("text", "hello")]).await;
    assert!(provider.counts().calls > 0);
}

/// What A has, by the names of the routes' parameters.
struct Belongings {
    conversation_id: i64,
    message_ids: [i64; 2],
    attachment_id: i64,
    key_id: i64,
    response_id: String,
    session_id: i64,
}

impl Belongings {
    async fn of(user: &User) -> Self {
        let file: (&str, &str, &[u8]) = ("diary.txt", "text/plain", b"Nobody else may read this.");
        let (status, turn) = user
            .chat_with_files(&[("text", "What does my diary say?")], &[file])
            .await;
        assert_eq!(status, 200, "{turn}");
        let stored = messages(user, &turn["conversation_id"]).await;
        let (status, key) = user.post("/keys", &json!({"name": "diary"})).await;
        assert_eq!(status, 200, "{key}");
        let (status, response) = user
            .post("/v1/responses", &json!({"input": "Keep my diary."}))
            .await;
        assert_eq!(status, 200, "{response}");
        let (status, sessions) = user.get("/auth/sessions").await;
        assert_eq!(status, 200, "{sessions}");
        Self {
            response_id: text(&response["id"]).to_owned(),
            session_id: sessions[0]["id"].as_i64().unwrap(),
            key_id: key["id"].as_i64().unwrap(),
            conversation_id: turn["conversation_id"].as_i64().unwrap(),
            message_ids: [
                stored[0]["id"].as_i64().unwrap(),
                stored[1]["id"].as_i64().unwrap(),
            ],
            attachment_id: stored[0]["attachments"][0]["id"].as_i64().unwrap(),
        }
    }

    /// The values of a route's parameter.
    fn ids(&self, route: &Route) -> Vec<String> {
        let parameter = route.path.split(['{', '}']).nth(1).unwrap();
        let ids = match parameter {
            "response_id" => return vec![self.response_id.clone()],
            "conversation_id" => vec![self.conversation_id],
            "message_id" => self.message_ids.to_vec(),
            "response_message_id" => vec![self.message_ids[1]],
            "attachment_id" => vec![self.attachment_id],
            "key_id" => vec![self.key_id],
            "session_id" => vec![self.session_id],
            // The collection is everybody's.
            "book_id" => Vec::new(),
            // What an account says of a tool is its own; the tool is not.
            "tool" => Vec::new(),
            // So are the models.
            "model" => Vec::new(),
            // The page's files are too.
            "version" => Vec::new(),
            other => panic!("a new kind of id needs an owner to test with: {other}"),
        };
        ids.iter().map(ToString::to_string).collect()
    }
}

/// A call that would succeed for the owner.
fn complete(user: &User, route: &Route, id: &str) -> RequestBuilder {
    let mut path = route.path_with(id);
    if path.ends_with("/rename") {
        path += "?new_title=taken%20over";
    }
    let call = user.call(route.method.clone(), &path);
    match route.body_types.is_empty() {
        true => call,
        false => call.json(&json!({"text": "x", "title": "x", "message_id": 2})),
    }
}

/// Everything A can see of A's.
async fn sights(user: &User, belongings: &Belongings) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        "/conversations/".to_owned(),
        format!("/conversations/{}/messages", belongings.conversation_id),
        format!("/conversations/{}/context", belongings.conversation_id),
        format!("/chat/{}/usage-details", belongings.conversation_id),
        format!("/v1/responses/{}", belongings.response_id),
        format!("/v1/responses/{}/input_items", belongings.response_id),
    ] {
        let (status, body) = user.get(&path).await;
        assert_eq!(status, 200, "{path}: {body}");
        seen.push(body);
    }
    let file = get_as(user, &format!("/attachments/{}", belongings.attachment_id)).await;
    assert_eq!(
        (file.status, file.text.as_str()),
        (200, "Nobody else may read this.")
    );
    seen
}

on_both! {
    /// Every id of A, in every place where an id can stand, is to B what an unknown one is.
    async fn another_users_things_are_unknown(options) {
        let (app, provider) = with_vendor(options).await;
        let (owner, other) = (app.register("a@example.com").await, app.register("b@example.com").await);
        let belongings = Belongings::of(&owner).await;
        let own = Belongings::of(&other).await;
        let before = sights(&owner, &belongings).await;
        let calls_before = provider.counts().calls;

        let mut tried = 0;
        for route in routes(&app).await {
            // Administrators' routes are closed to both, whatever stands in them: see `admin`.
            if !route.path.contains('{') || OPEN.contains(&route.name().as_str()) || admin::is_administrative(&route) {
                continue;
            }
            for id in belongings.ids(&route) {
                let ask = |id: String| {
                    let call = complete(&other, &route, &id);
                    async move { send(call).await }
                };
                let unknown = ask("999999".to_owned()).await;
                assert_eq!(unknown.status, 404, "{}: {unknown:?}", route.name());
                let answer = ask(id.clone()).await;
                assert_eq!((answer.status, answer.body()), (404, unknown.body()), "{}", route.name());
                answer.expect_plain_data();
                other_methods(&other, &route, &id).await;
                tried += 1;
            }
        }
        assert!(tried >= 8, "only {tried} calls with an id");
        // The cookie of B reads no file of A either.
        let link = app.client().get(app.url(&format!("/attachments/{}", belongings.attachment_id)));
        send(link.header(header::COOKIE, format!("chatai_token={}", other.token))).await
            .expect(404, "attachment_not_found");

        post_into(&other, &belongings, &provider).await;
        assert_eq!(provider.counts().calls, calls_before, "a model was called");
        assert_eq!(sights(&owner, &belongings).await, before, "something of A's changed");
        // B's own things are as they were: nothing was written anywhere.
        let (_, list) = other.get("/conversations/").await;
        assert_eq!(list.as_array().unwrap().len(), 1);
        assert_eq!(messages(&other, &json!(own.conversation_id)).await.len(), 2);
    }
}

/// HEAD and every method that the route does not have answer for A's id as for an unknown one, and give nothing away.
async fn other_methods(other: &User, route: &Route, id: &str) {
    for method in [
        "HEAD", "OPTIONS", "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND",
    ] {
        let method: Method = method.parse().unwrap();
        let ask = |id: String| {
            let path = route.path_with(&id)
                + if route.path.ends_with("/rename") {
                    "?new_title=x"
                } else {
                    ""
                };
            let mut call = other.call(method.clone(), &path);
            // Another route may have the same path and take a body.
            if matches!(method, Method::POST | Method::PUT | Method::PATCH) {
                call = call.json(&json!({"text": "x", "message_id": 2}));
            }
            async move { send(call).await }
        };
        let (unknown, answer) = (ask("999999".to_owned()).await, ask(id.to_string()).await);
        let name = format!("{method} {}", route.path);
        assert!(matches!(answer.status, 404 | 405), "{name}: {answer:?}");
        assert_eq!(answer.status, unknown.status, "{name}");
        let said = |answer: &Answer| match answer.text.as_str() {
            "" => Value::Null,
            _ => answer.body(),
        };
        assert_eq!(said(&answer), said(&unknown), "{name}");
        let names = |answer: &Answer| -> Vec<String> {
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(&answer), names(&unknown), "{name}");
        for header in [
            "content-length",
            "content-type",
            "etag",
            "content-disposition",
            "allow",
        ] {
            assert_eq!(answer.header(header), unknown.header(header), "{name}: {header}");
        }
    }
}

/// Posting into A's conversation, by form, by JSON and with a file.
async fn post_into(other: &User, belongings: &Belongings, provider: &ScriptedProvider) {
    let (id, unknown) = (belongings.conversation_id.to_string(), "999999");
    let mut bodies = Vec::new();
    for id in [id.as_str(), unknown] {
        let fields = [("text", "let me in"), ("conversation_id", id)];
        bodies.push(other.chat(&fields).await);
        bodies.push(
            other
                .chat_with_files(&fields, &[("x.txt", "text/plain", b"x")])
                .await,
        );
        let json = json!({"text": "let me in", "conversation_id": id.parse::<i64>().unwrap()});
        bodies.push(other.post("/chat/", &json).await);
    }
    for (status, body) in bodies {
        assert_eq!(
            (status, &body["code"]),
            (404, &json!("conversation_not_found")),
            "{body}"
        );
        assert_eq!(body["detail"], "Conversation not found");
    }
    assert!(
        provider
            .calls()
            .iter()
            .all(|call| !call.last_user_text().contains("let me in"))
    );
}

on_both! {
    /// Members that no route declares, however privileged they sound, change nothing.
    async fn unknown_members_change_nothing(options) {
        let mut app = options.start().await;
        app.register("first@example.com").await;
        let privileged = json!({
            "email": "second@example.com", "password": "secret", "id": 77, "role": "admin", "is_admin": true,
            "admin": true, "disabled": true, "epoch": 9, "created_at": "2001-01-01 00:00:00", "scope": "admin",
        });
        let answer = post(&app, "/auth/register", &privileged).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let user = app.register("third@example.com").await.with_token(text(&answer.json()["access_token"]));
        let (_, me) = user.get("/users/me").await;
        assert_ne!(me["id"], 77);
        assert!(!me["created_at"].as_str().unwrap().starts_with("2001"), "{me}");

        let (_, id) = user.post("/conversations/", &json!({
            "title": "mine", "id": 4_242, "user_id": 1, "created_at": "2001-01-01 00:00:00", "head_id": 1,
        })).await;
        assert_ne!(id, 4_242);
        let (_, listed) = user.get("/conversations/").await;
        assert_eq!(listed[0]["id"], id, "it is the caller's, whatever was sent");
        assert!(!text(&listed[0]["created_at"]).starts_with("2001"), "{listed}");

        let (status, turn) = user.post("/chat/", &json!({
            "text": "hello", "conversation_id": id, "user_id": 1, "role": "assistant", "price": -5, "status": "failed",
            "request_id": 1, "input_tokens": -1, "id": 9_999, "admin": true,
        })).await;
        assert_eq!(status, 200, "{turn}");
        let stored = messages(&user, &id).await;
        assert_eq!(stored[0]["role"], "user");
        assert_ne!(stored[0]["id"], 9_999);
        assert_eq!((&stored[0]["price"], &stored[0]["input_tokens"]), (&Value::Null, &Value::Null));
        assert_eq!(stored[1]["status"], "complete");
        assert_eq!(stored[1]["price"], 0.0);

        app.terminate().await;
        let expected = [("first@example.com", "admin"), ("second@example.com", "user"), ("third@example.com", "user")];
        assert_eq!(roles(&app), expected.map(|(email, role)| (email.to_owned(), role.to_owned())));
    }
}
