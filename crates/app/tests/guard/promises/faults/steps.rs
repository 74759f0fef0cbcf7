//! The writes of a turn, each of which fails once.

use super::asking::Shape;
use crate::support::Rows;
use chatai_testkit::app::TestApp;

/// A write of a turn.
pub(super) struct Step {
    /// What is done, and to which table. What adds to a row that may be there is both.
    pub(super) on: &'static [&'static str],
    pub(super) table: &'static str,
    /// Which rows of it; empty for all.
    pub(super) when: &'static str,
    /// Whether it comes before the turn is open: then nothing at all is written.
    pub(super) opens: bool,
    /// Whether the turn comes to its end without it.
    pub(super) is_survived: bool,
    /// Which turn makes it.
    pub(super) shape: Shape,
    /// Which database has it; `None` for both.
    server: Option<bool>,
}

/// Something before the turn is open.
const fn opens(on: &'static [&'static str], table: &'static str, when: &'static str) -> Step {
    Step {
        opens: true,
        ..later(on, table, when)
    }
}

/// Something after that.
const fn later(on: &'static [&'static str], table: &'static str, when: &'static str) -> Step {
    Step {
        on,
        table,
        when,
        opens: false,
        is_survived: false,
        shape: Shape::New,
        server: None,
    }
}

impl Step {
    const fn survived(self) -> Self {
        Self {
            is_survived: true,
            ..self
        }
    }

    const fn of_shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    const fn embedded(self) -> Self {
        Self {
            server: Some(false),
            ..self
        }
    }

    const fn server(self) -> Self {
        Self {
            server: Some(true),
            ..self
        }
    }
}

const INSERT: &[&str] = &["insert"];
const UPDATE: &[&str] = &["update"];
const DELETE: &[&str] = &["delete"];
const ADD: &[&str] = &["insert", "update"];

/// Every write of a turn, in order.
pub(super) const STEPS: &[Step] = &[
    opens(INSERT, "idempotency_keys", ""),
    opens(INSERT, "conversations", ""),
    opens(INSERT, "search_new_titles", "").embedded(),
    opens(INSERT, "search_titles", "").server(),
    opens(
        UPDATE,
        "conversations",
        "new.branched is distinct from old.branched",
    )
    .of_shape(Shape::Again),
    opens(INSERT, "messages", "new.role = 'user'"),
    opens(
        INSERT,
        "search_new_messages",
        "(select role from messages where id = new.id) = 'user'",
    )
    .embedded(),
    opens(INSERT, "search_messages", "").server(),
    opens(INSERT, "blobs", ""),
    opens(INSERT, "extracted_texts", ""),
    opens(INSERT, "attachments", ""),
    opens(UPDATE, "budgets", "new.window_to <> old.window_to"),
    opens(UPDATE, "budgets", "new.reserved > old.reserved"),
    opens(UPDATE, "key_budgets", "new.window_to <> old.window_to"),
    opens(UPDATE, "key_budgets", "new.reserved > old.reserved"),
    opens(INSERT, "messages", "new.role = 'assistant'"),
    opens(
        UPDATE,
        "conversations",
        "new.head_id is distinct from old.head_id",
    ),
    opens(INSERT, "reservations", ""),
    opens(UPDATE, "idempotency_keys", ""),
    opens(INSERT, "turn_calls", "new.scope = 'title'"),
    // The question's summary; the answer's has a number of its own.
    opens(INSERT, "turn_calls", "new.scope = 'summary' and new.number < 4"),
    later(INSERT, "turn_calls", "new.scope not in ('title', 'summary')"),
    later(INSERT, "turn_events", "new.kind = 'reasoning'"),
    later(INSERT, "turn_events", "new.kind = 'tool'"),
    later(INSERT, "turn_events", "new.kind = 'title'"),
    later(UPDATE, "conversations", "new.title is distinct from old.title"),
    later(DELETE, "search_titles", "").server(),
    // Pieces of a text that could not be written are kept until the answer is stored as a whole.
    later(INSERT, "turn_events", "new.kind = 'text'").survived(),
    // Without its summary an answer is as good.
    later(UPDATE, "turn_calls", "").survived(),
    later(INSERT, "turn_calls", "new.scope = 'summary' and new.number >= 4").survived(),
    later(UPDATE, "messages", "new.status <> old.status"),
    later(
        INSERT,
        "search_new_messages",
        "(select role from messages where id = new.id) = 'assistant'",
    )
    .embedded(),
    later(
        UPDATE,
        "messages",
        "new.role = 'user' and new.summary is distinct from old.summary",
    ),
    later(DELETE, "turn_events", ""),
    later(DELETE, "turn_calls", ""),
    later(UPDATE, "messages", "new.tokens_before <> old.tokens_before").of_shape(Shape::Followed),
    later(DELETE, "reservations", ""),
    later(UPDATE, "budgets", "new.reserved < old.reserved"),
    later(UPDATE, "key_budgets", "new.reserved < old.reserved"),
    later(INSERT, "usage_details", ""),
    later(UPDATE, "budgets", "new.spent > old.spent"),
    later(UPDATE, "key_budgets", "new.spent > old.spent"),
    later(ADD, "key_days", ""),
    later(INSERT, "ledger", ""),
    later(ADD, "usage_days", ""),
    later(ADD, "usage_months", ""),
    later(ADD, "all_usage_days", ""),
    later(ADD, "all_usage_months", ""),
];

impl Step {
    /// Whether this database has it.
    pub(super) fn is_of(&self, is_server: bool) -> bool {
        self.server.is_none_or(|server| server == is_server)
    }

    /// Makes it fail.
    pub(super) fn break_down(&self, rows: &Rows, app: &TestApp) {
        let table = self.table;
        let when = match self.when {
            "" => String::new(),
            when => format!("when ({when})"),
        };
        let is_server = app.database().url().is_some();
        if is_server {
            rows.change(
                "create function test_fault() returns trigger language plpgsql as \
                 'begin raise exception ''a fault of the test''; end'",
            );
        }
        for on in self.on {
            let what = match is_server {
                true => "execute function test_fault()",
                false => "begin select raise(abort, 'a fault of the test'); end",
            };
            rows.change(&format!(
                "create trigger test_fault_{on} before {on} on {table} for each row {when} {what}"
            ));
        }
    }

    pub(super) fn mend(&self, app: &TestApp) {
        let rows = Rows::of(app);
        if app.database().url().is_some() {
            return rows.change("drop function test_fault() cascade");
        }
        for on in self.on {
            rows.change(&format!("drop trigger test_fault_{on}"));
        }
    }
}
