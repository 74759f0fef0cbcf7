//! The contract's environment, and the `.env` file.

use crate::support::{BINARY, chat, get, options};
use chatai_testkit::{app::TestApp, provider::ScriptedProvider};
use serde_json::json;
use std::process::Command;

/// Starts it once more with a `.env` file in its folder.
async fn with_dotenv(content: &str) -> (TestApp, ScriptedProvider) {
    let provider = ScriptedProvider::start().await;
    let mut app = options().start().await;
    assert!(app.terminate().await.success());
    let content = content.replace("{url}", &provider.base_url());
    std::fs::write(app.folder().join(".env"), content).unwrap();
    app.start_again().await;
    (app, provider)
}

#[tokio::test]
async fn a_dotenv_file_is_read() {
    let content = "# the vendor\nexport OPENAI_API_KEY='sk-of-the-file-0123456789'\nOPENAI_BASE_URL={url} # here\n\
                   OPENAI_MODEL=\"o3\"\n";
    let (app, provider) = with_dotenv(content).await;
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", "hi")]).await;
    let calls = provider.answer_calls();
    assert_eq!(calls[0].model(), "o3");
    assert_eq!(
        calls[0].header("authorization"),
        Some("Bearer sk-of-the-file-0123456789")
    );
    assert_ne!(get(&app, "/models").await.json(), json!({"chat": ["built-in"]}));
}

#[test]
fn the_environment_wins_over_the_file_and_secrets_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let dotenv = "OPENAI_MODEL=of-the-file\nOPENAI_TITLE_MODEL=gpt-4o-mini\nOPENAI_API_KEY=sk-very-secret-0123456789\n";
    std::fs::write(folder.path().join(".env"), dotenv).unwrap();
    let shown = Command::new(BINARY)
        .args(["config", "show"])
        .env_clear()
        .env("OPENAI_MODEL", "of-the-environment")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    assert!(
        text.contains("of-the-environment") && !text.contains("of-the-file"),
        "{text}"
    );
    assert!(
        text.contains("gpt-4o-mini") && !text.contains("very-secret"),
        "{text}"
    );
}
