//! W14: search for common and rare words in one's own messages, among a million and more.

use tempfile::TempDir;

use super::floor::Floor;
use super::http::{self, Connection};
use super::load::{Quantiles, histogram, record};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W14",
    about: "search for common and rare words in half a million own messages, among as many others",
    run,
};

const ROUNDS: usize = 5;
const REPEATS: usize = 200;
/// Of what takes a second at a time.
const FEW: usize = 4;
const LIMIT: usize = 20;

/// Messages of the usual and of the large database; half of them are the searcher's.
const MESSAGES: usize = 1_000_000;
const MESSAGES_LARGE: usize = 10_000_000;
const TURNS_IN_A_CONVERSATION: usize = 25;

const SEARCHER: &str = "searcher@example.org";
const OTHER: &str = "other@example.org";

/// How often the words occur that only some messages have: nearly one in a hundred and in ten thousand, and primes,
/// so that they meet both accounts.
const HUNDRED: u64 = 101;
const TEN_THOUSAND: u64 = 10_007;

/// What is looked for.
struct Search {
    name: &'static str,
    query: &'static str,
    repeats: usize,
}

const SEARCHES: [Search; 7] = [
    Search {
        name: "a word of every message and no title",
        query: "narrator",
        repeats: REPEATS,
    },
    Search {
        name: "two words of every second message",
        query: "lighthouse keeper",
        repeats: REPEATS,
    },
    Search {
        name: "a word of every title and message",
        query: "by",
        repeats: REPEATS,
    },
    Search {
        name: "a word of one message in 100",
        query: "hundredth",
        repeats: REPEATS,
    },
    Search {
        name: "a word of one message in 10,000",
        query: "tenthousandth",
        repeats: REPEATS,
    },
    Search {
        name: "the beginning of as many words as messages",
        query: "messagenumber",
        repeats: FEW,
    },
    Search {
        name: "a word that nobody wrote",
        query: "zeppelin",
        repeats: REPEATS,
    },
];

fn run(options: &Options) -> Result<Report, String> {
    let messages = if options.large {
        MESSAGES_LARGE
    } else {
        options.scaled(MESSAGES)
    };
    eprintln!("writing a database of {messages} messages");
    let (folder, token) = stocked(messages)?;
    let service = Service::start(folder.path(), None)?;
    let mut connection = service.connect()?;
    let mut found = Vec::new();
    let mut prepared = Vec::new();
    for search in &SEARCHES {
        let path = format!("/search?q={}&limit={LIMIT}", search.query.replace(' ', "+"));
        let request = http::get(&path, &token);
        let hits = connection.json(&request)?;
        let hits = hits.as_array().map_or(0, Vec::len);
        if (hits == 0) != (search.query == "zeppelin") {
            return Err(format!("{hits} hits for {}", search.query));
        }
        found.push(format!("{hits} hits of `{}`", search.query));
        let floor = Floor::start(connection.body().len())?;
        let bare = Connection::open(floor.address)?;
        prepared.push((search.name, options.scaled(search.repeats), request, bare, floor));
    }

    let mut report = Report::new("W14");
    report.rounds(options.rounds(ROUNDS), |round| {
        for (name, repeats, request, bare, _) in &mut prepared {
            measure(&mut connection, bare, name, request, *repeats, round)?;
        }
        Ok(())
    })?;
    report.note(format!(
        "{messages} messages, every second one the searcher's; one client, {} searches for each in a round and {} for the \
         beginning of a word, by turns with the bare exchange; pages of {LIMIT} hits: {}.",
        options.scaled(REPEATS),
        options.scaled(FEW),
        found.join(", ")
    ));
    if !options.large {
        report.note(format!("`--large` takes {MESSAGES_LARGE} messages."));
    }
    drop((connection, prepared));
    service.terminate()?;
    Ok(report)
}

fn measure(
    connection: &mut Connection,
    bare: &mut Connection,
    name: &str,
    request: &[u8],
    repeats: usize,
    round: &mut Round,
) -> Outcome {
    let (mut floor, mut ours) = (histogram(), histogram());
    for _ in 0..repeats {
        record(&mut floor, bare.timed(request)?);
        record(&mut ours, connection.timed(request)?);
    }
    let [floor, ours] = [&floor, &ours].map(Quantiles::from);
    let milliseconds = |us: f64| us / 1_000.0;
    round.add_plain(
        &format!("{name}: bare exchange of the same bytes p50"),
        "ms",
        milliseconds(floor.p50),
    );
    round.add_plain(&format!("{name}: p50"), "ms", milliseconds(ours.p50));
    let most = Target::AtMost(20.0);
    round.add(&format!("{name}: p99"), "ms", most, milliseconds(ours.p99));
    Ok(())
}

/// A folder whose database holds this many messages, and the searcher's token.
fn stocked(messages: usize) -> Result<(TempDir, String), String> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), None)?;
    let mut connection = service.connect()?;
    let token = service::register(&mut connection, SEARCHER)?;
    service::register(&mut connection, OTHER)?;
    drop(connection);
    service.terminate()?;
    let mut stock = Stock::open(folder.path())?;
    stock.vary(ending);
    let each = (messages / 4).div_ceil(TURNS_IN_A_CONVERSATION);
    let own = stock.add_conversations(SEARCHER, each)?;
    let others = stock.add_conversations(OTHER, each)?;
    // By turns, as they would come.
    let ids: Vec<i64> = own.into_iter().zip(others).flat_map(<[i64; 2]>::from).collect();
    stock.add_short_talks(&ids, TURNS_IN_A_CONVERSATION)?;
    stock.close()?;
    Ok((folder, token))
}

/// A word of its own for each message, and others that few have.
fn ending(number: u64) -> String {
    let mut ending = format!(" messagenumber{number}");
    if number.is_multiple_of(HUNDRED) {
        ending.push_str(" hundredth");
    }
    if number.is_multiple_of(TEN_THOUSAND) {
        ending.push_str(" tenthousandth");
    }
    ending
}
