//! Accounts and tokens of the original service: bcrypt hashes, tokens signed with the same secret.

use crate::support::{Rows, get_as, jwt, options, post, send};
use chatai_testkit::app::{TestApp, User};
use serde_json::json;

/// The program over an account that it finds with a hash of the original's.
async fn with_hash(hash: &str) -> (TestApp, User) {
    let mut app = options().env("JWT_SECRET_KEY", jwt::SECRET).start().await;
    let user = app.register("ada@example.com").await;
    assert!(app.terminate().await.success());
    Rows::of(&app).change(&format!("update users set password_hash = '{hash}'"));
    app.start_again().await;
    let user = user.at(&app.base_url());
    (app, user)
}

#[tokio::test]
async fn bcrypt_hashes_verify_and_are_renewed() {
    let hash = bcrypt::hash("old password", 4).unwrap();
    assert!(hash.starts_with("$2b$"), "{hash}");
    let (mut app, user) = with_hash(&hash).await;
    let sign_in = |password: &str| json!({"email": "ada@example.com", "password": password});
    assert_eq!(
        post(&app, "/auth/login", &sign_in("wrong password")).await.status,
        401
    );
    assert_eq!(
        post(&app, "/auth/login", &sign_in("old password")).await.status,
        200
    );
    assert_eq!(
        get_as(&user, "/users/me").await.status,
        200,
        "renewing a hash ends no session"
    );
    assert!(app.terminate().await.success());
    let renewed = Rows::of(&app).column("select password_hash from users");
    assert!(
        renewed[0].as_str().unwrap().starts_with("$argon2id$"),
        "{renewed:?}"
    );
    app.start_again().await;
    assert_eq!(
        post(&app, "/auth/login", &sign_in("old password")).await.status,
        200
    );
    assert_eq!(
        post(&app, "/auth/login", &sign_in("wrong password")).await.status,
        401
    );
}

/// bcrypt reads 72 bytes. The whole password must sign in, before and after the renewal.
#[tokio::test]
async fn a_password_of_more_than_72_bytes_signs_in_before_and_after_the_renewal() {
    let long = "ä".repeat(60);
    let hash = bcrypt::hash(&long.as_bytes()[..72], 4).unwrap();
    let (app, _user) = with_hash(&hash).await;
    for round in 0..3 {
        let answer = post(
            &app,
            "/auth/login",
            &json!({"email": "ada@example.com", "password": long}),
        )
        .await;
        assert_eq!(answer.status, 200, "{round}: {answer:?}");
    }
}

#[tokio::test]
async fn accounts_that_differ_by_case_alone_sign_in_as_given() {
    let mut app = options().start().await;
    app.register("ada@example.com").await;
    app.register("second@example.com").await;
    assert!(app.terminate().await.success());
    let hash = bcrypt::hash("other password", 4).unwrap();
    Rows::of(&app).change(&format!(
        "update users set email = 'ADA@example.com', email_folded = 'ada@example.com', password_hash = '{hash}' \
         where email = 'second@example.com'; delete from email_claims where email_folded = 'second@example.com'"
    ));
    app.start_again().await;
    for (email, password, status) in [
        ("ada@example.com", "secret", 200),
        ("ADA@example.com", "other password", 200),
        ("ada@example.com", "other password", 401),
        ("ADA@example.com", "secret", 401),
    ] {
        let answer = post(
            &app,
            "/auth/login",
            &json!({"email": email, "password": password}),
        )
        .await;
        assert_eq!(answer.status, status, "{email} {password}");
    }
    // Neither is as given: whoever was first.
    let answer = post(
        &app,
        "/auth/login",
        &json!({"email": "Ada@example.com", "password": "secret"}),
    )
    .await;
    assert_eq!(answer.status, 200);
    let answer = post(
        &app,
        "/auth/register",
        &json!({"email": "aDa@example.com", "password": "secret"}),
    )
    .await;
    answer.expect_error(400, "email_taken", "Email already registered");
}

#[tokio::test]
async fn tokens_of_the_original_count_until_they_expire() {
    let app = options().env("JWT_SECRET_KEY", jwt::SECRET).start().await;
    let user = app.register("ada@example.com").await;
    let id = get_as(&user, "/users/me").await.json()["id"].as_i64().unwrap();
    let original = user.with_token(jwt::sign(&jwt::claims(id, "ada@example.com")));
    assert_eq!(get_as(&original, "/users/me").await.status, 200);

    // An import may have given the account another id: a token of somebody else's opens nothing.
    let foreign = user.with_token(jwt::sign(&jwt::claims(id, "eve@example.com")));
    assert_eq!(get_as(&foreign, "/users/me").await.status, 401);

    // They can be signed out, one by one.
    let other = json!({"sub": id.to_string(), "email": "ada@example.com", "iat": jwt::now() - 5, "exp": jwt::now() + 60});
    let other = user.with_token(jwt::sign(&other));
    assert_eq!(
        send(original.call(reqwest::Method::POST, "/auth/logout"))
            .await
            .status,
        200
    );
    assert_eq!(get_as(&original, "/users/me").await.status, 401);
    assert_eq!(get_as(&other, "/users/me").await.status, 200);

    let change = json!({"current_password": "secret", "new_password": "new secret"});
    assert_eq!(
        crate::support::post_as(&user, "/auth/password", &change)
            .await
            .status,
        200
    );
    assert_eq!(
        get_as(&other, "/users/me").await.status,
        401,
        "a new password ends them too"
    );
}

#[tokio::test]
async fn the_algorithm_is_configurable() {
    let app = options()
        .env("JWT_SECRET_KEY", jwt::SECRET)
        .env("JWT_ALGORITHM", "HS512")
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let id = get_as(&user, "/users/me").await.json()["id"].as_i64().unwrap();
    let claims = jwt::claims(id, "ada@example.com");
    for (algorithm, status) in [
        (jsonwebtoken::Algorithm::HS512, 200),
        (jsonwebtoken::Algorithm::HS256, 401),
    ] {
        let token = jwt::sign_with(algorithm, jwt::SECRET, &claims);
        let user = user.with_token(token);
        assert_eq!(get_as(&user, "/users/me").await.status, status, "{algorithm:?}");
    }
}

/// The made secret outlives a restart, so sessions do too.
#[tokio::test]
async fn sessions_outlive_a_restart() {
    let mut app = options().start().await;
    let user = app.register("ada@example.com").await;
    app.kill();
    app.start_again().await;
    assert_eq!(get_as(&user.at(&app.base_url()), "/users/me").await.status, 200);
}
