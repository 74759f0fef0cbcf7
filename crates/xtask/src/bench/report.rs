//! What a benchmark found: one series per figure, printed as a table and kept as raw JSON.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::machine::{self, Used};
use super::work_folder;
use crate::{Outcome, run};

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// No goal is set; it stands for comparison.
    None,
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

/// Others may take this share of all processors; a round in which they take more is busy, and replaced by another.
const QUIET: f64 = 0.1;

/// How many rounds of a benchmark may be measured in place of busy ones; then the machine is taken as it is.
pub(super) const MOST_REPEATED: usize = 8;

/// What the row is called that says how busy others were.
const OTHERS: &str = "processor time taken by others meanwhile";

/// One figure, measured once in each round.
#[derive(Debug)]
struct Series {
    what: String,
    unit: &'static str,
    target: Target,
    rounds: Vec<f64>,
}

/// Everything that one benchmark found.
#[derive(Debug)]
pub(super) struct Report {
    name: &'static str,
    notes: Vec<String>,
    series: Vec<Series>,
}

impl Report {
    /// An empty one.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            notes: Vec::new(),
            series: Vec::new(),
        }
    }

    /// A sentence below the table.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Measures rounds until so many were quiet or [`MOST_REPEATED`] more were tried, and keeps the quietest.
    pub(super) fn rounds(&mut self, count: usize, mut measure: impl FnMut(&mut Round) -> Outcome) -> Outcome {
        let mut measured: Vec<(f64, Round)> = Vec::new();
        let quiet = |measured: &[(f64, Round)]| measured.iter().filter(|(share, _)| *share <= QUIET).count();
        while quiet(&measured) < count && measured.len() < count + MOST_REPEATED {
            let before = Used::now();
            let mut round = Round::default();
            measure(&mut round)?;
            let share = before
                .zip(Used::now())
                .map_or(0.0, |(before, now)| now.by_others_since(before));
            round.add_plain(OTHERS, "%", share * 100.0);
            measured.push((share, round));
            eprintln!(
                "round {}: others took {:.0} %; {} of {count} quiet rounds",
                measured.len(),
                share * 100.0,
                quiet(&measured)
            );
        }
        let tried = measured.len();
        measured.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        measured.truncate(count);
        if tried > count {
            self.note(format!(
                "The quietest {count} of {tried} rounds; {} of them were busy: others took more than {:.0} % of the \
                 processors.",
                count - quiet(&measured),
                QUIET * 100.0
            ));
        }
        measured.into_iter().for_each(|(_, round)| self.absorb(round));
        Ok(())
    }

    /// Adds a single round that was not measured against the clock.
    pub(super) fn absorb(&mut self, round: Round) {
        for new in round.series {
            match self.series.iter_mut().find(|series| series.what == new.what) {
                Some(series) => series.rounds.extend(new.rounds),
                None => self.series.push(new),
            }
        }
    }

    /// Prints the table and the raw rounds, and writes the latter to a file as well; returns the section of the
    /// document that has the table.
    pub(super) fn finish(&self) -> Result<String, String> {
        let section = format!(
            "Commit {}, on {}.\n\n{}\n",
            commit(),
            machine::description(),
            self.table()
        );
        println!("\n{section}");
        let raw = self.raw();
        println!("{raw}");
        let path = work_folder().join(format!("{}.json", self.name.to_lowercase()));
        std::fs::write(&path, format!("{raw}\n"))
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        Ok(section)
    }

    /// The table, in the form that `docs/BENCHMARKS.md` takes.
    fn table(&self) -> String {
        let mut rows = vec![[
            self.name.to_owned(),
            "median".to_owned(),
            "min – max".to_owned(),
            "target".to_owned(),
        ]];
        rows.extend(self.series.iter().map(Series::row));
        let widths: [usize; 4] = std::array::from_fn(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        });
        let line = |row: &[String; 4]| {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = line(&rows[0]);
        text.push_str(&format!(
            "|{}\n",
            widths.map(|width| format!("{}|", "-".repeat(width + 2))).concat()
        ));
        rows[1..].iter().for_each(|row| text.push_str(&line(row)));
        for note in &self.notes {
            text.push_str(&format!("\n- {note}"));
        }
        text
    }

    fn raw(&self) -> Value {
        let series: Vec<Value> = self
            .series
            .iter()
            .map(|series| json!({"what": series.what, "unit": series.unit, "rounds": series.rounds}))
            .collect();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        json!({"benchmark": self.name, "commit": commit(), "machine": machine::description(), "unix_time": now,
               "series": series, "notes": self.notes})
    }
}

/// What one round found.
#[derive(Debug, Default)]
pub(super) struct Round {
    series: Vec<Series>,
}

impl Round {
    /// Adds the value of a figure.
    pub(super) fn add(&mut self, what: &str, unit: &'static str, target: Target, value: f64) {
        self.series.push(Series {
            what: what.to_owned(),
            unit,
            target,
            rounds: vec![value],
        });
    }

    /// Adds the value of a figure without a goal.
    pub(super) fn add_plain(&mut self, what: &str, unit: &'static str, value: f64) {
        self.add(what, unit, Target::None, value);
    }
}

impl Series {
    fn row(&self) -> [String; 4] {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
        let median = median(&sorted);
        let verdict = |met: bool| if met { "met" } else { "missed" };
        let target = match self.target {
            Target::None => String::new(),
            Target::AtMost(most) => format!("≤ {} · {}", shown(most), verdict(median <= most)),
            Target::AtLeast(least) => format!("≥ {} · {}", shown(least), verdict(median >= least)),
        };
        [
            self.what.clone(),
            format!("{} {}", shown(median), self.unit).trim_end().to_owned(),
            format!("{} – {}", shown(min), shown(max)),
            target,
        ]
    }
}

/// The middle of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// Three digits at least, and no more behind the point than they need.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The commit measured, marked when the tree differs from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(run::root())
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.trim().to_owned()).filter(|_| output.status.success())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        "crates",
        "Cargo.lock",
    ]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_medians_spreads_and_verdicts() {
        let mut report = Report::new("W0");
        for value in [3.0, 1.0, 2.0] {
            let mut round = Round::default();
            round.add("turns", "/s", Target::AtLeast(2.5), value);
            round.add_plain("floor", "µs", value * 100.0);
            report.absorb(round);
        }
        report.note("a note");
        let table = report.table();
        assert!(
            table.contains("| turns | 2.00 /s | 1.00 – 3.00 | ≥ 2.50 · missed |"),
            "{table}"
        );
        assert!(
            table.contains("| floor | 200 µs  | 100 – 300   |                 |"),
            "{table}"
        );
        assert!(table.ends_with("\n- a note"), "{table}");
        assert_eq!(report.raw()["series"][0]["rounds"], json!([3.0, 1.0, 2.0]));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < f64::EPSILON);
    }
}
