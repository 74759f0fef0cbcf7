//! The books, read from the database past the program: every call of the provider's log stands in the ledger at the price
//! that was in force when its turn began, and everything that is summed anywhere is the sum of these lines.

use super::{
    World,
    model::{Fate, Turn},
    money::{BESIDE, Line, columns, pico, standing},
    vendor::{Call, Kind},
};
use crate::{crash::files, support::Rows};
use std::collections::BTreeMap;

const DAY_MICROS: i64 = 86_400_000_000;

/// Sums of a day's lines: calls, tokens of each kind, amount.
type Sums = [i64; 7];

impl World {
    /// Ends the program in order, looks at what it has written, and starts it again.
    pub(super) async fn expect_books(&mut self) {
        let mut spent = Vec::new();
        for member in 0..self.members.len() {
            spent.push(self.budget(member).await.spent);
        }
        let (_, report) = self.admin.get("/admin/usage").await;
        assert!(self.app.terminate().await.success(), "{}", self.app.log());
        files::expect_nothing_by_half(&self.app);
        let rows = Rows::of(&self.app);
        let query = format!("select {} from ledger order by id", columns("amount", "calls"));
        let ledger = standing(rows.column(&query).iter().map(Line::parse).collect());
        let query = format!("select {} from usage_details order by id", columns("price", "1"));
        let details: Vec<Line> = rows.column(&query).iter().map(Line::parse).collect();

        self.expect_turns(&ledger);
        self.expect_details(&ledger, details);
        expect_days(&rows, &ledger);
        let total: i64 = ledger.iter().map(|line| line.amount).sum();
        assert_eq!(pico(&report["total"]["price_exact"]), total, "the whole report");
        for (member, spent) in self.members.iter().zip(spent) {
            let own = ledger.iter().filter(|line| line.user == member.id);
            assert_eq!(
                own.map(|line| line.amount).sum::<i64>(),
                spent,
                "of {}",
                member.id
            );
        }
        assert_eq!(rows.count("select count(*) from reservations"), 0, "nothing runs");
        assert_eq!(rows.count("select count(*) from budgets where reserved <> 0"), 0);
        assert_eq!(rows.count("select count(*) from turn_calls"), 0);
        let messages: usize = self
            .model
            .conversations
            .values()
            .map(|known| known.messages.len())
            .sum();
        assert_eq!(rows.count("select count(*) from messages"), messages as i64);
        let conversations = self.model.conversations.len();
        assert_eq!(
            rows.count("select count(*) from conversations"),
            conversations as i64
        );
        let examined = self.app.command(&["doctor"]).output().expect("the command runs");
        let said = String::from_utf8_lossy(&examined.stdout);
        assert!(said.contains("nothing amiss"), "{said}");

        self.app.start_again().await;
        let base_url = self.app.base_url();
        self.admin = self.admin.at(&base_url);
        for member in &mut self.members {
            member.user = member.user.at(&base_url);
        }
    }

    /// Each turn was charged for its own calls, and nobody for anything else.
    fn expect_turns(&self, ledger: &[Line]) {
        let mut lines = BTreeMap::<i64, Vec<&Line>>::new();
        for line in ledger {
            lines.entry(line.message).or_default().push(line);
        }
        let mut calls = BTreeMap::<usize, Vec<Call>>::new();
        for call in self.vendor.calls() {
            calls.entry(call.turn).or_default().push(call);
        }
        for (number, turn) in self.model.turns.iter().enumerate() {
            let calls = calls.remove(&number).unwrap_or_default();
            let Some(ids) = turn.ids else {
                assert!(calls.is_empty(), "a turn was not written, and called: {calls:?}");
                continue;
            };
            let lines = lines.remove(&ids.answer).unwrap_or_default();
            for line in &lines {
                assert_eq!(
                    line.user, self.members[turn.owner].id,
                    "charged to another: {line:?}"
                );
                expect_price(turn, line);
            }
            expect_calls(turn, &calls, lines);
        }
        assert!(lines.is_empty(), "charges of no turn: {lines:?}");
    }

    /// What is told of a message is what the ledger has of it, as long as the message is there.
    fn expect_details(&self, ledger: &[Line], mut details: Vec<Line>) {
        let deleted = |line: &Line| {
            let turn = self.model.turn_of(line.message).expect("a turn's line");
            self.model.turns[turn].is_deleted
        };
        let mut lines: Vec<Line> = ledger.iter().filter(|line| !deleted(line)).cloned().collect();
        lines.sort();
        details.sort();
        assert_eq!(lines, details, "ledger and usage rows");
    }
}

/// A line is charged at the price that was in force when its turn began.
fn expect_price(turn: &Turn, line: &Line) {
    let price = &turn.prices[line.model.as_str()];
    let expected = match line.source.as_str() {
        "provider" | "estimated" => price.charge(line.fresh, line.cached, line.output),
        "none" => 0,
        other => panic!("{other}: {line:?}"),
    };
    assert_eq!(
        (line.amount, line.version),
        (expected, price.version),
        "{line:?} at {price:?}"
    );
}

/// The lines of a turn are those of its calls.
fn expect_calls(turn: &Turn, calls: &[Call], mut lines: Vec<&Line>) {
    let context = format!(
        "{:?} of {:?}: {calls:?} stand as {lines:?}",
        turn.fate, turn.plan.way
    );
    let mut unmatched = Vec::new();
    for call in calls {
        let scope = match call.kind {
            Kind::Final => "final",
            Kind::Tool => "tool",
            Kind::Title => "title",
            Kind::Summary => "summary",
        };
        let model = match call.kind {
            Kind::Final | Kind::Tool => turn.model,
            Kind::Title | Kind::Summary => BESIDE,
        };
        let is_its = |line: &&Line| {
            let is_reported = call.reported.is_some_and(|reported| line.is(&reported));
            is_reported && line.scope == scope && line.model == model
        };
        match lines.iter().position(is_its) {
            Some(at) => drop(lines.swap_remove(at)),
            None => unmatched.push(call),
        }
    }
    assert!(
        lines.iter().all(|line| line.source != "provider"),
        "charged for what was not reported: {context}"
    );
    let beside = |kind: Kind| matches!(kind, Kind::Title | Kind::Summary);
    for call in unmatched {
        // What runs beside may be given up; a turn that was stopped or killed takes its last call with it.
        let is_excused = match turn.fate {
            // What ended before another call was made is on the books by then.
            Fate::Killed => {
                let is_followed = calls
                    .iter()
                    .any(|later| later.kind == Kind::Final && later.index > call.index);
                call.kind != Kind::Tool || !is_followed
            }
            Fate::Stopped => beside(call.kind) || call.reported.is_none(),
            Fate::Complete | Fate::BrokenOff => beside(call.kind) || call.reported.is_none(),
            Fate::Failed => beside(call.kind) || call.reported.is_none(),
            Fate::Refused | Fate::Running => false,
        };
        assert!(is_excused, "not charged as reported: {call:?}: {context}");
        let at = lines.iter().position(|line| {
            let scopes: &[&str] = match call.kind {
                Kind::Final | Kind::Tool => &["final", "tool"],
                Kind::Title => &["title"],
                Kind::Summary => &["summary"],
            };
            scopes.contains(&line.scope.as_str())
        });
        match at {
            Some(at) => {
                let line = lines.swap_remove(at);
                // Its provider bills what it thought, whatever came of the answer.
                let has_thought = call.kind == Kind::Final && !turn.plan.reasoning().is_empty();
                assert!(
                    !has_thought || line.output > 0,
                    "reasoning for nothing: {context}"
                );
            }
            // A call that was refused has used nothing; its answer is its record.
            None => assert!(
                turn.fate == Fate::Failed && call.kind == Kind::Final && turn.plan.reasoning().is_empty(),
                "without a record: {call:?}: {context}"
            ),
        }
    }
    // A call that a kill came before is recorded, and was not made.
    let may_be_more = turn.fate == Fate::Killed && lines.iter().all(|line| line.source == "none");
    let was_stopped_before = turn.fate == Fate::Stopped && lines.iter().all(|line| line.amount == 0);
    assert!(
        lines.is_empty() || may_be_more || was_stopped_before,
        "charged and not made: {context}"
    );
}

/// The sums by day are those of the ledger.
fn expect_days(rows: &Rows, ledger: &[Line]) {
    let mut days = BTreeMap::<String, Sums>::new();
    for line in ledger {
        let day = line.created_at.div_euclid(DAY_MICROS);
        let key = format!("{} {day} {} {}", line.user, line.model, line.scope);
        let sums = days.entry(key).or_default();
        let added = [
            1,
            line.fresh,
            line.cached,
            line.written,
            line.output,
            line.reasoning,
            line.amount,
        ];
        for (sum, more) in sums.iter_mut().zip(added) {
            *sum += more;
        }
    }
    let query = "select user_id || ' ' || day || ' ' || model || ' ' || scope || ' ' || calls || ' ' || fresh_input || ' ' || \
                 cache_read || ' ' || cache_write || ' ' || output || ' ' || reasoning || ' ' || amount from usage_days \
                 where calls <> 0 or amount <> 0 or fresh_input <> 0 or output <> 0";
    let mut found: Vec<String> = rows
        .column(query)
        .iter()
        .map(|row| row.as_str().expect("a text").to_owned())
        .collect();
    found.sort();
    let mut expected: Vec<String> = days
        .into_iter()
        .map(|(key, sums)| format!("{key} {}", sums.map(|sum| sum.to_string()).join(" ")))
        .collect();
    expected.sort();
    assert_eq!(found, expected, "the sums by day");
}
