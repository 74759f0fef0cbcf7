//! `chatai doctor`: what it finds.

use super::*;

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
        "ok    database",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(ended.stderr.contains("2 checks failed"), "{ended:?}");
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
