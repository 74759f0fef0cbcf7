//! The end of an account: everything of its own is gone, and nothing of anybody else's.

use crate::{
    common::{TestStore, conformance, run},
    raw::{meddle, number},
    support::{
        account, answered, at, at_once, expect_sound, new_account, open, other_instance, read, settle,
        settle_call, try_open, turn, turn_with, write,
    },
};
use chatai_store::{
    Store,
    ops::{
        account_removal::{self, Removed},
        accounts::{self, Added},
        attachments, budgets, conversations,
        turns::{self, OpenTurn, Opened, Repeatable},
    },
};
use chatai_types::{BudgetPeriod, Money, UserId};
use futures_util::future::join;

const ROUNDS: usize = 12;

async fn remove(store: &Store, owner: UserId) -> Removed {
    write(store, move |tx| {
        account_removal::remove(tx, owner, at(60), settle, settle_call)
    })
    .await
}

conformance! {
    async fn what_it_had_is_gone_and_what_it_cost_stays(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        write(&store, move |tx| accounts::set_role(tx, other, chatai_types::UserRole::Admin)).await;
        let gone = answered(&store, turn_with(owner, None, "shared"), 7).await;
        answered(&store, turn_with(owner, None, "alone"), 5).await;
        let kept = answered(&store, turn_with(other, None, "shared"), 3).await;
        // Every kind of row that an import notes, of both.
        for (number, ids) in [(1, gone), (2, kept)] {
            let (who, answer) = (if number == 1 { owner } else { other }, ids.response_message_id);
            let (conversation, question) = (ids.conversation_id, ids.request_message_id);
            meddle(&store.place, &format!(
                "insert into imported_rows (source, kind, source_id, local_id) \
                 select 'file', 'usage', {number}, min(id) from usage_details where message_id = {answer}; \
                 insert into imported_rows (source, kind, source_id, local_id) \
                 select 'file', 'attachment', {number}, min(id) from attachments where message_id = {question}; \
                 insert into imported_rows (source, kind, source_id, local_id) values \
                 ('file', 'message', {number}, {answer}), ('file', 'conversation', {number}, {conversation}), \
                 ('file', 'user', {number}, {who})"
            ))
            .await;
        }
        assert!(matches!(remove(&store, owner).await, Removed::Gone(conversations) if conversations.len() == 2));
        for (table, left) in [
            ("conversations", 1), ("messages", 2), ("attachments", 1), ("blobs", 1), ("extracted_texts", 1),
            ("usage_details", 1), ("imported_rows", 5), ("users", 1), ("budgets", 1), ("ledger", 3),
        ] {
            assert_eq!(number(&store.place, &format!("select count(*) from {table}")).await, left, "{table}");
        }
        assert_eq!(number(&store.place, "select min(source_id) from imported_rows").await, 2);
        let charged = format!("select cast(sum(amount) as bigint) from ledger where user_id = {owner}");
        assert_eq!(number(&store.place, &charged).await, 12);
        assert!(read(&store, move |tx| attachments::bytes_of(tx, other, "shared")).await.is_some());
        expect_sound(&store).await;
    }

    async fn what_a_running_turn_had_set_aside_is_gone_with_it(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let (limit, period) = (Some(Money::from_pico(100)), BudgetPeriod::Total);
        let now = at(20);
        write(&store, move |tx| budgets::set(tx, owner, limit, period, now)).await;
        let opening = OpenTurn { worst_case: Money::from_pico(60), ..turn(owner, None) };
        assert!(open(&store, opening).await.is_reserved);
        assert_eq!(number(&store.place, "select count(*) from reservations").await, 1);
        assert!(matches!(remove(&store, owner).await, Removed::Gone(_)));
        assert_eq!(number(&store.place, "select count(*) from reservations").await, 0);
    }

    async fn an_address_stays_taken_while_another_spelling_is_there(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        // As an import leaves it, which keeps what the original told apart.
        meddle(&store.place,
            "insert into users (email, email_folded, password_hash, role, created_at) \
             values ('A@example.com', 'a@example.com', 'x', 'admin', 0); \
             insert into budgets (user_id) select id from users where email = 'A@example.com'").await;
        assert!(matches!(remove(&store, owner).await, Removed::Gone(_)));
        let again = new_account("a@example.com");
        let refused = write(&store, move |tx| accounts::add(tx, &again)).await;
        assert!(matches!(refused, Added::EmailTaken), "{refused:?}");
        expect_sound(&store).await;
    }

    async fn a_turn_opened_during_a_removal_is_gone_too_or_refused(store: TestStore) {
        let other = other_instance(&store).await;
        for round in 0..ROUNDS {
            let owner = account(&store, "a@example.com").await;
            let id = answered(&store, turn_with(owner, None, "first"), 1).await.conversation_id;
            let late = turn_with(owner, (round % 2 == 0).then_some(id), "late");
            let opening = other.write(move |tx| turns::open(tx, &late));
            let (removed, opened) = join(remove(&store, owner), opening).await;
            assert!(matches!(removed, Removed::Gone(_)), "{removed:?}");
            let refused = matches!(opened, Ok(Opened::NoConversation | Opened::NoOwner));
            assert!(refused || matches!(opened, Ok(Opened::Turn(_))), "{opened:?}");
            for table in ["users", "conversations", "messages", "attachments", "blobs", "reservations"] {
                assert_eq!(number(&store.place, &format!("select count(*) from {table}")).await, 0, "{table}");
            }
        }
    }

    /// Whoever was let in a moment before is told that its token counts no more.
    async fn nothing_is_written_for_an_account_that_is_gone(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        assert!(matches!(remove(&store, owner).await, Removed::Gone(_)));
        assert_eq!(write(&store, move |tx| conversations::add(tx, owner, None, None, at(1))).await, None);
        assert_eq!(try_open(&store, turn(owner, None)).await, Opened::NoOwner);
        let mut again = turn(owner, None);
        again.repeatable = Some(Repeatable {
            key: "key".to_owned(),
            fingerprint: "asked".to_owned(),
            not_before: at(0),
        });
        assert_eq!(try_open(&store, again).await, Opened::NoOwner);
        write(&store, move |tx| accounts::end_session(tx, owner, "session", at(90), at(60))).await;
        assert_eq!(number(&store.place, "select count(*) from ended_sessions").await, 0);
    }

    async fn a_conversation_made_during_a_removal_is_gone_too_or_refused(store: TestStore) {
        let other = other_instance(&store).await;
        for _ in 0..ROUNDS {
            let owner = account(&store, "a@example.com").await;
            let adding = write(&other, move |tx| conversations::add(tx, owner, None, None, at(1)));
            let (removed, _added) = join(remove(&store, owner), adding).await;
            assert!(matches!(removed, Removed::Gone(_)), "{removed:?}");
            assert_eq!(number(&store.place, "select count(*) from conversations").await, 0);
        }
    }

    async fn of_two_removals_at_once_one_finds_it(store: TestStore) {
        for _ in 0..ROUNDS {
            let owner = account(&store, "a@example.com").await;
            let removed = at_once(&store, 4, async |store, _| remove(&store, owner).await).await;
            let gone = removed.iter().filter(|removed| matches!(removed, Removed::Gone(_)));
            assert_eq!(gone.count(), 1, "{removed:?}");
        }
    }
}
