//! `chatai user` and `chatai migrate`.

use super::*;
use chatai_testkit::app::TestDatabase;
use serde_json::json;

async fn sign_in(app: &chatai_testkit::app::TestApp, email: &str, password: &str) -> u16 {
    post(app, "/auth/login", &json!({"email": email, "password": password}))
        .await
        .status
}

on_both! {
    async fn accounts_are_managed(options) {
        let mut app = options.start().await;
        app.register("first@example.com").await;
        app.terminate().await;
        let user = async |arguments: &[&str], input: &str| {
            let arguments = [&["user"], arguments].concat();
            run_with_input(app.command(&arguments), input).await
        };
        let added = user(&["add", "admin@example.com", "--admin", "--name", "Ada"], "s3cret!\n").await;
        assert_eq!(added.code, Some(0), "{added:?}");
        assert!(added.stdout.contains("\tadmin@example.com\tadmin\tactive\t") && added.stdout.ends_with("\tAda\n"));
        assert_eq!(user(&["add", "plain@example.com"], "hunter22\r\n").await.code, Some(0));
        let long = "n".repeat(201);
        for (arguments, input, words) in [
            (&["add", "no-address"][..], "hunter22", "must have an @-sign"),
            (&["add", "a b@example.com"], "hunter22", "invalid characters"),
            (&["add", "other@example.com", "--name", &long], "hunter22", "at most 200"),
            (&["add", "other@example.com", "--name", "a\tb"], "hunter22", "control character"),
            (&["add", "plain@example.com"], "hunter22", "already registered"),
            (&["add", "PLAIN@example.com"], "hunter22", "already registered"),
            (&["add", "other@example.com"], "short", "6 to 1024"),
            (&["add", "other@example.com"], "", "6 to 1024"),
            (&["password", "plain@example.com"], "       ", "blank"),
            (&["promote", "nobody@example.com"], "", "No such account"),
            (&["disable", "999999"], "", "No such account"),
            (&["password", "nobody@example.com"], "hunter22", "No such account"),
        ] {
            let ended = user(arguments, input).await;
            assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
            assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains(words), "{ended:?}");
        }
        assert_eq!(user(&["promote", "plain@example.com"], "").await.code, Some(0));
        assert_eq!(user(&["promote", "1", "--undo"], "").await.code, Some(0));
        assert_eq!(user(&["disable", "Admin@example.com"], "").await.code, Some(0));
        assert_eq!(user(&["password", "first@example.com"], "renewed").await.code, Some(0));
        let listed = user(&["list"], "").await;
        let columns: Vec<String> = listed.stdout.lines()
            .map(|line| line.split('\t').skip(1).take(3).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(columns, ["first@example.com user active", "admin@example.com admin disabled",
            "plain@example.com admin active"]);

        app.start_again().await;
        assert_eq!(sign_in(&app, "first@example.com", "secret").await, 401);
        assert_eq!(sign_in(&app, "first@example.com", "renewed").await, 200);
        assert_eq!(sign_in(&app, "plain@example.com", "hunter22").await, 200);
        assert_eq!(sign_in(&app, "admin@example.com", "s3cret!").await, 403);
        app.terminate().await;
        let undone = run(app.command(&["user", "disable", "admin@example.com", "--undo"])).await;
        assert_eq!(undone.code, Some(0), "{undone:?}");
        app.start_again().await;
        assert_eq!(sign_in(&app, "admin@example.com", "s3cret!").await, 200);
    }

    async fn tables_are_made_ahead(options) {
        let mut app = options.start().await;
        app.terminate().await;
        for _ in 0..2 {
            let migrated = run(app.command(&["migrate"])).await;
            assert_eq!(migrated.code, Some(0), "{migrated:?}");
        }
        let doctor = run(app.command(&["doctor"])).await;
        assert_eq!(doctor.code, Some(0), "{doctor:?}");
        assert!(doctor.stdout.lines().all(|line| line.starts_with("ok    ")), "{doctor:?}");
        let is_embedded = matches!(app.database(), TestDatabase::Sqlite);
        assert_eq!(app.sqlite_path().exists(), is_embedded);
    }
}
