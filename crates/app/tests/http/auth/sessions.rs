//! `/auth/sessions`

use crate::support::{
    Answer, TwoInstances, app, expect_timestamp, get, get_as, keys, list, on_both, post, send,
};
use chatai_testkit::app::{TestApp, User};
use reqwest::{Method, header};
use serde_json::{Value, json};

/// Signs in from a client that calls itself so.
async fn sign_in(app: &TestApp, user: &User, user_agent: &str) -> User {
    let body = json!({"email": "ada@example.com", "password": "secret"});
    let call = app.client().post(app.url("/auth/login")).json(&body);
    let answer = send(call.header(header::USER_AGENT, user_agent)).await;
    user.with_token(answer.json()["access_token"].as_str().unwrap())
}

async fn sessions(user: &User) -> Vec<Value> {
    let (status, body) = user.get("/auth/sessions").await;
    assert_eq!(status, 200, "{body}");
    list(&body).to_vec()
}

async fn end(user: &User, id: &Value) -> Answer {
    send(user.call(Method::DELETE, &format!("/auth/sessions/{id}"))).await
}

fn is_out(answer: &Answer) {
    answer.expect_error(401, "invalid_token", "Could not validate credentials");
}

on_both! {
    async fn another_place_is_signed_out_at_once(options) {
        let mut app = options.start().await;
        let user = app.register("ada@example.com").await;
        let phone = sign_in(&app, &user, "A phone/1.0").await;
        assert_eq!(get_as(&phone, "/users/me").await.status, 200);
        let listed = sessions(&user).await;
        assert_eq!(listed.len(), 2);
        assert_eq!(keys(&listed[0]), ["id", "created_at", "last_used_at", "expires_at", "user_agent", "current"]);
        assert_eq!((&listed[0]["user_agent"], &listed[0]["current"]), (&json!("A phone/1.0"), &json!(false)));
        assert_eq!(listed[1]["current"], json!(true));
        for name in ["created_at", "last_used_at", "expires_at"] {
            expect_timestamp(&listed[0][name]);
        }
        assert!(listed[0]["expires_at"].as_str() > listed[0]["created_at"].as_str());
        assert_eq!(sessions(&phone).await[0]["current"], json!(true));

        let answer = end(&user, &listed[0]["id"]).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"detail": "Session ended"})));
        assert_eq!(answer.header("set-cookie"), "", "the caller stays signed in");
        is_out(&get_as(&phone, "/users/me").await);
        is_out(&get_as(&phone, "/auth/sessions").await);
        assert_eq!(sessions(&user).await.len(), 1);
        end(&user, &listed[0]["id"]).await.expect_error(404, "session_not_found", "Session not found");

        // It stays so, and when each was used last is known, after a restart.
        app.terminate().await;
        app.start_again().await;
        let (user, phone) = (user.at(&app.base_url()), phone.at(&app.base_url()));
        is_out(&get_as(&phone, "/users/me").await);
        let listed = sessions(&user).await;
        assert_eq!(listed.len(), 1);
        expect_timestamp(&listed[0]["last_used_at"]);
        // Ending one's own is signing out.
        let answer = end(&user, &listed[0]["id"]).await;
        assert!(answer.header("set-cookie").starts_with("chatai_token=;"), "{answer:?}");
        is_out(&get_as(&user, "/users/me").await);
    }

    async fn anothers_session_is_as_one_that_is_missing(options) {
        let app = options.start().await;
        let (ada, eve) = (app.register("ada@example.com").await, app.register("eve@example.com").await);
        let id = sessions(&ada).await[0]["id"].clone();
        for id in [&id, &json!(999_999)] {
            end(&eve, id).await.expect_error(404, "session_not_found", "Session not found");
        }
        assert_eq!((sessions(&ada).await.len(), sessions(&eve).await.len()), (1, 1));
    }

    async fn what_ends_a_session_takes_it_from_the_list(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let second = sign_in(&app, &user, "second").await;
        assert_eq!(send(second.call(Method::POST, "/auth/logout")).await.status, 200);
        assert_eq!(sessions(&user).await.len(), 1);
        sign_in(&app, &user, "third").await;
        let change = json!({"current_password": "secret", "new_password": "new secret"});
        let (_, token) = user.post("/auth/password", &change).await;
        let user = user.with_token(token["access_token"].as_str().unwrap());
        let listed = sessions(&user).await;
        assert_eq!((listed.len(), &listed[0]["current"]), (1, &json!(true)), "{listed:?}");
    }

    async fn a_key_sees_sessions_and_ends_none(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (_, made) = user.post("/keys", &json!({"name": "leaked"})).await;
        let program = user.with_token(made["key"].as_str().unwrap());
        let listed = sessions(&program).await;
        assert_eq!((listed.len(), &listed[0]["current"]), (1, &json!(false)));
        let answer = end(&program, &listed[0]["id"]).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("forbidden")));
        assert_eq!(get_as(&user, "/users/me").await.status, 200);
    }
}

/// A session that another instance ends is over here with the next request.
#[tokio::test]
async fn a_session_is_ended_at_every_instance() {
    let TwoInstances {
        app,
        beside: _beside,
        user,
        there,
        ..
    } = TwoInstances::start().await;
    let phone = sign_in(&app, &user, "phone").await;
    assert_eq!(get_as(&phone, "/users/me").await.status, 200);
    let listed = sessions(&there).await;
    assert_eq!(listed[0]["user_agent"], "phone");
    assert_eq!(end(&there, &listed[0]["id"]).await.status, 200);
    is_out(&get_as(&phone, "/users/me").await);
}

#[tokio::test]
async fn what_clients_call_themselves_is_bounded() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    sign_in(&app, &user, &"x".repeat(2_000)).await;
    let form = [("username", "ada@example.com"), ("password", "secret")];
    let call = app.client().post(app.url("/auth/token")).form(&form);
    send(call.header(header::USER_AGENT, "  a script  ")).await;
    post(
        &app,
        "/auth/login",
        &json!({"email": "ada@example.com", "password": "wrong"}),
    )
    .await;
    let listed = sessions(&user).await;
    assert_eq!(listed.len(), 3, "a wrong password begins none");
    assert_eq!(listed[0]["user_agent"], "a script");
    assert_eq!(listed[1]["user_agent"].as_str().unwrap().len(), 300);
    assert_eq!(end(&user, &json!("x")).await.status, 422);
    get(&app, "/auth/sessions")
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}
