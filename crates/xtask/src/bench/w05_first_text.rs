//! W5: what the service adds until the first text of a stream is there, for a reader of a chat and for a program.
//!
//! The provider takes 20 ms before its first token and says how long it took in truth, so that what is left of each
//! single stream is the service's: the request's way in, all that is written before the call, and the first text's way
//! through the database. The sync falls into the provider's time.

use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::http;
use super::load::{Quantiles, histogram, record};
use super::paced::{Pace, Paced};
use super::peer::{self, Litellm};
use super::programs::{self, Called};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::streams;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W5",
    about: "the first text of a stream: latency added to the provider's 20 ms (--peer)",
    run,
};

const ROUNDS: usize = 5;
const STREAMS_PER_ROUND: usize = 200;
const WARM_UP: usize = 20;
const TURNS_PER_CONVERSATION: usize = 10;
const CONCURRENT: usize = 16;

const MOST_P50: Target = Target::AtMost(500.0);
const MOST_P99: Target = Target::AtMost(2_000.0);

const PACE: Pace = Pace {
    before_first: Duration::from_millis(20),
    between: Duration::from_millis(1),
    tokens: 3,
};

fn run(options: &Options) -> Result<Report, String> {
    let folder = service::folder()?;
    let provider = Paced::start(PACE)?;
    let service = Service::start_at(folder.path(), Some(provider.address), &[])?;
    let called_folder = service::folder()?;
    let called = Called::start(called_folder.path(), provider.address, CONCURRENT)?;
    let peer = Litellm::if_asked(options, provider.address)?;
    let mut reader = Reader::new(&service, &provider)?;
    let mut programs = Programs::new(&reader.runtime, &provider, &called, peer.as_ref())?;
    let warm_up = options.scaled(WARM_UP);
    reader.measure(warm_up, &mut Round::default())?;
    programs.measure(&reader.runtime, warm_up, &mut Round::default())?;

    let mut report = Report::new("W5");
    let count = options.scaled(STREAMS_PER_ROUND);
    report.rounds(options.rounds(ROUNDS), |round| {
        reader.measure(count, round)?;
        programs.measure(&reader.runtime, count, round)
    })?;
    report.note(format!(
        "{} rounds of {count} streams, one client, by turns with the provider called directly; from the request's first \
         byte out to the first text in, less what the provider took from the whole request to its first token; \
         {TURNS_PER_CONVERSATION} turns in each conversation, on the disk. Of /v1 the streams are chat completions, with a \
         key and a budget, at a provider that speaks these as well.",
        options.rounds(ROUNDS)
    ));
    if peer.is_some() {
        report.note(peer::note());
    }
    drop((reader, programs));
    called.service.terminate()?;
    service.terminate()?;
    Ok(report)
}

/// What is called again and again.
struct Party {
    socket: TcpStream,
    request: Vec<u8>,
}

impl Party {
    fn new(runtime: &Runtime, address: SocketAddr, request: Vec<u8>) -> Result<Self, String> {
        let connect = async {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            Ok(socket)
        };
        let socket = runtime.block_on(connect);
        let socket =
            socket.map_err(|error: std::io::Error| format!("cannot connect to {address}: {error}"))?;
        Ok(Self { socket, request })
    }

    /// Reads one stream to its end and counts what was added until its first text.
    fn first_text(&mut self, runtime: &Runtime, provider: &Paced, added: &mut Histogram<u64>) -> Outcome {
        let received = runtime.block_on(streams::read(&mut self.socket, &self.request, |_| {}))?;
        if !received.ended || received.tokens.len() != PACE.tokens {
            return Err(format!("a stream broke off after {:?}", received.text));
        }
        let whole = received.first_ns - received.asked_ns;
        record(
            added,
            Duration::from_nanos(whole.saturating_sub(provider.took_ns())),
        );
        Ok(())
    }
}

/// Those that are measured through `/v1`: the provider itself, the service, and the peer where there is one.
struct Programs<'a> {
    provider: &'a Paced,
    direct: Party,
    served: Party,
    peer: Option<Party>,
}

impl<'a> Programs<'a> {
    fn new(
        runtime: &Runtime,
        provider: &'a Paced,
        called: &Called,
        peer: Option<&Litellm>,
    ) -> Result<Self, String> {
        let peer = peer.map(|peer| Party::new(runtime, peer.address, peer::call(true)));
        Ok(Self {
            provider,
            direct: Party::new(runtime, provider.address, programs::call("sk-bench", true))?,
            served: Party::new(runtime, called.service.address, called.call(true))?,
            peer: peer.transpose()?,
        })
    }

    fn measure(&mut self, runtime: &Runtime, count: usize, round: &mut Round) -> Outcome {
        let (mut bare, mut added, mut theirs) = (histogram(), histogram(), histogram());
        for _ in 0..count {
            self.direct.first_text(runtime, self.provider, &mut bare)?;
            self.served.first_text(runtime, self.provider, &mut added)?;
            if let Some(peer) = &mut self.peer {
                peer.first_text(runtime, self.provider, &mut theirs)?;
            }
        }
        let [bare, added, theirs] = [&bare, &added, &theirs].map(Quantiles::from);
        round.add_plain("/v1: bare exchange with the provider p50", "µs", bare.p50);
        round.add("/v1: added p50", "µs", MOST_P50, added.p50);
        round.add("/v1: added p99", "µs", MOST_P99, added.p99);
        if self.peer.is_some() {
            round.add_plain("/v1: LiteLLM, added p50", "µs", theirs.p50);
            round.add_plain("/v1: LiteLLM, added p99", "µs", theirs.p99);
            round.add_plain("/v1: LiteLLM's added p50 in those", "×", theirs.p50 / added.p50);
        }
        Ok(())
    }
}

struct Reader<'a> {
    runtime: Runtime,
    provider: &'a Paced,
    setup: http::Connection,
    token: String,
    served: Party,
    direct: Party,
    taken: usize,
}

impl<'a> Reader<'a> {
    fn new(service: &Service, provider: &'a Paced) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start the reader: {error}"))?;
        // Of the size that the service sends.
        let call = http::request(
            "POST",
            "/v1/responses",
            "sk-bench",
            "application/json",
            &[b' '; 4_200],
        );
        let served = Party::new(&runtime, service.address, Vec::new())?;
        let direct = Party::new(&runtime, provider.address, call)?;
        let mut setup = service.connect()?;
        let token = service::register(&mut setup, "reader@example.org")?;
        Ok(Self {
            runtime,
            provider,
            setup,
            token,
            served,
            direct,
            taken: 0,
        })
    }

    fn measure(&mut self, count: usize, round: &mut Round) -> Outcome {
        let (mut bare, mut added) = (histogram(), histogram());
        for _ in 0..count {
            if self.taken.is_multiple_of(TURNS_PER_CONVERSATION) {
                let conversation = service::conversation(&mut self.setup, &self.token, "Novels by the sea")?;
                self.served.request = service::streamed_turn(&self.token, conversation);
            }
            self.taken += 1;
            self.direct.first_text(&self.runtime, self.provider, &mut bare)?;
            self.served.first_text(&self.runtime, self.provider, &mut added)?;
        }
        let [bare, added] = [&bare, &added].map(Quantiles::from);
        round.add_plain("bare exchange with the provider p50", "µs", bare.p50);
        round.add_plain("bare exchange with the provider p99", "µs", bare.p99);
        round.add("added p50", "µs", MOST_P50, added.p50);
        round.add("added p99", "µs", MOST_P99, added.p99);
        round.add_plain("added p50, in bare exchanges", "×", added.p50 / bare.p50);
        Ok(())
    }
}
