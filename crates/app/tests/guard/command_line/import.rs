//! `chatai import` that is interrupted or killed: soon over, nothing half, and the next run goes on. A dry run changes
//! nothing, tables included.

use super::*;
use chatai_testkit::app::{AppOptions, TestApp, TestDatabase};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr},
};

/// How long a run may take to end, which it should do at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// One account with a conversation of so many messages, each tenth with a PDF up to a number of them.
fn original(messages: i64, documents: i64) -> OriginalFile {
    let file = OriginalFile::empty();
    let hash = bcrypt::hash("lovelace", 4).unwrap();
    file.sql(&format!(
        "begin;
         insert into users values (7, 'ada@example.com', '{hash}', 'Ada', '2024-05-01 08:30:15');
         insert into conversations values (40, 7, 'Long', null, '2024-05-02 09:00:00')"
    ));
    for id in 1..=messages {
        let asked = (id % 2 == 0).then_some(id - 1);
        let row = params![
            id,
            asked,
            format!("message {id}"),
            asked.map(|_| 5),
            asked.map(|_| 0.25)
        ];
        let insert = "insert into messages values (?1, 40, ?2, ?3, null, '2024-05-02 09:00:01', ?4, ?4, 0, 'gpt-4o', ?5)";
        file.connection.execute(insert, row).unwrap();
        if asked.is_some() {
            let insert = "insert into usage_details values (?1, ?1, 'final', 'gpt-4o', 5, 5, 0, 0.25, '2024-05-02 09:00:02')";
            file.connection.execute(insert, [id]).unwrap();
        }
    }
    for id in 1..=documents {
        let insert = "insert into attachments values (?1, ?2, ?3, ?4, 'application/pdf')";
        let row = params![id, id * 10 - 9, format!("{id}.pdf"), pdf(&format!("page {id}"))];
        file.connection.execute(insert, row).unwrap();
    }
    file.sql("commit");
    file
}

/// A PDF of one line, which takes a process of its own to be read.
fn pdf(text: &str) -> Vec<u8> {
    let stream = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut file = "%PDF-1.7\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let table = file.len();
    file += "xref\n0 6\n0000000000 65535 f \n";
    for place in places {
        file += &format!("{place:010} 00000 n \n");
    }
    file += &format!("trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    file.into_bytes()
}

/// A run whose progress is read line by line.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
}

impl Running {
    fn start(app: &TestApp, original: &OriginalFile) -> Self {
        let mut command =
            tokio::process::Command::from(app.command(&["import", original.path().to_str().unwrap()]));
        command
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Reads until a line begins with this; the line.
    async fn wait_for(&mut self, beginning: &str) -> String {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.expect("a line in time").unwrap();
            let line =
                line.unwrap_or_else(|| panic!("it ended without saying `{beginning}`: {:?}", self.said));
            self.said.push(line.clone());
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success(), "{:?}", self.said);
    }

    /// Its exit code and all that it said.
    async fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let rest = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line);
            }
            self.child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(PATIENCE, rest).await.expect("it ends");
        (status.code(), self.said)
    }
}

/// A whole run; the columns of the report's line about the attachments: in the file, taken, known, left out.
async fn import(app: &TestApp, original: &OriginalFile) -> [u64; 4] {
    let ended = run(app.command(&["import", original.path().to_str().unwrap()])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = ended
        .stdout
        .lines()
        .find(|line| line.starts_with("attachments "))
        .unwrap();
    let numbers: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(4)
        .map(|n| n.parse().unwrap())
        .collect();
    numbers.try_into().unwrap()
}

/// Everything of the account, as its client sees it.
async fn sights(app: &mut TestApp) -> Value {
    app.start_again().await;
    let user = app.login("ada@example.com", "lovelace").await;
    let mut seen = Vec::new();
    for path in [
        "/users/me",
        "/conversations/",
        "/conversations/40/messages",
        "/conversations/40/context",
        "/chat/40/usage-details",
    ] {
        let (status, body) = user.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        seen.push(body);
    }
    let mut files = Vec::new();
    for message in list(&seen[2]["messages"]) {
        for file in list(&message["attachments"]) {
            let answer = get_as(&user, &format!("/attachments/{}", file["id"])).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            files.push(answer.text);
        }
    }
    app.terminate().await;
    json!([seen, files])
}

/// An instance that has run once, and has its tables.
async fn ended_app(options: AppOptions) -> TestApp {
    let mut app = options.start().await;
    assert!(app.terminate().await.success());
    app
}

on_both! {
    /// Two hundred documents fit one page, and take many times longer than anybody waits for a Ctrl-C.
    async fn a_signal_ends_it_within_a_page_and_a_second_run_completes_it(options) {
        let app = ended_app(options).await;
        let original = original(2_000, 200);
        for signal in ["-INT", "-TERM"] {
            let mut running = Running::start(&app, &original);
            let line = running.wait_for("attachments: ").await;
            assert!(!line.contains("200 of 200"), "progress is told within a page: {line}");
            running.signal(signal);
            let (code, said) = running.ended().await;
            assert_eq!(code, Some(1), "{said:?}");
            assert!(!said.iter().any(|line| line.contains("200 of 200")), "it went on: {said:?}");
            assert!(said.iter().any(|line| line == "error: the import was interrupted"), "{said:?}");
            assert!(said.iter().any(|line| line.contains("run this again")), "{said:?}");
        }
        let [found, taken, known, left_out] = import(&app, &original).await;
        assert_eq!((found, taken + known, left_out), (200, 200, 0));
        assert_eq!(import(&app, &original).await, [200, 0, 200, 0]);
    }

    async fn a_run_that_was_killed_is_completed_by_the_next(options) {
        let other = match options.database() {
            TestDatabase::Sqlite => crate::support::options(),
            _ => crate::support::options().on(TestDatabase::postgres()),
        };
        let original = original(2_000, 30);
        let mut whole = ended_app(other).await;
        assert_eq!(import(&whole, &original).await, [30, 30, 0, 0]);
        let mut app = ended_app(options).await;
        for moment in ["messages: ", "attachments: ", "usage rows: "] {
            let mut running = Running::start(&app, &original);
            running.wait_for(moment).await;
            running.signal("-KILL");
            assert_eq!(running.ended().await.0, None, "it was killed");
        }
        import(&app, &original).await;
        assert_eq!(sights(&mut app).await, sights(&mut whole).await);
    }
}

/// Somebody else holds the database, so that the end in good order would have to wait.
#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let app = ended_app(options()).await;
    let original = original(20_000, 0);
    let mut running = Running::start(&app, &original);
    running.wait_for("messages: ").await;
    let holder = Connection::open(app.sqlite_path()).unwrap();
    holder.busy_timeout(PATIENCE).unwrap();
    holder.execute_batch("begin immediate").unwrap();
    running.signal("-INT");
    running.signal("-TERM");
    let (code, said) = running.ended().await;
    assert!(matches!(code, Some(130 | 143)), "{code:?}: {said:?}");
    drop(holder);
    import(&app, &original).await;
}

mod a_dry_run_changes_nothing {
    use super::*;

    async fn refused(app: &TestApp, original: &OriginalFile) {
        let arguments = ["import", "--dry-run", original.path().to_str().unwrap()].map(str::to_owned);
        let ended = run(app.command(&arguments.each_ref().map(String::as_str))).await;
        expect_failure(&ended, &["the database has schema", "run `chatai migrate` first"]);
    }

    #[tokio::test]
    async fn in_an_older_file() {
        let app = ended_app(options()).await;
        let newest = Rows::of(&app).count("select max(version) from schema_migrations");
        let name = Rows::of(&app).column(&format!(
            "select name from schema_migrations where version = {newest}"
        ));
        let name = name[0].as_str().unwrap().to_owned();
        Rows::of(&app).change(&format!("delete from schema_migrations where version = {newest}"));
        let before = std::fs::read(app.sqlite_path()).unwrap();
        refused(&app, &original(10, 1)).await;
        assert!(
            std::fs::read(app.sqlite_path()).unwrap() == before,
            "the file changed"
        );
        assert_eq!(
            Rows::of(&app).count("select count(*) from schema_migrations"),
            newest - 1
        );
        let snapshots = std::fs::read_dir(app.data_dir()).unwrap();
        let names: Vec<_> = snapshots.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            !names.iter().any(|name| name.to_string_lossy().contains("before")),
            "{names:?}"
        );
        // The harness has `doctor` look at it in the end.
        let now = format!("insert into schema_migrations select {newest}, '{name}', 0");
        Rows::of(&app).change(&now);
    }

    #[tokio::test]
    async fn on_a_server() {
        let app = ended_app(options().on(TestDatabase::postgres())).await;
        let tables = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                      where n.nspname = 'public'";
        app.database()
            .ask_server("drop schema public cascade; create schema public");
        refused(&app, &original(10, 1)).await;
        assert_eq!(app.database().ask_server(tables), ["0"]);
        assert!(run(app.command(&["migrate"])).await.code == Some(0));
        let migrations = "select count(*) from schema_migrations";
        let all = app.database().ask_server(migrations);
        let newest = "(select max(version) from schema_migrations)";
        app.database()
            .ask_server("create table kept as select * from schema_migrations");
        app.database()
            .ask_server(&format!("delete from schema_migrations where version = {newest}"));
        let before = app.database().ask_server(tables);
        refused(&app, &original(10, 1)).await;
        assert_eq!(app.database().ask_server(tables), before);
        assert_ne!(
            app.database().ask_server(migrations),
            all,
            "it was not brought up to date"
        );
        app.database().ask_server(
            "insert into schema_migrations select * from kept on conflict do nothing; drop table kept",
        );
    }
}
