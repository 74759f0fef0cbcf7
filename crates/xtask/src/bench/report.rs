//! What a benchmark found: one series per figure, printed as a table and kept as raw JSON.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

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

    /// Adds a round's value to the figure of this name, which is begun when it is new.
    pub(super) fn add(&mut self, what: &str, unit: &'static str, target: Target, value: f64) {
        match self.series.iter_mut().find(|series| series.what == what) {
            Some(series) => series.rounds.push(value),
            None => self.series.push(Series {
                what: what.to_owned(),
                unit,
                target,
                rounds: vec![value],
            }),
        }
    }

    /// Adds a round's value of a figure without a goal.
    pub(super) fn add_plain(&mut self, what: &str, unit: &'static str, value: f64) {
        self.add(what, unit, Target::None, value);
    }

    /// Prints the table and the raw rounds, and writes the latter to a file as well.
    pub(super) fn finish(self) -> Outcome {
        println!("\n{}", self.table());
        let raw = self.raw();
        println!("{raw}");
        let path = work_folder().join(format!("{}.json", self.name.to_lowercase()));
        std::fs::write(&path, format!("{raw}\n"))
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))
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
            text.push_str(&format!("\n{note}"));
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
        json!({"benchmark": self.name, "commit": commit(), "machine": machine(), "unix_time": now,
               "series": series, "notes": self.notes})
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

/// Processors, memory and kernel in one line.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let memory = read("/proc/meminfo");
    let kibibytes = memory
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok());
    let threads = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{threads} × {}, {} GiB, Linux {}",
        model.unwrap_or("unknown processor"),
        kibibytes.unwrap_or(0) >> 20,
        read("/proc/sys/kernel/osrelease").trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_medians_spreads_and_verdicts() {
        let mut report = Report::new("W0");
        for value in [3.0, 1.0, 2.0] {
            report.add("turns", "/s", Target::AtLeast(2.5), value);
            report.add_plain("floor", "µs", value * 100.0);
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
        assert!(table.ends_with("\na note"), "{table}");
        assert_eq!(report.raw()["series"][0]["rounds"], json!([3.0, 1.0, 2.0]));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < f64::EPSILON);
    }
}
