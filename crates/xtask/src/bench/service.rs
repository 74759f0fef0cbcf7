//! The release binary under measurement: started on a folder of its own, and what the system says of it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::http::{self, Connection};
use super::provider::Provider;
use super::{machine, work_folder};
use crate::run;

/// What is asked, of a usual length.
pub(super) const QUESTION: &str = "Which of the books about long journeys would you give to somebody who has not read a novel since \
                        school, and why that one?";

/// How long it may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the service that is measured lies.
pub(super) fn binary() -> PathBuf {
    run::root().join("target/release/chatai")
}

/// An empty folder on the workspace's disk, removed when dropped.
pub(super) fn folder() -> Result<TempDir, String> {
    let parent = work_folder();
    TempDir::with_prefix_in("data-", &parent)
        .map_err(|error| format!("cannot make a folder in `{}`: {error}", parent.display()))
}

/// An empty folder in memory, where a sync costs nothing; `None` on machines without one.
pub(super) fn folder_in_memory() -> Option<TempDir> {
    TempDir::with_prefix_in("chatai-bench-", "/dev/shm").ok()
}

/// The command that serves `folder` at `listen`, with no limits on how often one may call.
pub(super) fn command(folder: &Path, listen: &str, provider: Option<SocketAddr>) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["serve", "--listen", listen])
        .env_clear()
        .env("CHATAI__SERVER__DATA_DIR", folder.join("data"))
        .env("CHATAI__LIMITS__REGISTRATIONS_PER_MINUTE", "0")
        .current_dir(folder)
        .stdin(Stdio::null());
    if let Some(provider) = provider {
        command
            .env("OPENAI_API_KEY", "sk-bench")
            .env("OPENAI_BASE_URL", format!("http://{provider}/v1"));
    }
    command
}

/// A running service; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Service {
    /// Starts it on a free port and waits until it says that it listens.
    pub(super) fn start(folder: &Path, provider: Option<&Provider>) -> Result<Self, String> {
        Self::start_with(folder, provider, &[])
    }

    /// The same with more variables in its environment.
    pub(super) fn start_with(
        folder: &Path,
        provider: Option<&Provider>,
        environment: &[(&str, &str)],
    ) -> Result<Self, String> {
        Self::start_at(folder, provider.map(|provider| provider.address), environment)
    }

    /// The same with a provider of any kind at this address.
    pub(super) fn start_at(
        folder: &Path,
        provider: Option<SocketAddr>,
        environment: &[(&str, &str)],
    ) -> Result<Self, String> {
        let log_path = folder.join("log.txt");
        let failed = |error: std::io::Error| format!("cannot start `{}`: {error}", binary().display());
        let log = File::create(&log_path).map_err(failed)?;
        let mut child = command(folder, "127.0.0.1:0", provider)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        let output = child.stdout.take().ok_or("standard output is not piped")?;
        let mut lines = BufReader::new(output);
        let mut line = String::new();
        let said = lines.read_line(&mut line).map_err(failed);
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|text| text.trim().parse().ok());
        let (Ok(_), Some(address)) = (said, address) else {
            // It has ended or is of no use; its log says why.
            let _ = child.kill();
            let _ = child.wait();
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            return Err(format!("the service does not listen: {line}{log}"));
        };
        // What follows is read to its end, so that the service never waits for us.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Ok(Self { child, address })
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection to it.
    pub(super) fn connect(&self) -> Result<Connection, String> {
        Connection::open(self.address)
    }

    /// Its resident memory in MiB.
    pub(super) fn resident_mib(&self) -> Result<f64, String> {
        self.status_mib("VmRSS:")
    }

    /// Of its resident memory what is its own and no part of the program's file, in MiB.
    pub(super) fn anonymous_mib(&self) -> Result<f64, String> {
        self.status_mib("RssAnon:")
    }

    /// The processor time it has used, in seconds.
    pub(super) fn cpu_seconds(&self) -> Result<f64, String> {
        machine::cpu_seconds(self.pid())
    }

    /// Asks it to end and waits until it has.
    pub(super) fn terminate(mut self) -> Result<(), String> {
        let pid = self.pid().to_string();
        run::to_end(Command::new("kill").args(["-TERM", &pid]))?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let ended = self.child.try_wait();
            match ended.map_err(|error| format!("cannot wait for the service: {error}"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the service ended badly: {status}")),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err(format!("the service did not end in {PATIENCE:?}"))
    }

    fn status_mib(&self, name: &str) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kibibytes.ok_or_else(|| format!("`{path}` does not state {name}"))? / 1_024.0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Registers an account and returns its token.
pub(super) fn register(connection: &mut Connection, email: &str) -> Result<String, String> {
    let body = json!({"email": email, "password": "secret"});
    let reply = connection.json(&http::post("/auth/register", "", &body))?;
    let token = reply["access_token"].as_str();
    Ok(token.ok_or("no token in the reply")?.to_owned())
}

/// Makes a conversation that has a title already, and returns its id.
pub(super) fn conversation(connection: &mut Connection, token: &str, title: &str) -> Result<i64, String> {
    let reply = connection.json(&http::post("/conversations/", token, &json!({"title": title})))?;
    reply.as_i64().ok_or_else(|| format!("not an id: {reply}"))
}

/// A turn in a conversation, as bytes. The question has the length of a usual one.
pub(super) fn turn(token: &str, conversation: i64) -> Vec<u8> {
    let members = json!({"text": QUESTION, "conversation_id": conversation});
    http::post("/chat/", token, &members)
}

/// The same, answered as a stream of events.
pub(super) fn streamed_turn(token: &str, conversation: i64) -> Vec<u8> {
    let members = json!({"text": QUESTION, "conversation_id": conversation, "stream": true});
    http::post("/chat/", token, &members)
}
