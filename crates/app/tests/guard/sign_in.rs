//! Registering and signing in, by people and by those who guess.

use crate::support::*;
use chatai_testkit::app::TestApp;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

on_both! {
    async fn two_hundred_first_registrations_make_one_administrator(options) {
        let mut app = options.start().await;
        let mut registering = JoinSet::new();
        for number in 0..200 {
            let call = app.client().post(app.url("/auth/register"));
            let body = json!({"email": format!("u{number}@example.com"), "password": "secret"});
            registering.spawn(async move { send(call.json(&body)).await });
        }
        for answer in registering.join_all().await {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        app.terminate().await;
        let roles = roles(&app);
        assert_eq!(roles.len(), 200);
        assert_eq!(roles.iter().filter(|(_, role)| role == "admin").count(), 1);
        assert_eq!(roles.iter().filter(|(_, role)| role == "user").count(), 199);
    }
}

async fn sign_in(app: &TestApp, email: &str, password: &str, address: &str) -> Answer {
    let call = app
        .client()
        .post(app.url("/auth/login"))
        .header("x-forwarded-for", address);
    send(call.json(&json!({"email": email, "password": password}))).await
}

/// Signs in by waiting as told: `Retry-After` is the event that a client has.
async fn expect_to_get_in(app: &TestApp, email: &str, address: &str) {
    let begun = Instant::now();
    loop {
        let answer = sign_in(app, email, "secret", address).await;
        if answer.status == 200 {
            return;
        }
        answer.expect(429, "rate_limited");
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the owner is locked out"
        );
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

#[tokio::test]
async fn a_thousand_wrong_passwords_are_slowed_down_and_the_owner_gets_in() {
    let options = options().env("CHATAI__SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let app = std::sync::Arc::new(options.start().await);
    app.register("a@example.com").await;
    app.register("b@example.com").await;
    let mut guessing = JoinSet::new();
    for guesser in 0..20 {
        let app = app.clone();
        guessing.spawn(async move {
            let mut answers = Vec::new();
            for number in 0..50 {
                let password = format!("guess {guesser} {number}");
                answers.push(sign_in(&app, "a@example.com", &password, "192.0.2.1").await);
            }
            answers
        });
    }
    let answers = guessing.join_all().await.concat_all();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert!(refused > 900, "only {refused} of 1000 were slowed down");
    for answer in &answers {
        match answer.status {
            401 => answer.expect(401, "wrong_credentials"),
            _ => {
                answer.expect(429, "rate_limited");
                let seconds: u64 = answer.header("retry-after").parse().unwrap();
                assert!((1..=60).contains(&seconds), "{answer:?}");
            }
        }
    }
    // From elsewhere at once, and others from the same place too.
    assert_eq!(
        sign_in(&app, "a@example.com", "secret", "192.0.2.2").await.status,
        200
    );
    assert_eq!(
        sign_in(&app, "b@example.com", "secret", "192.0.2.1").await.status,
        200
    );
    // From where the guesses come, by waiting as told.
    expect_to_get_in(&app, "a@example.com", "192.0.2.1").await;
}

/// Guessing goes on, from where the owner is too, and the owner does not have to wait for its end.
#[tokio::test]
async fn the_owner_gets_in_while_somebody_guesses() {
    let options = options().env("CHATAI__SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let app = std::sync::Arc::new(options.start().await);
    app.register("a@example.com").await;
    let guesses = std::sync::Arc::new(AtomicUsize::new(0));
    let mut guessing = JoinSet::new();
    for guesser in 0..8 {
        let (app, guesses) = (app.clone(), guesses.clone());
        guessing.spawn(async move {
            loop {
                let password = format!("guess {guesser} {}", guesses.fetch_add(1, Ordering::Relaxed));
                let answer = sign_in(&app, "a@example.com", &password, "192.0.2.1").await;
                assert!(matches!(answer.status, 401 | 429), "{answer:?}");
            }
        });
    }
    while guesses.load(Ordering::Relaxed) < 1_000 {
        tokio::task::yield_now().await;
    }
    let elsewhere = sign_in(&app, "a@example.com", "secret", "192.0.2.2").await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    let before = guesses.load(Ordering::Relaxed);
    let begun = Instant::now();
    while sign_in(&app, "a@example.com", "secret", "192.0.2.1").await.status != 200 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the owner is locked out"
        );
    }
    assert!(guesses.load(Ordering::Relaxed) > before, "the guessing was over");
    assert!(guessing.try_join_next().is_none(), "a guesser ended");
}

/// One password for many accounts: no account is tried often, the address tries often.
#[tokio::test]
async fn an_address_that_tries_many_accounts_is_slowed_down() {
    let options = options()
        .env("CHATAI__SERVER__TRUSTED_PROXIES", "127.0.0.1")
        .env("CHATAI__LIMITS__SIGN_IN_FAILURES_PER_MINUTE", "1");
    let app = options.start().await;
    app.register("a@example.com").await;
    let mut refused = 0;
    for number in 0..60 {
        let answer = sign_in(
            &app,
            &format!("person{number}@example.com"),
            "secret",
            "192.0.2.1",
        )
        .await;
        match answer.status {
            429 => {
                answer.expect(429, "rate_limited");
                refused += 1;
            }
            _ => {
                answer.expect(401, "wrong_credentials");
                assert_eq!(refused, 0, "let through again at once");
            }
        }
    }
    assert!((1..=50).contains(&refused), "{refused} of 60");
    let elsewhere = sign_in(&app, "a@example.com", "secret", "192.0.2.2").await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    // Who has an account there gets in, by waiting as told.
    expect_to_get_in(&app, "a@example.com", "192.0.2.1").await;
}

/// Flattens what the tasks brought.
trait ConcatAll<T> {
    fn concat_all(self) -> Vec<T>;
}

impl<T> ConcatAll<T> for Vec<Vec<T>> {
    fn concat_all(self) -> Vec<T> {
        self.into_iter().flatten().collect()
    }
}

on_both! {
    /// Neither the words nor the time tell whether an account exists.
    async fn unknown_and_known_accounts_answer_alike(options) {
        let app = options.env("CHATAI__LIMITS__SIGN_IN_FAILURES_PER_MINUTE", "0").start().await;
        app.register("a@example.com").await;
        expect_alike(&app, &["a@example.com", "nobody@example.com"]).await;
    }

    /// Accounts that came from the original have hashes that take longer to check.
    async fn imported_accounts_answer_like_all_others(options) {
        let mut app = options.env("CHATAI__LIMITS__SIGN_IN_FAILURES_PER_MINUTE", "0").start().await;
        app.register("a@example.com").await;
        app.terminate().await;
        let original = OriginalFile::empty();
        for (id, email, cost) in [(71, "costly@example.com", 11), (72, "cheap@example.com", 5)] {
            let hash = bcrypt::hash("imported", cost).unwrap();
            original.sql(&format!("insert into users values ({id}, '{email}', '{hash}', null, '2024-05-01 08:30:15')"));
        }
        let imported = run(app.command(&["import", original.path().to_str().unwrap()])).await;
        assert_eq!(imported.code, Some(0), "{imported:?}");
        app.start_again().await;
        let emails = ["a@example.com", "nobody@example.com", "costly@example.com", "cheap@example.com"];
        expect_alike(&app, &emails).await;
        for email in ["costly@example.com", "cheap@example.com"] {
            assert_eq!(sign_in(&app, email, "imported", "").await.status, 200);
        }
    }
}

/// Wrong passwords for all of these are answered in the same words and time. The quickest of several tries is compared,
/// since a busy machine makes tries slower, never quicker.
async fn expect_alike(app: &TestApp, emails: &[&str]) {
    let mut quickest = vec![Duration::MAX; emails.len()];
    let mut bodies: Vec<Vec<Value>> = vec![Vec::new(); emails.len()];
    for _ in 0..12 {
        for (kind, email) in emails.iter().enumerate() {
            let begun = Instant::now();
            let answer = sign_in(app, email, "not it", "").await;
            quickest[kind] = quickest[kind].min(begun.elapsed());
            answer.expect(401, "wrong_credentials");
            bodies[kind].push(answer.body());
        }
    }
    assert!(bodies.iter().all(|said| *said == bodies[0]), "{bodies:?}");
    let (least, most) = (quickest.iter().min().unwrap(), quickest.iter().max().unwrap());
    assert!(*least * 2 > *most, "{emails:?}: {quickest:?}");
}

#[tokio::test]
async fn passwords_have_bounds_that_are_checked_before_any_work() {
    let app = app().await;
    let user = app.register("a@example.com").await;
    for (number, (password, status)) in [
        ("", 422),
        ("12345", 422),
        ("      ", 422),
        ("\t\n \u{a0}\u{2003} ", 422),
        ("secret", 200),
        ("пароль", 200),
        (&"x".repeat(1_024), 200),
        (&"é".repeat(1_024), 200),
        (&"x".repeat(1_025), 422),
        (&"x".repeat(1_000_000), 422),
        (&"x".repeat(5_000_000), 413),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("p{number}@example.com");
        let body = json!({"email": email, "password": password});
        let answer = post(&app, "/auth/register", &body).await;
        assert_eq!(answer.status, status, "{} characters", password.chars().count());
        assert!(
            password.len() < 7 || !answer.text.contains(password),
            "the password is sent back"
        );
        if status == 200 {
            assert_eq!(post(&app, "/auth/login", &body).await.status, 200);
        }
    }
    let megabyte = "x".repeat(1_000_000);
    let login = post(
        &app,
        "/auth/login",
        &json!({"email": "a@example.com", "password": megabyte}),
    )
    .await;
    login.expect(422, "validation_error");
    let form = [("username", "a@example.com"), ("password", &megabyte)];
    let token = send(app.client().post(app.url("/auth/token")).form(&form)).await;
    token.expect(422, "validation_error");
    for body in [
        json!({"current_password": megabyte, "new_password": "changed!"}),
        json!({"current_password": "secret", "new_password": megabyte}),
        json!({"current_password": "secret", "new_password": "short"}),
        json!({"current_password": "secret", "new_password": "       "}),
    ] {
        let (status, said) = user.post("/auth/password", &body).await;
        assert_eq!(status, 422, "{said}");
    }
    assert_eq!(user.get("/users/me").await.0, 200);
    // What follows a long password's 72nd byte counts: nothing is cut off.
    let long = "x".repeat(100);
    post(
        &app,
        "/auth/register",
        &json!({"email": "long@example.com", "password": format!("{long}a")}),
    )
    .await;
    let near = post(
        &app,
        "/auth/login",
        &json!({"email": "long@example.com", "password": format!("{long}b")}),
    )
    .await;
    near.expect(401, "wrong_credentials");
}

#[tokio::test]
async fn a_weak_secret_refuses_to_start() {
    let folder = tempfile::tempdir().unwrap();
    for secret in [
        "tiny",
        "secret",
        "changeme",
        "CHANGE-ME",
        "your-secret-key",
        "fifteen-bytes--",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        let mut command = command_in(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        command.env("JWT_SECRET_KEY", secret);
        let ended = run(command).await;
        let said = ended.stderr;
        assert_eq!(ended.code, Some(1), "`{secret}`: {said}");
        assert!(
            said.starts_with("error: ") && said.contains("jwt_secret"),
            "{said}"
        );
        assert!(said.contains("hint: "), "{said}");
        let printed = secret != "secret" && said.contains(secret);
        assert!(!printed, "the secret is printed: {said}");
    }
    assert!(
        !folder.path().join("data/chatai.db").exists(),
        "nothing was begun"
    );
}
