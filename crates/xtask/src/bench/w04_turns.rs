//! W4: whole durable turns, many clients at once: how many a second, and how many share one sync.

use std::sync::Arc;
use std::time::Duration;

use super::floor::Floor;
use super::http::Connection;
use super::load::{Script, saturate};
use super::machine;
use super::provider::{ANSWER_TOKENS, Provider};
use super::report::{MOST_REPEATED, Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::sync::{Probe, SyncCount};
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W4",
    about: "whole durable turns of 256 clients: turns a second, turns in one sync",
    run,
};

/// How many talk at once.
pub(super) const CLIENTS: usize = 256;
const ROUNDS: usize = 5;
const SECONDS: f64 = 5.0;
const COMPARED_SECONDS: f64 = 2.0;

/// Turns of a usual conversation: after so many a client goes on in its next one.
pub(super) const TURNS_PER_CONVERSATION: usize = 10;

/// Conversations of a client in one round; enough for some 10,000 turns a second.
const CONVERSATIONS_PER_CLIENT: usize = 20;

/// Turns a second of the original service, on the machine that set the targets.
const ORIGINAL_PER_SECOND: f64 = 14.4;

/// One of many.
#[derive(Debug)]
pub(super) struct Client {
    email: String,
    token: String,
}

fn run(options: &Options) -> Result<Report, String> {
    let folder = service::folder()?;
    let provider = Provider::start()?;
    let clients = clients(Service::start(folder.path(), Some(&provider))?)?;
    let count = options.rounds(ROUNDS);
    // Each round needs fresh conversations, one for warming up included.
    let mut stock = Stock::open(folder.path())?;
    let made = scripts(&clients, count + MOST_REPEATED + 1, |email, count| {
        stock.add_conversations(email, count)
    })?;
    stock.close()?;
    let mut scripts = made.into_iter();
    let warm_up = scripts.next().ok_or("no round is prepared")?;

    let service = Service::start(folder.path(), Some(&provider))?;
    let usual = Duration::from_secs_f64(if options.quick { 1.0 } else { SECONDS });
    let compared = Duration::from_secs_f64(if options.quick { 0.5 } else { COMPARED_SECONDS });
    saturate(service.address, &warm_up, compared)?;
    let direct: Vec<Script> = vec![Script::one(provider.last_request()); CLIENTS];
    let floor = Floor::start(reply_bytes(&service, &warm_up[0])?)?;
    let mut probe = Probe::in_folder(folder.path())?;

    let mut report = Report::new("W4");
    report.rounds(count, |round| {
        let scripts = scripts.next().ok_or("no further round is prepared")?;
        let bare = saturate(floor.address, &scripts, compared)?.per_second();
        round.add_plain("bare exchanges", "/s", bare);
        let direct = saturate(provider.address, &direct, compared)?.per_second();
        round.add_plain("provider called directly", "/s", direct);
        round.add_plain("one sync", "µs", median_sync(&mut probe)?);
        measure(&service, &scripts, usual, round)
    })?;
    report.note(format!(
        "{count} rounds of {} s; {CLIENTS} clients, each an account of its own, {TURNS_PER_CONVERSATION} turns in \
         each conversation; the provider answers at once with {ANSWER_TOKENS} tokens in as many events. Clients, \
         provider and service share the processors.",
        usual.as_secs_f64()
    ));
    report.note(
        "Turns per sync takes `perf` and the right to use its tracepoints. It is counted in half of each round; a round \
         without a count has no value.",
    );
    service.terminate()?;
    Ok(report)
}

/// Lets all clients talk for `duration`.
fn measure(service: &Service, scripts: &[Script], duration: Duration, round: &mut Round) -> Outcome {
    let (cpu, own_cpu) = (service.cpu_seconds()?, own_cpu_seconds()?);
    // Half of the time: it takes `perf` a moment to begin, and it has to end before the load does.
    let counting = SyncCount::begin(service.pid(), duration / 2);
    let load = saturate(service.address, scripts, duration)?;
    let per_turn_us = |seconds: f64| seconds * 1e6 / load.replies as f64;
    let cpu = per_turn_us(service.cpu_seconds()? - cpu);
    let own_cpu = per_turn_us(own_cpu_seconds()? - own_cpu);
    let per_second = load.per_second();
    round.add("durable turns", "/s", Target::AtLeast(5_000.0), per_second);
    let (p50, p99) = (load.quantile_us(0.5), load.quantile_us(0.99));
    round.add_plain("a turn's latency p50", "ms", p50 / 1_000.0);
    round.add_plain("a turn's latency p99", "ms", p99 / 1_000.0);
    if let Some(syncs) = counting.and_then(SyncCount::per_second)
        && syncs > 0.0
    {
        let target = Target::AtLeast(30.0);
        round.add("turns per sync", "", target, per_second / syncs);
    }
    round.add_plain("processor time per turn: service", "µs", cpu);
    round.add_plain("processor time per turn: clients and provider", "µs", own_cpu);
    round.add_plain("against the original's", "×", per_second / ORIGINAL_PER_SECOND);
    Ok(())
}

/// The processor time of this process: clients, provider and floor.
fn own_cpu_seconds() -> Result<f64, String> {
    machine::cpu_seconds(std::process::id())
}

/// Makes the accounts, each over HTTP, and ends the service.
pub(super) fn clients(service: Service) -> Result<Vec<Client>, String> {
    let mut connection = service.connect()?;
    let register = |number: usize| {
        let email = format!("reader{number}@example.org");
        let token = service::register(&mut connection, &email)?;
        Ok(Client { email, token })
    };
    let clients = (0..CLIENTS).map(register).collect();
    service.terminate()?;
    clients
}

/// What each client sends in each round: turns in conversations that nobody has spoken in yet, made by `add`.
pub(super) fn scripts(
    clients: &[Client],
    rounds: usize,
    mut add: impl FnMut(&str, usize) -> Result<Vec<i64>, String>,
) -> Result<Vec<Vec<Script>>, String> {
    let mut scripts: Vec<Vec<Script>> = vec![Vec::with_capacity(clients.len()); rounds];
    for client in clients {
        let ids = add(&client.email, rounds * CONVERSATIONS_PER_CLIENT)?;
        for (ids, scripts) in ids.chunks(CONVERSATIONS_PER_CLIENT).zip(&mut scripts) {
            let requests: Arc<[Vec<u8>]> = ids.iter().map(|id| service::turn(&client.token, *id)).collect();
            scripts.push(Script {
                requests,
                repeats: TURNS_PER_CONVERSATION,
            });
        }
    }
    Ok(scripts)
}

fn reply_bytes(service: &Service, script: &Script) -> Result<usize, String> {
    let mut connection: Connection = service.connect()?;
    connection.succeed(&script.requests[0])?;
    Ok(connection.body().len())
}

fn median_sync(probe: &mut Probe) -> Result<f64, String> {
    let mut times = (0..51).map(|_| probe.sync()).collect::<Result<Vec<_>, _>>()?;
    times.sort();
    Ok(times[times.len() / 2].as_secs_f64() * 1e6)
}
