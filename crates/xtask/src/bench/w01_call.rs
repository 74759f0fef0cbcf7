//! W1: what the service adds to one call of a program, one client at a time.
//!
//! Each iteration measures, one after another and for a whole answer and a stream apart, the bare exchange, the provider
//! called directly with the very request that the service sends, a call on a file system in memory, a call on the disk, the
//! least that the database's log takes on either, and LiteLLM's proxy where it was asked for.

use hdrhistogram::Histogram;

use super::floor::Floor;
use super::http::Connection;
use super::load::{Quantiles, histogram, record};
use super::peer::{self, Litellm};
use super::programs::Called;
use super::provider::{ANSWER_TOKENS, Provider};
use super::report::{Report, Round, Target};
use super::service;
use super::sync::LogProbe;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W1",
    about: "a program's call of /v1, one client: latency added to the provider's (--peer)",
    run,
};

const ROUNDS: usize = 5;
const CALLS_PER_ROUND: usize = 400;
const WARM_UP: usize = 100;
const CONCURRENT: usize = 16;

/// What a call may add beyond the wait for the log's write, and how many times as much the peer adds.
const MOST: Target = Target::AtMost(60.0);
const TIMES: Target = Target::AtLeast(75.0);

fn run(options: &Options) -> Result<Report, String> {
    let (on_disk, in_memory) = (service::folder()?, service::folder_in_memory());
    let provider = Provider::start()?;
    let disk = Called::start(on_disk.path(), provider.address, CONCURRENT)?;
    let memory = match &in_memory {
        Some(folder) => Some(Called::start(folder.path(), provider.address, CONCURRENT)?),
        None => None,
    };
    let peer = Litellm::if_asked(options, provider.address)?;
    let mut ways = [false, true]
        .map(|streams| Way::prepare(streams, &provider, &disk, memory.as_ref(), peer.as_ref()))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let mut on_the_disk = LogProbe::in_folder(on_disk.path())?;
    let mut within_memory = in_memory
        .as_ref()
        .map(|folder| LogProbe::in_folder(folder.path()))
        .transpose()?;

    let mut report = Report::new("W1");
    let calls = options.scaled(CALLS_PER_ROUND);
    report.rounds(options.rounds(ROUNDS), |round| {
        for _ in 0..calls {
            for way in &mut ways {
                way.iterate(&mut on_the_disk, within_memory.as_mut())?;
            }
        }
        ways.iter_mut().for_each(|way| way.enter(round));
        Ok(())
    })?;
    report.note(format!(
        "{} rounds of {calls} calls of each kind; an API key with a budget; the provider answers at once with \
         {ANSWER_TOKENS} tokens, to the service always in as many events. A stream is measured to its last byte.",
        options.rounds(ROUNDS)
    ));
    report.note(
        "The log's write is what SQLite takes by itself, on one thread, to write a call down before and after it is made: two \
         small transactions, and one sync for a whole answer or two for a stream, whose text leaves after the first.",
    );
    if peer.is_some() {
        report.note(peer::note());
    }
    drop(ways);
    disk.service.terminate()?;
    memory.map_or(Ok(()), |memory| memory.service.terminate())?;
    Ok(report)
}

/// Something that is called again and again.
struct Party {
    connection: Connection,
    request: Vec<u8>,
    times: Histogram<u64>,
}

impl Party {
    fn new(connection: Connection, request: Vec<u8>) -> Self {
        Self {
            connection,
            request,
            times: histogram(),
        }
    }

    fn call(&mut self) -> Outcome {
        let duration = self.connection.timed(&self.request)?;
        record(&mut self.times, duration);
        Ok(())
    }

    /// What was measured since this was last asked.
    fn taken(&mut self) -> Quantiles {
        let quantiles = Quantiles::from(&self.times);
        self.times.reset();
        quantiles
    }
}

/// One kind of call, with all that it is measured beside.
struct Way {
    streams: bool,
    bare: Party,
    direct: Party,
    disk: Party,
    /// `None` on machines without a file system in memory.
    memory: Option<Party>,
    /// The peer, and the provider called with the peer's request.
    peer: Option<(Party, Party)>,
    disk_log: Histogram<u64>,
    memory_log: Histogram<u64>,
    _floor: Floor,
}

impl Way {
    fn prepare(
        streams: bool,
        provider: &Provider,
        disk: &Called,
        memory: Option<&Called>,
        peer: Option<&Litellm>,
    ) -> Result<Self, String> {
        let party =
            |called: &Called| Ok::<_, String>(Party::new(called.service.connect()?, called.call(streams)));
        let warm = |mut party: Party| {
            (0..WARM_UP).try_for_each(|_| party.call())?;
            party.times.reset();
            Ok::<_, String>(party)
        };
        let direct = || {
            Ok::<_, String>(Party::new(
                Connection::open(provider.address)?,
                provider.last_request(),
            ))
        };
        let peer = match peer {
            None => None,
            Some(peer) => {
                let connection = Connection::open(peer.address)?;
                let party = warm(Party::new(connection, peer::call(streams)))?;
                Some((party, direct()?))
            }
        };
        let disk = warm(party(disk)?)?;
        let memory = memory.map(|memory| warm(party(memory)?)).transpose()?;
        let floor = Floor::start(disk.connection.body().len())?;
        Ok(Self {
            streams,
            bare: Party::new(Connection::open(floor.address)?, disk.request.clone()),
            direct: direct()?,
            disk,
            memory,
            peer,
            disk_log: histogram(),
            memory_log: histogram(),
            _floor: floor,
        })
    }

    fn iterate(&mut self, disk_log: &mut LogProbe, memory_log: Option<&mut LogProbe>) -> Outcome {
        let syncs = if self.streams { 2 } else { 1 };
        self.bare.call()?;
        self.direct.call()?;
        self.disk.call()?;
        record(&mut self.disk_log, disk_log.write(syncs)?);
        if let (Some(memory), Some(log)) = (&mut self.memory, memory_log) {
            memory.call()?;
            record(&mut self.memory_log, log.write(syncs)?);
        }
        if let Some((peer, direct)) = &mut self.peer {
            direct.call()?;
            peer.call()?;
        }
        Ok(())
    }

    fn enter(&mut self, round: &mut Round) {
        let kind = if self.streams { "stream" } else { "whole" };
        let name = |what: &str| format!("{kind}: {what}");
        let direct = self.direct.taken().p50;
        round.add_plain(&name("bare exchange p50"), "µs", self.bare.taken().p50);
        round.add_plain(&name("provider called directly p50"), "µs", direct);
        let disk = self.disk.taken();
        let mut places = vec![("on the disk", disk, &mut self.disk_log)];
        if let Some(memory) = &mut self.memory {
            places.insert(0, ("in memory", memory.taken(), &mut self.memory_log));
        }
        let mut beyond = Vec::new();
        for (place, taken, log) in places {
            let (added, written) = (taken.p50 - direct, Quantiles::from(&*log).p50);
            log.reset();
            round.add_plain(&name(&format!("{place}, call p50")), "µs", taken.p50);
            round.add_plain(&name(&format!("{place}, call p99")), "µs", taken.p99);
            round.add_plain(&name(&format!("{place}, the log's write p50")), "µs", written);
            round.add_plain(&name(&format!("{place}, added p50")), "µs", added);
            let what = format!("{place}, added p50 beyond the log's write");
            round.add(&name(&what), "µs", MOST, added - written);
            beyond.push((place, added));
        }
        let Some((peer, direct)) = &mut self.peer else {
            return;
        };
        let (taken, direct) = (peer.taken(), direct.taken().p50);
        round.add_plain(&name("LiteLLM, call p50"), "µs", taken.p50);
        round.add_plain(&name("LiteLLM, call p99"), "µs", taken.p99);
        let theirs = taken.p50 - direct;
        round.add_plain(&name("LiteLLM, added p50"), "µs", theirs);
        for (place, added) in beyond {
            let what = format!("LiteLLM's added p50 in those {place}");
            round.add(&name(&what), "×", TIMES, theirs / added);
        }
    }
}
