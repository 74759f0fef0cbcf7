//! Measures what the database takes for a turn's opening and its end: of one caller, and of many at once.
//!
//! `cargo run --release -p chatai-store --example turns -- FILE [CALLERS] [TURNS_EACH]`

use chatai_store::{
    SqliteOptions, Store, StoreError,
    ops::{
        accounts::{self, Added, NewAccount},
        messages::Times,
        turns::{self, BegunCall, CloseTurn, ModelCall, OpenTurn, Opened, OpenedTurn, Parent, Question},
    },
};
use chatai_types::{
    ConversationId, Money, Scope, SeededRandom, Timestamp, TokenCounts, TurnStatus, UsageSource, UserId,
};
use std::time::{Duration, Instant};

/// Turns in each conversation.
const IN_CONVERSATION: usize = 10;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |place: usize, usual: usize| {
        let given = arguments.get(place).map(|text| text.parse().expect("a number"));
        given.unwrap_or(usual)
    };
    let file = arguments.get(1).expect("FILE [CALLERS] [TURNS_EACH]");
    let (callers, each) = (number(2, 1), number(3, 2_000));
    let store = Store::open_sqlite(SqliteOptions::new(file))
        .await
        .expect("the database opens");
    let mut tasks = Vec::new();
    let begun = Instant::now();
    for caller in 0..callers {
        let store = store.clone();
        tasks.push(tokio::spawn(async move { run(&store, caller, each).await }));
    }
    let (mut opening, mut closing) = (Vec::new(), Vec::new());
    for task in tasks {
        let (opened, closed) = task.await.expect("a caller");
        opening.extend(opened);
        closing.extend(closed);
    }
    let turns = callers * each;
    let took = begun.elapsed();
    println!(
        "{turns} turns in {took:?}: {:.0} a second",
        turns as f64 / took.as_secs_f64()
    );
    println!("opening p50 {:?}, end p50 {:?}", middle(opening), middle(closing));
    store.close().await;
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Until both are written; nobody waits for a sync.
async fn run(store: &Store, caller: usize, turns: usize) -> (Vec<Duration>, Vec<Duration>) {
    let owner = account(store, caller).await;
    let random = SeededRandom::new(caller as u64);
    let (mut opening, mut closing) = (Vec::new(), Vec::new());
    let mut conversation = None;
    for turn in 0..turns {
        if turn % IN_CONVERSATION == 0 {
            conversation = None;
        }
        let row = open(owner, conversation, text(&random, 12));
        let begun = Instant::now();
        let opened = store
            .write_staged(move |tx| turns::open(tx, &row))
            .await
            .expect("it is written")
            .0;
        opening.push(begun.elapsed());
        let Opened::Turn(ids) = opened else {
            panic!("{opened:?}")
        };
        conversation = Some(ids.conversation_id);
        let row = close(owner, ids, text(&random, 50));
        let begun = Instant::now();
        let written = store.write_staged(move |tx| turns::close(tx, &row)).await;
        assert!(written.expect("it is written").0);
        closing.push(begun.elapsed());
    }
    (opening, closing)
}

async fn account(store: &Store, caller: usize) -> UserId {
    let email = format!("{caller}.{:?}@example.com", std::time::SystemTime::now());
    let new = NewAccount {
        email: email.clone(),
        email_folded: email,
        password_hash: "$argon2id$x".to_owned(),
        display_name: None,
        created_at: Timestamp::from_micros(1),
        only_as_first: false,
    };
    let added: Result<Added, StoreError> = store.write(move |tx| accounts::add(tx, &new)).await;
    match added.expect("it is written") {
        Added::Account(account) => account.id,
        other => panic!("{other:?}"),
    }
}

fn text(random: &SeededRandom, words: usize) -> String {
    let words: Vec<String> = (0..words)
        .map(|_| format!("w{}", random.below(1 << (random.below(16) + 1))))
        .collect();
    words.join(" ")
}

fn open(owner: UserId, conversation: Option<ConversationId>, text: String) -> OpenTurn {
    OpenTurn {
        payer: owner.into(),
        question: Question::New {
            conversation,
            parent: Parent::Head,
            provisional_title: "A title".to_owned(),
            text,
            size_tokens: 20,
            attachments: Vec::new(),
        },
        model: "a-model".to_owned(),
        price_version: None,
        request_tokens: 500,
        calls: vec![BegunCall {
            number: 0,
            scope: Scope::Final,
            model: "a-model".to_owned(),
            price_version: None,
            fallback_from: None,
            request_tokens: 500,
            tokens_before: 0,
        }],
        worst_case: Money::from_pico(1_000),
        repeatable: None,
        now: Timestamp::from_micros(20),
        lease_until: Timestamp::from_micros(30_000_000),
    }
}

fn close(owner: UserId, ids: OpenedTurn, text: String) -> CloseTurn {
    let tokens = TokenCounts {
        fresh_input: 500,
        output: 50,
        ..TokenCounts::default()
    };
    CloseTurn {
        payer: owner.into(),
        ids,
        status: TurnStatus::Complete,
        model: "a-model".to_owned(),
        text,
        size_tokens: 60,
        answer_summary: None,
        question_summary: None,
        events: Vec::new(),
        error: None,
        times: Times::default(),
        tokens: Some(tokens),
        price: Some(Money::from_pico(1_000)),
        calls: vec![ModelCall {
            scope: Scope::Final,
            model: "a-model".to_owned(),
            tokens,
            source: UsageSource::Provider,
            price: Some(Money::from_pico(1_000)),
            price_version: None,
            fallback_from: None,
            at: Timestamp::from_micros(21),
        }],
    }
}
