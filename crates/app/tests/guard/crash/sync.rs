//! A disk that fails to sync under the running program: nothing is acknowledged any more, the program says why and
//! ends, and the next start finds everything that was acknowledged.

use crate::support::{Rows, list, options, run, shim, text};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{Gate, Reply, ScriptedProvider},
};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinSet,
};

const CLIENTS: usize = 6;

/// A folder with the library that fails syncs, and the file that makes it do so.
struct Disk {
    folder: TempDir,
    library: PathBuf,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = shim::build("crash/shim.c", folder.path());
        Self { folder, library }
    }

    fn under(&self, options: AppOptions) -> AppOptions {
        options
            .env("LD_PRELOAD", self.library.display().to_string())
            .env("TEST_SYNC_FAILS", self.marker().display().to_string())
    }

    fn marker(&self) -> PathBuf {
        self.folder.path().join("broken")
    }

    fn break_down(&self) {
        std::fs::write(self.marker(), "").unwrap();
    }

    fn recover(&self) {
        std::fs::remove_file(self.marker()).unwrap();
    }
}

/// Writes of one user until one is not acknowledged; the titles of those that were go to `acknowledged`.
async fn write_until_refused(
    user: User,
    name: usize,
    marker: PathBuf,
    acknowledged: UnboundedSender<String>,
) {
    for count in 0.. {
        let title = format!("{name}-{count}");
        let body = json!({"title": title});
        let is_broken = marker.exists();
        if !is_acknowledged(user.call(Method::POST, "/conversations/").json(&body)).await {
            return;
        }
        assert!(!is_broken, "{title} was acknowledged by a broken disk");
        acknowledged.send(title).expect("the test listens");
    }
}

/// Whether it was acknowledged, headers alone counting.
async fn is_acknowledged(request: RequestBuilder) -> bool {
    request
        .send()
        .await
        .is_ok_and(|reply| reply.status().is_success())
}

async fn titles(user: &User) -> Vec<String> {
    let (status, listed) = user.get("/conversations/").await;
    assert_eq!(status, 200, "{listed}");
    list(&listed)
        .iter()
        .map(|row| text(&row["title"]).to_owned())
        .collect()
}

async fn expect_clear_end(app: &mut TestApp) {
    let status = app.ended().await;
    assert_eq!(status.code(), Some(1), "{}", app.log());
    let log = app.log();
    let line = "error: the database failed to sync: cannot sync the write-ahead log: Input/output error";
    assert!(log.lines().any(|said| said.starts_with(line)), "{log}");
    assert!(!log.contains("panicked at"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_after_a_sync_has_failed() {
    let disk = Disk::new();
    let provider = ScriptedProvider::start().await;
    let mut app = disk.under(options()).vendor(&provider).start().await;
    let user = app.register("a@example.com").await;
    let (status, told) = user.chat(&[("text", "hello")]).await;
    assert_eq!(status, 200, "{told}");
    // An answer that is being given when the disk breaks.
    let gate = Gate::new();
    let closed = gate.clone();
    provider.script(move |request| match request.last_user_text().contains("held") {
        true => Reply::echo(request).gate_after(1, &closed),
        false => Reply::echo(request),
    });
    let asked = user.call(Method::POST, "/chat/").form(&[("text", "held")]);
    let held = tokio::spawn(is_acknowledged(asked));
    gate.reached().await;

    let (tell, mut told) = unbounded_channel();
    let mut writing = JoinSet::new();
    for name in 0..CLIENTS {
        writing.spawn(write_until_refused(
            user.clone(),
            name,
            disk.marker(),
            tell.clone(),
        ));
    }
    drop(tell);
    let mut acknowledged = Vec::new();
    for _ in 0..10 * CLIENTS {
        acknowledged.push(told.recv().await.expect("the disk is whole"));
    }
    disk.break_down();
    for call in [
        user.call(Method::POST, "/conversations/")
            .json(&json!({"title": "too late"})),
        user.call(Method::POST, "/auth/register")
            .json(&json!({"email": "b@example.com", "password": "secret"})),
        user.call(Method::POST, "/chat/").form(&[("text", "too late")]),
        user.call(Method::POST, "/auth/logout"),
    ] {
        assert!(!is_acknowledged(call).await, "acknowledged by a broken disk");
    }
    gate.open();
    assert!(!held.await.unwrap(), "an answer that could not be kept");
    writing.join_all().await;
    while let Some(title) = told.recv().await {
        acknowledged.push(title);
    }
    expect_clear_end(&mut app).await;

    // While the disk is broken there is no start.
    let refused = run(app.command(&["serve", "--listen", "127.0.0.1:0"])).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("chatai.db-wal"), "{refused:?}");
    disk.recover();
    app.start_again().await;
    let user = user.at(&app.base_url());
    let kept = titles(&user).await;
    for title in &acknowledged {
        assert!(kept.contains(title), "{title} was acknowledged and is lost");
    }
    let (status, body) = user.chat(&[("text", "still there?")]).await;
    assert_eq!(status, 200, "{body}");
    assert!(app.terminate().await.success());
    let rows = Rows::of(&app);
    rows.expect_sound();
    assert_eq!(
        rows.count("select count(*) from messages where status = 'running'"),
        0
    );
}
