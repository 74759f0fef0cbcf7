//! W21: the turns of W4 on PostgreSQL, against SQLite in the same round.

use std::time::Duration;

use super::database::{self, Database};
use super::load::{Script, saturate};
use super::machine;
use super::provider::{ANSWER_TOKENS, Provider};
use super::report::{MOST_REPEATED, Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::w04_turns::{CLIENTS, Client, TURNS_PER_CONVERSATION, clients, scripts};
use super::{Benchmark, Options};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W21",
    about: "whole durable turns of 256 clients on PostgreSQL, against SQLite",
    run,
};

const ROUNDS: usize = 5;
const SECONDS: f64 = 5.0;

fn run(options: &Options) -> Result<Report, String> {
    let count = options.rounds(ROUNDS);
    let provider = Provider::start()?;
    let prepared = count + MOST_REPEATED + 1;

    let folder = service::folder()?;
    let mut stock = None;
    let mut sqlite = Side::new(
        "SQLite",
        || Service::start(folder.path(), Some(&provider)),
        |clients| {
            let stock = stock.insert(Stock::open(folder.path())?);
            scripts(clients, prepared, |email, count| {
                stock.add_conversations(email, count)
            })
        },
    )?;
    stock.map_or(Ok(()), Stock::close)?;

    let database = Database::make()?;
    let other_folder = service::folder()?;
    let environment = [("DATABASE_URL", database.url())];
    let mut postgres = Side::new(
        "PostgreSQL",
        || Service::start_with(other_folder.path(), Some(&provider), &environment),
        |clients| {
            let mut client = database.connect()?;
            scripts(clients, prepared, |email, count| {
                database::add_conversations(&mut client, email, count)
            })
        },
    )?;
    database.execute("analyze")?;

    let usual = Duration::from_secs_f64(if options.quick { 1.0 } else { SECONDS });
    sqlite.saturate(usual / 2)?;
    postgres.saturate(usual / 2)?;
    let mut report = Report::new("W21");
    report.rounds(count, |round| {
        let embedded = sqlite.measure(usual, round)?;
        let server = postgres.measure(usual, round)?;
        let least = Target::AtLeast(0.5);
        round.add("PostgreSQL against SQLite", "", least, server / embedded);
        Ok(())
    })?;
    report.note(format!(
        "{count} rounds of {} s for each; {CLIENTS} clients, each an account of its own, {TURNS_PER_CONVERSATION} turns \
         in each conversation; the provider answers at once with {ANSWER_TOKENS} tokens in as many events. The server \
         is on the same machine, configured as it was found, and shares the processors with everything else; what it \
         uses counts as others' in the last row unless it was started for this.",
        usual.as_secs_f64()
    ));
    sqlite.service.terminate()?;
    postgres.service.terminate()?;
    Ok(report)
}

/// A service on one of the databases.
struct Side {
    name: &'static str,
    service: Service,
    /// One for each round to come.
    scripts: std::vec::IntoIter<Vec<Script>>,
}

impl Side {
    fn new(
        name: &'static str,
        start: impl Fn() -> Result<Service, String>,
        prepare: impl FnOnce(&[Client]) -> Result<Vec<Vec<Script>>, String>,
    ) -> Result<Self, String> {
        let clients = clients(start()?)?;
        let scripts = prepare(&clients)?.into_iter();
        Ok(Self {
            name,
            service: start()?,
            scripts,
        })
    }

    fn saturate(&mut self, duration: Duration) -> Result<super::load::Load, String> {
        let scripts = self.scripts.next().ok_or("no further round is prepared")?;
        saturate(self.service.address, &scripts, duration)
    }

    /// Lets all clients talk; returns the turns in a second.
    fn measure(&mut self, duration: Duration, round: &mut Round) -> Result<f64, String> {
        let cpu = machine::cpu_seconds(self.service.pid())?;
        let load = self.saturate(duration)?;
        let cpu_us = (machine::cpu_seconds(self.service.pid())? - cpu) * 1e6 / load.replies as f64;
        let name = self.name;
        round.add_plain(&format!("{name}: durable turns"), "/s", load.per_second());
        for (quantile, what) in [(0.5, "p50"), (0.99, "p99")] {
            let latency = load.quantile_us(quantile) / 1_000.0;
            round.add_plain(&format!("{name}: a turn's latency {what}"), "ms", latency);
        }
        round.add_plain(&format!("{name}: processor time per turn: service"), "µs", cpu_us);
        Ok(load.per_second())
    }
}
