//! Prices, and lines of the ledger as they stand in the database.

use chatai_testkit::provider::ReportedUsage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The models that answer.
pub(super) const ANSWERING: [&str; 2] = ["m", "n"];
/// The one that makes titles and summaries.
pub(super) const BESIDE: &str = "s";

/// The prices of all models at one moment.
pub(super) type Prices = BTreeMap<&'static str, Price>;

/// A version of a model's prices, in pico-dollars per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) version: i64,
    pub(super) input: i64,
    pub(super) cached: i64,
    pub(super) output: i64,
}

impl Price {
    /// As an administrator sees it.
    pub(super) fn of(model: &Value) -> Self {
        // Per million, which is a millionth of a dollar a token: the same digits with six decimals.
        let rate = |name: &str| pico(&model[name]) / 1_000_000;
        Self {
            version: model["price_version"].as_i64().expect("a version"),
            input: rate("input"),
            cached: rate("cached_input"),
            output: rate("output"),
        }
    }

    /// The change that makes a model cost this.
    pub(super) fn as_change(&self) -> Value {
        let per_million = |rate: i64| format!("{}.{:06}", rate / 1_000_000, rate % 1_000_000);
        json!({"input": per_million(self.input), "cached_input": per_million(self.cached),
            "output": per_million(self.output)})
    }

    /// What tokens cost.
    pub(super) fn charge(&self, fresh: i64, cached: i64, output: i64) -> i64 {
        fresh * self.input + cached * self.cached + output * self.output
    }
}

/// An amount on the wire, in pico-dollars.
pub(super) fn pico(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap_or_else(|| panic!("no amount: {amount}"));
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    assert!(decimals.len() <= 12, "more exact than money is: {text}");
    format!("{whole}{decimals:0<12}")
        .parse()
        .unwrap_or_else(|_| panic!("no amount: {text}"))
}

/// An amount for the wire.
pub(super) fn dollars(pico: i64) -> String {
    format!("{}.{:012}", pico / 1_000_000_000_000, pico % 1_000_000_000_000)
}

/// A line of the ledger, or a usage row, which has the same columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) message: i64,
    pub(super) user: i64,
    pub(super) scope: String,
    pub(super) model: String,
    pub(super) fresh: i64,
    pub(super) cached: i64,
    pub(super) written: i64,
    pub(super) output: i64,
    pub(super) reasoning: i64,
    pub(super) source: String,
    pub(super) amount: i64,
    pub(super) version: i64,
    pub(super) created_at: i64,
    /// -1 on a line that takes another one back.
    pub(super) calls: i64,
}

/// The columns of a [`Line`] as one text, with a blank between, by the names of those that are named differently.
pub(super) fn columns(amount: &str, calls: &str) -> String {
    format!(
        "message_id || ' ' || user_id || ' ' || scope || ' ' || model || ' ' || fresh_input || ' ' || cache_read || ' ' || \
         cache_write || ' ' || output || ' ' || reasoning || ' ' || usage_source || ' ' || coalesce({amount}, 0) || ' ' || \
         coalesce(price_version, -1) || ' ' || created_at || ' ' || {calls}"
    )
}

impl Line {
    pub(super) fn parse(text: &Value) -> Self {
        let text = text.as_str().unwrap_or_else(|| panic!("no line: {text}"));
        let fields: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| -> i64 { fields[at].parse().unwrap_or_else(|_| panic!("{at}: {text}")) };
        Self {
            message: number(0),
            user: number(1),
            scope: fields[2].to_owned(),
            model: fields[3].to_owned(),
            fresh: number(4),
            cached: number(5),
            written: number(6),
            output: number(7),
            reasoning: number(8),
            source: fields[9].to_owned(),
            amount: number(10),
            version: number(11),
            created_at: number(12),
            calls: number(13),
        }
    }

    /// The line that this one takes back.
    fn opposite(&self) -> Self {
        Self {
            fresh: -self.fresh,
            cached: -self.cached,
            written: -self.written,
            output: -self.output,
            reasoning: -self.reasoning,
            amount: -self.amount,
            calls: -self.calls,
            ..self.clone()
        }
    }

    /// Whether this is what a provider reported.
    pub(super) fn is(&self, reported: &ReportedUsage) -> bool {
        let tokens = (self.fresh, self.cached, self.written, self.output, self.reasoning);
        let told = (
            reported.input - reported.cached,
            reported.cached,
            0,
            reported.output,
            reported.reasoning,
        );
        self.source == "provider" && tokens == told
    }
}

/// What is left where lines were taken back: neither they nor those that took them back.
pub(super) fn standing(ledger: Vec<Line>) -> Vec<Line> {
    let mut standing: Vec<Line> = Vec::new();
    for line in ledger {
        if line.calls > 0 {
            standing.push(line);
            continue;
        }
        let taken_back = line.opposite();
        let at = standing.iter().position(|before| *before == taken_back);
        standing.remove(at.unwrap_or_else(|| panic!("takes back what was not charged: {line:?}")));
    }
    standing
}
