//! W3: what the service adds to one turn, one client at a time.
//!
//! Each iteration measures, one after another, the bare exchange, the provider called directly with the very
//! request that the service sends, a turn on the disk, a turn on a file system in memory, and one sync. In memory a
//! sync costs nothing, so that turn less the direct call is what the service adds, the sync apart.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::floor::Floor;
use super::http::Connection;
use super::load::{histogram, quantile_us, record};
use super::provider::{ANSWER_TOKENS, Provider};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::sync::Probe;
use super::{Benchmark, Options};

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
        self.connection.timed(&self.turn)
    }
}

fn run(options: &Options) -> Result<Report, String> {
    let (on_disk, in_memory) = (service::folder()?, service::folder_in_memory());
    let provider = Provider::start()?;
    let service = Service::start(on_disk.path(), Some(&provider))?;
    let second = match &in_memory {
        Some(folder) => Some(Service::start(folder.path(), Some(&provider))?),
        None => None,
    };
    let mut disk = Talker::new(&service)?;
    let mut memory = second.as_ref().map(Talker::new).transpose()?;
    // In the middle of a conversation: the request is of the mean size then.
    for _ in 0..WARM_UP + TURNS_PER_CONVERSATION / 2 {
        disk.turn()?;
        memory.as_mut().map(Talker::turn).transpose()?;
    }
    let floor = Floor::start(disk.connection.body().len())?;
    let mut compared = Compared {
        bare: Connection::open(floor.address)?,
        direct: Connection::open(provider.address)?,
        direct_request: provider.last_request(),
        disk,
        memory,
        probe: Probe::in_folder(on_disk.path())?,
    };

    let mut report = Report::new("W3");
    let turns = options.scaled(TURNS_PER_ROUND);
    report.rounds(options.rounds(ROUNDS), |round| {
        compared.measure(turns)?.enter(round);
        Ok(())
    })?;
    report.note(format!(
        "{} rounds of {turns} turns; the provider answers at once with {ANSWER_TOKENS} tokens in as many events; \
         {TURNS_PER_CONVERSATION} turns in each conversation; the provider is sent {} bytes in the middle of one.",
        options.rounds(ROUNDS),
        provider.last_body().len()
    ));
    drop(compared);
    service.terminate()?;
    second.map_or(Ok(()), Service::terminate)?;
    report.note("The original's turn took 69 ms on the machine that set the targets, one after another.");
    Ok(report)
}

/// What is measured in turns.
struct Compared {
    bare: Connection,
    direct: Connection,
    direct_request: Vec<u8>,
    disk: Talker,
    /// `None` on machines without a file system in memory.
    memory: Option<Talker>,
    probe: Probe,
}

impl Compared {
    fn measure(&mut self, turns: usize) -> Result<Times, String> {
        let mut times = Times {
            bare: histogram(),
            direct: histogram(),
            disk: histogram(),
            memory: self.memory.as_ref().map(|_| histogram()),
            sync: histogram(),
        };
        for _ in 0..turns {
            record(&mut times.bare, self.bare.timed(&self.disk.turn)?);
            record(&mut times.direct, self.direct.timed(&self.direct_request)?);
            record(&mut times.disk, self.disk.turn()?);
            if let (Some(memory), Some(times)) = (&mut self.memory, &mut times.memory) {
                record(times, memory.turn()?);
            }
            record(&mut times.sync, self.probe.sync()?);
        }
        Ok(times)
    }
}

/// The times of one round.
struct Times {
    bare: Histogram<u64>,
    direct: Histogram<u64>,
    disk: Histogram<u64>,
    memory: Option<Histogram<u64>>,
    sync: Histogram<u64>,
}

impl Times {
    fn enter(&self, round: &mut Round) {
        let p50 = |times| quantile_us(times, 0.5);
        let p99 = |times| quantile_us(times, 0.99);
        let (disk, direct) = (p50(&self.disk), p50(&self.direct));
        round.add_plain("bare exchange p50", "µs", p50(&self.bare));
        round.add_plain("provider called directly p50", "µs", direct);
        round.add_plain("one sync p50", "µs", p50(&self.sync));
        round.add_plain("one sync p99", "µs", p99(&self.sync));
        round.add_plain("turn on the disk p50", "µs", disk);
        round.add_plain("turn on the disk p99", "µs", p99(&self.disk));
        let (most_p50, most_p99) = (Target::AtMost(1_000.0), Target::AtMost(3_000.0));
        if let Some(memory) = &self.memory {
            let added = p50(memory) - direct;
            round.add_plain("turn in memory p50", "µs", p50(memory));
            round.add_plain("turn in memory p99", "µs", p99(memory));
            round.add("added p50: in memory less direct", "µs", most_p50, added);
            let added = p99(memory) - direct;
            round.add("added p99: in memory less direct p50", "µs", most_p99, added);
        }
        let least_times = Target::AtLeast(100.0);
        let added = disk - direct - p50(&self.sync);
        round.add(
            "added p50: on the disk less direct and one sync",
            "µs",
            most_p50,
            added,
        );
        round.add(
            "that against the original's turn",
            "×",
            least_times,
            ORIGINAL_US / added,
        );
        let added = p99(&self.disk) - direct - p99(&self.sync);
        round.add(
            "added p99: on the disk less direct p50 and one sync's p99",
            "µs",
            most_p99,
            added,
        );
        round.add_plain("turn on the disk, in bare exchanges", "×", disk / p50(&self.bare));
        // The mean, not the median: it is what a second has room for.
        let mean = self.disk.mean() / 1_000.0;
        round.add(
            "throughput of one client against the original's",
            "×",
            least_times,
            ORIGINAL_US / mean,
        );
    }
}
