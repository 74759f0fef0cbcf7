//! The database fails at one step of a turn: each step of each turn in its time, on both databases. Nobody is told that
//! it went well, nothing is there by half, nothing stays set aside, and once the fault is gone everything works again.

use crate::{
    crash::files,
    promises::let_leases_run_out,
    support::{Rows, list, on_both, with_vendor},
};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    events::{EventStream, Told},
    provider::{RecordedRequest, Reply},
};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::json;
use std::time::Duration;

const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000}}"#;

/// A write of a turn.
struct Step {
    /// What is done, and to which table.
    on: &'static str,
    table: &'static str,
    /// Which rows of it; empty for all.
    when: &'static str,
    /// Whether it comes before the turn is open: then nothing at all is written.
    opens: bool,
}

const fn step(on: &'static str, table: &'static str, when: &'static str, opens: bool) -> Step {
    Step {
        on,
        table,
        when,
        opens,
    }
}

/// Every write of a turn, in order.
const STEPS: &[Step] = &[
    step("insert", "idempotency_keys", "", true),
    step("insert", "conversations", "", true),
    step("insert", "messages", "new.role = 'user'", true),
    step("insert", "attachments", "", true),
    step("update", "budgets", "new.reserved > old.reserved", true),
    step("insert", "messages", "new.role = 'assistant'", true),
    step("update", "conversations", "new.head_id is not null", true),
    step("insert", "reservations", "", true),
    step("update", "idempotency_keys", "", true),
    step("insert", "turn_calls", "new.scope = 'title'", true),
    step("insert", "turn_calls", "new.scope <> 'title'", false),
    step("insert", "turn_events", "new.kind = 'tool'", false),
    step("insert", "turn_events", "new.kind = 'title'", false),
    step("insert", "turn_events", "new.kind = 'text'", false),
    step("update", "messages", "new.status <> 'running'", false),
    step("delete", "turn_events", "", false),
    step("delete", "turn_calls", "", false),
    step("delete", "reservations", "", false),
    step("update", "budgets", "new.reserved < old.reserved", false),
    step("update", "budgets", "new.spent > old.spent", false),
    step("insert", "usage_details", "", false),
    step("insert", "ledger", "", false),
    step("insert", "usage_days", "", false),
];

impl Step {
    /// Makes it fail.
    fn break_down(&self, app: &TestApp) {
        let (on, table) = (self.on, self.table);
        let when = match self.when {
            "" => String::new(),
            when => format!("when ({when})"),
        };
        let sql = if app.database().url().is_some() {
            format!(
                "create function test_fault() returns trigger language plpgsql as \
                 'begin raise exception ''a fault of the test''; end'; \
                 create trigger test_fault before {on} on {table} for each row {when} execute function test_fault()"
            )
        } else {
            format!(
                "create trigger test_fault before {on} on {table} for each row {when} \
                 begin select raise(abort, 'a fault of the test'); end"
            )
        };
        Rows::of(app).change(&sql);
    }

    fn mend(&self, app: &TestApp) {
        let sql = if app.database().url().is_some() {
            "drop function test_fault() cascade"
        } else {
            "drop trigger test_fault"
        };
        Rows::of(app).change(sql);
    }
}

/// A title, a round of tools, and an answer in pieces.
fn answer(request: &RecordedRequest) -> Reply {
    if request.schema_name().is_some() || !request.tool_outputs().is_empty() {
        // Each piece is written before the next one comes.
        let pause = Duration::from_millis(10);
        return Reply::echo(request)
            .deltas(3)
            .delay_between(pause)
            .usage(100, 0, 10, 0);
    }
    Reply::call_tool("get_book_summaries", &json!({"titles": ["Emma"]})).usage(100, 0, 10, 0)
}

/// What became of a message.
enum Outcome {
    Refused(u16),
    Ended(Box<Told>),
}

impl Outcome {
    fn is_complete(&self) -> bool {
        matches!(self, Self::Ended(told) if told.status() == "complete")
    }

    fn text(&self) -> &str {
        match self {
            Self::Refused(_) => "",
            Self::Ended(told) => &told.text,
        }
    }
}

/// Sends a message with everything that a turn can have, and reads its answer as it comes.
async fn ask(user: &User, key: &str) -> Outcome {
    let file = Part::bytes(key.to_owned().into_bytes()).file_name("note.txt");
    let form = Form::new()
        .text("text", format!("[{key}] What is this?"))
        .text("model", "m")
        .text("stream", "true")
        .part("files", file);
    let call = user.call(Method::POST, "/chat/").multipart(form);
    let reply = call
        .header("idempotency-key", key)
        .send()
        .await
        .expect("the program answers");
    if reply.status() != 200 {
        return Outcome::Refused(reply.status().as_u16());
    }
    let mut told = Told::default();
    EventStream::of(reply).await.read_to_end(&mut told).await;
    Outcome::Ended(Box::new(told))
}

async fn count_of_conversations(user: &User) -> usize {
    let (status, listed) = user.get("/conversations/").await;
    assert_eq!(status, 200, "{listed}");
    list(&listed).len()
}

async fn fail_at(app: &mut TestApp, user: &mut User, step: &Step, number: usize) {
    let what = format!("{} {} {}", step.on, step.table, step.when);
    let before = count_of_conversations(user).await;
    assert!(app.terminate().await.success());
    step.break_down(app);
    app.start_again().await;
    *user = user.at(&app.base_url());
    let key = format!("key {number}");
    let first = ask(user, &key).await;
    // Pieces of a text that could not be written are kept until the answer is stored as a whole.
    let is_complete = step.when == "new.kind = 'text'";
    assert_eq!(first.is_complete(), is_complete, "{what}");
    if let Outcome::Refused(status) = first {
        assert!(step.opens && status >= 500, "{what}: {status}");
        assert_eq!(
            count_of_conversations(user).await,
            before,
            "{what}: written by half"
        );
    } else {
        assert!(!step.opens, "{what}: it was opened");
    }
    assert_eq!(user.get("/users/me").await.0, 200, "{what}: reading goes on");
    // What could not be closed is left to the next start, as after any end.
    app.kill();
    assert!(!app.log().contains("panicked at"), "{what}: {}", app.log());
    step.mend(app);
    if app.database().url().is_some() {
        let_leases_run_out(app);
    }
    app.start_again().await;
    *user = user.at(&app.base_url());
    // The same request again: a turn that was opened is told as it ended, one that was not is made now.
    let again = ask(user, &key).await;
    assert_eq!(again.is_complete(), step.opens || is_complete, "{what}");
    assert!(again.text().starts_with(first.text()), "{what}: shown and lost");
    assert_eq!(count_of_conversations(user).await, before + 1, "{what}: once");
    let (_, budget) = user.get("/users/me/budget").await;
    assert_eq!(budget["reserved"], "0", "{what}: {budget}");
    let next = ask(user, &format!("{key}, the next")).await;
    assert!(next.is_complete(), "{what}: it works again");
}

on_both! {
    async fn at_every_step_of_a_turn(options) {
        let options: AppOptions = options.file("PRICING_FILE", "prices.json", PRICES).env("OPENAI_TITLE_MODEL", "m");
        let (mut app, provider) = with_vendor(options).await;
        provider.script(answer);
        let mut user = app.register("ada@example.com").await;
        let (_, me) = user.get("/users/me").await;
        let path = format!("/admin/users/{}/budget", me["id"]);
        assert_eq!(user.put(&path, &json!({"limit": 1000, "period": "total"})).await.0, 200);
        assert!(ask(&user, "without a fault").await.is_complete());
        for (number, step) in STEPS.iter().enumerate() {
            fail_at(&mut app, &mut user, step, number).await;
        }
        assert!(app.terminate().await.success());
        files::expect_nothing_by_half(&app);
    }
}
