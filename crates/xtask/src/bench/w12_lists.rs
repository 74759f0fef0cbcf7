//! W12: how the list of conversations grows with their number.
//!
//! The list has no pages yet: all of it is sent, so what can be flat is the time per conversation.

use std::time::Instant;

use super::floor::Floor;
use super::http::{self, Connection};
use super::load::{histogram, quantile_us, record};
use super::report::{Report, Target};
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

fn run(options: &Options) -> Outcome {
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
    for round in 0..options.rounds(ROUNDS) {
        eprintln!("round {}", round + 1);
        let mut per_row = Vec::new();
        for List {
            count,
            request,
            floor,
        } in &lists
        {
            let repeats = (options.scaled(READ_PER_ROUND) / count).clamp(2, 1_000);
            let bare = quantiles(&mut Connection::open(floor.address)?, request, repeats)?.0;
            let (p50, p99) = quantiles(&mut connection, request, repeats)?;
            report.add_plain(
                &format!("{count} conversations: bare exchange of the same bytes p50"),
                "µs",
                bare,
            );
            report.add_plain(&format!("{count} conversations: p50"), "µs", p50);
            report.add_plain(&format!("{count} conversations: p99"), "µs", p99);
            report.add_plain(
                &format!("{count} conversations: p50 for each"),
                "µs",
                p50 / *count as f64,
            );
            per_row.push(p50 / *count as f64);
        }
        let growth = per_row[2] / per_row[1];
        report.add(
            "time for each at 100,000 against 10,000",
            "×",
            Target::AtMost(1.2),
            growth,
        );
    }
    report.add_plain(
        "resident memory after the last round",
        "MiB",
        service.resident_mib()?,
    );
    report.note(
        "One client; the whole list, since there are no pages yet: the target of a page's p99 is not measured, that of \
         flat growth is taken for each conversation.",
    );
    drop(connection);
    service.terminate()?;
    report.finish()
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
        let start = Instant::now();
        connection.succeed(request)?;
        record(&mut latency, start.elapsed());
    }
    Ok((quantile_us(&latency, 0.5), quantile_us(&latency, 0.99)))
}
