//! A PostgreSQL server of our own, made for one run and removed after it. It gives up durability for speed:
//! nothing in it outlives the tests.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Config, NoTls};

use crate::run;

const FOLDER: &str = "xtask-postgres-";
const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The running server.
pub(crate) struct Cluster {
    server: Child,
    folder: PathBuf,
    url: String,
}

impl Cluster {
    /// Makes a data folder and starts a server on a free port of 127.0.0.1.
    pub(super) fn start(programs: &Path) -> Result<Self, String> {
        let owner = if is_root() {
            Some(unprivileged_user()?)
        } else {
            None
        };
        let folder = make_folder(owner)?;
        let started = Self::start_in(programs, &folder, owner);
        if started.is_err() {
            remove_folder(&folder);
        }
        started
    }

    fn start_in(programs: &Path, folder: &Path, owner: Option<User>) -> Result<Self, String> {
        let data = folder.join("data");
        let log_path = folder.join("log");
        let log = File::create(&log_path)
            .map_err(|error| format!("cannot write `{}`: {error}", log_path.display()))?;
        let clone = || {
            log.try_clone()
                .map_err(|error| format!("cannot share the server's log: {error}"))
        };
        let command = |program: &str| -> Result<Command, String> {
            let mut command = Command::new(programs.join(program));
            command
                .current_dir(folder)
                .stdin(Stdio::null())
                .stdout(clone()?)
                .stderr(clone()?);
            if let Some(user) = owner {
                command.uid(user.uid).gid(user.gid);
            }
            Ok(command)
        };
        let with_log = |message: String| format!("{message}: {}", last_lines(&log_path));

        let made = command("initdb")?
            .arg("-D")
            .arg(&data)
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return Err(with_log("`initdb` failed".to_owned()));
        }
        let port = free_port()?;
        // In the foreground and in our process group: an interrupted run takes its server with it.
        let server = command("postgres")?
            .arg("-D")
            .arg(&data)
            .args([
                "-p",
                &port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
            ])
            .args([
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "max_connections=400",
            ])
            .spawn()
            .map_err(|error| format!("`postgres` does not start: {error}"))?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let mut cluster = Self {
            server,
            folder: folder.to_owned(),
            url,
        };
        cluster.wait_until_it_answers(port).map_err(with_log)?;
        Ok(cluster)
    }

    fn wait_until_it_answers(&mut self, port: u16) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let mut config = Config::new();
            config
                .host("127.0.0.1")
                .port(port)
                .user("postgres")
                .dbname("postgres");
            let answer = config.connect_timeout(Duration::from_secs(1)).connect(NoTls);
            if answer.is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.server.try_wait() {
                return Err(format!("`postgres` ended at its start: {status}"));
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "`postgres` did not answer within {} s",
                    START_LIMIT.as_secs()
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGQUIT: end at once. There is nothing to save.
        run::succeeds(Command::new("kill").args(["-QUIT", &self.server.id().to_string()]));
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.server.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                if let Err(error) = self.server.kill() {
                    eprintln!("warning: the private PostgreSQL server does not end: {error}");
                }
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        remove_folder(&self.folder);
    }
}

/// The folder of the newest installed server programs.
pub(super) fn installed() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, folder)| complete(folder))
        .collect();
    versions.sort();
    let newest = versions.pop().map(|(_, folder)| folder);
    newest.or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).find(complete))
}

/// Whether we run as root, whom PostgreSQL refuses to serve.
pub(super) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stdin(Stdio::null()).output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

fn unprivileged_user() -> Result<User, String> {
    let accounts =
        fs::read_to_string("/etc/passwd").map_err(|error| format!("cannot read `/etc/passwd`: {error}"))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| user_of(&accounts, name))
        .ok_or_else(|| {
            "PostgreSQL refuses root, and there is no account `postgres` or `nobody` to run it as".to_owned()
        })
}

fn user_of(accounts: &str, name: &str) -> Option<User> {
    let line = accounts
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some(User {
        uid: fields.next()?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

/// A new folder below `target`, or, where the server's user could not reach it, in the system's folder for
/// temporary files. Folders of runs that were killed are removed first.
fn make_folder(owner: Option<User>) -> Result<PathBuf, String> {
    let target = run::root().join("target");
    let base = if owner.is_none() || target.ancestors().all(anyone_may_pass) {
        target
    } else {
        std::env::temp_dir()
    };
    sweep(&base);
    let folder = base.join(format!("{FOLDER}{}", std::process::id()));
    let failed = |error: std::io::Error| format!("cannot make `{}`: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    if let Some(user) = owner {
        chown(&folder, Some(user.uid), Some(user.gid)).map_err(failed)?;
    }
    Ok(folder)
}

fn anyone_may_pass(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| metadata.mode() & 0o001 != 0)
}

fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let run = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        if run.is_some_and(|pid| !run::succeeds(Command::new("kill").args(["-0", pid]))) {
            end_server_of(&entry.path());
            remove_folder(&entry.path());
        }
    }
}

/// Ends the server that still serves an abandoned folder, if its process is what the folder says it is.
fn end_server_of(folder: &Path) {
    let note = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let Some(pid) = note.lines().next() else { return };
    let listed = Command::new("ps")
        .args(["-o", "args=", "-p", pid])
        .stdin(Stdio::null())
        .output();
    let folder = folder.to_string_lossy();
    if listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(folder.as_ref())) {
        run::succeeds(Command::new("kill").args(["-QUIT", pid]));
    }
}

fn remove_folder(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        eprintln!("warning: `{}` stays: {error}", folder.display());
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener
        .map(|address| address.port())
        .map_err(|error| format!("no free port on 127.0.0.1: {error}"))
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_else(|error| format!("and its log cannot be read: {error}"));
    let mut lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.reverse();
    lines.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_in_the_list_of_accounts() {
        let accounts = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104::/:/bin/sh\nbroken:x\n";
        assert_eq!(
            user_of(accounts, "postgres").map(|user| (user.uid, user.gid)),
            Some((101, 104))
        );
        assert!(user_of(accounts, "post").is_none() && user_of(accounts, "broken").is_none());
    }
}
