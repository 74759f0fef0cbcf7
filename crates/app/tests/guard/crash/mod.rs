//! The program is killed at random moments while clients use it, and started again. What it had acknowledged must
//! be there, and nothing may be there by half.
//!
//! A failure prints the seed that `CHATAI_TEST_SEED` repeats; which moment of the program a kill hits also depends
//! on the machine, so a repetition may need several tries.

mod accounts;
mod client;
pub(crate) mod files;
mod sync;

use crate::support::{random::Random, *};
use chatai_testkit::{
    app::{AppOptions, TestApp, TestDatabase},
    provider::{RecordedRequest, Reply, ScriptedProvider},
};
use client::{Client, Seen};
use std::process::Stdio;
use tokio::task::JoinSet;

/// After so many kills while clients are at work there is one while the program starts.
const LIVES_PER_STILLBIRTH: usize = 4;
/// After each life every account of every client signs in, which is made to take long: more of them read in `promises`.
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_one() {
    let app = campaign(options(), 1).await;
    files::expect_whole_turns(&app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_two() {
    let app = campaign(options(), 2).await;
    files::expect_whole_turns(&app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_three() {
    // Little memory for pages that wait: checkpoints and reads of old pages come often.
    let app = campaign(options().env("CHATAI__DATABASE__READERS", "1"), 3).await;
    files::expect_whole_turns(&app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let app = campaign(options().on(TestDatabase::postgres()), 4).await;
    files::expect_whole_turns(&app);
}

/// Many lives of one instance; it is stopped in the end.
async fn campaign(options: AppOptions, default_seed: u64) -> TestApp {
    let seed = match std::env::var("CHATAI_TEST_SEED") {
        Ok(text) => text.parse().expect("a seed is a number"),
        Err(_) => default_seed,
    };
    println!("CHATAI_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let provider = ScriptedProvider::start().await;
    provider.script(slow_echo);
    let options = options.env("CHATAI__LIMITS__REGISTRATIONS_PER_MINUTE", "0");
    let mut app = options.vendor(&provider).start().await;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let user = app.register(&format!("client{number}@example.com")).await;
        clients.push(Client::new(format!("c{number}"), user, random.fork()));
    }

    let mut seen = Seen::default();
    let wanted = kills::wanted(kills::ACKNOWLEDGED);
    let lives = (wanted * LIVES_PER_STILLBIRTH).div_ceil(LIVES_PER_STILLBIRTH + 1);
    let mut killed = 0;
    let mut lifetime = kills::Lifetime::of_ms(300);
    for life in 0..lives {
        let mut working = JoinSet::new();
        for client in clients.drain(..) {
            working.spawn(client.work_until_cut_off(app.base_url()));
        }
        tokio::time::sleep(random.millis(50, lifetime.most_ms())).await;
        app.kill();
        killed += 1;
        clients = working.join_all().await;
        assert!(!app.log().contains("panicked at"), "{}", app.log());
        if life % LIVES_PER_STILLBIRTH == 0 {
            kill_while_starting(&app, &mut random).await;
            killed += 1;
        }
        app.start_again().await;
        for client in &mut clients {
            seen += client.expect_everything_at(&app).await;
        }
        lifetime.adjust((seen.turns * 2 / CLIENTS).min(seen.ended_sessions), life + 1);
    }
    println!("{seen:?}");
    kills::expect(killed, wanted);
    // Else the kills came at moments at which nothing could have been lost.
    assert!(seen.turns > lives * CLIENTS / 2, "{seen:?}");
    assert!(seen.unanswered > lives / 2, "{seen:?}");
    assert!(seen.ended_sessions > lives, "{seen:?}");
    every_call_has_its_question(&provider, &clients, &app).await;
    let status = app.terminate().await;
    assert!(status.success(), "{status}");
    app
}

/// An answer that takes its time, so that kills come in the middle of it.
fn slow_echo(request: &RecordedRequest) -> Reply {
    let mut random = Random::new(request.index);
    Reply::echo(request)
        .delay(random.millis(0, 25))
        .deltas(3)
        .delay_between(random.millis(0, 8))
}

/// A start that does not come to its end.
async fn kill_while_starting(app: &TestApp, random: &mut Random) {
    let mut command = app.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("the program can be started");
    tokio::time::sleep(random.millis(0, 60)).await;
    child.kill().expect("our own child can be killed");
    child.wait().expect("a killed child ends");
}

/// What was sent to the vendor was written first.
async fn every_call_has_its_question(provider: &ScriptedProvider, clients: &[Client], app: &TestApp) {
    let mut questions = std::collections::HashSet::new();
    for client in clients {
        questions.extend(client.questions_at(app).await);
    }
    let calls = provider.calls();
    assert!(calls.len() > CLIENTS, "{}", calls.len());
    for call in calls {
        let text = call.last_user_text();
        let marker = text
            .split(['[', ']'])
            .nth(1)
            .unwrap_or_else(|| panic!("whose call is this: {text}"));
        assert!(
            questions.contains(marker),
            "question [{marker}] was sent to the vendor and not written"
        );
    }
}
