//! The program is killed at random moments while other programs call `/v1`: responses that are stored or made in the
//! background, and chat completions under a key. What they were told is there afterwards, piece by piece, what was sent
//! under a key happened once, and the provider's log, the ledger, every sum and a recount are the same to the last digit.

mod books;
mod client;

use super::{let_leases_run_out, mark_of, moment, seeded};
use crate::support::{kills, options, random::Random};
use chatai_testkit::{
    app::{AppOptions, TestDatabase, User},
    provider::{RecordedRequest, Reply, ScriptedProvider},
};
use client::{Program, Seen};
use serde_json::json;
use tokio::task::JoinSet;

const PROGRAMS: usize = 64;

/// A dollar a million tokens, in and out.
const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 1000000}}"#;

/// What the provider says that its first call was given. Each call was given another number, by which it is known again.
const FIRST_INPUT: i64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    campaign(options(), 51).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    campaign(options().on(TestDatabase::postgres()), 52).await;
}

async fn campaign(options: AppOptions, default_seed: u64) {
    let mut random = seeded(default_seed);
    let provider = ScriptedProvider::start().await;
    provider.script(answered);
    let options = options
        .env("CHATAI__LIMITS__REGISTRATIONS_PER_MINUTE", "0")
        .env("CHATAI__LIMITS__TURNS_PER_MINUTE", "0")
        .file("PRICING_FILE", "pricing_data.json", PRICES);
    let mut app = options.vendor(&provider).start().await;
    let is_shared = app.database().url().is_some();
    let admin = app.register("admin@example.com").await;
    let mut programs = Vec::new();
    for number in 0..PROGRAMS {
        let user = app.register(&format!("program{number}@example.com")).await;
        limit(&admin, &user).await;
        programs.push(Program::new(format!("p{number}"), user, random.fork()));
    }
    let lives = kills::wanted(if is_shared {
        kills::CALLED_SHARED
    } else {
        kills::CALLED
    });
    // A connection to a server takes its time.
    let mut lifetime = kills::Lifetime::of_ms(if is_shared { 500 } else { 180 });
    let mut seen = Seen::default();
    for life in 1..=lives {
        let mut working = JoinSet::new();
        for program in programs.drain(..) {
            working.spawn(program.work_until_cut_off(app.base_url()));
        }
        moment(&mut random, 20, lifetime.most_ms()).await;
        app.kill();
        programs = working.join_all().await;
        assert!(!app.log().contains("panicked at"), "{}", app.log());
        if is_shared {
            let_leases_run_out(&app);
        }
        app.start_again().await;
        let mut looking = JoinSet::new();
        for program in programs.drain(..) {
            looking.spawn(program.look(app.base_url()));
        }
        for (program, found) in looking.join_all().await {
            programs.push(program);
            seen += found;
        }
        lifetime.adjust(seen.complete.min(seen.interrupted).min(seen.shown), life / 2);
    }
    println!("{seen:?}");
    kills::expect(lives, lives);
    // Else the kills came at moments at which nothing could have been lost.
    assert!(
        seen.interrupted > lives && seen.shown > lives / 2 && seen.repeated > lives,
        "{seen:?}"
    );
    assert!(seen.complete > lives / 2, "{seen:?}");
    let mut looking = JoinSet::new();
    for program in programs.drain(..) {
        looking.spawn(program.look_at_everything(app.base_url()));
    }
    programs = looking.join_all().await;
    books::expect_exact(&mut app, &admin, &programs, &provider).await;
}

/// A budget that is never used up, so that something is set aside for every call.
async fn limit(admin: &User, user: &User) {
    let (_, me) = user.get("/users/me").await;
    let path = format!("/admin/users/{}/budget", me["id"]);
    let budget = json!({"limit": "1000", "period": "total"});
    let (status, body) = admin.put(&path, &budget).await;
    assert_eq!(status, 200, "{body}");
}

/// An answer that takes its time, with signs of several bytes; of some the provider does not say what they took.
fn answered(request: &RecordedRequest) -> Reply {
    let mut random = Random::new(request.index);
    let text = format!(
        "[{}] — é😀\n{}",
        mark_of(&request.last_user_text()),
        "и так далее ".repeat(1 + random.below(12) as usize)
    );
    let pieces = 1 + random.below(14);
    let mut reply = Reply::text(text)
        .deltas(pieces as usize)
        .delay(random.millis(0, 10))
        .delay_between(random.millis(0, 6))
        .usage(
            FIRST_INPUT + request.index as i64,
            0,
            1 + random.below(90) as i64,
            0,
        );
    if random.below(3) == 0 {
        reply = reply.reasoning("Hm… é, let me think. ".repeat(1 + random.below(3) as usize));
    }
    if random.below(8) == 0 {
        reply = reply.without_usage();
    }
    reply
}
