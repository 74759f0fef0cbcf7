//! W12: how the list of conversations grows with their number.
//!
//! The list has no pages yet: all of it is sent, so what can be flat is the time per conversation.

use super::floor::Floor;
use super::http::{self, Connection};
use super::load::{histogram, quantile_us, record};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W12",
    about: "the list of 100, 10,000 and 100,000 conversations: time for each of them",
    run,
};

const SIZES: [usize; 3] = [100, 10_000, 100_000];
const ROUNDS: usize = 5;

/// Conversations read in one round at each size.
const READ_PER_ROUND: usize = 400_000;

struct List {
    count: usize,
    request: Vec<u8>,
    /// The same number of bytes, bare.
    floor: Floor,
}

fn run(options: &Options) -> Result<Report, String> {
    let folder = service::folder()?;
    let tokens = accounts(&folder)?;
    let service = Service::start(folder.path(), None)?;
    let mut connection = service.connect()?;
    let mut lists = Vec::new();
    for (count, token) in SIZES.into_iter().zip(tokens) {
        let request = http::get("/conversations/", &token);
        connection.succeed(&request)?;
        let floor = Floor::start(connection.body().len())?;
        lists.push(List {
            count,
            request,
            floor,
        });
    }
    let mut report = Report::new("W12");
    report.rounds(options.rounds(ROUNDS), |round| {
        measure(&mut connection, &lists, options.scaled(READ_PER_ROUND), round)
    })?;
    let mut memory = Round::default();
    let resident = service.resident_mib()?;
    memory.add_plain("resident memory after the last round", "MiB", resident);
    report.absorb(memory);
    report.note(
        "One client; the whole list, since there are no pages yet: the target of a page's p99 is not measured, that of \
         flat growth is taken for each conversation.",
    );
    drop(connection);
    service.terminate()?;
    Ok(report)
}

/// Reads each list as often as it takes to see `rows` conversations.
fn measure(connection: &mut Connection, lists: &[List], rows: usize, round: &mut Round) -> Outcome {
    let mut per_row = Vec::new();
    for list in lists {
        let repeats = (rows / list.count).clamp(2, 1_000);
        let mut bare = Connection::open(list.floor.address)?;
        let bare = quantiles(&mut bare, &list.request, repeats)?.0;
        let (p50, p99) = quantiles(connection, &list.request, repeats)?;
        let name = format!("{} conversations", list.count);
        let for_each = p50 / list.count as f64;
        round.add_plain(
            &format!("{name}: bare exchange of the same bytes p50"),
            "µs",
            bare,
        );
        round.add_plain(&format!("{name}: p50"), "µs", p50);
        round.add_plain(&format!("{name}: p99"), "µs", p99);
        round.add_plain(&format!("{name}: p50 for each"), "µs", for_each);
        per_row.push(for_each);
    }
    let target = Target::AtMost(1.2);
    let growth = per_row[2] / per_row[1];
    round.add("time for each at 100,000 against 10,000", "×", target, growth);
    Ok(())
}

/// An account for each size, with as many conversations; returns their tokens.
fn accounts(folder: &tempfile::TempDir) -> Result<Vec<String>, String> {
    let email = |count: usize| format!("reader-of-{count}@example.org");
    let service = Service::start(folder.path(), None)?;
    let mut connection = service.connect()?;
    let tokens = SIZES
        .iter()
        .map(|count| service::register(&mut connection, &email(*count)))
        .collect::<Result<Vec<_>, _>>()?;
    drop(connection);
    service.terminate()?;
    let mut stock = Stock::open(folder.path())?;
    for count in SIZES {
        stock.add_conversations(&email(count), count)?;
    }
    stock.close()?;
    Ok(tokens)
}

/// The median and the 99th percentile of an exchange, in microseconds.
fn quantiles(connection: &mut Connection, request: &[u8], repeats: usize) -> Result<(f64, f64), String> {
    let mut latency = histogram();
    for _ in 0..repeats {
        record(&mut latency, connection.timed(request)?);
    }
    Ok((quantile_us(&latency, 0.5), quantile_us(&latency, 0.99)))
}
