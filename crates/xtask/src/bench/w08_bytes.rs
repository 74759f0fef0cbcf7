//! W8: bytes sent to a client for a long answer, against the bytes that the provider sent.

use std::time::Duration;

use serde_json::json;

use super::http::{self, Connection};
use super::provider::{MODEL, Provider};
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::{Benchmark, Options};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W8",
    about: "bytes sent to the client for an answer of 4,000 tokens, against the provider's",
    run,
};

const TOKENS: usize = 4_000;

/// Far enough apart that each token leaves in a frame of its own, the dearest way to send it.
const APART: Duration = Duration::from_millis(3);

fn run(options: &Options) -> Result<Report, String> {
    let mut report = Report::new("W8");
    let tokens = options.scaled(TOKENS);
    let text = "word ".repeat(tokens);
    for (name, pause) in [("one by one", Some(APART)), ("all at once", None)] {
        report.absorb(measure(name, text.trim_end(), tokens, pause)?);
    }
    report.note(format!(
        "{tokens} tokens of five bytes. Bytes on the connection, heads and the framing of chunks included; counted once, \
         since nothing but the cutting into pieces changes. One by one: {} ms apart; all at once: as fast as the provider \
         can. Real vendors pad their events with more than the scripted provider does.",
        APART.as_millis()
    ));
    Ok(report)
}

fn measure(name: &str, text: &str, tokens: usize, pause: Option<Duration>) -> Result<Round, String> {
    let folder = service::folder()?;
    let provider = Provider::of(text, tokens, pause)?;
    let service = Service::start(folder.path(), Some(&provider))?;
    let mut connection = service.connect()?;
    let token = service::register(&mut connection, "reader@example.org")?;
    let conversation = service::conversation(&mut connection, &token, "Novels by the sea")?;

    connection.succeed(&service::streamed_turn(&token, conversation))?;
    let ours = connection.reply_bytes();
    let stream = http::dechunked(connection.body())?;
    let stream = String::from_utf8_lossy(&stream);
    let frames = stream.matches("event: delta\n").count();
    if !stream.contains("\"status\":\"complete\"") {
        return Err("the answer is not complete".to_owned());
    }
    let mut direct = Connection::open(provider.address)?;
    let body = json!({"model": MODEL, "input": "hello", "stream": true}).to_string();
    direct.succeed(&http::request(
        "POST",
        "/v1/responses",
        "sk-bench",
        "application/json",
        body.as_bytes(),
    ))?;
    let theirs = direct.reply_bytes();
    let mut round = Round::default();
    round.add_plain(&format!("{name}: sent by the provider"), "bytes", theirs as f64);
    round.add_plain(&format!("{name}: sent to the client"), "bytes", ours as f64);
    round.add_plain(&format!("{name}: frames with text"), "", frames as f64);
    let share = ours as f64 / theirs as f64;
    round.add(
        &format!("{name}: against the provider's"),
        "×",
        Target::AtMost(0.5),
        share,
    );
    service.terminate()?;
    Ok(round)
}
