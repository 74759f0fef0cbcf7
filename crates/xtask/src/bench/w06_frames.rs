//! W6: how long tokens take through the service, in one stream and in a thousand at once, of chats and of programs.
//!
//! Each token of a chat is written to the database before it is shown. That is tried at the end: the service is killed amid a
//! thousand streams, and the file is searched for what their readers had.

use std::net::SocketAddr;
use std::time::Duration;

use rusqlite::params;
use tempfile::TempDir;

use super::http;
use super::load::Quantiles;
use super::paced::{Pace, Paced};
use super::peer::{self, Litellm};
use super::programs::{self, Called};
use super::report::{MOST_REPEATED, Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::streams::{Received, Streams, Times};
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W6",
    about: "the gap between frames: one stream, and 1,000 streams of 50 frames a second (--peer)",
    run,
};

const STREAMS: usize = 1_000;
const PER_SECOND: u32 = 50;
const ROUNDS: usize = 5;
const SECONDS: usize = 5;
const EMAIL: &str = "reader@example.org";

/// How long it takes to open all streams: tokens sent meanwhile are no steady state.
const OPENING: Duration = Duration::from_secs(3);

fn run(options: &Options) -> Result<Report, String> {
    let count = options.scaled(STREAMS);
    let seconds = if options.quick { 1 } else { SECONDS };
    let rounds = options.rounds(ROUNDS);
    let folder = service::folder()?;
    let provider = Paced::start(pace(seconds, Duration::ZERO))?;
    let service = Service::start_at(folder.path(), Some(provider.address), &[])?;
    let token = service::register(&mut service.connect()?, EMAIL)?;
    service.terminate()?;
    // Each round has conversations of its own, the last one is that of the kill.
    let mut stock = Stock::open(folder.path())?;
    let ids = stock.add_conversations(EMAIL, (rounds + MOST_REPEATED + 1) * (count + 1))?;
    stock.close()?;
    let turns: Vec<Vec<u8>> = ids.iter().map(|id| service::streamed_turn(&token, *id)).collect();
    let mut turns = turns.chunks(count + 1);
    let limit = (2 * STREAMS).to_string();
    let environment = [("CHATAI__LIMITS__CONCURRENT_TURNS", limit.as_str())];
    let service = Service::start_at(folder.path(), Some(provider.address), &environment)?;

    let called_folder = service::folder()?;
    let called = Called::start(called_folder.path(), provider.address, 2 * STREAMS)?;
    let peer = Litellm::if_asked(options, provider.address)?;
    let of_chats = Served {
        name: "",
        address: service.address,
        direct: call(),
    };
    let of_programs = Served {
        name: "/v1, ",
        address: called.service.address,
        direct: programs::call("sk-bench", true),
    };

    let mut report = Report::new("W6");
    report.rounds(rounds, |round| {
        let (one, many) = turns
            .next()
            .and_then(<[Vec<u8>]>::split_first)
            .ok_or("no further round is prepared")?;
        lone(&of_chats, &provider, one, seconds, round)?;
        thousand(&of_chats, &service, &provider, many, seconds, round)?;
        let call = called.call(true);
        lone(&of_programs, &provider, &call, seconds, round)?;
        if let Some(peer) = &peer {
            lone_of_peer(peer, &provider, seconds, round)?;
        }
        let calls = vec![call; count];
        thousand(&of_programs, &called.service, &provider, &calls, seconds, round)
    })?;
    let many = turns.next().ok_or("no conversations are left for the kill")?;
    report.absorb(killed(service, &folder, &provider, &many[1..], seconds)?);
    report.note(format!(
        "{rounds} rounds of {seconds} s; {count} streams of {PER_SECOND} tokens a second each, one event for each at the \
         provider. From the provider's sending of a token to the reader's having it, and by how much the gap to the \
         token before grew. A round fails unless every token comes, once and in order. The tokens of many streams are \
         sent in bursts of {} each millisecond.",
        count as f64 * f64::from(PER_SECOND) / 1_000.0
    ));
    report.note(
        "The service is killed with SIGKILL amid the streams at the end; each stored text is compared with what its \
         reader had. What goes through /v1 to its one reader is not kept, so that there is nothing to compare.",
    );
    if peer.is_some() {
        report.note(peer::note());
    }
    called.service.terminate()?;
    Ok(report)
}

/// Answers that last so long, once they have begun.
fn pace(seconds: usize, before_first: Duration) -> Pace {
    Pace {
        before_first,
        between: Duration::from_secs(1) / PER_SECOND,
        tokens: seconds * PER_SECOND as usize,
    }
}

/// A call to the provider past the service.
fn call() -> Vec<u8> {
    http::request(
        "POST",
        "/v1/responses",
        "sk-bench",
        "application/json",
        &[b' '; 1_000],
    )
}

/// Whose streams are read.
struct Served {
    /// What its rows begin with.
    name: &'static str,
    address: SocketAddr,
    /// A call to the provider past it.
    direct: Vec<u8>,
}

/// One stream alone.
fn alone(provider: &Paced, address: SocketAddr, request: &[u8], seconds: usize) -> Result<Times, String> {
    let pace = pace(seconds, Duration::from_millis(20));
    provider.set(pace);
    let mut streams = Streams::new()?;
    streams.open(address, &[request.to_vec()])?;
    Ok(Times::of(&streams.whole(pace.tokens)?))
}

fn lone(served: &Served, provider: &Paced, request: &[u8], seconds: usize, round: &mut Round) -> Outcome {
    let bare = alone(provider, provider.address, &served.direct, seconds)?;
    let ours = alone(provider, served.address, request, seconds)?;
    let name = |what: &str| format!("{}one stream: {what}", served.name);
    let [bare, ours, growth] = [&bare.delay, &ours.delay, &ours.growth].map(Quantiles::from);
    round.add_plain(&name("bare, a token's delay p50"), "µs", bare.p50);
    round.add_plain(&name("bare, a token's delay p99"), "µs", bare.p99);
    let most = Target::AtMost(1_000.0);
    round.add_plain(&name("a token's delay p50"), "µs", ours.p50);
    round.add(&name("a token's delay p99"), "µs", most, ours.p99);
    round.add(&name("growth of a gap p99"), "µs", most, growth.p99);
    Ok(())
}

/// The same of the peer, which has no goals here.
fn lone_of_peer(peer: &Litellm, provider: &Paced, seconds: usize, round: &mut Round) -> Outcome {
    let theirs = alone(provider, peer.address, &peer::call(true), seconds)?;
    let name = |what: &str| format!("/v1, LiteLLM, one stream: {what}");
    let [delay, growth] = [&theirs.delay, &theirs.growth].map(Quantiles::from);
    round.add_plain(&name("a token's delay p50"), "µs", delay.p50);
    round.add_plain(&name("a token's delay p99"), "µs", delay.p99);
    round.add_plain(&name("growth of a gap p99"), "µs", growth.p99);
    Ok(())
}

fn thousand(
    served: &Served,
    service: &Service,
    provider: &Paced,
    turns: &[Vec<u8>],
    seconds: usize,
    round: &mut Round,
) -> Outcome {
    let count = turns.len();
    let pace = pace(seconds, OPENING);
    provider.set(pace);
    let read = |address, requests: &[Vec<u8>]| {
        let mut streams = Streams::new()?;
        streams.open(address, requests)?;
        streams.whole(pace.tokens)
    };
    let bare = read(provider.address, &vec![served.direct.clone(); count])?;
    let cpu = service.cpu_seconds()?;
    let ours = read(served.address, turns)?;
    let cpu_us = (service.cpu_seconds()? - cpu) * 1e6 / (count * pace.tokens) as f64;
    let name = format!("{}{count} streams", served.name);
    let delay = |received: &[Received]| Quantiles::from(&Times::of(received).delay);
    let milliseconds = |us: f64| us / 1_000.0;
    let (bare, times) = (delay(&bare), Times::of(&ours));
    round.add_plain(
        &format!("{name}: bare, a token's delay p50"),
        "ms",
        milliseconds(bare.p50),
    );
    round.add_plain(
        &format!("{name}: bare, a token's delay p99"),
        "ms",
        milliseconds(bare.p99),
    );
    let most = Target::AtMost(20.0);
    let delay = Quantiles::from(&times.delay);
    round.add_plain(
        &format!("{name}: a token's delay p50"),
        "ms",
        milliseconds(delay.p50),
    );
    round.add(
        &format!("{name}: a token's delay p99"),
        "ms",
        most,
        milliseconds(delay.p99),
    );
    let growth = Quantiles::from(&times.growth);
    round.add(
        &format!("{name}: growth of a gap p99"),
        "ms",
        most,
        milliseconds(growth.p99),
    );
    let events: usize = ours.iter().map(|stream| stream.events).sum();
    let in_an_event = (count * pace.tokens) as f64 / events as f64;
    round.add_plain(&format!("{name}: tokens in one frame"), "", in_an_event);
    round.add_plain(&format!("{name}: processor time per token"), "µs", cpu_us);
    Ok(())
}

/// Kills the service amid streams, and counts what readers had and the file has not.
fn killed(
    service: Service,
    folder: &TempDir,
    provider: &Paced,
    turns: &[Vec<u8>],
    seconds: usize,
) -> Result<Round, String> {
    provider.set(pace(seconds, OPENING));
    let mut streams = Streams::new()?;
    streams.open(service.address, turns)?;
    streams.all_begun()?;
    std::thread::sleep(Duration::from_secs(1).mul_f64(seconds as f64 / 2.0));
    drop(service);
    let received = streams.rest()?;
    let (mut shown, mut missing) = (0, 0);
    let database = rusqlite::Connection::open(folder.path().join("data").join("chatai.db"));
    let read = || {
        let database = database?;
        for stream in &received {
            let text: String = database.query_row(
                "select m.text || coalesce((select group_concat(data, '' order by number) from turn_events \
                 where message_id = m.id and kind = 'text'), '') from messages m where m.id = ?1",
                params![stream.answer],
                |row| row.get(0),
            )?;
            let common = text
                .bytes()
                .zip(stream.text.bytes())
                .take_while(|(stored, shown)| stored == shown)
                .count();
            shown += stream.text.len();
            missing += stream.text.len() - common;
        }
        Ok(())
    };
    read().map_err(|error: rusqlite::Error| format!("cannot read the killed service's database: {error}"))?;
    if received.iter().any(|stream| stream.ended) || shown == 0 {
        return Err("the service was not killed amid the streams".to_owned());
    }
    let mut round = Round::default();
    round.add_plain("killed: characters that readers had", "", shown as f64);
    round.add(
        "killed: of these not stored",
        "",
        Target::AtMost(0.0),
        missing as f64,
    );
    Ok(round)
}
