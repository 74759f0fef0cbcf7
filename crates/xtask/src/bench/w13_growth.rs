//! W13: whether a turn costs more in a long conversation.
//!
//! Two questions, apart: how much the context costs that a long conversation brings along (bounded by the
//! configuration), and whether anything still grows once that bound is reached.

use hdrhistogram::Histogram;
use tempfile::TempDir;

use super::floor::Floor;
use super::http::Connection;
use super::load::{histogram, quantile_us, record};
use super::provider::Provider;
use super::report::{MOST_REPEATED, Report, Round, Target};
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

fn run(options: &Options) -> Result<Report, String> {
    let small = [("CHATAI__LIMITS__CONTEXT_TOKENS", SMALL_CONTEXT)];
    let mut small = Setup::new(options, "context of 700 tokens", &small)?;
    let mut usual = Setup::new(options, "context as configured (32,000)", &[])?;
    let floor = Floor::start(small.connection.body().len())?;
    let mut bare = Connection::open(floor.address)?;

    let mut report = Report::new("W13");
    let repeats = options.scaled(TURNS_PER_ROUND);
    let from_shortest = Target::AtMost(1.15);
    report.rounds(options.rounds(ROUNDS), |round| {
        small.measure(&mut bare, repeats, from_shortest, round)?;
        // The longer conversations bring a longer context along.
        usual.measure(&mut bare, repeats, Target::None, round)
    })?;
    report.note(format!(
        "One client, {} rounds of {repeats} turns at each size, in turns; messages of 40 and 110 tokens; a \
         conversation of 10 is left for another after {TURNS_IN_SHORT} turns. On a file system in memory where there \
         is one, so that syncs do not hide the growth.",
        options.rounds(ROUNDS),
    ));
    small.end()?;
    usual.end()?;
    Ok(report)
}

/// A service under one configuration, with conversations of each size.
struct Setup {
    name: &'static str,
    service: Service,
    provider: Provider,
    connection: Connection,
    direct: Connection,
    talks: Vec<Talk>,
    folder: TempDir,
}

/// The conversations of one size.
struct Talk {
    size: usize,
    /// One after another for a few turns each.
    turns: Vec<Vec<u8>>,
    taken: usize,
    /// What the provider is sent.
    call: Vec<u8>,
    turn_times: Histogram<u64>,
    call_times: Histogram<u64>,
}

impl Setup {
    fn new(options: &Options, name: &'static str, environment: &[(&str, &str)]) -> Result<Self, String> {
        let folder = match service::folder_in_memory() {
            Some(folder) => folder,
            None => service::folder()?,
        };
        let provider = Provider::start()?;
        let warm_up = options.scaled(WARM_UP);
        let rounds = options.rounds(ROUNDS) + MOST_REPEATED;
        let turns = warm_up + rounds * options.scaled(TURNS_PER_ROUND);
        let (token, conversations) = conversations(&folder, turns.div_ceil(TURNS_IN_SHORT))?;
        let service = Service::start_with(folder.path(), Some(&provider), environment)?;
        let mut connection = service.connect()?;
        let direct = Connection::open(provider.address)?;
        let mut talks = Vec::new();
        for (size, ids) in SIZES.into_iter().zip(conversations) {
            let mut talk = Talk {
                size,
                turns: ids.iter().map(|id| service::turn(&token, *id)).collect(),
                taken: 0,
                call: Vec::new(),
                turn_times: histogram(),
                call_times: histogram(),
            };
            for _ in 0..warm_up {
                connection.succeed(talk.next())?;
            }
            talk.call = provider.last_request();
            talks.push(talk);
        }
        Ok(Self {
            name,
            service,
            provider,
            connection,
            direct,
            talks,
            folder,
        })
    }

    fn measure(
        &mut self,
        bare: &mut Connection,
        repeats: usize,
        from_shortest: Target,
        round: &mut Round,
    ) -> Outcome {
        let mut bare_times = histogram();
        for talk in &mut self.talks {
            talk.turn_times.reset();
            talk.call_times.reset();
        }
        // In turns, so that a busy moment of the machine meets all sizes.
        for _ in 0..repeats {
            record(&mut bare_times, bare.timed(&self.talks[0].turns[0])?);
            for talk in &mut self.talks {
                record(&mut talk.call_times, self.direct.timed(&talk.call)?);
                let time = self.connection.timed(talk.next())?;
                record(&mut talk.turn_times, time);
            }
        }
        let name = self.name;
        let bare = quantile_us(&bare_times, 0.5);
        round.add_plain(&format!("{name}: bare exchange p50"), "µs", bare);
        let mut p50 = Vec::new();
        for talk in &self.talks {
            let turn = quantile_us(&talk.turn_times, 0.5);
            let call = quantile_us(&talk.call_times, 0.5);
            let (size, kilobytes) = (talk.size, talk.call.len() / 1_000);
            round.add_plain(&format!("{name}, {size} messages: turn p50"), "µs", turn);
            let what = format!("{name}, {size} messages: provider called directly ({kilobytes} kB) p50");
            round.add_plain(&what, "µs", call);
            p50.push(turn);
        }
        let against = format!("{name}: 10,000 messages against 10");
        round.add(&against, "×", from_shortest, p50[2] / p50[0]);
        let against = format!("{name}: 10,000 messages against 1,000");
        round.add(&against, "×", Target::AtMost(1.15), p50[2] / p50[1]);
        Ok(())
    }

    fn end(self) -> Outcome {
        drop((self.connection, self.direct));
        self.service.terminate()?;
        drop((self.provider, self.folder));
        Ok(())
    }
}

impl Talk {
    /// The next turn as bytes.
    fn next(&mut self) -> &[u8] {
        let place = self.taken / TURNS_IN_SHORT % self.turns.len();
        self.taken += 1;
        &self.turns[place]
    }
}

/// An account with conversations of each size, `short` of the shortest and one of the others: its token and
/// their ids.
fn conversations(folder: &TempDir, short: usize) -> Result<(String, Vec<Vec<i64>>), String> {
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
