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
        search_purge,
        turns::{self, CloseTurn},
    },
};
use chatai_types::{ConversationId, UserId};

const BOUNDS: Bounds = Bounds {
    titles: 50,
    messages: 200,
    bytes: 1 << 20,
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

async fn find(store: &Store, owner: UserId, words: &[&str], beginning: Option<&str>) -> Vec<Hit> {
    let sought = Sought {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        beginning: beginning.map(str::to_owned),
    };
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
