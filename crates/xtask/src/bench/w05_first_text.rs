//! W5: what the service adds until the first text of a stream is there.
//!
//! The provider takes 20 ms before its first token and says how long it took in truth, so that what is left of each
//! single stream is the service's: the request's way in, all that is written before the call, and the first text's way
//! through the database. The sync falls into the provider's time.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::http;
use super::load::{Quantiles, histogram, record};
use super::paced::{Pace, Paced};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::streams;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W5",
    about: "the first text of a stream: latency added to the provider's 20 ms",
    run,
};

const ROUNDS: usize = 5;
const STREAMS_PER_ROUND: usize = 200;
const WARM_UP: usize = 20;
const TURNS_PER_CONVERSATION: usize = 10;

const PACE: Pace = Pace {
    before_first: Duration::from_millis(20),
    between: Duration::from_millis(1),
    tokens: 3,
};

fn run(options: &Options) -> Result<Report, String> {
    let folder = service::folder()?;
    let provider = Paced::start(PACE)?;
    let service = Service::start_at(folder.path(), Some(provider.address), &[])?;
    let mut reader = Reader::new(&service, &provider)?;
    reader.measure(options.scaled(WARM_UP), &mut Round::default())?;

    let mut report = Report::new("W5");
    let count = options.scaled(STREAMS_PER_ROUND);
    report.rounds(options.rounds(ROUNDS), |round| reader.measure(count, round))?;
    report.note(format!(
        "{} rounds of {count} streams, one client, by turns with the provider called directly; from the request's first \
         byte out to the first text in, less what the provider took from the whole request to its first token; \
         {TURNS_PER_CONVERSATION} turns in each conversation, on the disk.",
        options.rounds(ROUNDS)
    ));
    drop(reader);
    service.terminate()?;
    Ok(report)
}

struct Reader<'a> {
    runtime: Runtime,
    provider: &'a Paced,
    setup: http::Connection,
    token: String,
    served: TcpStream,
    direct: TcpStream,
    turn: Vec<u8>,
    taken: usize,
}

impl<'a> Reader<'a> {
    fn new(service: &Service, provider: &'a Paced) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot start the reader: {error}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let connect = |address| {
            let socket = runtime.block_on(TcpStream::connect(address))?;
            socket.set_nodelay(true)?;
            Ok(socket)
        };
        let served = connect(service.address).map_err(failed)?;
        let direct = connect(provider.address).map_err(failed)?;
        let mut setup = service.connect()?;
        let token = service::register(&mut setup, "reader@example.org")?;
        Ok(Self {
            runtime,
            provider,
            setup,
            token,
            served,
            direct,
            turn: Vec::new(),
            taken: 0,
        })
    }

    fn measure(&mut self, count: usize, round: &mut Round) -> Outcome {
        // Of the size that the service sends.
        let call = http::request(
            "POST",
            "/v1/responses",
            "sk-bench",
            "application/json",
            &[b' '; 4_200],
        );
        let (mut bare, mut added) = (histogram(), histogram());
        for _ in 0..count {
            if self.taken.is_multiple_of(TURNS_PER_CONVERSATION) {
                let conversation = service::conversation(&mut self.setup, &self.token, "Novels by the sea")?;
                self.turn = service::streamed_turn(&self.token, conversation);
            }
            self.taken += 1;
            Self::first_text(&self.runtime, &mut self.direct, &call, self.provider, &mut bare)?;
            Self::first_text(
                &self.runtime,
                &mut self.served,
                &self.turn,
                self.provider,
                &mut added,
            )?;
        }
        let [bare, added] = [&bare, &added].map(Quantiles::from);
        round.add_plain("bare exchange with the provider p50", "µs", bare.p50);
        round.add_plain("bare exchange with the provider p99", "µs", bare.p99);
        round.add("added p50", "µs", Target::AtMost(500.0), added.p50);
        round.add("added p99", "µs", Target::AtMost(2_000.0), added.p99);
        round.add_plain("added p50, in bare exchanges", "×", added.p50 / bare.p50);
        Ok(())
    }

    /// Reads one stream to its end and counts what was added until its first text.
    fn first_text(
        runtime: &Runtime,
        socket: &mut TcpStream,
        request: &[u8],
        provider: &Paced,
        added: &mut Histogram<u64>,
    ) -> Outcome {
        let received = runtime.block_on(streams::read(socket, request, |_| {}))?;
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
