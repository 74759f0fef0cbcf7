//! W22: the page in Chromium: what its first load weighs, how long a long chat takes to open, and whether a long answer
//! holds it up while it comes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::provider::Provider;
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::{Benchmark, Options};
use crate::Outcome;
use crate::provision::{BROWSER_VARIABLE, page_browser, page_tests};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W22",
    about: "the page in Chromium: its first load, a chat of 2,000 messages, an answer of 20,000 characters",
    run,
};

const ROUNDS: usize = 5;
const TURNS: usize = 1_000;
const ANSWER_CHARS: usize = 20_000;
/// Pieces that the answer comes in, and how long there is between two: some seconds in all.
const PIECES: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(5);
const READER: &str = "reader@example.org";

/// What a round's script prints, and what it should be.
const FIGURES: [(&str, &str, &str, Target); 5] = [
    (
        "kilobytes",
        "first load, compressed, replies of the interface included",
        "kB",
        Target::AtMost(120.0),
    ),
    ("usable", "first load until one can write", "ms", Target::None),
    (
        "opened",
        "a chat of 2,000 messages opens",
        "ms",
        Target::AtMost(300.0),
    ),
    (
        "longest",
        "the longest task while 20,000 characters come (below 50 counts as none)",
        "ms",
        Target::AtMost(50.0),
    ),
    (
        "tasks",
        "tasks over 50 ms while 20,000 characters come",
        "",
        Target::AtMost(0.0),
    ),
];

fn run(options: &Options) -> Result<Report, String> {
    let browser = page_browser()?;
    let folder = service::folder()?;
    let (token, chat) = prepare(folder.path())?;
    let provider = Provider::of(&answer()?, PIECES, Some(PAUSE))?;
    let service = Service::start(folder.path(), Some(&provider))?;
    let mut report = Report::new("W22");
    report.rounds(options.rounds(ROUNDS), |round| {
        let script = Command::new("node")
            .arg("bench.mjs")
            .current_dir(page_tests())
            .env(BROWSER_VARIABLE, &browser)
            .env("CHATAI_PAGE", format!("http://{}", service.address))
            .env("CHATAI_TOKEN", &token)
            .env("CHATAI_CHAT", chat.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot start `node`: {error}"))?;
        if !script.status.success() {
            return Err(format!("`bench.mjs` failed: {}", script.status));
        }
        add(round, &script.stdout)
    })?;
    report.note(format!(
        "Each round is a browser that has never seen the page. The answer comes in {PIECES} pieces, {} ms apart, with \
         paragraphs and long blocks of code. Browser, provider and service share the processors.",
        PAUSE.as_millis()
    ));
    service.terminate()?;
    Ok(report)
}

/// A reader with a chat of many messages.
fn prepare(folder: &Path) -> Result<(String, i64), String> {
    let service = Service::start(folder, None)?;
    let mut connection = service.connect()?;
    let token = service::register(&mut connection, READER)?;
    let chat = service::conversation(&mut connection, &token, "By the sea")?;
    drop(connection);
    service.terminate()?;
    let mut stock = Stock::open(folder)?;
    stock.add_turns(chat, TURNS)?;
    stock.close()?;
    Ok((token, chat))
}

/// The answer that the page's own tests stream as well.
fn answer() -> Result<String, String> {
    let print = format!(
        "import('./measures.mjs').then((measures) => process.stdout.write(measures.longAnswer({ANSWER_CHARS})))"
    );
    let node = Command::new("node")
        .args(["--eval", &print])
        .current_dir(page_tests())
        .output()
        .map_err(|error| format!("cannot start `node`: {error}"))?;
    if !node.status.success() {
        return Err(format!("`measures.mjs` failed: {}", node.status));
    }
    String::from_utf8(node.stdout).map_err(|error| format!("the answer is not text: {error}"))
}

fn add(round: &mut Round, printed: &[u8]) -> Outcome {
    let figures: Value = serde_json::from_slice(printed)
        .map_err(|error| format!("`bench.mjs` printed something else than its figures: {error}"))?;
    for (name, what, unit, target) in FIGURES {
        let value = figures[name]
            .as_f64()
            .ok_or_else(|| format!("`bench.mjs` printed no `{name}`"))?;
        round.add(what, unit, target, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_to_be_printed() {
        let all = br#"{"kilobytes":1,"usable":2,"opened":3,"longest":0,"tasks":0}"#;
        assert!(add(&mut Round::default(), all).is_ok());
        assert!(add(&mut Round::default(), br#"{"kilobytes":1}"#).is_err());
        assert!(add(&mut Round::default(), b"figures").is_err());
    }
}
