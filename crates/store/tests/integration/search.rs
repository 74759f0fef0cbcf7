//! Words of titles and messages: found while they are there, by their owner, and gone with what they were in.

use crate::{
    common::{Place, TestStore, conformance, run},
    support::{account, at, close, end, open, settle, settle_call, turn_asking, write},
};
use chatai_store::{
    Store, StoreError,
    ops::{
        account_removal::{self, Removed},
        conversations,
        search::{self, Bounds, Hit, Sought},
        search_index, search_purge,
        turns::{self, CloseTurn},
    },
};
use chatai_types::{ConversationId, UserId};

const BOUNDS: Bounds = Bounds {
    titles: 50,
    messages: 200,
    bytes: 1 << 20,
    below: search::Place::NEWEST,
};

/// A whole turn in a conversation of its own.
async fn turn(store: &Store, owner: UserId, question: &str, answer: &str) -> ConversationId {
    let ids = open(store, turn_asking(owner, None, question)).await;
    let last = CloseTurn {
        text: answer.to_owned(),
        ..end(owner, ids, Vec::new())
    };
    assert!(close(store, last).await);
    ids.conversation_id
}

fn sought(words: &[&str], beginning: Option<&str>) -> Sought {
    Sought {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        beginning: beginning.map(str::to_owned),
    }
}

/// Takes everything that waits into the index.
async fn take_in(store: &Store) {
    while write(store, search_index::step).await {}
    assert!(!store.read(search_index::is_behind).await.unwrap());
}

async fn find(store: &Store, owner: UserId, words: &[&str], beginning: Option<&str>) -> Vec<Hit> {
    let sought = sought(words, beginning);
    let found: Result<_, StoreError> = store
        .read(move |tx| search::find(tx, owner, &sought, BOUNDS))
        .await;
    found.unwrap()
}

conformance! {
    async fn an_owner_finds_its_own_newest_first(store: TestStore) {
        let (ada, eve) = (account(&store, "a").await, account(&store, "e").await);
        for number in 0..3 {
            turn(&store, ada, &format!("question {number}"), "an answer by the sea").await;
        }
        turn(&store, eve, "question of another", "seaside").await;
        let found = find(&store, ada, &["sea"], None).await;
        let ids: Vec<i64> = found.iter().map(|hit| hit.message.as_ref().unwrap().id.0).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
        assert_eq!(find(&store, ada, &[], Some("se")).await.len(), 3);
        assert_eq!(find(&store, ada, &["question", "2"], None).await.len(), 1);
        assert_eq!(find(&store, eve, &[], Some("sea")).await.len(), 1);
        assert_eq!(find(&store, eve, &["answer"], None).await, []);
        assert_eq!(find(&store, ada, &["provisional"], None).await.len(), 3);
    }

    /// More rows than PostgreSQL looks at in no order: the newest are among them all the same.
    async fn a_frequent_words_newest_rows_are_found(store: TestStore) {
        let ada = account(&store, "a").await;
        let conversation = turn(&store, ada, "first", "common").await;
        for _ in 0..9 {
            write(&store, move |tx| {
                for _ in 0..500 {
                    let open = turn_asking(ada, Some(conversation), "common");
                    turns::open(tx, &open)?;
                }
                Ok(())
            })
            .await;
        }
        turn(&store, ada, "common and the last", "done").await;
        let found = find(&store, ada, &["common"], None).await;
        assert_eq!(found.len(), 200);
        assert_eq!(found[0].message.as_ref().unwrap().text, "common and the last");
        // And from there on, each once, also of those that wait for the index.
        let mut below = search::Place::NEWEST;
        let mut seen = Vec::new();
        loop {
            let bounds = Bounds { below, ..BOUNDS };
            let found: Result<_, StoreError> =
                store.read(move |tx| search::find(tx, ada, &sought(&["common"], None), bounds)).await;
            let ids = found.unwrap().into_iter().map(|hit| hit.message.unwrap().id);
            let before = seen.len();
            seen.extend(ids);
            if seen.len() == before {
                break;
            }
            below.message = seen[seen.len() - 1];
        }
        assert_eq!(seen.len(), 2 + 4_500);
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
    }

    /// In the very transaction that writes it, and when it is in the index; what changes or goes from either place, too.
    async fn what_is_new_is_found_at_once_and_later(store: TestStore) {
        let (ada, eve) = (account(&store, "a").await, account(&store, "e").await);
        let found = write(&store, move |tx| {
            for number in 0..600 {
                turns::open(tx, &turn_asking(ada, None, &format!("By the Café {number}")))?;
            }
            let mut found = Vec::new();
            for (words, beginning) in [
                (&["cafe", "77"][..], None),
                (&["cafe"], Some("59")),
                (&["by"], None),
                (&["provisional"], None),
                (&["cafe", "absent"], None),
                (&["cafe"], Some("absent")),
            ] {
                found.push(search::find(tx, ada, &sought(words, beginning), BOUNDS)?);
                assert_eq!(search::find(tx, eve, &sought(words, beginning), BOUNDS)?, []);
            }
            Ok(found)
        })
        .await;
        let counts: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(counts, [1, 11, 200, 50, 0, 0]);
        let ids: Vec<_> = found[2].iter().map(|hit| hit.message.as_ref().unwrap().id).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
        take_in(&store).await;
        for (found, (words, beginning)) in
            found.iter().zip([(&["cafe", "77"][..], None), (&["cafe"], Some("59")), (&["by"], None)])
        {
            assert_eq!(&find(&store, ada, words, beginning).await, found, "{words:?}");
        }

        // One that waits, among many that do not; then it changes and goes, as one that does not wait.
        let last = turn(&store, ada, "By the cafe again", "and again").await;
        assert_eq!(find(&store, ada, &["by"], None).await[0].conversation_id, last);
        let indexed = found[0][0].conversation_id;
        for id in [last, indexed] {
            let gone = write(&store, move |tx| {
                assert!(conversations::rename(tx, ada, id, "Renamed")?);
                let renamed = search::find(tx, ada, &sought(&["renamed"], None), BOUNDS)?;
                assert_eq!(renamed.len(), 1);
                assert!(conversations::delete(tx, ada, id, at(60), settle)?);
                search::find(tx, ada, &sought(&["renamed"], None), BOUNDS)
            })
            .await;
            assert_eq!(gone, []);
        }
        assert_eq!(find(&store, ada, &["again"], None).await, []);
        take_in(&store).await;
        assert_eq!(find(&store, ada, &["again"], None).await, []);
        assert_eq!(find(&store, ada, &["cafe", "77"], None).await, []);
    }

    async fn what_is_removed_is_found_no_more(store: TestStore) {
        let (first, ada) = (account(&store, "first").await, account(&store, "a").await);
        turn(&store, first, "quagmire", "stays").await;
        let gone = turn(&store, ada, "quagmire", "goes").await;
        assert!(write(&store, move |tx| conversations::delete(tx, ada, gone, at(60), settle)).await);
        assert_eq!(find(&store, ada, &["quagmire"], None).await, []);
        turn(&store, ada, "quagmire", "goes too").await;
        let removed = write(&store, move |tx| account_removal::remove(tx, ada, at(60), settle, settle_call)).await;
        assert!(matches!(removed, Removed::Gone(conversations) if conversations.len() == 1));
        assert_eq!(find(&store, ada, &["quagmire"], None).await, []);
        assert_eq!(find(&store, first, &["quagmire"], None).await.len(), 1);
    }
}

/// Whether the index's pages hold a word's end, looked at past the program; its beginning may be left out in favour
/// of the word before it.
fn holds(place: &Place, end: &str) -> bool {
    let file = rusqlite::Connection::open(place.path()).unwrap();
    let mut found = false;
    for (table, column) in [
        ("search_messages_data", "block"),
        ("search_messages_idx", "term"),
        ("search_titles_data", "block"),
        ("search_titles_idx", "term"),
    ] {
        let sql = format!("select count(*) from {table} where instr({column}, cast(?1 as blob)) > 0");
        found |= file.query_row(&sql, [end], |row| row.get::<_, i64>(0)).unwrap() > 0;
    }
    found
}

/// Merges the index into one part, past the program: how many there are depends on how quickly texts came.
fn in_one_part(place: &Place) {
    let file = rusqlite::Connection::open(place.path()).unwrap();
    file.execute_batch("insert into search_messages (search_messages) values ('optimize')")
        .unwrap();
}

/// In an index too large to be merged with the deletion, whatever is written in between, and when it is one part.
#[test]
fn deleted_words_leave_a_large_index_in_steps() {
    run(async {
        let place = Place::sqlite();
        let store = place.open().await;
        let ada = account(&store, "a").await;
        let filler = |from: usize| {
            (from..from + 400)
                .map(|word| format!("w{word} "))
                .collect::<String>()
        };
        for round in 0..2 {
            for number in 0..1_500 {
                turn(&store, ada, &filler(number * 400), "filler").await;
            }
            let gone = turn(&store, ada, "quagmire", "xylophone").await;
            take_in(&store).await;
            in_one_part(&place);
            for number in 0..20 {
                turn(&store, ada, &filler(number * 7), "filler").await;
            }
            assert!(
                write(&store, move |tx| conversations::delete(
                    tx,
                    ada,
                    gone,
                    at(60),
                    settle
                ))
                .await
            );
            let mut steps = 0;
            while write(&store, search_purge::purge_step).await {
                steps += 1;
                assert!(steps < 10_000, "it goes on for ever");
                // What is written meanwhile neither stops it nor makes it begin again and again.
                turn(&store, ada, &format!("meanwhile {steps}"), "x").await;
            }
            assert!(steps > 3, "only {steps} steps: the index is small");
            let wanted: Result<bool, StoreError> = store.read(search_purge::purge_wanted).await;
            assert!(!wanted.unwrap(), "round {round}");
        }
        assert_eq!(find(&store, ada, &["w7"], None).await.len(), 6);
        store.close().await;
        for end in ["agmire", "lophone"] {
            assert!(!holds(&place, end), "`{end}` is still in the index");
        }
        assert!(holds(&place, "iller"), "what is looked at is the index");
    });
}

/// By the writer itself, whether they were written just now or were left by a process that ended before.
#[test]
fn new_texts_go_into_the_index_by_themselves() {
    run(async {
        let place = Place::sqlite();
        let store = place.open().await;
        let ada = account(&store, "a").await;
        turn(&store, ada, "quagmire", "xylophone").await;
        wait_for_index(&place).await;
        assert!(holds(&place, "agmire") && holds(&place, "lophone"));
        turn(&store, ada, "zeppelin", "x").await;
        store.close().await;
        let store = place.open().await;
        wait_for_index(&place).await;
        assert!(holds(&place, "ppelin"));
        assert_eq!(find(&store, ada, &["zeppelin"], None).await.len(), 1);
        store.close().await;
    });
}

/// Nothing tells when the writer is done with it.
async fn wait_for_index(place: &Place) {
    let file = rusqlite::Connection::open(place.path()).unwrap();
    let waiting = || -> i64 {
        let sql =
            "select (select count(*) from search_new_titles) + (select count(*) from search_new_messages)";
        file.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let begun = std::time::Instant::now();
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(2));
    while waiting() > 0 {
        assert!(begun.elapsed().as_secs() < 30, "{} texts wait", waiting());
        looks.tick().await;
    }
}

/// In steps that hold up nobody for long: by the number of texts, and by their bytes.
#[test]
fn many_texts_are_taken_in_by_steps() {
    run(async {
        let place = Place::sqlite();
        let store = place.open().await;
        let ada = account(&store, "a").await;
        let steps = write(&store, move |tx| {
            while search_index::step(tx)? {}
            let mut steps = [0, 0];
            for (steps, (count, text)) in steps
                .iter_mut()
                .zip([(2_000, "few".to_owned()), (20, "many ".repeat(30_000))])
            {
                for _ in 0..count {
                    turns::open(tx, &turn_asking(ada, None, &text))?;
                }
                while search_index::step(tx)? {
                    *steps += 1;
                }
            }
            Ok(steps)
        })
        .await;
        // Titles are texts too. Four of the long ones fill a step.
        assert_eq!(steps, [7, 4]);
        store.close().await;
    });
}

/// By SQLite's own checks, in the file and in a copy of it.
#[test]
fn the_index_is_sound_after_a_change_and_in_a_copy() {
    run(async {
        let place = Place::sqlite();
        let store = place.open().await;
        let ada = account(&store, "a").await;
        let id = turn(&store, ada, "one", "two").await;
        assert!(write(&store, move |tx| conversations::rename(tx, ada, id, "three")).await);
        assert_eq!(find(&store, ada, &["provisional"], None).await, []);
        assert_eq!(find(&store, ada, &["three"], None).await.len(), 1);
        take_in(&store).await;
        assert_eq!(find(&store, ada, &["three"], None).await.len(), 1);
        store.close().await;
        let copy = place.path().with_file_name("copy.db");
        let file = rusqlite::Connection::open(place.path()).unwrap();
        file.execute("vacuum into ?1", [copy.to_str().unwrap()]).unwrap();
        for path in [place.path(), copy] {
            let file = rusqlite::Connection::open(path).unwrap();
            let said: String = file
                .query_row("pragma integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(said, "ok");
            for index in ["search_titles", "search_messages"] {
                file.execute_batch(&format!(
                    "insert into {index} ({index}) values ('integrity-check')"
                ))
                .unwrap();
            }
        }
    });
}
