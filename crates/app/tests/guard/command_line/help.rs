//! What the program says of itself, and of a line that it does not understand.

use super::*;

#[tokio::test]
async fn misspelt_command_lines_are_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["serv"][..],
        &["serve", "--port", "1"],
        &["serve", "extra"],
        &["--set", "novalue"],
        &["--listen"],
        &["user"],
        &["user", "add"],
        &["user", "promote"],
        &["config", "explain"],
        &["import"],
    ] {
        let ended = run(command_in(folder.path(), arguments)).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("--help"), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn help_names_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(command_in(folder.path(), &["--help"])).await;
    assert_eq!(help.code, Some(0));
    for word in [
        "serve",
        "import",
        "migrate",
        "user",
        "config",
        "doctor",
        "openapi",
        "--listen",
        "--data-dir",
        "--config",
    ] {
        assert!(help.stdout.contains(word), "{word}: {}", help.stdout);
    }
    assert!(
        help.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        help.stdout
    );
    for arguments in [
        &["serve", "--help"][..],
        &["import", "--help"],
        &["user", "add", "--help"],
        &["user", "password", "--help"],
        &["config", "show", "--help"],
    ] {
        let help = run(command_in(folder.path(), arguments)).await;
        assert_eq!(help.code, Some(0), "{arguments:?}");
        assert!(help.stdout.contains("Usage: chatai"), "{arguments:?}");
    }
    let version = run(command_in(folder.path(), &["--version"])).await;
    assert_eq!(
        (version.code, version.stdout.trim()),
        (Some(0), concat!("chatai ", env!("CARGO_PKG_VERSION")))
    );
}

#[tokio::test]
async fn a_configuration_is_shown_checked_and_begun() {
    let folder = tempfile::tempdir().unwrap();
    let example = run(command_in(folder.path(), &["config", "example"])).await;
    assert_eq!(example.code, Some(0));
    std::fs::write(folder.path().join("chatai.toml"), &example.stdout).unwrap();
    let check = run(command_in(folder.path(), &["config", "check"])).await;
    assert_eq!(
        (check.code, check.stdout.as_str()),
        (Some(0), "the configuration is good\n"),
        "{check:?}"
    );

    let mut show = command_in(folder.path(), &["config", "show", "--set", "limits.body_mb=7"]);
    show.env("OPENAI_API_KEY", "sk-hush-hush")
        .env("JWT_SECRET_KEY", "a rather long secret of no use 42");
    show.env("OPENAI_MODEL", "gpt-4o");
    let show = run(show).await;
    assert_eq!(show.code, Some(0));
    for expected in ["OPENAI_API_KEY", "(set)", "gpt-4o", "OPENAI_MODEL", "body_mb"] {
        assert!(show.stdout.contains(expected), "{expected}: {}", show.stdout);
    }
    assert!(
        !show.stdout.contains("hush") && !show.stdout.contains("rather long"),
        "{}",
        show.stdout
    );
    assert!(
        show.stdout
            .lines()
            .any(|line| line.contains("body_mb") && line.contains('7')),
        "{}",
        show.stdout
    );
    assert!(!folder.path().join("data").exists(), "looking makes nothing");
}

#[tokio::test]
async fn the_description_is_the_one_that_is_served() {
    let app = app().await;
    let printed = run(app.command(&["openapi"])).await;
    assert_eq!(printed.code, Some(0));
    let printed: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(printed, get(&app, "/openapi.json").await.json());
    assert!(printed["openapi"].as_str().unwrap().starts_with("3.1"));
}
