//! W12: the list of conversations by pages, and how the whole of it grows with their number.
//!
//! A page deep in the list must cost what the first one does. Of the whole list, which is sent where no limit is
//! given, what can be flat is the time for each conversation.

use super::floor::Floor;
use super::http::{self, Connection};
use super::load::{Quantiles, histogram, record};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W12",
    about: "pages 1 and 2,000 of 100,000 conversations; the whole list of 100, 10,000 and 100,000",
    run,
};

const SIZES: [usize; 3] = [100, 10_000, 100_000];
const ROUNDS: usize = 5;

/// Conversations read in one round at each size.
const READ_PER_ROUND: usize = 200_000;

/// Conversations on a page; the largest list has 2,000 of these.
const LIMIT: usize = 50;

/// How often each page is read in a round.
const PAGE_REPEATS: usize = 2_000;

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
    let largest = SIZES.into_iter().zip(&tokens).next_back();
    let (count, token) = largest.ok_or("no list is measured")?;
    let pages = Pages::find(&mut connection, count, token)?;
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
        pages.measure(&mut connection, options.scaled(PAGE_REPEATS), round)?;
        measure(&mut connection, &lists, options.scaled(READ_PER_ROUND), round)
    })?;
    let mut memory = Round::default();
    let resident = service.resident_mib()?;
    memory.add_plain("resident memory after the last round", "MiB", resident);
    report.absorb(memory);
    report.note(format!(
        "One client. The pages have {LIMIT} conversations each; the last one was found by following every `Link`. They \
         are read by turns, {} times each in a round; their ratio is that of the medians.",
        options.scaled(PAGE_REPEATS)
    ));
    drop(connection);
    service.terminate()?;
    Ok(report)
}

/// The first and the last page of a list.
struct Pages {
    number: usize,
    first: Vec<u8>,
    last: Vec<u8>,
    floor: Floor,
}

impl Pages {
    /// Goes through the whole list, as a client does.
    fn find(connection: &mut Connection, conversations: usize, token: &str) -> Result<Self, String> {
        let first = http::get(&format!("/conversations/?limit={LIMIT}"), token);
        let mut last = first.clone();
        connection.succeed(&first)?;
        let floor = Floor::start(connection.body().len())?;
        let expected = conversations.div_ceil(LIMIT);
        for number in 1..=expected {
            let Some(next) = connection.link("next") else {
                return if number == expected {
                    Ok(Self {
                        number,
                        first,
                        last,
                        floor,
                    })
                } else {
                    Err(format!("the list ends at page {number} of {expected}"))
                };
            };
            last = http::get(&next, token);
            connection.succeed(&last)?;
        }
        Err(format!("the list has more pages than {expected}"))
    }

    fn measure(&self, connection: &mut Connection, repeats: usize, round: &mut Round) -> Outcome {
        let mut bare = Connection::open(self.floor.address)?;
        let (mut floor, mut first, mut last) = (histogram(), histogram(), histogram());
        for _ in 0..repeats {
            record(&mut floor, bare.timed(&self.first)?);
            record(&mut first, connection.timed(&self.first)?);
            record(&mut last, connection.timed(&self.last)?);
        }
        let [floor, first, last] = [&floor, &first, &last].map(Quantiles::from);
        round.add_plain("page: bare exchange of the same bytes p50", "µs", floor.p50);
        let most = Target::AtMost(400.0);
        for (number, page) in [(1, first), (self.number, last)] {
            round.add_plain(&format!("page {number}: p50"), "µs", page.p50);
            round.add(&format!("page {number}: p99"), "µs", most, page.p99);
        }
        let name = format!("page {} against page 1", self.number);
        round.add(&name, "×", Target::AtMost(1.2), last.p50 / first.p50);
        Ok(())
    }
}

/// Reads each list as often as it takes to see `rows` conversations.
fn measure(connection: &mut Connection, lists: &[List], rows: usize, round: &mut Round) -> Outcome {
    let mut per_row = Vec::new();
    for list in lists {
        let repeats = (rows / list.count).clamp(2, 1_000);
        let mut bare = Connection::open(list.floor.address)?;
        let bare = quantiles(&mut bare, &list.request, repeats)?.p50;
        let Quantiles { p50, p99 } = quantiles(connection, &list.request, repeats)?;
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

/// How long an exchange takes.
fn quantiles(connection: &mut Connection, request: &[u8], repeats: usize) -> Result<Quantiles, String> {
    let mut latency = histogram();
    for _ in 0..repeats {
        record(&mut latency, connection.timed(request)?);
    }
    Ok(Quantiles::from(&latency))
}
