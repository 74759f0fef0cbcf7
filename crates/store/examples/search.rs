//! Measures full-text search: what writing, searching and deleting cost on a database of many messages.
//!
//! `cargo run --release -p chatai-store --example search -- FILE-OR-URL OWNERS MESSAGES_EACH`

use chatai_store::{
    PostgresOptions, SqliteOptions, Store, StoreError,
    ops::{
        account_removal,
        accounts::{self, NewAccount},
        conversations,
        search::{self, Bounds, Sought},
        search_purge,
        turns::{self, CloseTurn, OpenTurn, Opened, Parent, Question, Settled},
    },
};
use chatai_types::{Money, SeededRandom, Timestamp, TurnStatus, UserId};
use std::time::{Duration, Instant};

/// Words of one text, and how many there are to choose from.
const WORDS: u64 = 80;
const VOCABULARY: u64 = 50_000;
const BOUNDS: Bounds = Bounds {
    titles: 50,
    messages: 200,
    bytes: 1_000_000,
    below: search::Place::NEWEST,
};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, place, owners, each] = &arguments[..] else {
        panic!("FILE-OR-URL OWNERS MESSAGES_EACH");
    };
    let (owners, each): (i64, i64) = (owners.parse().expect("a number"), each.parse().expect("a number"));
    let store = if place.starts_with("postgres") {
        Store::open_postgres(PostgresOptions::new(place.as_str())).await
    } else {
        Store::open_sqlite(SqliteOptions::new(place)).await
    };
    let store = store.expect("the database opens");
    let owners = stock(&store, owners, each).await;
    let some = [owners[0], owners[owners.len() / 2], owners[owners.len() - 1]];
    for (name, words, beginning) in [
        ("in every text", &["the"][..], None),
        ("in most, common", &["w1"], None),
        ("rare", &["w40000"], None),
        ("absent here, or nearly", &["w49999"], None),
        ("two common", &["w1", "w2"], None),
        ("common and rare", &["the", "w30000"], None),
        ("beginning, two signs", &[], Some("w1")),
        ("nowhere", &["nowhere"], None),
    ] {
        let sought = Sought {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            beginning: beginning.map(str::to_owned),
        };
        let mut times = Vec::new();
        let mut found = 0;
        for round in 0..300 {
            let (owner, sought) = (some[round % some.len()], sought.clone());
            let begun = Instant::now();
            let hits: Result<_, StoreError> = store
                .read(move |tx| search::find(tx, owner, &sought, BOUNDS))
                .await;
            found = hits.expect("a search").len();
            times.push(begun.elapsed());
        }
        report(name, &mut times);
        println!("    {found} hits");
    }
    let owner = owners[owners.len() / 2];
    let begun = Instant::now();
    let all: Result<_, StoreError> = store.read(move |tx| conversations::list(tx, owner)).await;
    let (mut deleted, mut times) = (0, Vec::new());
    for conversation in all.expect("a list").into_iter().take(20) {
        let id = conversation.id;
        let one = Instant::now();
        let gone: Result<bool, StoreError> = store
            .write(move |tx| {
                conversations::delete(tx, owner, id, Timestamp::from_micros(3), |_| Settled::default())
            })
            .await;
        deleted += i64::from(gone.expect("a deletion"));
        times.push(one.elapsed());
    }
    println!(
        "deleted {deleted} conversations of 20 messages in {:?}",
        begun.elapsed()
    );
    report("deleting a conversation of 20", &mut times);
    // The first account is the administrator, who stays while there are others.
    let owner = owners[owners.len() - 1];
    let begun = Instant::now();
    let gone: Result<_, StoreError> = store
        .write(move |tx| {
            account_removal::remove(
                tx,
                owner,
                Timestamp::from_micros(3),
                |_| Settled::default(),
                |call| panic!("no program calls: {call:?}"),
            )
        })
        .await;
    assert_ne!(gone.expect("a removal"), account_removal::Removed::Missing);
    println!("removed an account of {each} messages in {:?}", begun.elapsed());
    let (begun, mut steps, mut times) = (Instant::now(), 0, Vec::new());
    loop {
        let one = Instant::now();
        let more: Result<bool, StoreError> = store.write(search_purge::purge_step).await;
        times.push(one.elapsed());
        steps += 1;
        if !more.expect("a step") {
            break;
        }
    }
    println!("its words left the index in {steps} steps, {:?}", begun.elapsed());
    report("one step", &mut times);
    store.close().await;
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |part: usize| times[(times.len() * part / 1_000).min(times.len() - 1)];
    println!("{name}: p50 {:?} p99 {:?} max {:?}", at(500), at(990), at(1_000));
}

/// Accounts with messages, in conversations of twenty, their texts drawn so that low numbers are frequent.
async fn stock(store: &Store, owners: i64, each: i64) -> Vec<UserId> {
    let present: Result<_, StoreError> = store.read(accounts::list).await;
    let mut ids: Vec<UserId> = present
        .expect("a list")
        .into_iter()
        .map(|account| account.id)
        .collect();
    if !ids.is_empty() {
        return ids;
    }
    for number in 0..owners {
        let new = NewAccount {
            email: format!("{number}@example.com"),
            email_folded: format!("{number}@example.com"),
            password_hash: String::new(),
            display_name: None,
            created_at: Timestamp::from_micros(0),
            only_as_first: false,
        };
        let added: Result<_, StoreError> = store.write(move |tx| accounts::add(tx, &new)).await;
        match added.expect("an account") {
            accounts::Added::Account(account) => ids.push(account.id),
            other => panic!("{other:?}"),
        }
    }
    let begun = Instant::now();
    let random = SeededRandom::new(1);
    let text = |random: &SeededRandom| {
        let mut text = String::from("the");
        for _ in 0..WORDS {
            // Skewed: a third of all words are among the first hundred.
            let spread = 1 << (random.below(16) + 1);
            let word = random.below(VOCABULARY.min(spread));
            text.push_str(&format!(" w{word}"));
        }
        text
    };
    let mut written = 0;
    // Round by round, so that owners lie side by side as they do in life.
    for _ in 0..each / 20 {
        for owner in &ids {
            let owner = *owner;
            let texts: Vec<String> = (0..20).map(|_| text(&random)).collect();
            let outcome: Result<(), StoreError> = store
                .write(move |tx| {
                    let mut conversation = None;
                    for pair in texts.chunks(2) {
                        let open = OpenTurn {
                            payer: owner.into(),
                            question: Question::New {
                                conversation,
                                parent: Parent::Head,
                                provisional_title: pair[0].chars().take(60).collect(),
                                text: pair[0].clone(),
                                size_tokens: 1,
                                attachments: Vec::new(),
                            },
                            model: "m".to_owned(),
                            price_version: None,
                            request_tokens: 1,
                            calls: Vec::new(),
                            worst_case: Money::ZERO,
                            repeatable: None,
                            now: Timestamp::from_micros(1),
                            lease_until: Timestamp::from_micros(2),
                        };
                        let Opened::Turn(ids) = turns::open(tx, &open)? else {
                            panic!("the conversation is the owner's own");
                        };
                        conversation = Some(ids.conversation_id);
                        let close = CloseTurn {
                            payer: owner.into(),
                            ids,
                            status: TurnStatus::Complete,
                            model: "m".to_owned(),
                            text: pair[1].clone(),
                            size_tokens: 1,
                            answer_summary: None,
                            question_summary: None,
                            events: Vec::new(),
                            error: None,
                            times: chatai_store::ops::messages::Times::default(),
                            tokens: None,
                            price: None,
                            calls: Vec::new(),
                        };
                        turns::close(tx, &close)?;
                    }
                    Ok(())
                })
                .await;
            outcome.expect("messages are written");
            written += 20;
        }
    }
    println!(
        "wrote {written} messages in {:?}, {:?} each",
        begun.elapsed(),
        begun.elapsed() / written.max(1)
    );
    ids
}
