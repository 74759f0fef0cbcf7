//! `POST /auth/register`

use crate::support::{app, fault, get_as, keys, missing, on_both, options, post, send};
use serde_json::{Value, json};
use std::collections::BTreeMap;

on_both! {
    async fn gives_a_token(options) {
        let app = options.start().await;
        let body = json!({"email": "ada@example.com", "password": "secret", "display_name": "Ada"});
        let answer = post(&app, "/auth/register", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!(keys(&body), ["access_token", "token_type"]);
        assert_eq!(body["token_type"], "bearer");
        let token = body["access_token"].as_str().unwrap();
        let me = send(app.client().get(app.url("/users/me")).bearer_auth(token)).await;
        assert_eq!((me.status, &me.json()["email"]), (200, &json!("ada@example.com")));
    }

    async fn an_email_that_is_taken(options) {
        let app = options.start().await;
        app.register("ada@example.com").await;
        for email in ["ada@example.com", "Ada@Example.COM"] {
            let answer = post(&app, "/auth/register", &json!({"email": email, "password": "another"})).await;
            answer.expect_error(400, "email_taken", "Email already registered");
            assert_eq!(answer.header("www-authenticate"), "");
        }
    }

    async fn ten_at_once_make_one_account(options) {
        let app = options.start().await;
        let registrations: Vec<_> = (0..10)
            .map(|n| {
                let email = if n % 2 == 0 { "ada@example.com" } else { "ADA@example.com" };
                let request = app.client().post(app.url("/auth/register"));
                tokio::spawn(send(request.json(&json!({"email": email, "password": "secret"}))))
            })
            .collect();
        let mut statuses = BTreeMap::new();
        for registration in registrations {
            let answer = registration.await.unwrap();
            if answer.status != 200 {
                answer.expect_error(400, "email_taken", "Email already registered");
            }
            *statuses.entry(answer.status).or_insert(0) += 1;
        }
        assert_eq!(statuses, BTreeMap::from([(200, 1), (400, 9)]));
    }
}

#[tokio::test]
async fn faults_are_listed_in_the_order_of_the_fields() {
    let app = app().await;
    let short = |input: Value| {
        let mut fault = fault(
            "string_too_short",
            json!(["body", "password"]),
            "String should have at least 6 characters",
            input,
        );
        fault["ctx"] = json!({"min_length": 6});
        fault
    };
    let no_address = |input: &str, reason: &str| {
        let msg = format!("value is not a valid email address: {reason}");
        let mut fault = fault("value_error", json!(["body", "email"]), &msg, json!(input));
        fault["ctx"] = json!({ "reason": reason });
        fault
    };
    let no_text = |name: &str, input: Value| {
        fault(
            "string_type",
            json!(["body", name]),
            "Input should be a valid string",
            input,
        )
    };
    for (body, faults) in [
        (
            json!({}),
            json!([
                missing(json!(["body", "email"])),
                missing(json!(["body", "password"]))
            ]),
        ),
        (
            json!({"password": "secret"}),
            json!([missing(json!(["body", "email"]))]),
        ),
        (
            json!({"email": 5, "password": [1], "display_name": {"a": 1}}),
            json!([
                no_text("email", json!(5)),
                // What stands in a password's place is never sent back.
                no_text("password", Value::Null),
                no_text("display_name", json!({"a": 1}))
            ]),
        ),
        (
            json!({"email": "no address", "password": "short"}),
            json!([
                no_address("no address", "An email address must have an @-sign."),
                short(Value::Null)
            ]),
        ),
        (
            json!({"email": null, "password": "secret"}),
            json!([no_text("email", Value::Null)]),
        ),
    ] {
        let answer = post(&app, "/auth/register", &body).await;
        answer.expect_faults(&faults);
    }
}

#[tokio::test]
async fn passwords_have_six_to_1024_characters_and_are_not_blank() {
    let app = app().await;
    for (number, (password, status)) in [
        ("secret".to_owned(), 200),
        ("secre".to_owned(), 422),
        ("x".repeat(1_024), 200),
        ("x".repeat(1_025), 422),
        // Characters count, not bytes.
        ("é".repeat(6), 200),
        ("é".repeat(1_024), 200),
        ("é".repeat(5), 422),
        (" ".repeat(8), 422),
        ("\u{2003}\t\n      ".to_owned(), 422),
        ("  blanks around  ".to_owned(), 200),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("u{number}@example.com");
        let body = json!({"email": email, "password": password});
        let answer = post(&app, "/auth/register", &body).await;
        assert_eq!(answer.status, status, "{number}: {answer:?}");
        assert!(!answer.text.contains(&password), "{answer:?}");
        if status == 200 {
            assert_eq!(post(&app, "/auth/login", &body).await.status, 200, "{number}");
        }
    }
}

#[tokio::test]
async fn the_length_of_passwords_is_configurable() {
    let app = options()
        .env("CHATAI__AUTH__PASSWORD_MIN_LENGTH", "12")
        .start()
        .await;
    let answer = post(
        &app,
        "/auth/register",
        &json!({"email": "a@b.de", "password": "secret"}),
    )
    .await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["ctx"], json!({"min_length": 12}));
}

#[tokio::test]
async fn a_name_is_optional_and_unknown_members_are_ignored() {
    let app = app().await;
    let bodies = [
        (json!({"email": "a@b.de", "password": "secret"}), Value::Null),
        (
            json!({"email": "b@b.de", "password": "secret", "display_name": null}),
            Value::Null,
        ),
        (
            json!({"email": "c@b.de", "password": "secret", "display_name": "Zoë 😀", "x": {"y": [1]}}),
            json!("Zoë 😀"),
        ),
    ];
    for (body, name) in bodies {
        let answer = post(&app, "/auth/register", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let me = send(app.client().get(app.url("/users/me")).bearer_auth(token)).await;
        assert_eq!(me.json()["display_name"], name);
    }
}

/// The original web client sends what it still has.
#[tokio::test]
async fn a_stale_authorization_header_is_ignored() {
    let app = app().await;
    let body = json!({"email": "ada@example.com", "password": "secret"});
    for path in ["/auth/register", "/auth/login", "/api/auth/login"] {
        for stale in ["Bearer stale.token.here", "Bearer", "Basic YTpi", "nonsense"] {
            let request = app.client().post(app.url(path)).header("authorization", stale);
            let answer = send(request.json(&body)).await;
            if path.ends_with("login") || stale.ends_with("here") {
                assert_eq!(answer.status, 200, "{path} {stale}: {answer:?}");
            } else {
                answer.expect_error(400, "email_taken", "Email already registered");
            }
        }
    }
    let request = app.client().post(app.url("/auth/token"));
    let request = request.header("authorization", "Bearer stale.token.here");
    let form = [("username", "ada@example.com"), ("password", "secret")];
    assert_eq!(send(request.form(&form)).await.status, 200);
}

#[tokio::test]
async fn closed_registration_takes_the_first_account_alone() {
    let app = options()
        .env("CHATAI__AUTH__REGISTRATION", "closed")
        .start()
        .await;
    let first = app.register("first@example.com").await;
    let answer = post(
        &app,
        "/auth/register",
        &json!({"email": "b@b.de", "password": "secret"}),
    )
    .await;
    answer.expect_error(403, "registration_closed", "This instance takes no new accounts");
    assert_eq!(get_as(&first, "/users/me").await.status, 200);
}

#[tokio::test]
async fn registrations_of_one_address_are_limited() {
    let app = options()
        .env("CHATAI__LIMITS__REGISTRATIONS_PER_MINUTE", "2")
        .start()
        .await;
    for (number, status) in [(0, 200), (1, 200), (2, 429)] {
        let body = json!({"email": format!("u{number}@b.de"), "password": "secret"});
        let answer = post(&app, "/auth/register", &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 429 {
            answer.expect_error(429, "rate_limited", "Too many attempts; wait before the next one");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
}

/// The original client sends what it has left of an earlier session.
#[tokio::test]
async fn a_stale_authorization_is_ignored() {
    let app = app().await;
    for (number, stale) in ["Bearer of-old", "Bearer ", "Basic eDp5", "nonsense"]
        .into_iter()
        .enumerate()
    {
        let account = json!({"email": format!("ada{number}@example.com"), "password": "secret"});
        let call = app.client().post(app.url("/api/auth/register")).json(&account);
        let answer = send(call.header("authorization", stale)).await;
        assert_eq!(answer.status, 200, "{stale}: {answer:?}");
    }
}
