//! The program at the terminal: what it says, what it exits with, and that it ends when asked to.
//!
//! 0 is success, 1 a failure with one clear line and a hint, 2 a misspelt command line.

use crate::support::*;
use chatai_testkit::{
    app::{TestDatabase, User},
    provider::{Gate, Reply},
};
use serde_json::json;
use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};

/// Checks a failure: exit code 1, one line that says what is wrong, and what to do.
#[track_caller]
fn expect_failure(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("error: "), "{ended:?}");
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("error: ")).count(),
        1,
        "{ended:?}"
    );
    // Several problems of a configuration stand below each other, each with its place.
    let is_further = |line: &&str| {
        line.starts_with("  ") || line.starts_with("chatai.toml:") || line.starts_with("environment ")
    };
    assert!(lines[1..].iter().all(is_further), "{ended:?}");
    assert!(
        lines.iter().any(|line| line.trim_start().starts_with("hint: ")),
        "{ended:?}"
    );
    for word in words {
        assert!(ended.stderr.contains(word), "`{word}` is not said: {ended:?}");
    }
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn serve_in(folder: &Path) -> Command {
    command_in(folder, &["serve", "--listen", "127.0.0.1:0"])
}

#[tokio::test]
async fn an_empty_machine_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::from(command_in(folder.path(), &["--listen", "127.0.0.1:0"]));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut greeting = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let is_last = line.contains("-d '{");
        greeting.push(line);
        if is_last {
            break;
        }
    }
    let first = &greeting[0];
    let address = first
        .split("http://")
        .nth(1)
        .unwrap_or_else(|| panic!("{greeting:?}"));
    assert!(
        first.starts_with("chatai ") && first.contains(" is listening on "),
        "{first}"
    );
    let text = greeting.join("\n");
    for expected in [
        "  database    SQLite, ./data/chatai.db",
        "  models      the built-in responder alone; set OPENAI_API_KEY for real models",
        "  collection  ",
        &format!("  reference   http://{address}/docs"),
        "  next        register; the first account is the administrator:",
        &format!("curl http://{address}/auth/register"),
    ] {
        assert!(text.contains(expected), "`{expected}` is not in\n{text}");
    }
    let data = folder.path().join("data");
    assert_eq!((mode(&data), mode(&data.join("jwt_secret"))), (0o700, 0o600));
    assert!(data.join("chatai.db").is_file());

    // What the last lines say works as they stand.
    let command = text.split("curl ").nth(1).unwrap().replace("\\\n", " ");
    let body = command.split("-d '").nth(1).unwrap().trim_end_matches('\'');
    let client = plain_client();
    let call = client.post(format!("http://{address}/auth/register"));
    let answer = send(
        call.header("content-type", "application/json")
            .body(body.to_owned()),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["data"], "nothing is written elsewhere");
}

/// A client for a program that the harness did not start.
fn plain_client() -> reqwest::Client {
    // Plain HTTP wants one too; it may have been installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

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
        for (arguments, input, words) in [
            (&["add", "plain@example.com"][..], "hunter22", "already registered"),
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

#[tokio::test]
async fn the_description_is_the_one_that_is_served() {
    let app = app().await;
    let printed = run(app.command(&["openapi"])).await;
    assert_eq!(printed.code, Some(0));
    let printed: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(printed, get(&app, "/openapi.json").await.json());
    assert!(printed["openapi"].as_str().unwrap().starts_with("3.1"));
}

/// Waits until nobody is let in any more.
async fn wait_until_closed(address: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline, "the program still takes connections");
        tokio::task::yield_now().await;
    }
}

on_both! {
    /// A client that waits for an answer gets it; new ones are no longer let in.
    async fn a_running_turn_is_finished_before_the_end(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("a@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("worth waiting for").gate_after(0, &gate));
        let asking = tokio::spawn(async move { user.chat(&[("text", "hello")]).await });
        gate.reached().await;
        let address = app.address().to_owned();
        let (status, ()) = tokio::join!(app.terminate(), async {
            wait_until_closed(&address).await;
            gate.open();
        });
        assert_eq!(status.code(), Some(0));
        let (status, body) = asking.await.unwrap();
        assert_eq!((status, &body["answer"]), (200, &json!("worth waiting for")), "{body}");
    }
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let mut app = app().await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(raw::connect(&app).await);
    }
    let user: User = app.register("a@example.com").await;
    assert_eq!(user.get("/users/me").await.0, 200);
    let begun = Instant::now();
    assert_eq!(app.terminate().await.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(idle);
}
