//! Turns whose conversation or account is deleted before they have ended: charged with the deletion by what is known,
//! and by their owner's word if it comes.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{
        LEASE, account, answered, at, call, charged, close, end, expect_sound, open, other_instance, settle,
        settle_call, turn, write,
    },
};
use chatai_store::{
    Store,
    ops::{
        account_removal::{self, Removed},
        budgets, conversations,
        turns::{self, Appended, BegunCall, EventKind, NewEvent, OpenTurn, OpenedTurn},
    },
};
use chatai_types::{BudgetPeriod, Money, Scope, UserId};
use futures_util::future::join;

/// How often two things are done at once: which of them comes first is up to the machine.
const ROUNDS: usize = 12;

/// What [`settle`] makes of what [`running`] has said.
const TEXT: &str = "half an answer";
const KNOWN: (i64, i64) = (1, TEXT.len() as i64);

/// A turn that has said something and holds a part of its owner's budget.
async fn running(store: &Store, owner: UserId) -> OpenedTurn {
    let (limit, period) = (Some(Money::from_pico(1_000)), BudgetPeriod::Total);
    write(store, move |tx| budgets::set(tx, owner, limit, period, at(20))).await;
    let opening = OpenTurn {
        worst_case: Money::from_pico(60),
        ..turn(owner, None)
    };
    let ids = open(store, opening).await;
    assert!(ids.is_reserved);
    let events = [NewEvent {
        number: 0,
        kind: EventKind::Text,
        text_offset: 0,
        data: TEXT.to_owned(),
        titled: None,
        written_at: at(1),
    }];
    let appended = write(store, move |tx| {
        turns::append(tx, ids.response_message_id, &events)
    })
    .await;
    assert_eq!(appended, Appended::Written);
    ids
}

async fn delete(store: &Store, owner: UserId, ids: OpenedTurn) -> bool {
    let id = ids.conversation_id;
    write(store, move |tx| {
        conversations::delete(tx, owner, id, at(60), settle)
    })
    .await
}

async fn remove(store: &Store, owner: UserId) -> bool {
    let removed = write(store, move |tx| {
        account_removal::remove(tx, owner, at(60), settle, settle_call)
    })
    .await;
    matches!(removed, Removed::Gone(_))
}

/// Nothing is held, and no call waits to be settled.
async fn expect_nothing_open(store: &TestStore) {
    for sql in [
        "select count(*) from reservations",
        "select count(*) from budgets where reserved <> 0",
        "select count(*) from turn_calls",
        "select count(*) from turn_events",
        "select count(*) from messages",
    ] {
        assert_eq!(number(&store.place, sql).await, 0, "{sql}");
    }
    expect_sound(store).await;
}

async fn marks(store: &TestStore) -> i64 {
    number(&store.place, "select count(*) from deleted_turns").await
}

conformance! {
    /// The process may die at the next moment: nobody else would settle it.
    async fn a_deletion_settles_what_runs(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let ids = running(&store, owner).await;
        assert!(delete(&store, owner, ids).await);
        assert_eq!(charged(&store, ids).await, KNOWN);
        assert_eq!(number(&store.place, "select spent from budgets").await, KNOWN.1);
        expect_nothing_open(&store).await;
    }

    async fn the_end_of_an_account_settles_what_runs(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let (first, second) = (running(&store, owner).await, running(&store, owner).await);
        let done = answered(&store, turn(owner, None), 3).await;
        assert!(remove(&store, owner).await);
        for (ids, expected) in [(first, KNOWN), (second, KNOWN), (done, (1, 3))] {
            assert_eq!(charged(&store, ids).await, expected);
        }
        expect_nothing_open(&store).await;
        for ids in [first, second] {
            assert!(!close(&store, end(owner, ids, vec![call(Scope::Final, 5)])).await);
            assert_eq!(charged(&store, ids).await, (1, 5));
        }
        assert_eq!(marks(&store).await, 0);
        expect_nothing_open(&store).await;
    }

    async fn an_owner_that_lives_has_the_last_word_once(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let ids = running(&store, owner).await;
        assert!(delete(&store, owner, ids).await);
        let last = end(owner, ids, vec![call(Scope::Tool, 2), call(Scope::Final, 5)]);
        for _ in 0..2 {
            assert!(!close(&store, last.clone()).await);
            assert_eq!(charged(&store, ids).await, (2, 7));
        }
        assert_eq!(number(&store.place, "select spent from budgets").await, 7);
        assert_eq!(number(&store.place, "select count(*) from usage_details").await, 0);
        assert_eq!(marks(&store).await, 0);
        expect_nothing_open(&store).await;
    }

    async fn a_turn_closed_while_it_is_deleted_is_charged_as_it_ended(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let ids = running(&store, owner).await;
            let last = end(owner, ids, vec![call(Scope::Final, 5)]);
            let (deleted, _closed) = join(delete(&store, owner, ids), close(&other, last)).await;
            assert!(deleted);
            assert_eq!(charged(&store, ids).await, (1, 5));
        }
        assert_eq!(marks(&store).await, 0);
        expect_nothing_open(&store).await;
    }

    async fn a_turn_swept_while_it_is_deleted_is_charged_once(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let ids = running(&store, owner).await;
            let sweep = write(&other, move |tx| turns::sweep(tx, at(50), at(LEASE + 1), 100, settle));
            let (deleted, _swept) = join(delete(&store, owner, ids), sweep).await;
            assert!(deleted);
            assert_eq!(charged(&store, ids).await, KNOWN);
            // It was only believed dead.
            assert!(!close(&store, end(owner, ids, vec![call(Scope::Final, 5)])).await);
            assert_eq!(charged(&store, ids).await, (1, 5));
        }
        expect_nothing_open(&store).await;
    }

    /// What is made after the deletion would stand nowhere if the process died.
    async fn a_call_is_on_the_books_or_not_to_be_made(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let ids = running(&store, owner).await;
            let answer = ids.response_message_id;
            let begun = [BegunCall {
                number: 4,
                scope: Scope::Tool,
                model: "m".to_owned(),
                price_version: None,
                fallback_from: None,
                request_tokens: 9,
                tokens_before: 0,
            }];
            let recording = write(&other, move |tx| turns::record_calls(tx, answer, &[], &begun, at(25)));
            let (deleted, recorded) = join(delete(&store, owner, ids), recording).await;
            assert!(deleted);
            let (calls, amount) = KNOWN;
            match recorded {
                Appended::Written => assert_eq!(charged(&store, ids).await, (calls + 1, amount)),
                Appended::Gone => assert_eq!(charged(&store, ids).await, KNOWN),
                Appended::Closed => panic!("it was not closed"),
            }
        }
        expect_nothing_open(&store).await;
    }

    async fn a_deleted_turn_is_remembered_for_an_hour(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let ids = running(&store, owner).await;
        assert!(delete(&store, owner, ids).await);
        for (micros, left) in [(60, 1), (61, 0)] {
            let now = at(micros).plus_secs(3_600);
            assert_eq!(write(&store, move |tx| turns::sweep(tx, now, at(1), 100, settle)).await, 0);
            assert_eq!(marks(&store).await, left);
        }
        // Its owner comes too late, and doubles nothing.
        assert!(!close(&store, end(owner, ids, vec![call(Scope::Final, 5)])).await);
        assert_eq!(charged(&store, ids).await, KNOWN);
        expect_nothing_open(&store).await;
    }
}
