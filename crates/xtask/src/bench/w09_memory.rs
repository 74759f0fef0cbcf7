//! W9: how much memory the service holds when nothing happens, and how large the program is.

use std::fs;
use std::time::Duration;

use super::http::{self, Connection};
use super::provider::Provider;
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W9",
    about: "resident memory after the start and after 1,000 requests; the program's size",
    run,
};

const ROUNDS: usize = 3;
const REQUESTS: usize = 1_000;
const TURNS_PER_CONVERSATION: usize = 10;

/// How long nothing happens before memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// The same after requests: the service looks every five seconds whether it rests, and gives memory back then.
const REST: Duration = Duration::from_secs(15);

/// Resident memory of the original service, on the machine that set the targets.
const ORIGINAL_MIB: f64 = 176.0;

fn run(options: &Options) -> Result<Report, String> {
    let mut report = Report::new("W9");
    let program = fs::metadata(service::binary());
    let bytes = program
        .map_err(|error| format!("cannot read the program: {error}"))?
        .len();
    let mut size = Round::default();
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    size.add("the program", "MiB", Target::AtMost(45.0), mebibytes);
    report.absorb(size);
    for _ in 0..options.rounds(ROUNDS) {
        report.absorb(measure()?);
    }
    report.note(format!(
        "Resident memory as /proc states it, {} s after the start, and {} s after the last request; half of the requests \
         are turns in conversations of {TURNS_PER_CONVERSATION}, half lists of conversations. The program is the \
         release build as it is: without debug information, with symbols.",
        IDLE.as_secs(),
        REST.as_secs()
    ));
    Ok(report)
}

fn measure() -> Result<Round, String> {
    let folder = service::folder()?;
    let provider = Provider::start()?;
    let service = Service::start(folder.path(), Some(&provider))?;
    let mut round = Round::default();
    std::thread::sleep(IDLE);
    let started = service.resident_mib()?;
    round.add("resident after the start", "MiB", Target::AtMost(20.0), started);
    let anonymous = service.anonymous_mib()?;
    round.add_plain("of it no part of the program's file", "MiB", anonymous);

    let mut connection = service.connect()?;
    let token = service::register(&mut connection, "reader@example.org")?;
    std::thread::sleep(IDLE);
    let signed_in = service.resident_mib()?;
    round.add_plain("resident after the first sign-in (Argon2id)", "MiB", signed_in);
    ask(&mut connection, &token)?;
    let busy = service.resident_mib()?;
    round.add_plain("resident right after 1,000 requests", "MiB", busy);
    std::thread::sleep(REST);
    let idle = service.resident_mib()?;
    let most = Target::AtMost(20.0);
    round.add("resident after 1,000 requests, idle", "MiB", most, idle);
    let anonymous = service.anonymous_mib()?;
    round.add_plain("of that no part of the program's file", "MiB", anonymous);
    round.add_plain("the original's, against that", "×", ORIGINAL_MIB / idle);
    drop(connection);
    service.terminate()?;
    Ok(round)
}

/// Turns and lists of conversations by turns.
fn ask(connection: &mut Connection, token: &str) -> Outcome {
    let list = http::get("/conversations/", token);
    let mut turn = Vec::new();
    for number in 0..REQUESTS / 2 {
        if number % TURNS_PER_CONVERSATION == 0 {
            turn = service::turn(token, service::conversation(connection, token, "By the sea")?);
        }
        connection.succeed(&turn)?;
        connection.succeed(&list)?;
    }
    Ok(())
}
