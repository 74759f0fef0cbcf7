//! W2: a program's calls of `/v1`, as many as there is room for.

use std::time::Duration;

use super::floor::Floor;
use super::load::{Load, Script, saturate};
use super::peer::{self, Litellm};
use super::programs::Called;
use super::provider::{ANSWER_TOKENS, Provider};
use super::report::{Report, Round, Target};
use super::service;
use super::sync::SyncCount;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W2",
    about: "programs' calls of /v1, saturated: calls a second (--peer)",
    run,
};

/// How many call at once.
const CLIENTS: usize = 64;
const ROUNDS: usize = 5;
const SECONDS: f64 = 5.0;
const COMPARED_SECONDS: f64 = 2.0;
const WARM_UP: Duration = Duration::from_millis(500);

const PER_SECOND: Target = Target::AtLeast(10_000.0);
const TIMES: Target = Target::AtLeast(80.0);

fn run(options: &Options) -> Result<Report, String> {
    let folder = service::folder()?;
    let provider = Provider::start()?;
    let called = Called::start(folder.path(), provider.address, 2 * CLIENTS)?;
    let peer = Litellm::if_asked(options, provider.address)?;
    let seconds = |usual: f64| Duration::from_secs_f64(if options.quick { usual / 5.0 } else { usual });
    let (usual, compared) = (seconds(SECONDS), seconds(COMPARED_SECONDS));
    let mut ways = Vec::new();
    for streams in [false, true] {
        ways.push(Way::prepare(streams, &provider, &called, peer.as_ref())?);
    }

    let mut report = Report::new("W2");
    report.rounds(options.rounds(ROUNDS), |round| {
        ways.iter()
            .try_for_each(|way| way.measure(&called, peer.as_ref(), (usual, compared), round))
    })?;
    report.note(format!(
        "{} rounds of {} s for each kind of call; {CLIENTS} kept connections on one thread, one API key with a budget; the \
         provider answers at once with {ANSWER_TOKENS} tokens, to the service always in as many events. Clients, provider \
         and service share the processors.",
        options.rounds(ROUNDS),
        usual.as_secs_f64()
    ));
    if peer.is_some() {
        report.note(peer::note());
    }
    called.service.terminate()?;
    Ok(report)
}

/// One kind of call, with all that it is measured beside.
struct Way {
    kind: &'static str,
    bare: Floor,
    /// The provider's address and the request that the service sends it.
    direct: (std::net::SocketAddr, Vec<Script>),
    ours: Vec<Script>,
    peers: Vec<Script>,
}

impl Way {
    fn prepare(
        streams: bool,
        provider: &Provider,
        called: &Called,
        peer: Option<&Litellm>,
    ) -> Result<Self, String> {
        let clients = |request: Vec<u8>| vec![Script::one(request); CLIENTS];
        let (ours, peers) = (clients(called.call(streams)), clients(peer::call(streams)));
        if let Some(peer) = peer {
            saturate(peer.address, &peers, WARM_UP)?;
        }
        saturate(called.service.address, &ours, WARM_UP)?;
        let mut connection = called.service.connect()?;
        connection.succeed(&ours[0].requests[0])?;
        Ok(Self {
            kind: if streams { "stream" } else { "whole" },
            bare: Floor::start(connection.body().len())?,
            direct: (provider.address, clients(provider.last_request())),
            ours,
            peers,
        })
    }

    fn measure(
        &self,
        called: &Called,
        peer: Option<&Litellm>,
        (usual, compared): (Duration, Duration),
        round: &mut Round,
    ) -> Outcome {
        let name = |what: &str| format!("{}: {what}", self.kind);
        let bare = saturate(self.bare.address, &self.ours, compared)?.per_second();
        round.add_plain(&name("bare exchanges"), "/s", bare);
        let (address, scripts) = &self.direct;
        let direct = saturate(*address, scripts, compared)?.per_second();
        round.add_plain(&name("provider called directly"), "/s", direct);

        let service = &called.service;
        let cpu = service.cpu_seconds()?;
        // Half of the time: it takes `perf` a moment to begin, and it has to end before the load does.
        let counting = SyncCount::begin(service.pid(), usual / 2);
        let load = saturate(service.address, &self.ours, usual)?;
        let cpu = service.cpu_seconds()? - cpu;
        let ours = load.per_second();
        round.add(&name("calls"), "/s", PER_SECOND, ours);
        add_latency(&load, &name("a call's latency"), round);
        if let Some(syncs) = counting.and_then(SyncCount::per_second)
            && syncs > 0.0
        {
            round.add_plain(&name("calls per sync"), "", ours / syncs);
        }
        round.add_plain(
            &name("processor time per call"),
            "µs",
            cpu * 1e6 / load.replies as f64,
        );
        let Some(peer) = peer else {
            return Ok(());
        };
        let cpu = peer.cpu_seconds()?;
        let load = saturate(peer.address, &self.peers, usual)?;
        let cpu = peer.cpu_seconds()? - cpu;
        let theirs = load.per_second();
        round.add_plain(&name("LiteLLM, calls"), "/s", theirs);
        add_latency(&load, &name("LiteLLM, a call's latency"), round);
        // What runs on after the last reply that counts is a small part of it.
        round.add_plain(
            &name("LiteLLM, processor time per call"),
            "µs",
            cpu * 1e6 / load.replies as f64,
        );
        round.add(&name("calls in LiteLLM's"), "×", TIMES, ours / theirs);
        Ok(())
    }
}

fn add_latency(load: &Load, name: &str, round: &mut Round) {
    for (quantile, of) in [(0.5, "p50"), (0.99, "p99")] {
        let milliseconds = load.quantile_us(quantile) / 1_000.0;
        round.add_plain(&format!("{name} {of}"), "ms", milliseconds);
    }
}
