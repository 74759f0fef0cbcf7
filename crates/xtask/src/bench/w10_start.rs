//! W10: from starting the program to its first answers.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::http::{self, Connection};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::sync::Probe;
use super::{Benchmark, Options};
use crate::{Outcome, run};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W10",
    about: "start to the first answers: empty, with a database, after kill -9 with a long log",
    run,
};

const ROUNDS: usize = 7;
const TURNS_IN_A_CONVERSATION: usize = 25;

/// Messages of the usual and of the large database.
const MESSAGES: usize = 1_000_000;
const MESSAGES_LARGE: usize = 10_000_000;

/// How long the write-ahead log is when the service is killed.
const LOG_BYTES: u64 = 64 << 20;

/// Size and number of the files by which the log gets that long.
const FILE_BYTES: usize = 6 << 20;
const UPLOADERS: usize = 4;
const MOST_UPLOADS: usize = 100;

/// A start that takes longer is a failure of the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a port is tried that nobody listens on yet.
const BETWEEN_TRIES: Duration = Duration::from_micros(200);

fn run(options: &Options) -> Result<Report, String> {
    let mut report = Report::new("W10");
    let messages = if options.large {
        MESSAGES_LARGE
    } else {
        options.scaled(MESSAGES)
    };
    eprintln!("writing a database of {messages} messages");
    let stocked = stocked(messages)?;
    eprintln!("writing a log of {} MiB", LOG_BYTES >> 20);
    let (killed, log_bytes) = killed()?;
    let mut probe = Probe::in_folder(stocked.path())?;

    report.rounds(options.rounds(ROUNDS), |round| {
        let start = Instant::now();
        run_to_end(Command::new(service::binary()).arg("--version"))?;
        let version = milliseconds(start.elapsed());
        round.add_plain("floor: the program prints its version", "ms", version);
        round.add_plain("floor: one sync", "ms", milliseconds(probe.sync()?));

        let empty = service::folder()?;
        add(round, "empty folder", 25.0, &empty)?;
        add(round, &format!("{messages} messages"), 50.0, &stocked)?;
        let crashed = service::folder()?;
        copy(&killed.path().join("data"), &crashed.path().join("data"))?;
        let name = format!("after kill -9 with a log of {} MiB", log_bytes >> 20);
        add(round, &name, 600.0, &crashed)
    })?;
    report.note(format!(
        "From the call that starts the process to the whole first reply of /healthz, then to that of /models on the same \
         connection; {} rounds in turns. Files are in the page cache. The first start in an empty folder makes the \
         database and the secret, each with its syncs.",
        options.rounds(ROUNDS)
    ));
    if !options.large {
        report.note(format!("`--large` takes {MESSAGES_LARGE} messages."));
    }
    Ok(report)
}

/// Starts the service once on a folder and adds how long it took.
fn add(round: &mut Round, name: &str, target_ms: f64, folder: &TempDir) -> Outcome {
    let (alive, answering) = time_start(folder.path())?;
    let target = Target::AtMost(target_ms);
    round.add(&format!("{name}: /healthz"), "ms", target, milliseconds(alive));
    round.add(&format!("{name}: /models"), "ms", target, milliseconds(answering));
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The times from the start to the first answer of `/healthz` and of `/models`.
fn time_start(folder: &Path) -> Result<(Duration, Duration), String> {
    let address = free_address()?;
    let mut command = service::command(folder, &address.to_string(), None);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let child = command.spawn();
    let child = Ended(child.map_err(|error| format!("cannot start the service: {error}"))?);
    while TcpStream::connect(address).is_err() {
        if start.elapsed() > PATIENCE {
            return Err(format!("the service does not listen in {PATIENCE:?}"));
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
    let mut connection = Connection::open(address)?;
    connection.succeed(&http::get("/healthz", ""))?;
    let alive = start.elapsed();
    connection.succeed(&http::get("/models", ""))?;
    let answering = start.elapsed();
    child.terminate()?;
    Ok((alive, answering))
}

/// A process that does not outlive its measurement.
struct Ended(Child);

impl Ended {
    /// Lets it end in order, so that the next start finds nothing to recover.
    fn terminate(mut self) -> Outcome {
        run_to_end(Command::new("kill").args(["-TERM", &self.0.id().to_string()]))?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let ended = self.0.try_wait();
            if ended
                .map_err(|error| format!("cannot wait for the service: {error}"))?
                .is_some()
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("the service did not end in {PATIENCE:?}"))
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that nobody listens on at this moment.
fn free_address() -> Result<SocketAddr, String> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.map_err(|error| format!("no free port: {error}"))
}

fn run_to_end(command: &mut Command) -> Outcome {
    if run::succeeds(command) {
        Ok(())
    } else {
        Err(format!("this failed: {command:?}"))
    }
}

/// A folder whose database holds this many messages.
fn stocked(messages: usize) -> Result<TempDir, String> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), None)?;
    let email = "reader@example.org";
    service::register(&mut service.connect()?, email)?;
    service.terminate()?;
    let mut stock = Stock::open(folder.path())?;
    let turns = messages / 2;
    // One conversation of a hundredth of all, the rest in short ones: both ends of what occurs.
    let long = turns / 100;
    let ids = stock.add_conversations(email, (turns - long).div_ceil(TURNS_IN_A_CONVERSATION) + 1)?;
    stock.add_turns(ids[0], long)?;
    stock.add_short_talks(&ids[1..], TURNS_IN_A_CONVERSATION)?;
    stock.close()?;
    Ok(folder)
}

/// A folder whose service was killed with a long log, and the log's length. Files are uploaded by several at once
/// until it is long enough.
fn killed() -> Result<(TempDir, u64), String> {
    let folder = service::folder()?;
    let log = folder.path().join("data").join("chatai.db-wal");
    let length = || fs::metadata(&log).map_or(0, |found| found.len());
    let service = Service::start(folder.path(), None)?;
    let token = service::register(&mut service.connect()?, "reader@example.org")?;
    let (address, token) = (service.address, token.as_str());
    std::thread::scope(|scope| {
        for uploader in 0..UPLOADERS {
            scope.spawn(move || {
                let Ok(mut connection) = Connection::open(address) else {
                    return;
                };
                for number in 0..MOST_UPLOADS {
                    // It ends when the service is killed.
                    if connection
                        .succeed(&upload(token, (uploader * MOST_UPLOADS + number) as u64))
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
        let deadline = Instant::now() + PATIENCE;
        while length() < LOG_BYTES && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(service);
    });
    match length() {
        long if long >= LOG_BYTES => Ok((folder, long)),
        short => Err(format!("the log did not get long enough: {short} bytes")),
    }
}

/// A message with a file of bytes that are no text and unlike every other number's.
fn upload(token: &str, number: u64) -> Vec<u8> {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes = (0..FILE_BYTES / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let mut body =
        b"--limit\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\nWhat is this?\r\n--limit\r\n\
        content-disposition: form-data; name=\"files\"; filename=\"data.bin\"\r\n\
        content-type: application/octet-stream\r\n\r\n"
            .to_vec();
    body.extend(bytes);
    body.extend_from_slice(b"\r\n--limit--\r\n");
    http::request(
        "POST",
        "/chat/",
        token,
        "multipart/form-data; boundary=limit",
        &body,
    )
}

/// Copies a flat folder, and brings the copy to the disk.
fn copy(from: &Path, to: &Path) -> Outcome {
    let copy = || {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let source: PathBuf = entry?.path();
            let target = to.join(source.file_name().unwrap_or_default());
            if source.is_file() {
                fs::copy(&source, &target)?;
                fs::File::open(&target)?.sync_all()?;
            }
        }
        Ok(())
    };
    copy().map_err(|error: std::io::Error| format!("cannot copy `{}`: {error}", from.display()))
}
