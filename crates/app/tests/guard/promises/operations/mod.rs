//! Random operations against a model of the rules: sending, answering again, branching, stopping, deleting, killing the
//! program, changing prices and budgets, repeating requests, and asking for what is not allowed. After every run the
//! database, the ledger and the provider's own log are what the model says, to the last digit.
//!
//! Operations follow each other, so that the model knows what to expect; turns go on beside them, held by their provider
//! at a known place. What a kill leaves open is looked up afterwards, among the outcomes that are allowed.

mod books;
mod lives;
mod look;
mod model;
mod money;
mod refusals;
mod rules;
mod running;
mod sends;
mod vendor;

use super::seeded;
use crate::support::{kills, list, options, random::Random};
use chatai_testkit::{
    app::{AppOptions, TestApp, TestDatabase, User},
    events::{EventStream, Told},
};
use model::Model;
use money::{Price, Prices};
use std::collections::BTreeMap;
use vendor::Vendor;

/// Operations of a run, which is looked through at its end; so many of them are kills.
const OPERATIONS: usize = 90;
const KILLS: usize = 8;
/// Runs on one database: it is looked through as a whole each time.
const RUNS: usize = 5;
const MEMBERS: usize = 3;
/// Turns that are held at a time.
const MOST_HELD: usize = 4;

const PRICES: &str = r#"{"m": {"input": 1.25, "cached_input": 0.625, "output": 10, "context_window": 400000},
    "n": {"input": 3, "cached_input": 0.3, "output": 15, "context_window": 400000},
    "s": {"input": 0.1, "cached_input": 0.025, "output": 0.4, "context_window": 400000}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_one() {
    runs(options, 31).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_two() {
    runs(options, 32).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_one() {
    runs(|| options().on(TestDatabase::postgres()), 33).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_two() {
    runs(|| options().on(TestDatabase::postgres()), 34).await;
}

/// The program with its users and its provider, and what they should come to.
struct World {
    app: TestApp,
    vendor: Vendor,
    random: Random,
    admin: User,
    members: Vec<Member>,
    prices: Prices,
    model: Model,
    held: Vec<Held>,
    /// How often each operation was done.
    done: BTreeMap<&'static str, usize>,
}

/// A user under test.
struct Member {
    id: i64,
    user: User,
}

/// A turn that waits at its provider, and a reader of it.
struct Held {
    turn: usize,
    events: Option<EventStream>,
    told: Told,
}

async fn runs(options: impl Fn() -> AppOptions, default_seed: u64) {
    let mut random = seeded(default_seed);
    let wanted = kills::wanted(kills::OPERATIONS);
    let mut killed = 0;
    while killed < wanted {
        let mut world = World::start(options(), random.fork()).await;
        for _ in 0..RUNS {
            for number in 1..=OPERATIONS {
                if number % (OPERATIONS / KILLS) == 0 {
                    world.kill_somehow().await;
                    killed += 1;
                } else {
                    world.operate().await;
                }
            }
            world.let_all_end().await;
            world.look_at_everything().await;
            world.expect_books().await;
            if killed >= wanted {
                break;
            }
        }
        println!("{:?}", world.done);
    }
    kills::expect(killed, wanted);
}

impl World {
    async fn start(options: AppOptions, random: Random) -> Self {
        let vendor = Vendor::start().await;
        let options = options
            .file("PRICING_FILE", "prices.json", PRICES)
            .env("OPENAI_TITLE_MODEL", money::BESIDE)
            .env("OPENAI_SUMMARY_MODEL", money::BESIDE);
        let app = options.vendor(&vendor.provider).start().await;
        let admin = app.register("admin@example.com").await;
        let mut members = Vec::new();
        for number in 0..MEMBERS {
            let user = app.register(&format!("member{number}@example.com")).await;
            let (_, me) = user.get("/users/me").await;
            let id = me["id"].as_i64().expect("an id");
            members.push(Member { id, user });
        }
        let (_, models) = admin.get("/admin/models").await;
        let price = |name: &'static str| {
            let found = list(&models).iter().find(|model| model["name"] == name);
            (name, Price::of(found.expect("a model of the test's own")))
        };
        let [one, other] = money::ANSWERING;
        Self {
            prices: Prices::from([price(one), price(other), price(money::BESIDE)]),
            app,
            vendor,
            random,
            admin,
            members,
            model: Model::default(),
            held: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    /// Does one thing or another.
    async fn operate(&mut self) {
        let name = match self.random.below(92) {
            0..24 => self.send().await,
            24..36 => self.regenerate().await,
            36..42 => self.choose().await,
            42..50 => self.release().await,
            50..56 => self.stop().await,
            56..59 => self.leave().await,
            59..63 => self.delete().await,
            63..69 => self.repeat().await,
            69..72 => self.mismatch().await,
            72..76 => self.change_price().await,
            76..83 => self.change_budget().await,
            83..88 => self.ask_for_what_is_not_there().await,
            _ => self.look_at_one().await,
        };
        *self.done.entry(name).or_default() += 1;
    }

    /// A kill between two operations or within one.
    async fn kill_somehow(&mut self) {
        let name = match self.random.below(5) {
            0 | 1 => self.kill().await,
            2 => self.kill_while_deleting().await,
            _ => self.kill_while_sending().await,
        };
        *self.done.entry(name).or_default() += 1;
    }

    fn user(&self, member: usize) -> &User {
        &self.members[member].user
    }

    fn any_member(&mut self) -> usize {
        self.random.below(MEMBERS as u64) as usize
    }

    /// One of these, if there is any.
    fn any_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.random.below(all.len() as u64) as usize])
    }

    /// A conversation of a member; mostly a recent one, so that some grow.
    fn any_conversation(&mut self, member: usize) -> Option<i64> {
        let all = self.model.of(member);
        let recent = &all[all.len().saturating_sub(4)..];
        self.any_of(recent)
    }
}
