//! Servers of tools as processes of their own, and what they tell of themselves while they run.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The interpreter that has the SDK, as `cargo xtask test` provides it.
pub(crate) fn python() -> String {
    let named = std::env::var("CHATAI_TEST_MCP_PYTHON").unwrap_or_default();
    if !named.is_empty() {
        return named;
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/mcp-sdk/bin/python");
    assert!(
        made.exists(),
        "there is no Python with the SDK: `cargo xtask test` makes one, or CHATAI_TEST_MCP_PYTHON names one"
    );
    made.display().to_string()
}

/// A script of `tests/mcp`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp").join(name)
}

/// An entry of `[[mcp]]` that starts a script.
pub(super) fn entry(name: &str, script: &str, arguments: &[&str], notes: &Notes, more: &str) -> String {
    let script = self::script(script).display().to_string();
    let arguments: Vec<&str> = [script.as_str()]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    format!(
        "[[mcp]]\nname = \"{name}\"\ncommand = \"{}\"\nargs = {arguments:?}\nenv = {{ PEER_NOTES = \"{}\" }}\n{more}\n",
        python(),
        notes.port
    )
}

/// What a server told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Note {
    Said(usize, String),
    /// The process that told by this connection is no more.
    Gone(usize),
}

/// Where servers tell what happens: one connection a process, which ends with it.
pub(super) struct Notes {
    port: u16,
    arriving: mpsc::UnboundedReceiver<Note>,
    arrived: Vec<Note>,
}

impl Notes {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, arriving) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut lines = BufReader::new(stream).lines();
                    while let Ok(Some(line)) = lines.next_line().await {
                        let _ = tell.send(Note::Said(connection, line));
                    }
                    let _ = tell.send(Note::Gone(connection));
                });
            }
        });
        Self {
            port,
            arriving,
            arrived: Vec::new(),
        }
    }

    /// Waits until a line of this beginning has been told so many times; the connections that told it.
    pub(super) async fn told(&mut self, beginning: &str, times: usize) -> Vec<usize> {
        let told = |note: &Note| match note {
            Note::Said(connection, line) if line.starts_with(beginning) => Some(*connection),
            _ => None,
        };
        loop {
            let found: Vec<usize> = self.arrived.iter().filter_map(told).collect();
            if found.len() >= times {
                return found;
            }
            self.next(beginning).await;
        }
    }

    /// Waits until the process that told by this connection is no more.
    pub(super) async fn gone(&mut self, connection: usize) {
        while !self.arrived.contains(&Note::Gone(connection)) {
            self.next("an end").await;
        }
    }

    /// All lines so far.
    pub(super) fn lines(&mut self) -> Vec<String> {
        while let Ok(note) = self.arriving.try_recv() {
            self.arrived.push(note);
        }
        let said = self.arrived.iter().filter_map(|note| match note {
            Note::Said(_, line) => Some(line.clone()),
            Note::Gone(_) => None,
        });
        said.collect()
    }

    async fn next(&mut self, wanted: &str) {
        match timeout(PATIENCE, self.arriving.recv()).await {
            Ok(Some(note)) => self.arrived.push(note),
            other => panic!("waiting for {wanted}: {other:?} after {:?}", self.arrived),
        }
    }
}

/// A server over HTTP. It ends with its standard input.
pub(super) struct HttpPeer {
    _process: Child,
    pub(super) url: String,
}

impl HttpPeer {
    pub(super) async fn start(notes: &Notes, arguments: &[&str]) -> Self {
        let mut process = Command::new(python())
            .arg(script("peer.py"))
            .arg("http")
            .args(arguments)
            .env("PEER_NOTES", notes.port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = BufReader::new(process.stdout.take().unwrap().take(1_000));
        let mut output = output;
        timeout(PATIENCE, output.read_line(&mut line))
            .await
            .unwrap()
            .unwrap();
        Self {
            _process: process,
            url: line.trim().to_owned(),
        }
    }

    /// An entry of `[[mcp]]` for it.
    pub(super) fn entry(&self, more: &str) -> String {
        format!("[[mcp]]\nname = \"peer\"\nurl = \"{}\"\n{more}\n", self.url)
    }
}
