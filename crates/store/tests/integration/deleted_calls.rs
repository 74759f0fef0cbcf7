//! Direct calls that are deleted, or whose account is, before they have ended: charged with the deletion by what is known,
//! and by their owner's word if it comes.

use crate::{
    common::{TestStore, conformance, run},
    direct::{append, call, close, end, kept, limit, money, open, repeatable, try_open},
    raw::number,
    support::{LEASE, account, at, expect_sound, other_instance, settle, settle_call, write},
};
use chatai_store::{
    Store,
    ops::{
        account_removal::{self, Removed},
        direct::{self, AskedAgain, OpenedCall},
        turns::Appended,
    },
};
use chatai_types::{CallId, TurnStatus, UserId};
use futures_util::future::join;

/// How often two things are done at once: which of them comes first is up to the machine.
const ROUNDS: usize = 12;

/// What a running call has said, and what [`settle_call`] makes of it.
const SAID: &str = "\"half\"";
const KNOWN: (i64, i64) = (1, SAID.len() as i64);

/// A call that has said something and holds a part of its owner's budget.
async fn running(store: &Store, owner: UserId) -> CallId {
    let id = open(store, kept(owner, "r", None)).await;
    assert_eq!(append(store, id, 0, &[SAID]).await, Appended::Written);
    id
}

async fn delete(store: &Store, owner: UserId) -> Option<CallId> {
    write(store, move |tx| {
        direct::delete_kept(tx, owner, "r", at(60), settle_call)
    })
    .await
}

async fn remove(store: &Store, owner: UserId) -> Removed {
    write(store, move |tx| {
        account_removal::remove(tx, owner, at(60), settle, settle_call)
    })
    .await
}

/// What was charged for a call, by calls and by money; what was taken back counts for neither.
async fn charged(store: &TestStore, id: CallId) -> (i64, i64) {
    let of = |what: &str| {
        format!("select cast(coalesce(sum({what}), 0) as bigint) from ledger where message_id = -{id}")
    };
    (
        number(&store.place, &of("calls")).await,
        number(&store.place, &of("amount")).await,
    )
}

async fn expect_nothing_held(store: &TestStore) {
    for sql in [
        "select count(*) from reservations",
        "select count(*) from budgets where reserved <> 0",
        "select count(*) from kept_calls",
        "select count(*) from kept_pieces",
        "select count(*) from direct_calls where status = 'running'",
    ] {
        assert_eq!(number(&store.place, sql).await, 0, "{sql}");
    }
    expect_sound(store).await;
}

conformance! {
    /// The process may die at the next moment: a sweep would find nothing of what was said.
    async fn a_deletion_settles_a_call_that_runs(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        limit(&store, owner, 1_000).await;
        let id = running(&store, owner).await;
        assert_eq!(money(&store, owner).await, (0, 60));
        assert_eq!(delete(&store, owner).await, Some(id));
        assert_eq!(charged(&store, id).await, KNOWN);
        assert_eq!(money(&store, owner).await, (KNOWN.1, 0));
        expect_nothing_held(&store).await;
        // An owner that lives has the last word, once.
        for is_first in [true, false] {
            assert_eq!(close(&store, owner, id, Some("[]"), end(TurnStatus::Stopped, 3)).await, is_first);
            assert_eq!(money(&store, owner).await, (3, 0));
        }
        expect_nothing_held(&store).await;
    }

    async fn the_end_of_an_account_settles_calls_that_run(store: TestStore) {
        account(&store, "admin@x.test").await;
        let owner = account(&store, "a@x.test").await;
        limit(&store, owner, 1_000).await;
        let (said, plain) = (running(&store, owner).await, open(&store, call(owner)).await);
        assert!(matches!(remove(&store, owner).await, Removed::Gone(_)));
        assert_eq!(charged(&store, said).await, KNOWN);
        assert_eq!(charged(&store, plain).await, (1, 0));
        expect_nothing_held(&store).await;
        assert!(close(&store, owner, said, Some("[]"), end(TurnStatus::Stopped, 3)).await);
        assert!(close(&store, owner, plain, None, end(TurnStatus::Complete, 4)).await);
        assert_eq!((charged(&store, said).await, charged(&store, plain).await), ((1, 3), (1, 4)));
        expect_nothing_held(&store).await;
    }

    async fn a_call_closed_while_it_is_deleted_is_charged_as_it_ended(store: TestStore) {
        let (owner, other) = (account(&store, "a@x.test").await, other_instance(&store).await);
        limit(&store, owner, 1_000).await;
        for _ in 0..ROUNDS {
            let id = running(&store, owner).await;
            let closing = close(&other, owner, id, Some("[]"), end(TurnStatus::Complete, 5));
            let (deleted, closed) = join(delete(&store, owner), closing).await;
            assert_eq!((deleted, closed), (Some(id), true));
            assert_eq!(charged(&store, id).await, (1, 5));
        }
        expect_nothing_held(&store).await;
    }

    async fn a_call_swept_while_it_is_deleted_is_charged_once(store: TestStore) {
        let (owner, other) = (account(&store, "a@x.test").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let id = running(&store, owner).await;
            let sweep = write(&other, |tx| direct::sweep(tx, at(50), at(LEASE + 1), 100, settle_call));
            let (deleted, _swept) = join(delete(&store, owner), sweep).await;
            assert_eq!(deleted, Some(id));
            assert_eq!(charged(&store, id).await, KNOWN);
        }
        expect_nothing_held(&store).await;
    }

    /// A piece is shown once it is written.
    async fn what_was_shown_is_charged_or_was_not_written(store: TestStore) {
        let (owner, other) = (account(&store, "a@x.test").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let id = running(&store, owner).await;
            let (deleted, appended) = join(delete(&store, owner), append(&other, id, 1, &["\"more\""])).await;
            assert_eq!(deleted, Some(id));
            let amount = match appended {
                Appended::Written => KNOWN.1 + 6,
                Appended::Gone => KNOWN.1,
                Appended::Closed => panic!("it was not closed"),
            };
            assert_eq!(charged(&store, id).await, (1, amount));
        }
        expect_nothing_held(&store).await;
    }

    async fn no_model_is_asked_in_place_of_another_once_the_call_is_gone(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let id = running(&store, owner).await;
        assert_eq!(delete(&store, owner).await, Some(id));
        let again = AskedAgain {
            id,
            model: "other".to_owned(),
            price_version: None,
            fallback_from: "m".to_owned(),
        };
        assert!(!write(&store, move |tx| direct::ask_again(tx, &again)).await);
    }

    /// Whoever was let in a moment before is told that its token counts no more.
    async fn no_call_is_opened_for_an_account_that_is_gone(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        assert!(matches!(remove(&store, owner).await, Removed::Gone(_)));
        for late in [call(owner), kept(owner, "r", None), repeatable(owner, "r", "same")] {
            assert_eq!(try_open(&store, late).await, OpenedCall::NoOwner);
        }
        assert_eq!(number(&store.place, "select count(*) from direct_calls").await, 0);
    }

    async fn a_call_opened_during_a_removal_is_settled_or_refused(store: TestStore) {
        let other = other_instance(&store).await;
        for round in 0..ROUNDS {
            let owner = account(&store, "a@x.test").await;
            limit(&store, owner, 1_000).await;
            let late = match round % 3 {
                0 => kept(owner, "r", None),
                1 => repeatable(owner, "r", "same"),
                _ => call(owner),
            };
            let is_kept = late.kept.is_some();
            let (removed, opened) = join(remove(&store, owner), try_open(&other, late)).await;
            assert!(matches!(removed, Removed::Gone(_)), "{removed:?}");
            match opened {
                OpenedCall::NoOwner => {}
                OpenedCall::Call { id, .. } if is_kept => {
                    assert_eq!(charged(&store, id).await, (1, 0));
                }
                // Nobody is told before it ends, and what it holds is nobody's.
                OpenedCall::Call { id, .. } => {
                    close(&store, owner, id, None, end(TurnStatus::Complete, 1)).await;
                }
                other => panic!("{other:?}"),
            }
            expect_nothing_held(&store).await;
        }
    }
}
