//! What keeps the program from starting is one clear line with a hint.

use super::*;
use std::net::TcpListener;

#[tokio::test]
async fn a_busy_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = run(command_in(folder.path(), &["serve", "--listen", &address])).await;
    expect_failure(&ended, &["cannot listen", &address, "--listen"]);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was begun"
    );
    let elsewhere = run(command_in(folder.path(), &["--listen", "192.0.2.1:80"])).await;
    expect_failure(&elsewhere, &["cannot listen on 192.0.2.1:80", "--listen"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let other = "a file of another program\n".repeat(100);
    std::fs::write(folder.path().join("in-the-way"), &other).unwrap();
    // The last one nobody may write to, root included.
    for path in ["in-the-way", "in-the-way/data", "/proc/chatai"] {
        let mut command = serve_in(folder.path());
        command.args(["--data-dir", path]);
        expect_failure(&run(command).await, &[path.trim_end_matches("/data")]);
    }
    let mut command = serve_in(folder.path());
    command.env("DATABASE_URL", "sqlite:////proc/chatai/chatai.db");
    expect_failure(&run(command).await, &["/proc/chatai"]);
    let mut command = serve_in(folder.path());
    command.env("DATABASE_URL", "in-the-way");
    expect_failure(&run(command).await, &["not a chatai database"]);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("in-the-way")).unwrap(),
        other
    );
}

#[tokio::test]
async fn a_broken_configuration_is_told_with_its_places() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chatai.toml");
    for (content, words) in [
        ("[server\nlisten = 1", &["chatai.toml"][..]),
        (
            "[server]\nbody_timeout_s = \"soon\"\n",
            &["chatai.toml", "server.body_timeout_s", "soon"],
        ),
        (
            "[server]\nlissten = \"127.0.0.1:1\"\n",
            &["chatai.toml", "lissten", "listen"],
        ),
        (
            "[limits]\nbody_mb = -1\nfile_mb = \"many\"\n",
            &["limits.body_mb", "limits.file_mb"],
        ),
        ("[auth]\njwt_secret = \"changeme\"\n", &["auth.jwt_secret"]),
        (
            "[providers.openai]\napi_key = \"sk-äöü-hush\"\n",
            &["providers.openai.api_key"],
        ),
    ] {
        std::fs::write(&file, content).unwrap();
        for arguments in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["config", "check"],
            &["user", "list"],
        ] {
            let ended = run(command_in(folder.path(), arguments)).await;
            expect_failure(&ended, words);
            assert!(
                !ended.stderr.contains("hush") && !ended.stderr.contains("changeme"),
                "{ended:?}"
            );
        }
    }
    std::fs::remove_file(&file).unwrap();
    let mut command = serve_in(folder.path());
    command
        .env("CHATAI__SERVER__LISSTEN", "x")
        .env("CHATAI__LIMITS__BODY_MB", "NaN");
    expect_failure(
        &run(command).await,
        &["CHATAI__SERVER__LISSTEN", "CHATAI__LIMITS__BODY_MB"],
    );
    let missing = run(command_in(folder.path(), &["serve", "--config", "missing.toml"])).await;
    expect_failure(&missing, &["missing.toml"]);
    for (key, path) in [("PRICING_FILE", "prices.json"), ("BOOKS_FILE", "books.json")] {
        // The first time it is missing, the second time broken.
        for _ in 0..2 {
            let mut command = serve_in(folder.path());
            command.env(key, path);
            let ended = run(command).await;
            assert_eq!(ended.code, Some(1), "{ended:?}");
            // The database may have been made before, which the log says.
            let errors: Vec<&str> = ended
                .stderr
                .lines()
                .filter(|line| line.starts_with("error: "))
                .collect();
            assert_eq!(errors.len(), 1, "{ended:?}");
            assert!(errors[0].contains(path), "{ended:?}");
            std::fs::write(folder.path().join(path), "{\"broken").unwrap();
        }
    }
}

#[tokio::test]
async fn an_unreachable_database_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for url in [
        format!("postgres://someone:hush@127.0.0.1:{port}/chatai"),
        "postgres://someone:hush@host.invalid/chatai".to_owned(),
        "mysql://someone:hush@127.0.0.1/chatai".to_owned(),
    ] {
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"]] {
            let mut command = command_in(folder.path(), arguments);
            command.env("DATABASE_URL", &url);
            let ended = run(command).await;
            expect_failure(&ended, &[]);
            assert!(
                !ended.stderr.contains("hush") && !ended.stdout.contains("hush"),
                "{ended:?}"
            );
        }
    }
}

#[tokio::test]
async fn one_file_has_one_process() {
    let app = app().await;
    let user = app.register("a@example.com").await;
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["user", "list"],
        &["migrate"],
    ] {
        let ended = run(app.command(arguments)).await;
        expect_failure(&ended, &["in use", "stop the other process"]);
    }
    let doctor = run(app.command(&["doctor"])).await;
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(
        doctor.stdout.contains("in use by a running service"),
        "{doctor:?}"
    );
    let (status, _) = user.chat(&[("text", "still well?")]).await;
    assert_eq!(status, 200);
}
