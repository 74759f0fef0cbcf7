//! The program is killed at random moments while clients read answers as they are written. A stored answer begins with
//! everything that any reader was told, no turn is there by half, each call has its record, and what was sent under a key
//! happened once, however often it was sent.

mod client;

use super::{let_leases_run_out, mark_of, moment, seeded, varied};
use crate::{
    crash,
    support::{Rows, kills, options, text},
};
use chatai_testkit::{
    app::{AppOptions, TestApp, TestDatabase},
    provider::ScriptedProvider,
};
use client::{Client, Seen};
use std::collections::HashMap;
use tokio::task::JoinSet;

const CLIENTS: usize = 64;
/// On a server, to which connections take their time.
const CLIENTS_SHARED: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_one() {
    campaign(options(), 11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_two() {
    campaign(options(), 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    campaign(options().on(TestDatabase::postgres()), 13).await;
}

async fn campaign(options: AppOptions, default_seed: u64) {
    let mut random = seeded(default_seed);
    let provider = ScriptedProvider::start().await;
    provider.script(varied);
    let options = options.env("CHATAI__LIMITS__REGISTRATIONS_PER_MINUTE", "0");
    let mut app = options.vendor(&provider).start().await;
    let is_shared = app.database().url().is_some();
    let mut clients = Vec::new();
    for number in 0..if is_shared { CLIENTS_SHARED } else { CLIENTS } {
        let user = app.register(&format!("client{number}@example.com")).await;
        clients.push(Client::new(format!("c{number}"), user, random.fork()));
    }
    let lives = kills::wanted(if is_shared {
        kills::READ_SHARED
    } else {
        kills::READ
    });
    // A connection to a server takes its time.
    let mut lifetime = kills::Lifetime::of_ms(if is_shared { 500 } else { 180 });
    let mut seen = Seen::default();
    for life in 1..=lives {
        let mut working = JoinSet::new();
        for client in clients.drain(..) {
            working.spawn(client.work_until_cut_off(app.base_url()));
        }
        moment(&mut random, 20, lifetime.most_ms()).await;
        app.kill();
        clients = working.join_all().await;
        assert!(!app.log().contains("panicked at"), "{}", app.log());
        app.start_again().await;
        let base_url = app.base_url();
        let mut looking = JoinSet::new();
        for client in clients.drain(..) {
            looking.spawn(client.look(base_url.clone(), is_shared));
        }
        for (client, found) in looking.join_all().await {
            clients.push(client);
            seen += found;
        }
        lifetime.adjust(seen.complete.min(seen.repeated), life / 2);
    }
    println!("{seen:?}");
    kills::expect(lives, lives);
    // Else the kills came at moments at which nothing could have been lost.
    assert!(
        seen.interrupted + seen.running > lives && seen.shown > lives,
        "{seen:?}"
    );
    assert!(seen.complete > lives / 2 && seen.repeated > lives / 2, "{seen:?}");
    if is_shared {
        app.kill();
        let_leases_run_out(&app);
        app.start_again().await;
    }
    let mut looking = JoinSet::new();
    for client in clients {
        looking.spawn(client.look_at_everything(app.base_url()));
    }
    for seen in looking.join_all().await {
        assert_eq!(seen.running, 0);
    }
    assert!(app.terminate().await.success());
    crash::files::expect_nothing_by_half(&app);
    every_call_is_on_the_books(&provider, &app);
}

/// What was sent to the vendor was written first, and has its record now.
fn every_call_is_on_the_books(provider: &ScriptedProvider, app: &TestApp) {
    let rows = Rows::of(app);
    let mut made: HashMap<(String, &str), usize> = HashMap::new();
    for call in provider.calls() {
        let kind = match call.schema_name() {
            Some(_) => "title",
            None if call.tool_names().is_empty() => "summary",
            None => "answer",
        };
        let mark = mark_of(&call.last_user_text()).to_owned();
        *made.entry((mark, kind)).or_default() += 1;
    }
    let mut recorded: HashMap<(String, &str), usize> = HashMap::new();
    for scope in ["title", "summary", "tool", "final"] {
        let kind = if matches!(scope, "tool" | "final") {
            "answer"
        } else {
            scope
        };
        let query = format!(
            "select q.text from usage_details u join messages a on a.id = u.message_id \
             join messages q on q.id = a.request_id where u.scope = '{scope}'"
        );
        for question in rows.column(&query) {
            *recorded
                .entry((mark_of(text(&question)).to_owned(), kind))
                .or_default() += 1;
        }
    }
    assert!(made.len() > CLIENTS, "{}", made.len());
    // Only a new conversation asks for a title: what was sent twice and made twice would show.
    let twice = made
        .iter()
        .filter(|((_, kind), count)| *kind == "title" && **count > 1);
    assert_eq!(twice.collect::<Vec<_>>(), [] as [(&(String, &str), &usize); 0]);
    let mut missing: Vec<String> = Vec::new();
    for (call, count) in &made {
        let found = recorded.get(call).copied().unwrap_or_default();
        if found < *count {
            missing.push(format!("{call:?}: made {count}, recorded {found}"));
        }
    }
    assert!(missing.is_empty(), "calls without a record: {missing:#?}");
}
