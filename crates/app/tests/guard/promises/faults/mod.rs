//! The database fails at one step of a turn: each step of each turn in its time, on both databases. Nobody is told that
//! it went well, nothing is there by half, nothing stays set aside, and once the fault is gone everything works again.
//!
//! The steps are all writes that turns make: what turns really write is noted by the database itself and compared.

mod asking;
mod steps;
mod writes;

use crate::{
    crash::files,
    promises::let_leases_run_out,
    support::{Rows, list, on_both, with_vendor},
};
use asking::{Asking, Shape};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{Gate, ScriptedProvider},
};
use serde_json::json;
use std::sync::{Arc, Mutex};
use steps::{STEPS, Step};

const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000}}"#;

/// The program with an account, and a program of its that asks with a key. Both have a budget.
struct World {
    app: TestApp,
    user: User,
    program: User,
    _provider: ScriptedProvider,
    /// Where the answers of a turn that another one follows wait.
    gate: Arc<Mutex<Gate>>,
}

impl World {
    async fn start(options: AppOptions) -> Self {
        let options = options
            .file("PRICING_FILE", "prices.json", PRICES)
            .env("OPENAI_TITLE_MODEL", "m")
            .env("OPENAI_SUMMARY_MODEL", "m")
            .env("CHATAI__LIMITS__TURNS_PER_MINUTE", "0");
        let (app, provider) = with_vendor(options).await;
        let gate = Arc::new(Mutex::new(Gate::new()));
        let of_provider = Arc::clone(&gate);
        provider.script(move |request| asking::answer(request, &of_provider));
        let user = app.register("ada@example.com").await;
        let (_, me) = user.get("/users/me").await;
        let path = format!("/admin/users/{}/budget", me["id"]);
        let limit = json!({"limit": 1000, "period": "total"});
        assert_eq!(user.put(&path, &limit).await.0, 200);
        let key = json!({"name": "a program", "limit": "1000", "period": "total"});
        let (status, made) = user.post("/keys", &key).await;
        assert!(status == 200 || status == 201, "{made}");
        let program = user.with_token(made["key"].as_str().expect("a key"));
        let mut world = Self {
            app,
            user,
            program,
            _provider: provider,
            gate,
        };
        world
            .change_between(|rows, _| {
                // Charges go on to every sum there is.
                rows.change("update closed_days set through = 100000");
            })
            .await;
        world
    }

    /// Changes the database between two lives of the program. The windows of the budgets are others than of now then, so
    /// that the next turn enters them.
    async fn change_between(&mut self, change: impl FnOnce(&Rows, &TestApp)) {
        assert!(self.app.terminate().await.success(), "{}", self.app.log());
        let rows = Rows::of(&self.app);
        rows.change("update budgets set window_to = window_to - 1");
        rows.change("update key_budgets set window_to = window_to - 1");
        change(&rows, &self.app);
        drop(rows);
        self.start_again().await;
    }

    async fn start_again(&mut self) {
        self.app.start_again().await;
        let base_url = self.app.base_url();
        (self.user, self.program) = (self.user.at(&base_url), self.program.at(&base_url));
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            user: &self.program,
            gate: &self.gate,
        }
    }

    async fn count_of_conversations(&self) -> usize {
        let (status, listed) = self.user.get("/conversations/").await;
        assert_eq!(status, 200, "{listed}");
        list(&listed).len()
    }

    async fn fail_at(&mut self, step: &Step, number: usize) {
        let what = format!("{:?} {} {}", step.on, step.table, step.when);
        let base = match step.shape {
            Shape::Again => Some(self.asking().whole(&format!("base {number}")).await),
            Shape::New | Shape::Followed => None,
        };
        let before = self.count_of_conversations().await;
        self.change_between(|rows, app| step.break_down(rows, app)).await;
        let key = format!("key {number}");
        let first = self.asking().ask(step.shape, &key, base).await;
        assert_eq!(first.is_complete(), step.is_survived, "{what}");
        if let Some(status) = first.refused() {
            assert!(step.opens && status >= 500, "{what}: {status}");
            assert_eq!(
                self.count_of_conversations().await,
                before,
                "{what}: written by half"
            );
        } else {
            assert!(!step.opens, "{what}: it was opened");
        }
        assert_eq!(self.user.get("/users/me").await.0, 200, "{what}: reading goes on");
        // What could not be closed is left to the next start, as after any end.
        self.app.kill();
        assert!(
            !self.app.log().contains("panicked at"),
            "{what}: {}",
            self.app.log()
        );
        step.mend(&self.app);
        if self.app.database().url().is_some() {
            let_leases_run_out(&self.app);
        }
        self.start_again().await;
        // The same request again: a turn that was opened is told as it ended, one that was not is made now.
        let again = self.asking().ask(step.shape, &key, base).await;
        assert_eq!(again.is_complete(), step.opens || step.is_survived, "{what}");
        assert!(again.text().starts_with(first.text()), "{what}: shown and lost");
        let added = usize::from(base.is_none());
        assert_eq!(
            self.count_of_conversations().await,
            before + added,
            "{what}: once"
        );
        let (_, budget) = self.user.get("/users/me/budget").await;
        assert_eq!(budget["reserved"], "0", "{what}: {budget}");
        let (_, keys) = self.user.get("/keys").await;
        assert_eq!(list(&keys)[0]["budget"]["reserved"], "0", "{what}: {keys}");
        let next = self
            .asking()
            .ask(step.shape, &format!("{key}, the next"), base)
            .await;
        assert!(next.is_complete(), "{what}: it works again");
    }

    async fn fail_at_each(mut self, which: impl Fn(&Step) -> bool) {
        self.asking().whole("without a fault").await;
        let is_server = self.app.database().url().is_some();
        let here = |step: &&Step| step.is_of(is_server) && which(step);
        for (number, step) in STEPS.iter().filter(here).enumerate() {
            self.fail_at(step, number).await;
        }
        assert!(self.app.terminate().await.success());
        files::expect_nothing_by_half(&self.app);
    }
}

on_both! {
    async fn at_every_step_of_opening_a_turn(options) {
        World::start(options).await.fail_at_each(|step| step.opens).await;
    }

    async fn at_every_step_of_answering_and_closing_a_turn(options) {
        World::start(options).await.fail_at_each(|step| !step.opens).await;
    }

    async fn there_are_no_other_steps(options) {
        let mut world = World::start(options).await;
        world.asking().whole("before").await;
        world.change_between(writes::note).await;
        // Once more, since sums that are there are added to.
        for round in ["one", "two"] {
            let base = world.asking().whole(round).await;
            for (shape, base) in [(Shape::Again, Some(base)), (Shape::Followed, None)] {
                let asked = world.asking().ask(shape, &format!("{round} {shape:?}"), base).await;
                assert!(asked.is_complete(), "{shape:?}");
            }
        }
        assert!(world.app.terminate().await.success());
        writes::expect_only_steps(&Rows::of(&world.app));
    }
}
