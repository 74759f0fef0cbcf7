//! `GET /admin/users`, `PATCH /admin/users/{id}`, `PUT /admin/users/{id}/budget`

use crate::support::{chat, expect_timestamp, get_as, keys, list, on_both, post, with_vendor};
use serde_json::{Value, json};

on_both! {
    async fn accounts_page_by_page(options) {
        let app = options.start().await;
        let admin = app.register("admin@example.com").await;
        for number in 0..4 {
            app.register(&format!("u{number}@example.com")).await;
        }
        let (_, all) = admin.get("/admin/users").await;
        assert_eq!(list(&all).len(), 5);
        assert_eq!(keys(&all[0]), ["id", "email", "display_name", "role", "disabled", "created_at"]);
        assert_eq!((&all[0]["role"], &all[1]["role"]), (&json!("admin"), &json!("user")));
        expect_timestamp(&all[0]["created_at"]);
        let (mut path, mut paged) = ("/admin/users?limit=2".to_owned(), Vec::new());
        loop {
            let page = get_as(&admin, &path).await;
            paged.extend(list(&page.json()).to_vec());
            match page.headers.get("link") {
                None => break,
                Some(link) => {
                    let link = link.to_str().unwrap();
                    path = link.split(['<', '>']).nth(1).unwrap().to_owned();
                    assert!(link.ends_with("rel=\"next\""));
                }
            }
        }
        assert_eq!(json!(paged), all);
        for wrong in ["limit=0", "limit=1001", "limit=-1", "limit=x", "after=x", "limit=99999999999999999999"] {
            assert_eq!(admin.get(&format!("/admin/users?{wrong}")).await.0, 422, "{wrong}");
        }
    }

    async fn roles_and_locks(options) {
        let app = options.start().await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("user@example.com").await;
        let id = user.get("/users/me").await.1["id"].clone();
        let path = format!("/admin/users/{id}");
        let (status, changed) = admin.patch(&path, &json!({"disabled": true, "id": 99, "email": "x", "epoch": 5})).await;
        assert_eq!((status, &changed["disabled"], &changed["role"]), (200, &json!(true), &json!("user")));
        assert_eq!((&changed["id"], &changed["email"]), (&id, &json!("user@example.com")));
        assert_eq!(user.get("/users/me").await.0, 401, "its sessions are ended");
        let sign_in = json!({"email": "user@example.com", "password": "secret"});
        assert_eq!(post(&app, "/auth/login", &sign_in).await.status, 403);
        assert_eq!(admin.patch(&path, &json!({"disabled": false})).await.0, 200);
        assert_eq!(user.get("/users/me").await.0, 401, "ended for good");
        let user = app.login("user@example.com", "secret").await;
        // Making it administrator ends no session; nothing changes nothing.
        for body in [json!({"role": "admin"}), json!({}), json!({"role": null, "disabled": null})] {
            let (status, changed) = admin.patch(&path, &body).await;
            assert_eq!((status, &changed["role"]), (200, &json!("admin")), "{body}");
        }
        assert_eq!(user.get("/admin/users").await.0, 200);
        for wrong in [json!({"role": "king"}), json!({"role": 1}), json!({"disabled": 1}), json!({"disabled": "true"})] {
            assert_eq!(admin.patch(&path, &wrong).await.0, 422, "{wrong}");
        }
        for unknown in ["/admin/users/999999", "/admin/users/-1"] {
            let (status, body) = admin.patch(unknown, &json!({"role": "user"})).await;
            assert_eq!((status, &body["code"]), (404, &json!("not_found")));
        }
        assert_eq!(admin.patch("/admin/users/x", &json!({})).await.0, 422);
        let own = format!("/admin/users/{}", admin.get("/users/me").await.1["id"]);
        assert_eq!(user.patch(&own, &json!({"role": "user"})).await.0, 200);
        let (status, body) = user.patch(&path, &json!({"disabled": true})).await;
        assert_eq!((status, &body["code"]), (409, &json!("last_administrator")));
    }

    async fn budgets_are_set_exactly_or_refused(options) {
        let app = options.start().await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("user@example.com").await;
        let path = format!("/admin/users/{}/budget", user.get("/users/me").await.1["id"]);
        let (_, none) = user.get("/users/me/budget").await;
        assert_eq!(keys(&none), ["limit", "period", "spent", "reserved", "remaining", "resets_at"]);
        assert_eq!((&none["limit"], &none["remaining"], &none["period"]), (&Value::Null, &Value::Null, &json!("month")));
        for (limit, period, expected) in [
            (json!(5), "day", "5"),
            (json!("0.000000000001"), "month", "0.000000000001"),
            (json!(0.1), "total", "0.1"),
            (json!(0), "day", "0"),
            (json!("1000000"), "total", "1000000"),
        ] {
            let (status, set) = admin.put(&path, &json!({"limit": limit, "period": period})).await;
            assert_eq!((status, &set["limit"], &set["period"]), (200, &json!(expected), &json!(period)), "{set}");
            assert_eq!((&set["spent"], &set["reserved"], &set["remaining"]), (&json!("0"), &json!("0"), &json!(expected)));
            assert_eq!(set["resets_at"] == Value::Null, period == "total");
            assert_eq!(user.get("/users/me/budget").await.1, set);
        }
        let (_, before) = user.get("/users/me/budget").await;
        for wrong in [
            json!({}),
            json!({"limit": -1}),
            json!({"limit": "-0.01"}),
            json!({"limit": 1_000_001}),
            json!({"limit": 1e30}),
            json!({"limit": "NaN"}),
            json!({"limit": "inf"}),
            json!({"limit": true}),
            json!({"limit": [1]}),
            json!({"limit": 0.000_000_000_000_1}),
            json!({"limit": 1, "period": "week"}),
            json!({"limit": 1, "period": 7}),
        ] {
            let (status, body) = admin.put(&path, &wrong).await;
            assert_eq!((status, &body["code"]), (422, &json!("validation_error")), "{wrong}: {body}");
        }
        for raw in ["{\"limit\": NaN}", "{\"limit\": Infinity}", "{\"limit\": 1e999}", "{\"limit\": -1e999}"] {
            let call = admin.call(reqwest::Method::PUT, &path).body(raw);
            assert_eq!(crate::support::send(call).await.status, 422, "{raw}");
        }
        assert_eq!(user.get("/users/me/budget").await.1, before);
        assert_eq!(admin.put("/admin/users/999999/budget", &json!({"limit": 1})).await.0, 404);
        let (_, none) = admin.put(&path, &json!({"limit": null, "spent": "-5", "reserved": "-5"})).await;
        assert_eq!((&none["limit"], &none["spent"], &none["reserved"]), (&Value::Null, &json!("0"), &json!("0")));
    }

    async fn all_usage_by_account(options) {
        let (app, _provider) = with_vendor(options).await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("user@example.com").await;
        chat(&admin, &[("text", "one")]).await;
        chat(&user, &[("text", "two")]).await;
        let (_, after) = admin.get("/admin/usage?group_by=user&group_by=scope").await;
        let accounts: std::collections::BTreeSet<i64> =
            list(&after["groups"]).iter().map(|group| group["key"]["user"].as_i64().unwrap()).collect();
        assert_eq!(accounts.len(), 2);
        let (_, own) = admin.get("/usage").await;
        assert!(own["total"]["calls"].as_i64() < after["total"]["calls"].as_i64());
    }
}
