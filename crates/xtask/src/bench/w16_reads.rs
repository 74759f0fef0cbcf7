//! W16: the reads that every client makes, saturated, against a bare exchange of the same size.

use std::time::Duration;

use super::floor::Floor;
use super::http;
use super::load::{Script, saturate};
use super::provider::Provider;
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W16",
    about: "list of 50 conversations, /users/me, /models: requests a second, saturated",
    run,
};

const CLIENTS: usize = 64;
const CONVERSATIONS: usize = 50;
const ROUNDS: usize = 5;
const SECONDS: f64 = 2.0;

struct Read {
    path: &'static str,
    /// Requests a second of the original service, on the machine that set the targets.
    original: f64,
    /// How many times that it should be.
    times: f64,
}

const READS: [Read; 3] = [
    Read {
        path: "/conversations/",
        original: 285.0,
        times: 60.0,
    },
    Read {
        path: "/users/me",
        original: 596.0,
        times: 100.0,
    },
    Read {
        path: "/models",
        original: 3_930.0,
        times: 20.0,
    },
];

fn run(options: &Options) -> Result<Report, String> {
    let folder = service::folder()?;
    let provider = Provider::start()?;
    let service = Service::start(folder.path(), Some(&provider))?;
    let mut connection = service.connect()?;
    let token = service::register(&mut connection, "reader@example.org")?;
    for number in 0..CONVERSATIONS {
        let title = format!("Novels by the sea, and one by a river ({number})");
        service::conversation(&mut connection, &token, &title)?;
    }
    let mut reads = Vec::new();
    for read in &READS {
        let request = http::get(read.path, &token);
        connection.succeed(&request)?;
        let bytes = connection.body().len();
        reads.push(Prepared {
            read,
            scripts: vec![Script::one(request); CLIENTS],
            bytes,
            floor: Floor::start(bytes)?,
        });
    }

    let duration = Duration::from_secs_f64(if options.quick { 0.5 } else { SECONDS });
    let mut report = Report::new("W16");
    report.rounds(options.rounds(ROUNDS), |round| {
        reads
            .iter()
            .try_for_each(|prepared| prepared.measure(&service, duration, round))
    })?;
    report.note(format!(
        "{CLIENTS} kept connections on one thread, {} rounds of {} s for each path and its bare exchange. The clients \
         share the processors with the service.",
        options.rounds(ROUNDS),
        duration.as_secs_f64()
    ));
    drop(connection);
    service.terminate()?;
    Ok(report)
}

/// A read with all that it takes to measure it.
struct Prepared<'a> {
    read: &'a Read,
    scripts: Vec<Script>,
    /// Length of the reply's body.
    bytes: usize,
    floor: Floor,
}

impl Prepared<'_> {
    fn measure(&self, service: &Service, duration: Duration, round: &mut Round) -> Outcome {
        let Read {
            path,
            original,
            times,
        } = self.read;
        let bare = saturate(self.floor.address, &self.scripts, duration)?.per_second();
        let cpu = service.cpu_seconds()?;
        let load = saturate(service.address, &self.scripts, duration)?;
        let cpu_us = (service.cpu_seconds()? - cpu) * 1e6 / load.replies as f64;
        let ours = load.per_second();
        let name = format!("{path}: bare exchanges of {} bytes", self.bytes);
        round.add_plain(&name, "/s", bare);
        round.add_plain(&format!("{path}: requests"), "/s", ours);
        round.add_plain(&format!("{path}: of the bare exchange"), "", ours / bare);
        let name = format!("{path}: against the original's");
        round.add(&name, "×", Target::AtLeast(*times), ours / original);
        let p99 = load.quantile_us(0.99) / 1_000.0;
        round.add_plain(&format!("{path}: latency p99"), "ms", p99);
        round.add_plain(&format!("{path}: processor time per request"), "µs", cpu_us);
        Ok(())
    }
}
