//! `GET|PATCH /admin/settings`

use crate::support::{get, on_both, post};
use serde_json::json;

on_both! {
    async fn registration_closes_and_opens_at_once_and_for_good(options) {
        let mut app = options.start().await;
        let admin = app.register("admin@example.com").await;
        let new = |number: i64| json!({"email": format!("n{number}@example.com"), "password": "secret"});
        assert_eq!(admin.get("/admin/settings").await, (200, json!({"registration": "open"})));
        let closed = json!({"registration": "closed"});
        assert_eq!(admin.patch("/admin/settings", &closed).await, (200, closed.clone()));
        post(&app, "/auth/register", &new(1)).await
            .expect_error(403, "registration_closed", "This instance takes no new accounts");
        // Nothing and unknown members change nothing.
        for body in [json!({}), json!({"registration": null}), json!({"closed": false})] {
            assert_eq!(admin.patch("/admin/settings", &body).await, (200, closed.clone()));
        }
        // It is data: a restart keeps it.
        assert!(app.terminate().await.success());
        app.start_again().await;
        let admin = admin.at(&app.base_url());
        assert_eq!(post(&app, "/auth/register", &new(2)).await.status, 403);
        assert_eq!(admin.patch("/admin/settings", &json!({"registration": "open"})).await.0, 200);
        assert_eq!(post(&app, "/auth/register", &new(3)).await.status, 200);
    }

    async fn whoever_comes_is_told_what_an_account_may_expect(options) {
        let app = options.env("CHATAI__AUTH__REGISTRATION", "closed").start().await;
        let state = async || get(&app, "/auth/registration").await.json();
        // The first account is welcome whatever is configured.
        assert_eq!(state().await, json!({"registration": "open", "first": true}));
        let admin = app.register("admin@example.com").await;
        assert_eq!(state().await, json!({"registration": "closed", "first": false}));
        assert_eq!(admin.patch("/admin/settings", &json!({"registration": "open"})).await.0, 200);
        assert_eq!(state().await, json!({"registration": "open", "first": false}));
    }

    async fn what_is_set_goes_before_the_configuration(options) {
        let app = options.env("CHATAI__AUTH__REGISTRATION", "closed").start().await;
        let admin = app.register("admin@example.com").await;
        let new = json!({"email": "n@example.com", "password": "secret"});
        assert_eq!(post(&app, "/auth/register", &new).await.status, 403);
        assert_eq!(admin.get("/admin/settings").await.1, json!({"registration": "closed"}));
        for wrong in [json!({"registration": "ajar"}), json!({"registration": true}), json!([])] {
            assert_eq!(admin.patch("/admin/settings", &wrong).await.0, 422, "{wrong}");
        }
        assert_eq!(admin.patch("/admin/settings", &json!({"registration": "open"})).await.0, 200);
        assert_eq!(post(&app, "/auth/register", &new).await.status, 200);
    }
}
