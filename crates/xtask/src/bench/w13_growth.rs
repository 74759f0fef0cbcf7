//! W13: whether a turn costs more in a long conversation.
//!
//! Two questions, apart: how much the context costs that a long conversation brings along (bounded by the
//! configuration), and whether anything still grows once that bound is reached.

use std::time::Instant;

use super::http::Connection;
use super::load::{histogram, quantile_us, record};
use super::provider::Provider;
use super::report::{Report, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W13",
    about: "a turn in a conversation of 10,000 messages against one of 10",
    run,
};

/// Messages that lie in a conversation before it is measured.
const SIZES: [usize; 3] = [10, 1_000, 10_000];
const ROUNDS: usize = 5;
const TURNS_PER_ROUND: usize = 60;
const WARM_UP: usize = 20;

/// Turns in a short conversation before the next one takes its place: it would not stay short.
const TURNS_IN_SHORT: usize = 4;

/// A bound that the shortest conversation fills already, in tokens.
const SMALL_CONTEXT: &str = "700";

fn run(options: &Options) -> Outcome {
    let mut report = Report::new("W13");
    measure(
        options,
        &mut report,
        "context of 700 tokens",
        &[("CHATAI__LIMITS__CONTEXT_TOKENS", SMALL_CONTEXT)],
    )?;
    measure(options, &mut report, "context as configured (32,000)", &[])?;
    report.note(format!(
        "One client, {} rounds of {} turns at each size, in turns; messages of 40 and 110 tokens; a conversation of 10 is \
         left for another after {TURNS_IN_SHORT} turns. On a file system in memory where there is one, so that syncs do \
         not hide the growth.",
        options.rounds(ROUNDS),
        options.scaled(TURNS_PER_ROUND)
    ));
    report.finish()
}

fn measure(options: &Options, report: &mut Report, name: &str, environment: &[(&str, &str)]) -> Outcome {
    let folder = match service::folder_in_memory() {
        Some(folder) => folder,
        None => service::folder()?,
    };
    let provider = Provider::start()?;
    let (rounds, repeats) = (options.rounds(ROUNDS), options.scaled(TURNS_PER_ROUND));
    let turns = options.scaled(WARM_UP) + rounds * repeats;
    let (token, conversations) = conversations(&folder, turns.div_ceil(TURNS_IN_SHORT))?;
    let service = Service::start_with(folder.path(), Some(&provider), environment)?;
    let mut connection = service.connect()?;
    let mut direct = Connection::open(provider.address)?;
    let mut talks = Vec::new();
    for (size, ids) in SIZES.into_iter().zip(conversations) {
        let requests: Vec<Vec<u8>> = ids.iter().map(|id| service::turn(&token, *id)).collect();
        let mut turns = requests
            .into_iter()
            .cycle()
            .flat_map(|turn| std::iter::repeat_n(turn, TURNS_IN_SHORT));
        for turn in turns.by_ref().take(options.scaled(WARM_UP)) {
            connection.succeed(&turn)?;
        }
        talks.push((size, turns, provider.last_request()));
    }
    for round in 0..rounds {
        eprintln!("{name}: round {}", round + 1);
        let mut times = [(); SIZES.len()].map(|()| (histogram(), histogram()));
        // In turns, so that a busy moment of the machine meets all sizes.
        for _ in 0..repeats {
            for ((_, waiting, call), (turns, calls)) in talks.iter_mut().zip(&mut times) {
                let turn = waiting.next().ok_or("a conversation has no further turn")?;
                let start = Instant::now();
                direct.succeed(call)?;
                record(calls, start.elapsed());
                let start = Instant::now();
                connection.succeed(&turn)?;
                record(turns, start.elapsed());
            }
        }
        let p50 = |index: usize| quantile_us(&times[index].0, 0.5);
        for (index, (size, _, call)) in talks.iter().enumerate() {
            let kilobytes = call.len() / 1_000;
            report.add_plain(&format!("{name}, {size} messages: turn p50"), "µs", p50(index));
            report.add_plain(
                &format!("{name}, {size} messages: provider called directly ({kilobytes} kB) p50"),
                "µs",
                quantile_us(&times[index].1, 0.5),
            );
        }
        let target = Target::AtMost(1.15);
        let bounded = environment.is_empty();
        let shortest = if bounded { Target::None } else { target };
        report.add(
            &format!("{name}: 10,000 messages against 10"),
            "×",
            shortest,
            p50(2) / p50(0),
        );
        report.add(
            &format!("{name}: 10,000 messages against 1,000"),
            "×",
            target,
            p50(2) / p50(1),
        );
    }
    drop(connection);
    service.terminate()
}

/// An account with conversations of each size, `short` of the shortest and one of the others: its token and
/// their ids.
fn conversations(folder: &tempfile::TempDir, short: usize) -> Result<(String, Vec<Vec<i64>>), String> {
    let email = "reader@example.org";
    let service = Service::start(folder.path(), None)?;
    let token = service::register(&mut service.connect()?, email)?;
    service.terminate()?;
    let mut stock = Stock::open(folder.path())?;
    let mut conversations = Vec::new();
    for size in SIZES {
        let ids = stock.add_conversations(email, if size == SIZES[0] { short } else { 1 })?;
        for id in &ids {
            stock.add_turns(*id, size / 2)?;
        }
        conversations.push(ids);
    }
    stock.close()?;
    Ok((token, conversations))
}
