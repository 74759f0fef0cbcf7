//! Conversations: by their owner alone, and gone as a whole.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{
        account, answered, at, at_once, close, end, expect_sound, open, other_instance, read, settle,
        try_open, turn, turn_with, write,
    },
};
use chatai_store::{
    Store,
    ops::{
        conversation_pages::{self, From, Which},
        conversations::{self, Conversation},
        turns::Opened,
    },
};
use chatai_types::{ConversationId, UserId};
use futures_util::future::join;

/// How often two things are done at once: which of them comes first is up to the machine.
const ROUNDS: usize = 12;

async fn add(store: &Store, owner: UserId, title: &'static str, micros: i64) -> ConversationId {
    write(store, move |tx| {
        conversations::add(tx, owner, Some(title), Some("a summary"), at(micros))
    })
    .await
    .expect("the account is there")
}

async fn delete(store: &Store, owner: UserId, id: ConversationId) -> bool {
    write(store, move |tx| {
        conversations::delete(tx, owner, id, at(60), settle)
    })
    .await
}

/// A page's keys, and whether there are older and newer ones.
async fn page(
    store: &Store,
    owner: UserId,
    which: Which,
    from: From,
    limit: u32,
) -> (Vec<conversation_pages::Key>, bool, bool) {
    let page = read(store, move |tx| {
        conversation_pages::page(tx, owner, which, from, limit)
    })
    .await;
    let keys = page.rows.iter().map(|row| (row.created_at, row.id)).collect();
    (keys, page.has_older, page.has_newer)
}

async fn titles(store: &Store, owner: UserId) -> Vec<String> {
    let listed = read(store, move |tx| conversations::list(tx, owner)).await;
    listed.into_iter().filter_map(|row| row.title).collect()
}

conformance! {
    async fn a_list_is_its_owner_s_newest_first(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let old = add(&store, owner, "old", 1).await;
        add(&store, owner, "new", 3).await;
        add(&store, owner, "new too", 3).await;
        add(&store, other, "another's", 2).await;
        assert_eq!(titles(&store, owner).await, ["new too", "new", "old"]);
        let listed = read(&store, move |tx| conversations::list(tx, owner)).await;
        let expected = Conversation {
            id: old,
            title: Some("old".to_owned()),
            summary: Some("a summary".to_owned()),
            created_at: at(1),
            pinned_at: None,
        };
        assert_eq!(listed.last(), Some(&expected));
        assert_eq!(read(&store, move |tx| conversations::get(tx, owner, old)).await, Some(expected));
        assert_eq!(read(&store, |tx| conversations::list(tx, UserId(99))).await, []);
    }

    async fn another_s_conversation_is_as_one_that_is_missing(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let id = add(&store, owner, "mine", 1).await;
        assert!(read(&store, move |tx| conversations::is_owned(tx, owner, id)).await);
        for (who, id) in [(other, id), (owner, ConversationId(99))] {
            assert!(!read(&store, move |tx| conversations::is_owned(tx, who, id)).await);
            assert_eq!(read(&store, move |tx| conversations::get(tx, who, id)).await, None);
            assert!(!write(&store, move |tx| conversations::rename(tx, who, id, "theirs")).await);
            assert!(!write(&store, move |tx| conversations::pin(tx, who, id, at(9))).await);
            assert!(!write(&store, move |tx| conversations::unpin(tx, who, id)).await);
            assert!(!write(&store, move |tx| conversations::settle_title(tx, who, id, "mine", "theirs")).await);
            assert!(!delete(&store, who, id).await);
        }
        assert_eq!(titles(&store, owner).await, ["mine"]);
        assert_eq!(read(&store, move |tx| conversations::list(tx, owner)).await[0].pinned_at, None);
    }

    async fn a_pin_keeps_its_moment_until_it_is_taken_away(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = add(&store, owner, "mine", 1).await;
        add(&store, owner, "another", 1).await;
        let pinned_at = async || {
            let listed = read(&store, move |tx| conversations::list(tx, owner)).await;
            listed.into_iter().map(|row| row.pinned_at).collect::<Vec<_>>()
        };
        for (now, since) in [(7, 7), (9, 7)] {
            assert!(write(&store, move |tx| conversations::pin(tx, owner, id, at(now))).await);
            assert_eq!(pinned_at().await, [None, Some(at(since))]);
        }
        for _ in 0..2 {
            assert!(write(&store, move |tx| conversations::unpin(tx, owner, id)).await);
            assert_eq!(pinned_at().await, [None, None]);
        }
        assert!(write(&store, move |tx| conversations::pin(tx, owner, id, at(11))).await);
        assert_eq!(pinned_at().await, [None, Some(at(11))]);
    }

    async fn a_made_title_does_not_replace_a_given_one(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = add(&store, owner, "provisional", 1).await;
        let settle = async |title| {
            write(&store, move |tx| conversations::settle_title(tx, owner, id, "provisional", title)).await
        };
        assert!(settle("made").await);
        assert_eq!(titles(&store, owner).await, ["made"]);
        assert!(write(&store, move |tx| conversations::rename(tx, owner, id, "given")).await);
        assert!(!settle("late").await);
        assert_eq!(titles(&store, owner).await, ["given"]);
    }

    async fn a_deletion_takes_everything_but_the_ledger(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let kept = answered(&store, turn_with(owner, None, "shared"), 3).await.conversation_id;
        let gone = answered(&store, turn_with(owner, None, "shared"), 5).await.conversation_id;
        answered(&store, turn_with(owner, Some(gone), "alone"), 7).await;
        assert!(delete(&store, owner, gone).await);
        assert!(!delete(&store, owner, gone).await);
        for (what, left) in [
            ("select count(*) from messages", 2),
            ("select count(*) from attachments", 1),
            ("select count(*) from usage_details", 1),
            ("select count(*) from blobs where content_hash = 'shared'", 1),
            ("select count(*) from blobs", 1),
            ("select count(*) from extracted_texts", 1),
            ("select cast(sum(amount) as bigint) from ledger", 15),
        ] {
            assert_eq!(number(&store.place, what).await, left, "{what}");
        }
        assert!(read(&store, move |tx| conversations::is_owned(tx, owner, kept)).await);
        expect_sound(&store).await;
    }

    async fn of_many_deletions_one_succeeds(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = answered(&store, turn_with(owner, None, "content"), 1).await.conversation_id;
        let deleted = at_once(&store, 8, async |store, _| delete(&store, owner, id).await).await;
        assert_eq!(deleted.into_iter().filter(|deleted| *deleted).count(), 1);
        expect_sound(&store).await;
    }

    async fn a_turn_opened_during_a_deletion_is_deleted_too_or_refused(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let id = answered(&store, turn_with(owner, None, "first"), 1).await.conversation_id;
            let late = turn_with(owner, Some(id), "late");
            let (deleted, _opened) = join(delete(&store, owner, id), try_open(&other, late)).await;
            assert!(deleted);
            for what in ["conversations", "messages", "attachments", "blobs", "extracted_texts"] {
                assert_eq!(number(&store.place, &format!("select count(*) from {what}")).await, 0, "{what}");
            }
        }
    }

    async fn an_answer_that_ends_during_a_deletion_is_charged_all_the_same(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for round in 1..=ROUNDS {
            let ids = open(&store, turn(owner, None)).await;
            let last = end(owner, ids, vec![crate::support::call(chatai_types::Scope::Final, 1)]);
            let (deleted, _closed) = join(delete(&store, owner, ids.conversation_id), close(&other, last)).await;
            assert!(deleted);
            assert_eq!(number(&store.place, "select count(*) from messages").await, 0);
            let charged = number(&store.place, "select cast(sum(amount) as bigint) from ledger").await;
            assert_eq!(usize::try_from(charged), Ok(round));
        }
    }

    async fn a_content_attached_during_a_deletion_stays(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let gone = answered(&store, turn_with(owner, None, "content"), 1).await.conversation_id;
            let kept = open(&store, turn(owner, None)).await.conversation_id;
            let (deleted, opened) = join(
                delete(&store, owner, gone),
                try_open(&other, turn_with(owner, Some(kept), "content")),
            )
            .await;
            assert!(deleted && matches!(opened, Opened::Turn(_)), "{opened:?}");
            for what in ["attachments", "blobs", "extracted_texts"] {
                assert_eq!(number(&store.place, &format!("select count(*) from {what}")).await, 1, "{what}");
            }
            assert!(delete(&store, owner, kept).await);
            assert_eq!(number(&store.place, "select count(*) from blobs").await, 0);
        }
    }

    async fn a_content_goes_with_its_last_conversations_however_many_go_at_once(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        for _ in 0..ROUNDS {
            let mut ids = Vec::new();
            for _ in 0..4 {
                ids.push(answered(&store, turn_with(owner, None, "content"), 1).await.conversation_id);
            }
            let deleted = at_once(&store, 4, async |store, number| {
                delete(&store, owner, ids[usize::try_from(number).unwrap()]).await
            });
            assert_eq!(deleted.await, [true; 4]);
            assert_eq!(number(&store.place, "select count(*) from blobs").await, 0);
        }
    }

    async fn pages_begin_behind_and_ahead_of_a_key(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let mut all = Vec::new();
        for micros in [1, 2, 2, 3, 4] {
            all.insert(0, (at(micros), add(&store, owner, "t", micros).await));
            add(&store, other, "theirs", micros).await;
        }
        let page = async |from, limit| page(&store, owner, Which::All, from, limit).await;
        all.sort_by(|a, b| b.cmp(a));
        assert_eq!(page(From::Newest, 2).await, (all[..2].to_vec(), true, false));
        assert_eq!(page(From::OlderThan(all[1]), 2).await, (all[2..4].to_vec(), true, true));
        assert_eq!(page(From::OlderThan(all[3]), 2).await, (all[4..].to_vec(), false, true));
        assert_eq!(page(From::NewerThan(all[3]), 2).await, (all[1..3].to_vec(), true, true));
        assert_eq!(page(From::NewerThan(all[1]), 9).await, (all[..1].to_vec(), true, false));
        assert_eq!(page(From::NewerThan(all[0]), 9).await, (Vec::new(), false, false));
    }

    async fn pages_of_the_pinned_ones_pass_over_the_others(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let mut pinned = Vec::new();
        for micros in 1..=9 {
            let id = add(&store, owner, "t", micros).await;
            let theirs = add(&store, other, "theirs", micros).await;
            write(&store, move |tx| conversations::pin(tx, other, theirs, at(20))).await;
            if micros % 2 == 0 {
                // In another order than they were made: the list's stays.
                write(&store, move |tx| conversations::pin(tx, owner, id, at(30 - micros))).await;
                pinned.insert(0, (at(micros), id));
            }
        }
        let page = async |from, limit| page(&store, owner, Which::Pinned, from, limit).await;
        assert_eq!(page(From::Newest, 9).await, (pinned.clone(), false, false));
        assert_eq!(page(From::Newest, 3).await, (pinned[..3].to_vec(), true, false));
        assert_eq!(page(From::OlderThan(pinned[2]), 3).await, (pinned[3..].to_vec(), false, true));
        assert_eq!(page(From::OlderThan(pinned[0]), 1).await, (pinned[1..2].to_vec(), true, true));
        assert_eq!(page(From::NewerThan(pinned[3]), 2).await, (pinned[1..3].to_vec(), true, true));
        assert_eq!(page(From::NewerThan(pinned[1]), 2).await, (pinned[..1].to_vec(), true, false));
        // The newest and the oldest of all are not pinned: nobody is told of them.
        assert_eq!(page(From::NewerThan(pinned[0]), 2).await, (Vec::new(), false, false));
    }
}
