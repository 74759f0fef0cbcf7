//! Tokens that must not count, and the moment from which they no longer do.

use crate::support::{jwt, *};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chatai_testkit::app::{TestApp, TestDatabase, User};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

async fn app_with_known_secret() -> (TestApp, User) {
    let app = options().env("JWT_SECRET_KEY", jwt::SECRET).start().await;
    let user = app.register("a@example.com").await;
    (app, user)
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with HMAC-SHA256 under a header that may say something else.
fn sign_under(header: &Value, secret: &[u8], claims: &Value) -> String {
    let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

async fn is_refused(user: &User, token: &str) -> bool {
    let (status, body) = user.with_token(token).get("/users/me").await;
    if status == 401 {
        assert_eq!(body["detail"], "Could not validate credentials");
    }
    status == 401
}

#[tokio::test]
async fn no_forged_token_counts() {
    let (app, user) = app_with_known_secret().await;
    let (_, me) = user.get("/users/me").await;
    let claims = jwt::claims(me["id"].as_i64().unwrap(), "a@example.com");
    let good = jwt::sign(&claims);
    assert!(
        !is_refused(&user, &good).await,
        "the forgeries differ from this one alone"
    );

    let [head, payload, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS256 ", "hs256"] {
        let header = json!({"alg": algorithm, "typ": "JWT"});
        for signature in ["", signature] {
            let forged = jwt::forge(&header, &claims, signature);
            assert!(is_refused(&user, &forged).await, "{header} `{signature}`");
        }
    }
    let key = json!({"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY", "alg": "HS256"});
    for header in [
        json!({"alg": "HS256", "typ": "JWT", "jwk": key}),
        json!({"alg": "HS256", "jku": "http://127.0.0.1:9/keys"}),
        json!({"alg": "HS256", "kid": "../../../../dev/null"}),
        json!({"alg": "HS256", "x5c": ["MIIB"]}),
        json!({"alg": ["HS256", "none"]}),
        json!({"typ": "JWT"}),
        json!("HS256"),
        json!(null),
    ] {
        assert!(
            is_refused(&user, &jwt::forge(&header, &claims, signature)).await,
            "{header}"
        );
    }
    // The header names another family than the one that signed; a key or a certificate comes along with a good signature.
    for header in [
        json!({"alg": "RS256", "typ": "JWT"}),
        json!({"alg": "RS512", "typ": "JWT"}),
        json!({"alg": "PS256", "typ": "JWT"}),
        json!({"alg": "ES256", "typ": "JWT"}),
        json!({"alg": "EdDSA", "typ": "JWT"}),
    ] {
        let forged = sign_under(&header, jwt::SECRET.as_bytes(), &claims);
        assert!(is_refused(&user, &forged).await, "{header}");
    }
    let own_key = b"the attacker's own symmetric key";
    for header in [
        json!({"alg": "HS256", "jwk": {"kty": "oct", "alg": "HS256", "k": base64(own_key)}}),
        json!({"alg": "RS256", "jwk": {"kty": "RSA", "n": base64([0xc5; 256]), "e": "AQAB"}}),
        json!({"alg": "HS256", "x5c": [base64(own_key)], "kid": "mine"}),
        json!({"alg": "RS256", "x5c": [base64(own_key)]}),
        json!({"alg": "HS256", "jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/cert"}),
        json!({"alg": "HS256"}),
    ] {
        let forged = sign_under(&header, own_key, &claims);
        assert!(
            is_refused(&user, &forged).await,
            "signed by its own key: {header}"
        );
    }
    // Whoever took a public key for the secret of an HMAC would count these.
    let public_key = base64([0xc5; 256]);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{public_key}\n-----END PUBLIC KEY-----\n");
    for secret in [public_key.as_bytes(), pem.as_bytes()] {
        for algorithm in ["HS256", "RS256"] {
            let header = json!({"alg": algorithm, "jwk": {"kty": "RSA", "n": public_key, "e": "AQAB"}});
            assert!(
                is_refused(&user, &sign_under(&header, secret, &claims)).await,
                "{header}"
            );
        }
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert!(is_refused(&user, &jwt::sign_with(algorithm, jwt::SECRET, &claims)).await);
    }
    for secret in [
        "",
        "secret",
        "your-secret-key",
        "0123456789abcdef0123456789abcdeF",
    ] {
        assert!(
            is_refused(&user, &jwt::sign_with(Algorithm::HS256, secret, &claims)).await,
            "{secret}"
        );
    }
    let other = jwt::sign(&jwt::claims(me["id"].as_i64().unwrap() + 1, "b@example.com"));
    let other_payload = other.split('.').nth(1).unwrap();
    for token in [
        format!("{head}.{other_payload}.{signature}"),
        format!("{head}.{payload}"),
        format!("{head}.{payload}."),
        format!("{head}.{payload}.{signature}."),
        format!("{head}.{payload}.{signature}="),
        format!("{head}..{signature}"),
        format!("{good} {good}"),
        format!("\"{good}\""),
        "..".to_owned(),
        "a".repeat(20_000),
    ] {
        assert!(is_refused(&user, &token).await, "{token}");
    }
    assert!(!app.log().contains(&good));
}

#[tokio::test]
async fn strange_claims_are_401_and_never_500() {
    let (_app, user) = app_with_known_secret().await;
    let (_, me) = user.get("/users/me").await;
    let id = me["id"].as_i64().unwrap();
    let good = jwt::claims(id, "a@example.com");
    let now = jwt::now();
    for (name, values) in [
        (
            "sub",
            json!([null, id, "", "x", "-1", "0", format!("0{id}"), format!(" {id}"), "1e0", "999999",
            "9223372036854775807", "99999999999999999999", [id.to_string()], {"id": id}]),
        ),
        (
            "exp",
            json!([
                null,
                "2099-01-01",
                (now + 60).to_string(),
                -1,
                0,
                now - 1,
                now,
                1e300,
                9_223_372_036_854_775_807_i64,
                true,
                [now + 60]
            ]),
        ),
        (
            "nbf",
            json!([null, now + 60, (now - 60).to_string(), 1e300, false]),
        ),
        ("iat", json!([null, "yesterday", []])),
        ("epoch", json!([-1, 1, "0", 9_223_372_036_854_775_807_i64])),
    ] {
        for value in list(&values) {
            let mut claims = good.clone();
            claims[name] = value.clone();
            assert!(is_refused(&user, &jwt::sign(&claims)).await, "{name}: {value}");
        }
    }
    for name in ["sub", "exp"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert!(is_refused(&user, &jwt::sign(&claims)).await, "without {name}");
    }
    for claims in [json!([]), json!("x"), json!(null), json!({})] {
        assert!(is_refused(&user, &jwt::sign(&claims)).await, "{claims}");
    }
}

/// Signs in once more.
async fn another_session(app: &TestApp, user: &User, password: &str) -> User {
    let body = json!({"email": user.email, "password": password});
    let answer = post(app, "/auth/login", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    user.with_token(text(&answer.json()["access_token"]))
}

async fn status_of(user: &User) -> u16 {
    user.get("/users/me").await.0
}

on_both! {
    async fn a_signed_out_token_is_dead_at_once_and_for_good(options) {
        let mut app = options.start().await;
        let user = app.register("a@example.com").await;
        let other = another_session(&app, &user, "secret").await;
        assert_eq!((status_of(&user).await, status_of(&other).await), (200, 200));
        let (status, _) = user.post("/auth/logout", &Value::Null).await;
        assert!(status == 200 || status == 204, "{status}");
        assert_eq!((status_of(&user).await, status_of(&other).await), (401, 200));
        app.terminate().await;
        app.start_again().await;
        let (user, other) = (user.at(&app.base_url()), other.at(&app.base_url()));
        assert_eq!((status_of(&user).await, status_of(&other).await), (401, 200));
    }

    async fn a_new_password_ends_all_other_sessions_at_once(options) {
        let app = options.start().await;
        let user = app.register("a@example.com").await;
        let other = another_session(&app, &user, "secret").await;
        let bystander = app.register("b@example.com").await;
        let body = json!({"current_password": "secret", "new_password": "changed!"});
        let (status, renewed) = user.post("/auth/password", &body).await;
        assert_eq!(status, 200, "{renewed}");
        assert_eq!((status_of(&user).await, status_of(&other).await), (401, 401));
        assert_eq!(status_of(&user.with_token(text(&renewed["access_token"]))).await, 200);
        assert_eq!(status_of(&bystander).await, 200);
        let old = post(&app, "/auth/login", &json!({"email": "a@example.com", "password": "secret"})).await;
        old.expect(401, "wrong_credentials");
        another_session(&app, &user, "changed!").await;
    }

    async fn a_disabled_account_is_out_at_once(options) {
        let mut app = options.start().await;
        let (admin, user) = (app.register("a@example.com").await, app.register("b@example.com").await);
        app.terminate().await;
        let disabled = app.command(&["user", "disable", "b@example.com"]).output().unwrap();
        assert!(disabled.status.success(), "{disabled:?}");
        app.start_again().await;
        let (admin, user) = (admin.at(&app.base_url()), user.at(&app.base_url()));
        assert_eq!((status_of(&admin).await, status_of(&user).await), (200, 401));
        let (status, _) = user.chat(&[("text", "hello")]).await;
        assert_eq!(status, 401);
        let right = post(&app, "/auth/login", &json!({"email": "b@example.com", "password": "secret"})).await;
        right.expect(403, "account_disabled");
        assert_eq!(right.header("www-authenticate"), "");
        // Whether an account is disabled is told to its owner alone.
        let wrong = post(&app, "/auth/login", &json!({"email": "b@example.com", "password": "guessed"})).await;
        wrong.expect(401, "wrong_credentials");
    }
}

/// On PostgreSQL accounts are managed while the service runs, by another process.
#[tokio::test]
async fn what_another_process_ends_is_over_at_the_next_request() {
    let app = options().on(TestDatabase::postgres()).start().await;
    app.register("a@example.com").await;
    for (email, arguments, input) in [
        ("b@example.com", ["user", "disable", "b@example.com"], ""),
        (
            "c@example.com",
            ["user", "password", "c@example.com"],
            "another\n",
        ),
    ] {
        let user = app.register(email).await;
        let other = another_session(&app, &user, "secret").await;
        // Whatever is remembered of a token is fresh: it is used all the while.
        let using = async {
            loop {
                status_of(&user).await;
                status_of(&other).await;
            }
        };
        let ended = tokio::select! {
            ended = run_with_input(app.command(&arguments), input) => ended,
            () = using => unreachable!("it goes on for ever"),
        };
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(
            (status_of(&user).await, status_of(&other).await),
            (401, 401),
            "{arguments:?}"
        );
    }
}
