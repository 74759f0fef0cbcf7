//! W11: the last messages of a long conversation, in a database with many others.

use tempfile::TempDir;

use super::floor::Floor;
use super::http::{self, Connection};
use super::load::{Quantiles, Script, histogram, record, saturate};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::{Benchmark, Options};
use crate::Outcome;

use std::time::Duration;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W11",
    about: "the last 50 messages of a conversation of 10,000, among a million and more",
    run,
};

const ROUNDS: usize = 5;
const REPEATS: usize = 2_000;
const SECONDS: f64 = 2.0;
const CLIENTS: usize = 64;
const LIMIT: usize = 50;

/// Messages of the usual and of the large database, and of the small one beside it.
const MESSAGES: usize = 1_000_000;
const MESSAGES_LARGE: usize = 10_000_000;
const MESSAGES_SMALL: usize = 10_000;

/// Messages in a long conversation; a tenth of all lie in such ones, the rest in short ones.
const LONG: usize = 10_000;
const TURNS_IN_SHORT: usize = 25;

fn run(options: &Options) -> Result<Report, String> {
    let messages = if options.large {
        MESSAGES_LARGE
    } else {
        options.scaled(MESSAGES)
    };
    eprintln!("writing a database of {messages} messages");
    let mut many = Reader::new(messages)?;
    let mut few = Reader::new(MESSAGES_SMALL)?;
    let floor = Floor::start(many.connection.body().len())?;
    let mut bare = Connection::open(floor.address)?;

    let mut report = Report::new("W11");
    let repeats = options.scaled(REPEATS);
    let duration = Duration::from_secs_f64(if options.quick { 0.5 } else { SECONDS });
    report.rounds(options.rounds(ROUNDS), |round| {
        one_client(&mut bare, &mut many, &mut few, repeats, round)?;
        saturated(&floor, &many, duration, round)
    })?;
    report.note(format!(
        "`GET /conversations/ID/messages?limit={LIMIT}`, {} conversations of {LONG} messages by turns, replies of {} \
         bytes. One client: {repeats} requests in each round, by turns with the bare exchange and the small database. \
         Saturated: {CLIENTS} kept connections on one thread for {} s. Files are in the page cache; SQLite's own cache \
         holds a small part of them.",
        many.requests.len(),
        many.connection.body().len(),
        duration.as_secs_f64()
    ));
    if !options.large {
        report.note(format!("`--large` takes {MESSAGES_LARGE} messages."));
    }
    drop(bare);
    many.end()?;
    few.end()?;
    Ok(report)
}

/// An account with conversations, and what asks for the end of each long one.
struct Reader {
    messages: usize,
    service: Service,
    connection: Connection,
    requests: Vec<Vec<u8>>,
    asked: usize,
    folder: TempDir,
}

impl Reader {
    fn new(messages: usize) -> Result<Self, String> {
        let folder = service::folder()?;
        let email = "reader@example.org";
        let service = Service::start(folder.path(), None)?;
        let token = service::register(&mut service.connect()?, email)?;
        service.terminate()?;
        let ids = conversations(&folder, email, messages)?;
        let request = |id: &i64| http::get(&format!("/conversations/{id}/messages?limit={LIMIT}"), &token);
        let requests: Vec<Vec<u8>> = ids.iter().map(request).collect();
        let service = Service::start(folder.path(), None)?;
        let mut connection = service.connect()?;
        for request in &requests {
            let reply = connection.json(request)?;
            let found = reply["messages"].as_array().map_or(0, Vec::len);
            if found != LIMIT {
                return Err(format!("{found} messages in place of {LIMIT}"));
            }
        }
        Ok(Self {
            messages,
            service,
            connection,
            requests,
            asked: 0,
            folder,
        })
    }

    fn ask(&mut self) -> Result<Duration, String> {
        self.asked += 1;
        self.connection
            .timed(&self.requests[self.asked % self.requests.len()])
    }

    fn end(self) -> Outcome {
        drop(self.connection);
        self.service.terminate()?;
        drop(self.folder);
        Ok(())
    }
}

fn one_client(
    bare: &mut Connection,
    many: &mut Reader,
    few: &mut Reader,
    repeats: usize,
    round: &mut Round,
) -> Outcome {
    let (mut floor, mut large, mut small) = (histogram(), histogram(), histogram());
    for _ in 0..repeats {
        record(&mut floor, bare.timed(&many.requests[0])?);
        record(&mut small, few.ask()?);
        record(&mut large, many.ask()?);
    }
    let [floor, large, small] = [&floor, &large, &small].map(Quantiles::from);
    round.add_plain("bare exchange of the same bytes p50", "µs", floor.p50);
    round.add_plain(&format!("among {} messages: p50", few.messages), "µs", small.p50);
    let name = format!("among {} messages", many.messages);
    round.add(&format!("{name}: p50"), "µs", Target::AtMost(150.0), large.p50);
    round.add_plain(&format!("{name}: p99"), "µs", large.p99);
    let growth = large.p50 / small.p50;
    let against = format!("{name} against {}", few.messages);
    round.add(&against, "×", Target::AtMost(4.0), growth);
    Ok(())
}

fn saturated(floor: &Floor, many: &Reader, duration: Duration, round: &mut Round) -> Outcome {
    let scripts: Vec<Script> = (0..CLIENTS)
        .map(|client| {
            let mut requests = many.requests.clone();
            requests.rotate_left(client % many.requests.len());
            Script {
                requests: requests.into(),
                repeats: 1,
            }
        })
        .collect();
    let bare = saturate(floor.address, &scripts, duration)?.per_second();
    let cpu = many.service.cpu_seconds()?;
    let load = saturate(many.service.address, &scripts, duration)?;
    let cpu_us = (many.service.cpu_seconds()? - cpu) * 1e6 / load.replies as f64;
    round.add_plain("saturated: bare exchanges of the same bytes", "/s", bare);
    let target = Target::AtLeast(10_000.0);
    round.add("saturated: requests", "/s", target, load.per_second());
    round.add_plain("saturated: of the bare exchange", "", load.per_second() / bare);
    round.add_plain("saturated: processor time per request", "µs", cpu_us);
    Ok(())
}

/// Fills the database with so many messages; returns the long conversations.
fn conversations(folder: &TempDir, email: &str, messages: usize) -> Result<Vec<i64>, String> {
    let long = (messages / 10 / LONG).max(1);
    let short = messages.saturating_sub(long * LONG) / 2;
    let mut stock = Stock::open(folder.path())?;
    let mut ids = stock.add_conversations(email, long + short.div_ceil(TURNS_IN_SHORT))?;
    let short = ids.split_off(long);
    // The long ones grow beside the others, as they do in life: their rows do not lie together.
    let mut short = short.chunks(short.len().div_ceil(LONG / 2 / TURNS_IN_SHORT).max(1));
    for _ in 0..LONG / 2 / TURNS_IN_SHORT {
        stock.add_short_talks(&ids, TURNS_IN_SHORT)?;
        stock.add_short_talks(short.next().unwrap_or_default(), TURNS_IN_SHORT)?;
    }
    stock.close()?;
    Ok(ids)
}
