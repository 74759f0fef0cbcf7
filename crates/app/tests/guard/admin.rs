//! Administrators' routes: nobody else passes, whatever stands in path and body.

use crate::support::*;
use chatai_testkit::app::User;
use serde_json::{Value, json};

/// Whether a route is for administrators alone.
pub(crate) fn is_administrative(route: &Route) -> bool {
    route.path.starts_with("/admin/")
}

/// Bodies that would mean something, and some that would not.
fn bodies() -> [Value; 4] {
    [
        json!({"role": "admin", "disabled": false, "limit": null, "period": "total", "registration": "closed",
               "input": 0, "output": 0, "enabled": false}),
        json!({"role": "king", "limit": -1, "registration": 5, "enabled": "yes"}),
        json!({}),
        json!([]),
    ]
}

async fn id_of(user: &User) -> String {
    let (_, me) = user.get("/users/me").await;
    me["id"].to_string()
}

/// Every administrators' route with every value for its parameter; how many were tried.
async fn expect_forbidden(app: &chatai_testkit::app::TestApp, user: &User, own_id: &str) -> usize {
    let mut tried = 0;
    for route in routes(app).await.iter().filter(|route| is_administrative(route)) {
        for value in [own_id, "1", "999999", "gpt-4o", "x"] {
            let path = route.path_with(value);
            for body in bodies() {
                for prefix in ["", "/api"] {
                    let call = user.call(route.method.clone(), &format!("{prefix}{path}"));
                    send(call.json(&body)).await.expect(403, "forbidden");
                    tried += 1;
                }
            }
            send(user.call(route.method.clone(), &path))
                .await
                .expect(403, "forbidden");
        }
    }
    tried
}

on_both! {
    async fn users_are_forbidden_and_learn_nothing(options) {
        let (app, _provider) = with_vendor(options).await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("user@example.com").await;
        let own_id = id_of(&user).await;
        let before = state(&admin).await;
        assert!(expect_forbidden(&app, &user, &own_id).await > 200);
        assert_eq!(state(&admin).await, before, "something changed");
    }

    /// At once on this instance; a token that was checked a moment ago included.
    async fn a_demoted_administrator_is_a_user_at_once(options) {
        let (app, _provider) = with_vendor(options).await;
        let admin = app.register("admin@example.com").await;
        let second = app.register("second@example.com").await;
        let id = id_of(&second).await;
        let path = format!("/admin/users/{id}");
        assert_eq!(admin.patch(&path, &json!({"role": "admin"})).await.0, 200);
        assert_eq!(second.get("/admin/users").await.0, 200);
        assert_eq!(admin.patch(&path, &json!({"role": "user"})).await.0, 200);
        expect_forbidden(&app, &second, &id).await;
        // A disabled account is not even that.
        assert_eq!(admin.patch(&path, &json!({"role": "admin", "disabled": true})).await.0, 200);
        get_as(&second, "/admin/users").await.expect(401, "invalid_token");
    }

    /// However many try to leave at once, one stays.
    async fn the_last_administrator_stays(options) {
        let app = options.start().await;
        let first = app.register("a0@example.com").await;
        let mut administrators = vec![first.clone()];
        for number in 1..8 {
            let user = app.register(&format!("a{number}@example.com")).await;
            let path = format!("/admin/users/{}", id_of(&user).await);
            assert_eq!(first.patch(&path, &json!({"role": "admin"})).await.0, 200);
            administrators.push(user);
        }
        let mut leaving = Vec::new();
        for (number, administrator) in administrators.iter().cloned().enumerate() {
            let id = id_of(&administrator).await;
            leaving.push(tokio::spawn(async move {
                let change = [json!({"role": "user"}), json!({"disabled": true})][number % 2].clone();
                administrator.patch(&format!("/admin/users/{id}"), &change).await
            }));
        }
        let mut refused = 0;
        for leaving in leaving {
            let (status, body) = leaving.await.unwrap();
            if status == 200 {
                continue;
            }
            assert_eq!((status, &body["code"]), (409, &json!("last_administrator")), "{body}");
            assert!(text(&body["detail"]).contains("make another account administrator first"));
            refused += 1;
        }
        assert_eq!(refused, 1);
        let mut left = 0;
        for administrator in &administrators {
            left += usize::from(get_as(administrator, "/admin/users").await.status == 200);
        }
        assert_eq!(left, 1);
    }
}

/// What administrators see.
async fn state(admin: &User) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in ["/admin/users", "/admin/models", "/admin/settings", "/admin/usage"] {
        let (status, body) = admin.get(path).await;
        assert_eq!(status, 200, "{body}");
        seen.push(body);
    }
    seen
}
