//! `cargo xtask bench`: measurements against the figures that the project sets itself, each a ratio within
//! one interleaved run. One file per benchmark; it enters [`ALL`].

use crate::Outcome;

/// One measurement.
struct Benchmark {
    /// What it is called on the command line.
    name: &'static str,
    /// What it measures, in one line.
    about: &'static str,
    /// Runs it and prints a table and its raw rows.
    run: fn() -> Outcome,
}

/// Every benchmark, in the order in which they are listed.
const ALL: &[Benchmark] = &[];

/// Runs those that are named; without a name, lists what there is.
pub(crate) fn run(names: &[String]) -> Outcome {
    if names.is_empty() {
        for benchmark in ALL {
            println!("{:8} {}", benchmark.name, benchmark.about);
        }
        return Ok(());
    }
    let chosen: Result<Vec<&Benchmark>, String> = names
        .iter()
        .map(|name| {
            let found = ALL
                .iter()
                .find(|benchmark| benchmark.name.eq_ignore_ascii_case(name));
            found.ok_or_else(|| format!("no benchmark has this name: {name}"))
        })
        .collect();
    chosen?.into_iter().try_for_each(|benchmark| (benchmark.run)())
}
