//! W3: what the service adds to one turn, one client at a time.
//!
//! Each iteration measures, one after another, the bare exchange, the provider called directly with the very
//! request that the service sends, a turn on the disk, a turn on a file system in memory, and one sync. In memory a
//! sync costs nothing, so that turn less the direct call is what the service adds, the sync apart.

use std::time::{Duration, Instant};

use super::floor::Floor;
use super::http::Connection;
use super::load::{histogram, quantile_us, record};
use super::provider::{ANSWER_TOKENS, Provider};
use super::report::{Report, Target};
use super::service::{self, Service};
use super::sync::Probe;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W3",
    about: "a whole turn, one client: latency added to the provider's, the sync apart",
    run,
};

const ROUNDS: usize = 5;
const TURNS_PER_ROUND: usize = 400;
const WARM_UP: usize = 50;

/// Turns of a usual conversation: after so many the next one begins.
const TURNS_PER_CONVERSATION: usize = 10;

/// A turn of the original service, in microseconds, on the machine that set the targets.
const ORIGINAL_US: f64 = 69_000.0;

/// A client that keeps talking.
struct Talker {
    connection: Connection,
    token: String,
    turn: Vec<u8>,
    taken: usize,
}

impl Talker {
    fn new(service: &Service) -> Result<Self, String> {
        let mut connection = service.connect()?;
        let token = service::register(&mut connection, "reader@example.org")?;
        Ok(Self {
            connection,
            token,
            turn: Vec::new(),
            taken: 0,
        })
    }

    fn turn(&mut self) -> Result<Duration, String> {
        if self.taken.is_multiple_of(TURNS_PER_CONVERSATION) {
            let conversation = service::conversation(&mut self.connection, &self.token, "Novels by the sea")?;
            self.turn = service::turn(&self.token, conversation);
        }
        self.taken += 1;
        timed(&mut self.connection, &self.turn)
    }
}

fn timed(connection: &mut Connection, request: &[u8]) -> Result<Duration, String> {
    let start = Instant::now();
    connection.succeed(request)?;
    Ok(start.elapsed())
}

fn run(options: &Options) -> Outcome {
    let (on_disk, in_memory) = (service::folder()?, service::folder_in_memory());
    let provider = Provider::start()?;
    let service = Service::start(on_disk.path(), Some(&provider))?;
    let mut disk = Talker::new(&service)?;
    let second = match &in_memory {
        Some(folder) => Some(Service::start(folder.path(), Some(&provider))?),
        None => None,
    };
    let mut memory = second.as_ref().map(Talker::new).transpose()?;
    let mut probe = Probe::in_folder(on_disk.path())?;
    // In the middle of a conversation: the request is of the mean size then.
    for _ in 0..WARM_UP + TURNS_PER_CONVERSATION / 2 {
        disk.turn()?;
        memory.as_mut().map(Talker::turn).transpose()?;
    }
    let direct_request = provider.last_request();
    let mut direct = Connection::open(provider.address)?;
    let floor = Floor::start(disk.connection.body().len())?;
    let mut bare = Connection::open(floor.address)?;

    let mut report = Report::new("W3");
    for round in 0..options.rounds(ROUNDS) {
        eprintln!("round {}", round + 1);
        let mut times = [(); 5].map(|()| histogram());
        for _ in 0..options.scaled(TURNS_PER_ROUND) {
            record(&mut times[0], timed(&mut bare, &disk.turn)?);
            record(&mut times[1], timed(&mut direct, &direct_request)?);
            record(&mut times[2], disk.turn()?);
            if let Some(memory) = &mut memory {
                record(&mut times[3], memory.turn()?);
            }
            record(&mut times[4], probe.sync()?);
        }
        let p50 = |index: usize| quantile_us(&times[index], 0.5);
        let p99 = |index: usize| quantile_us(&times[index], 0.99);
        report.add_plain("bare exchange p50", "µs", p50(0));
        report.add_plain("provider called directly p50", "µs", p50(1));
        report.add_plain("one sync p50", "µs", p50(4));
        report.add_plain("turn on the disk p50", "µs", p50(2));
        report.add_plain("turn on the disk p99", "µs", p99(2));
        if memory.is_some() {
            report.add_plain("turn in memory p50", "µs", p50(3));
            report.add_plain("turn in memory p99", "µs", p99(3));
            report.add(
                "added p50: in memory less direct",
                "µs",
                Target::AtMost(1_000.0),
                p50(3) - p50(1),
            );
            report.add(
                "added p99: in memory less direct p50",
                "µs",
                Target::AtMost(3_000.0),
                p99(3) - p50(1),
            );
        }
        report.add(
            "added p50: on the disk less direct and a sync",
            "µs",
            Target::AtMost(1_000.0),
            p50(2) - p50(1) - p50(4),
        );
        report.add(
            "added p99: on the disk less direct p50 and a sync's p99",
            "µs",
            Target::AtMost(3_000.0),
            p99(2) - p50(1) - p99(4),
        );
        report.add(
            "turn on the disk, in bare exchanges",
            "×",
            Target::None,
            p50(2) / p50(0),
        );
        report.add(
            "throughput against the original's",
            "×",
            Target::AtLeast(100.0),
            ORIGINAL_US / p50(2),
        );
    }
    report.note(format!(
        "{} rounds of {} turns; the provider answers at once with {ANSWER_TOKENS} tokens in as many events; \
         {TURNS_PER_CONVERSATION} turns in each conversation; the provider is sent {} bytes in the middle of one.",
        options.rounds(ROUNDS),
        options.scaled(TURNS_PER_ROUND),
        provider.last_body().len()
    ));
    report.note("The original's turn took 69 ms on the machine that set the targets, one after another.");
    drop((disk, memory));
    service.terminate()?;
    second.map_or(Ok(()), Service::terminate)?;
    report.finish()
}
