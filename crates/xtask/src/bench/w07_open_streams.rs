//! W7: what ten thousand open streams, and as many further readers of them, keep in memory.

use std::process::Command;
use std::time::Duration;

use super::http;
use super::load::Quantiles;
use super::paced::{Pace, Paced};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::streams::{Streams, Times};
use super::{Benchmark, Options};
use crate::run;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W7",
    about: "10,000 open streams of 2 frames a second: memory for each, and for each further reader",
    run,
};

const STREAMS: usize = 10_000;
const PER_SECOND: u32 = 2;
const ROUNDS: usize = 3;
const EMAIL: &str = "reader@example.org";

/// How long answers wait for all the others to be opened, and then last.
const OPENING: Duration = Duration::from_secs(15);
const TOKENS: usize = 60;

/// Before memory is read.
const SETTLING: Duration = Duration::from_secs(3);

/// Files that are open for one stream in one process: its reader, a further one, the provider.
const FILES_PER_STREAM: usize = 3;
const MORE_FILES: usize = 2_000;

fn run(options: &Options) -> Result<Report, String> {
    let wanted = options.scaled(STREAMS);
    let files = raise_files(wanted * FILES_PER_STREAM + MORE_FILES)?;
    let count = wanted.min(files.saturating_sub(MORE_FILES) / FILES_PER_STREAM);
    let mut report = Report::new("W7");
    // Memory does not depend on what others do, and a round takes a minute: busy ones are not repeated.
    let rounds = if options.quick { 1 } else { ROUNDS };
    for _ in 0..rounds {
        let mut round = Round::default();
        measure(count, &mut round)?;
        report.absorb(round);
    }
    if count < wanted {
        report.note(format!(
            "This machine allows a process {files} open files and no more, which is {count} streams in place of {wanted}: \
             memory for each is what counts, and a stream costs the same whether there are more."
        ));
    }
    report.note(format!(
        "{rounds} rounds, each with a service of its own; {count} streams of {PER_SECOND} tokens a second, {TOKENS} \
         tokens each, of one account in as many conversations. Memory is resident memory as /proc states it, {} s after \
         the last one has begun, less the same before the first; kernel buffers of sockets are not in it. A stream \
         holds two connections, its reader's and the provider's; a further reader holds one and begins at the answer's \
         beginning. A round fails unless every token reaches every reader, once and in order. Busy rounds are kept: \
         memory does not depend on others, a token's delay does.",
        SETTLING.as_secs()
    ));
    Ok(report)
}

fn measure(count: usize, round: &mut Round) -> Result<(), String> {
    let pace = Pace {
        before_first: OPENING,
        between: Duration::from_secs(1) / PER_SECOND,
        tokens: TOKENS,
    };
    let folder = service::folder()?;
    let provider = Paced::start(Pace {
        tokens: 2,
        before_first: Duration::ZERO,
        ..pace
    })?;
    let service = Service::start_at(folder.path(), Some(provider.address), &[])?;
    let token = service::register(&mut service.connect()?, EMAIL)?;
    service.terminate()?;
    let mut stock = Stock::open(folder.path())?;
    let ids = stock.add_conversations(EMAIL, count + 1)?;
    stock.close()?;
    let turns: Vec<Vec<u8>> = ids.iter().map(|id| service::streamed_turn(&token, *id)).collect();
    let limit = (2 * count).to_string();
    let environment = [("CHATAI__LIMITS__CONCURRENT_TURNS", limit.as_str())];
    let service = Service::start_at(folder.path(), Some(provider.address), &environment)?;
    // What the first turn alone brings into memory is no stream's.
    let mut first = Streams::new()?;
    first.open(service.address, &turns[..1])?;
    first.whole(2)?;

    provider.set(pace);
    std::thread::sleep(SETTLING);
    let empty = service.resident_mib()?;
    let mut streams = Streams::new()?;
    streams.open(service.address, &turns[1..])?;
    streams.all_begun()?;
    std::thread::sleep(SETTLING);
    let open = service.resident_mib()?;
    let each = kilobytes(open - empty) / count as f64;
    round.add_plain("resident before", "MiB", empty);
    round.add_plain(&format!("resident with {count} streams"), "MiB", open);
    round.add("each stream", "kB", Target::AtMost(16.0), each);

    let answers = streams.answers();
    let further: Vec<Vec<u8>> = answers
        .iter()
        .map(|answer| http::get(&format!("/chat/messages/{answer}/events"), &token))
        .collect();
    let mut readers = Streams::new()?;
    let cpu = service.cpu_seconds()?;
    readers.open(service.address, &further)?;
    readers.all_begun()?;
    let opening = (service.cpu_seconds()? - cpu) * 1e6 / count as f64;
    std::thread::sleep(SETTLING);
    let read = service.resident_mib()?;
    let each = kilobytes(read - open) / count as f64;
    round.add_plain(&format!("resident with {count} further readers"), "MiB", read);
    round.add("each further reader", "kB", Target::AtMost(2.0), each);
    round.add_plain("processor time to open a further reader", "µs", opening);

    let received = streams.whole(TOKENS)?;
    let again = readers.whole(TOKENS)?;
    if received
        .iter()
        .zip(&again)
        .any(|(one, other)| one.text != other.text)
    {
        return Err("two readers of an answer were told different texts".to_owned());
    }
    let delay = Quantiles::from(&Times::of(&received).delay);
    round.add_plain("a token's delay p50", "ms", delay.p50 / 1_000.0);
    round.add_plain("a token's delay p99", "ms", delay.p99 / 1_000.0);
    drop(provider);
    service.terminate()
}

fn kilobytes(mebibytes: f64) -> f64 {
    mebibytes * f64::from(1 << 20) / 1_000.0
}

/// Allows this process, and the services that it starts, so many open files, or else as many as the system allows them.
/// Returns how many.
fn raise_files(files: usize) -> Result<usize, String> {
    let pid = std::process::id().to_string();
    let raise = |files: usize| {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &pid, &format!("--nofile={files}:{files}")]);
        command
    };
    if run::succeeds(&mut raise(files)) {
        return Ok(files);
    }
    let limits = std::fs::read_to_string("/proc/self/limits").map_err(|error| error.to_string())?;
    let hard = hard_limit(&limits).ok_or("/proc/self/limits does not say how many files may be open")?;
    run::to_end(&mut raise(hard))?;
    Ok(hard.min(files))
}

/// The hard limit of open files, as `/proc/self/limits` states it.
fn hard_limit(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             95911                95911                processes \n\
                      Max open files            1024                 20000                files     \n";
        assert_eq!(hard_limit(limits), Some(20_000));
        assert_eq!(
            hard_limit("Max open files  1024  unlimited  files"),
            Some(usize::MAX)
        );
        assert_eq!(hard_limit(""), None);
        let own = std::fs::read_to_string("/proc/self/limits").unwrap();
        assert!(hard_limit(&own).unwrap() > 0);
    }
}
