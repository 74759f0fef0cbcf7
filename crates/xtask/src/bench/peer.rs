//! Programs that do the service's work, measured beside it where `--peer` asks for them: LiteLLM's proxy, in front of the
//! same provider.
//!
//! It runs as its documentation starts it: one process, a master key, a list with the one model, and no database, so that it
//! counts and stores nothing. It is told to stay off the network.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::http::{self, Connection};
use super::provider::MODEL;
use super::{Options, machine, programs, service};
use crate::provision;

/// What may be measured beside the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// LiteLLM's proxy.
    Litellm,
}

/// Its master key.
const KEY: &str = "sk-bench";

/// How long it may take until it answers, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(180);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(200);

impl Peer {
    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        (name == "litellm").then_some(Self::Litellm)
    }
}

/// A running proxy of LiteLLM; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Litellm {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    _folder: TempDir,
}

impl Litellm {
    /// Installs and starts it in front of the provider at this address, where it was asked for.
    pub(super) fn if_asked(options: &Options, provider: SocketAddr) -> Result<Option<Self>, String> {
        match options.peer {
            Some(Peer::Litellm) => Self::start(&provision::litellm()?, provider).map(Some),
            None => Ok(None),
        }
    }

    fn start(programs: &Path, provider: SocketAddr) -> Result<Self, String> {
        let folder = service::folder()?;
        let program = programs.join("litellm");
        let failed = |error: std::io::Error| format!("cannot start `{}`: {error}", program.display());
        let configuration = folder.path().join("config.yaml");
        fs::write(&configuration, configured(provider)).map_err(failed)?;
        let address = free_address().map_err(failed)?;
        let log_path = folder.path().join("log.txt");
        let log = File::create(&log_path).map_err(failed)?;
        let child = Command::new(&program)
            .args(["--host", "127.0.0.1", "--telemetry", "False", "--port"])
            .arg(address.port().to_string())
            // Else it closes a connection after five seconds in which others are measured.
            .args(["--keepalive_timeout", "600"])
            .arg("--config")
            .arg(&configuration)
            .env_clear()
            .envs([
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                // Else it fetches its list of prices when it starts.
                ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
                ("LITELLM_LOG", "ERROR"),
            ])
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        let mut started = Self {
            child,
            address,
            _folder: folder,
        };
        started.wait(&log_path)?;
        Ok(started)
    }

    /// Waits until it answers.
    fn wait(&mut self, log: &Path) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let asking = http::get("/health/liveliness", "");
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            let answered = Connection::open(self.address).and_then(|mut opened| opened.succeed(&asking));
            if answered.is_ok() {
                return Ok(());
            }
            std::thread::sleep(BETWEEN_ATTEMPTS);
        }
        let log = fs::read_to_string(log).unwrap_or_default();
        Err(format!("LiteLLM's proxy does not answer: {log}"))
    }

    /// The processor time it has used, in seconds.
    pub(super) fn cpu_seconds(&self) -> Result<f64, String> {
        machine::cpu_seconds(self.child.id())
    }
}

impl Drop for Litellm {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call of it, as bytes: the same as of the service, with its own key.
pub(super) fn call(streams: bool) -> Vec<u8> {
    programs::call(KEY, streams)
}

/// What the tables say of how it ran.
pub(super) fn note() -> String {
    format!(
        "LiteLLM's proxy, {}, in front of the same provider: one process, as it starts unless it is told otherwise, with a \
         master key and without a database, so that it has no keys, no budgets and no usage to write down.",
        provision::litellm_version()
    )
}

fn configured(provider: SocketAddr) -> String {
    format!(
        "model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n      api_base: \
         http://{provider}/v1\n      api_key: {KEY}\ngeneral_settings:\n  master_key: {KEY}\n"
    )
}

/// An address that nobody listens at, for a program that does not say which one it chose.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_named_as_it_is_called() {
        assert_eq!(Peer::named("litellm"), Some(Peer::Litellm));
        assert_eq!(Peer::named("another"), None);
        assert!(provision::litellm_version().contains('.'));
    }
}
