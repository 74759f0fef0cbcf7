//! `chatai models` and `chatai doctor` about providers.

use super::Two;
use crate::support::{BINARY, write_file};
use chatai_testkit::app::run_once;
use std::path::Path;

fn said(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let done = run_once(Path::new(BINARY), folder, arguments);
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code(), text)
}

async fn asked(folder: &Path, arguments: &'static [&'static str]) -> (Option<i32>, String) {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || said(&folder, arguments))
        .await
        .unwrap()
}

#[tokio::test]
async fn models_and_doctor_say_what_is_reachable_and_why_not() {
    let two = Two::start().await;
    two.one.offer(&["first", "llama"]);
    two.two.push_when(
        |request| request.asks_for_models(),
        chatai_testkit::provider::Reply::unauthorized(),
    );
    two.two.push_when(
        |request| request.asks_for_models(),
        chatai_testkit::provider::Reply::unauthorized(),
    );
    let folder = tempfile::tempdir().unwrap();
    let prices = write_file(folder.path(), "prices.json", super::PRICES);
    let rest = format!("[models]\npricing_file = \"{prices}\"\naliases = {{ quick = [\"first\"] }}");
    write_file(
        folder.path(),
        "chatai.toml",
        &two.file("discover = true", "", &rest),
    );

    let (code, text) = asked(folder.path(), &["models"]).await;
    assert_eq!(code, Some(0), "{text}");
    let row = |name: &str| {
        let found = text
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
    };
    assert!(
        row("first").contains("1 / 2") && row("first").ends_with("can answer"),
        "{text}"
    );
    assert!(row("one/llama").contains("unknown"), "{text}");
    assert!(
        row("second").contains("provider: the provider refused the key"),
        "{text}"
    );
    assert!(row("built-in").ends_with("can answer"), "{text}");
    assert!(row("quick").contains("= first"), "{text}");
    assert!(!text.contains("sk-one") && !text.contains("sk-two"), "{text}");

    let (code, text) = asked(folder.path(), &["doctor"]).await;
    assert_eq!(code, Some(0), "the service starts without it: {text}");
    assert!(
        text.contains("ok    provider one: openai at 127.0.0.1:"),
        "{text}"
    );
    assert!(text.contains("answers, 2 models"), "{text}");
    assert!(
        text.contains("warn  provider two: openai at 127.0.0.1:"),
        "{text}"
    );
    assert!(!text.contains("sk-one") && !text.contains("sk-two"), "{text}");
}

#[test]
fn a_key_file_that_holds_no_key_is_named_and_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let key = write_file(folder.path(), "key", "two words of hunter2\n");
    let file = format!(
        "[[providers]]\nname = \"anthropic\"\nbase_url = \"http://127.0.0.1:9\"\napi_key_file = \"{key}\"\n"
    );
    write_file(folder.path(), "chatai.toml", &file);
    let (code, text) = said(folder.path(), &["models"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("`api_key_file` names this file") && !text.contains("hunter2"),
        "{text}"
    );
}
