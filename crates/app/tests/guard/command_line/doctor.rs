//! `chatai doctor`: what it finds.

use super::*;
use chatai_testkit::app::TestDatabase;

#[tokio::test]
async fn a_doctor_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prices.json"), "[]").unwrap();
    let mut command = command_in(folder.path(), &["doctor"]);
    command
        .env("PRICING_FILE", "prices.json")
        .env("BOOKS_FILE", "missing.json");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in [
        "ok    configuration",
        "FAIL  catalog: ",
        "prices.json",
        "FAIL  collection: ",
        "missing.json",
        "FAIL  models: ",
        "ok    database: none yet",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(!folder.path().join("data").exists(), "looking makes nothing");
    assert!(ended.stderr.contains("3 checks failed"), "{ended:?}");
}

#[tokio::test]
async fn a_doctor_sees_sums_that_differ() {
    let mut app = app().await;
    let user = app.register("a@example.com").await;
    user.chat(&[("text", "hello")]).await;
    app.terminate().await;
    let rows = Rows::of(&app);
    rows.change("update messages set price = 5 where role = 'assistant'");
    let ended = run(app.command(&["doctor"])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("FAIL  database: answers whose price is not the sum"),
        "{ended:?}"
    );
    rows.change("update messages set price = 0 where role = 'assistant'");
}

/// With a key every message would be refused; without one the built-in responder answers, which is told.
#[tokio::test]
async fn models_that_cannot_answer_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (variables, code, words) in [
        (
            &[("OPENAI_API_KEY", "sk-x"), ("OPENAI_MODEL", "nope")][..],
            1,
            &["`models.default`", "`nope`"][..],
        ),
        (
            &[("OPENAI_TITLE_MODEL", "gpt-0")],
            1,
            &["`models.title`", "`gpt-0`"],
        ),
        (
            &[("OPENAI_MODEL", "gpt-4o")],
            0,
            &["`models.default`", "OPENAI_API_KEY"],
        ),
        (&[("OPENAI_API_KEY", "sk-x"), ("OPENAI_MODEL", "gpt-4o")], 0, &[]),
    ] {
        for arguments in [&["doctor"][..], &["config", "check"]] {
            let mut command = command_in(folder.path(), arguments);
            command.envs(variables.iter().copied());
            let ended = run(command).await;
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, Some(code), "{variables:?}: {said}");
            for word in words {
                assert!(said.contains(word), "{variables:?}: {word}: {said}");
            }
        }
    }
    assert!(!folder.path().join("data").exists(), "looking makes nothing");
}

#[tokio::test]
async fn files_that_a_configuration_names_are_checked_with_it() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, file) in [("PRICING_FILE", "prices.json"), ("BOOKS_FILE", "books.json")] {
        for content in [None, Some("{\"broken")] {
            if let Some(content) = content {
                std::fs::write(folder.path().join(file), content).unwrap();
            }
            let mut command = command_in(folder.path(), &["config", "check"]);
            command.env(variable, file);
            let ended = run(command).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
            assert!(ended.stderr.contains(file), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let ended = run(command_in(folder.path(), &["doctor", "--data-dir", "file/data"])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("FAIL  database: "), "{ended:?}");
}

/// A doctor looks; bringing the tables up to date is for the start.
#[tokio::test]
async fn a_doctor_changes_nothing() {
    let mut app = app().await;
    app.terminate().await;
    let rows = Rows::of(&app);
    let newest = "delete from schema_migrations where version = (select max(version) from schema_migrations)";
    rows.change(newest);
    drop(rows);
    for _ in 0..2 {
        let ended = run(app.command(&["doctor"])).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("the next start brings it to"), "{ended:?}");
    }
    let database = TestDatabase::postgres();
    for _ in 0..2 {
        let mut command = app.command(&["doctor"]);
        command.env("DATABASE_URL", database.url().expect("a server's database"));
        let ended = run(command).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("ok    database: empty"), "{ended:?}");
    }
}
