//! `cargo xtask bench`: measurements against the figures that the project sets itself, each beside a bare
//! exchange over loopback in one interleaved run. One file per benchmark; it enters [`ALL`].
//!
//! Deliberately not a test: machines are noisy and shared, so nothing here fails on a time. What runs is the
//! release binary on a data folder of its own, with the scripted provider; the tables and the raw rounds say how
//! it went. `docs/BENCHMARKS.md` keeps the last of them.

mod completions;
mod database;
mod document;
mod floor;
mod http;
mod load;
mod machine;
mod paced;
mod peer;
mod programs;
mod provider;
mod report;
mod service;
mod stock;
mod streams;
mod sync;
mod w01_call;
mod w02_calls;
mod w03_turn;
mod w04_turns;
mod w05_first_text;
mod w06_frames;
mod w07_open_streams;
mod w08_bytes;
mod w09_memory;
mod w10_start;
mod w11_last_messages;
mod w12_lists;
mod w13_growth;
mod w14_search;
mod w16_reads;
mod w19_usage;
mod w21_postgres;
mod w22_page;

use std::path::PathBuf;

use peer::Peer;
use report::Report;

use crate::{Outcome, run};

/// One measurement.
struct Benchmark {
    /// What it is called on the command line.
    name: &'static str,
    /// What it measures, in one line.
    about: &'static str,
    /// Runs it.
    run: fn(&Options) -> Result<Report, String>,
}

/// Every benchmark, in the order in which they are listed.
const ALL: &[Benchmark] = &[
    w01_call::BENCHMARK,
    w02_calls::BENCHMARK,
    w03_turn::BENCHMARK,
    w04_turns::BENCHMARK,
    w05_first_text::BENCHMARK,
    w06_frames::BENCHMARK,
    w07_open_streams::BENCHMARK,
    w08_bytes::BENCHMARK,
    w09_memory::BENCHMARK,
    w10_start::BENCHMARK,
    w11_last_messages::BENCHMARK,
    w12_lists::BENCHMARK,
    w13_growth::BENCHMARK,
    w14_search::BENCHMARK,
    w16_reads::BENCHMARK,
    w19_usage::BENCHMARK,
    w21_postgres::BENCHMARK,
    w22_page::BENCHMARK,
];

/// What the command line says beside names.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    /// Also what takes minutes and gigabytes.
    large: bool,
    /// Few short rounds: to see that a benchmark works, not what it measures.
    quick: bool,
    /// Put the tables into the document.
    write: bool,
    /// Another program, measured in the same rounds where it does the same work.
    peer: Option<Peer>,
}

impl Options {
    /// How many rounds to measure.
    fn rounds(self, usual: usize) -> usize {
        if self.quick { 2 } else { usual }
    }

    /// A number of repetitions, or a tenth of it.
    fn scaled(self, usual: usize) -> usize {
        if self.quick { (usual / 10).max(1) } else { usual }
    }
}

/// Runs those that are named, or `all`; without a name, lists what there is.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (options, names) = parsed(arguments)?;
    if names.is_empty() {
        for benchmark in ALL {
            println!("{:4} {}", benchmark.name, benchmark.about);
        }
        println!("all  every one of them");
        println!("--large adds what takes minutes and gigabytes, --quick only shows that it works,");
        println!("--write puts the tables into docs/BENCHMARKS.md");
        println!("--peer litellm installs LiteLLM's proxy and measures it beside W1, W2, W5 and W6");
        return Ok(());
    }
    let chosen = chosen(&names)?;
    if cfg!(debug_assertions) {
        // The load generator shares the processors with what it measures: it has to be lean as well.
        let mut again = run::cargo(&["run", "--release", "--quiet", "--package", "xtask", "--", "bench"]);
        return run::to_end(again.args(arguments));
    }
    run::to_end(&mut run::cargo(&["build", "--release", "--package", "chatai"]))?;
    std::fs::create_dir_all(work_folder())
        .map_err(|error| format!("cannot make `{}`: {error}", work_folder().display()))?;
    chosen.into_iter().try_for_each(|benchmark| {
        eprintln!("== {}: {}", benchmark.name, benchmark.about);
        let section = (benchmark.run)(&options)?.finish()?;
        if options.write {
            document::replace(benchmark.name, &section)?;
        }
        Ok(())
    })
}

/// What a command line says: options, and names.
fn parsed(arguments: &[String]) -> Result<(Options, Vec<&str>), String> {
    let mut options = Options::default();
    let mut names = Vec::new();
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--large" => options.large = true,
            "--quick" => options.quick = true,
            "--write" => options.write = true,
            "--peer" => {
                let peer = arguments.next().and_then(Peer::named);
                options.peer = Some(peer.ok_or("`--peer` is followed by `litellm`")?);
            }
            flag if flag.starts_with('-') => {
                return Err(format!(
                    "none of `--large`, `--quick`, `--write` and `--peer`: {flag}"
                ));
            }
            name => names.push(name),
        }
    }
    Ok((options, names))
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Benchmark>, String> {
    if names.iter().any(|name| name.eq_ignore_ascii_case("all")) {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &&str| {
        let found = ALL
            .iter()
            .find(|benchmark| benchmark.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("no benchmark has this name: {name}"))
    };
    names.iter().map(find).collect()
}

/// Where data folders and raw results lie: on the disk that the workspace is on, and not in git.
fn work_folder() -> PathBuf {
    run::root().join("target").join("bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_all_is_every_one() {
        assert_eq!(chosen(&["w3"]).unwrap()[0].name, "W3");
        assert_eq!(chosen(&["w16", "W9"]).unwrap().len(), 2);
        assert_eq!(chosen(&["all"]).unwrap().len(), ALL.len());
        assert!(chosen(&["W3", "W99"]).is_err());
    }

    #[test]
    fn a_peer_is_asked_for_by_name() {
        let parse = |line: &str| {
            let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let (options, names) = parsed(&arguments)?;
            Ok::<_, String>((options.peer, names.join(" ")))
        };
        let asked = Ok((Some(Peer::Litellm), "W1 W2".to_owned()));
        assert_eq!(parse("W1 --peer litellm W2"), asked);
        assert_eq!(parse("--quick W1"), Ok((None, "W1".to_owned())));
        assert!(parse("W1 --peer").is_err());
        assert!(parse("--peer W1").is_err());
        assert!(parse("--pear litellm").is_err());
    }
}
