//! A reader may leave at any moment and come back to any cursor, while the answer is written, afterwards, and after a
//! restart: what it reads adds up to the same bytes.

use super::{asking, moment, read_some, resuming, seeded, varied, whole};
use crate::support::{options, random::Random, scale};
use chatai_testkit::{
    app::{AppOptions, TestApp, TestDatabase, User},
    events::{EventStream, Told},
    provider::ScriptedProvider,
};
use std::collections::HashMap;
use tokio::task::JoinSet;

const TURNS: usize = 20;
const READERS_PER_TURN: usize = 17;

/// How the program ends while they read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Asked,
    Killed,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let read = rounds(
        options(),
        5,
        &[Ending::Killed, Ending::Asked, Ending::Killed, Ending::Killed],
    )
    .await;
    assert!(read >= 1_360, "{read} histories");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    // An answer that a kill cut off runs on there, for whoever may own it, until its lease has ended.
    let read = rounds(
        options().on(TestDatabase::postgres()),
        6,
        &[Ending::Asked, Ending::Asked],
    )
    .await;
    assert!(read >= 680, "{read} histories");
}

/// Reads answers over several lives of the program; how many histories there were.
async fn rounds(options: AppOptions, default_seed: u64, endings: &[Ending]) -> usize {
    let mut random = seeded(default_seed);
    let provider = ScriptedProvider::start().await;
    provider.script(varied);
    let mut app = options.vendor(&provider).start().await;
    let user = app.register("ada@example.com").await;
    let mut count = 0;
    for number in 0..scale() {
        for ending in endings {
            count += round(&mut app, &user, *ending, number, &mut random).await;
        }
    }
    count
}

async fn round(app: &mut TestApp, user: &User, ending: Ending, number: usize, random: &mut Random) -> usize {
    let here = user.at(&app.base_url());
    let mut reading = JoinSet::new();
    for turn in 0..TURNS {
        let question = format!("[{number}-{turn}] What is there about ships?");
        let mut events = EventStream::open(asking(&here, &question, None)).await;
        let mut told = Told::default();
        read_some(&mut events, &mut told, 1)
            .await
            .expect("the program lives");
        for _ in 1..READERS_PER_TURN {
            let cuts = random.below(12);
            reading.spawn(until_cut_off(here.clone(), told.clone(), random.fork(), cuts));
        }
        // And one that never leaves by itself.
        reading.spawn(async move {
            while let Ok(true) = read_some(&mut events, &mut told, 1).await {}
            told
        });
    }
    moment(random, 0, 60).await;
    match ending {
        Ending::Killed => app.kill(),
        Ending::Asked => assert!(app.terminate().await.success()),
    }
    let readers = reading.join_all().await;
    app.start_again().await;
    let here = user.at(&app.base_url());
    let mut reading = JoinSet::new();
    for told in readers {
        reading.spawn(to_the_end(here.clone(), told, random.fork()));
    }
    let mut expected: HashMap<i64, Told> = HashMap::new();
    let readers = reading.join_all().await;
    let count = readers.len();
    for told in readers {
        let answer = told.answer();
        let expected = match expected.entry(answer) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => free.insert(whole(&here, answer).await),
        };
        assert_eq!(
            (&told.text, &told.reasoning),
            (&expected.text, &expected.reasoning),
            "answer {answer}"
        );
        assert_eq!(
            (&told.tools, &told.titles),
            (&expected.tools, &expected.titles),
            "answer {answer}"
        );
        assert_eq!(
            (&told.turn, &told.done),
            (&expected.turn, &expected.done),
            "answer {answer}"
        );
    }
    assert_eq!(expected.len(), TURNS);
    count
}

/// Reads and leaves, so many times; then waits for nothing more. Ends where the program does.
async fn until_cut_off(user: User, mut told: Told, mut random: Random, cuts: u64) -> Told {
    for _ in 0..cuts {
        let Ok(mut events) = EventStream::try_open(resuming(&user, &told, &mut random)).await else {
            return told;
        };
        if !matches!(
            read_some(&mut events, &mut told, 1 + random.below(9)).await,
            Ok(true)
        ) {
            return told;
        }
    }
    told
}

/// Goes on reading and leaving until it was told of the end.
async fn to_the_end(user: User, mut told: Told, mut random: Random) -> Told {
    while told.done.is_none() {
        let mut events = EventStream::open(resuming(&user, &told, &mut random)).await;
        let frames = 1 + random.below(30);
        read_some(&mut events, &mut told, frames)
            .await
            .expect("the program lives");
    }
    let mut after = EventStream::open(resuming(&user, &told, &mut random)).await;
    assert_eq!(after.try_next().await, Ok(None), "nothing comes after the end");
    told
}
