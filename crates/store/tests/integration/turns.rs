//! Turns: one after another in a conversation, each closed and charged once.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{
        ANSWER_TOKENS, LEASE, QUESTION_TOKENS, account, answered, at, at_once, call, charged, close,
        empty_conversation, end, expect_sound, message, messages_of, open, other_instance, read, settle,
        try_open, turn, turn_with, write,
    },
};
use chatai_store::{
    Store,
    ops::{
        branches, conversations,
        messages::Message,
        prices::{self, CurrentPrice},
        turns::{self, OpenTurn, Opened},
    },
};
use chatai_types::{ConversationId, ErrorCode, MessageId, Rate, Rates, Scope, TurnStatus, UserId};
use futures_util::future::{join, join_all};
use std::sync::{Arc, Mutex};

const ROUNDS: usize = 12;

async fn history(
    store: &Store,
    owner: UserId,
    conversation: ConversationId,
    last: MessageId,
    tokens: i64,
) -> Option<Vec<Message>> {
    read(store, move |tx| {
        turns::history(tx, owner, conversation, last, tokens)
    })
    .await
}

async fn sweep(store: &Store, micros: i64) -> u64 {
    write(store, move |tx| turns::sweep(tx, at(50), at(micros), 100, settle)).await
}

async fn renew(store: &Store, answers: Vec<MessageId>, until: i64) -> u64 {
    write(store, move |tx| turns::renew_leases(tx, &answers, at(until))).await
}

/// Each message follows the one before it, and the sizes add up.
async fn expect_one_line(store: &Store, owner: UserId, conversation: ConversationId) -> Vec<Message> {
    let messages = messages_of(store, owner, conversation).await;
    let mut before: Option<&Message> = None;
    for message in &messages {
        assert_eq!(message.parent_id, before.map(|before| before.id), "{message:?}");
        let tokens = before.map_or(0, |before| before.tokens_before + before.size_tokens);
        assert_eq!(message.tokens_before, tokens, "{message:?}");
        before = Some(message);
    }
    let head = read(store, move |tx| branches::head(tx, owner, conversation)).await;
    assert_eq!(head, Some(before.map(|last| last.id)));
    messages
}

conformance! {
    async fn a_turn_opens_behind_the_last_one(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let first = answered(&store, turn(owner, None), 3).await;
        assert_eq!((first.parent_id, first.tokens_before), (None, 0));
        let second = open(&store, turn(owner, Some(first.conversation_id))).await;
        assert_eq!(second.parent_id, Some(first.response_message_id));
        assert_eq!(second.tokens_before, QUESTION_TOKENS + ANSWER_TOKENS);
        let messages = expect_one_line(&store, owner, first.conversation_id).await;
        assert_eq!(messages[3].status, TurnStatus::Running);
        let title = read(&store, move |tx| conversations::list(tx, owner)).await.remove(0).title;
        assert_eq!(title.as_deref(), Some("provisional"));
        expect_sound(&store).await;
    }

    async fn nothing_is_written_into_a_conversation_of_another(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let id = answered(&store, turn(owner, None), 3).await.conversation_id;
        for (who, id) in [(other, id), (owner, ConversationId(99))] {
            assert_eq!(try_open(&store, turn_with(who, Some(id), "content")).await, Opened::NoConversation);
            assert_eq!(read(&store, move |tx| branches::head(tx, who, id)).await, None);
            assert_eq!(history(&store, who, id, MessageId(2), 1_000).await, None);
        }
        assert_eq!(number(&store.place, "select count(*) from messages").await, 2);
        assert_eq!(number(&store.place, "select count(*) from blobs").await, 0);
    }

    async fn turns_opened_at_once_in_one_conversation_stand_in_line(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = answered(&store, turn(owner, None), 3).await.conversation_id;
        let opened = at_once(&store, 16, async |store, number| {
            open(&store, turn_with(owner, Some(id), &(number % 3).to_string())).await
        });
        assert_eq!(opened.await.len(), 16);
        assert_eq!(expect_one_line(&store, owner, id).await.len(), 34);
        expect_sound(&store).await;
    }

    async fn turns_opened_while_answers_end_count_their_sizes(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let first = open(&store, turn(owner, None)).await;
            let id = first.conversation_id;
            let second = open(&store, turn(owner, Some(id))).await;
            let ends = [first, second].map(|ids| close(&store, end(owner, ids, vec![call(Scope::Final, 1)])));
            let opens = [1, 2].map(|_| open(&other, turn(owner, Some(id))));
            let (closed, _opened) = join(join_all(ends), join_all(opens)).await;
            assert_eq!(closed, [true; 2]);
            expect_one_line(&store, owner, id).await;
        }
    }

    async fn history_is_the_latest_that_fits(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = answered(&store, turn(owner, None), 1).await.conversation_id;
        for _ in 0..80 {
            answered(&store, turn(owner, Some(id)), 1).await;
        }
        let all = messages_of(&store, owner, id).await;
        let last = all[all.len() - 1].id;
        assert_eq!(history(&store, owner, id, last, i64::MAX).await, Some(all.clone()));
        let few = history(&store, owner, id, last, 50).await.expect("it is there");
        assert!(few.len() < all.len(), "it is not read to its beginning");
        assert_eq!(few[..], all[all.len() - few.len()..]);
        let sizes: i64 = few.iter().map(|message| message.size_tokens).sum();
        assert!(sizes >= 50, "{sizes}");
        let before = history(&store, owner, id, all[99].id, i64::MAX).await;
        assert_eq!(before, Some(all[..100].to_vec()));
        assert_eq!(history(&store, owner, id, all[0].id, i64::MAX).await, Some(all[..1].to_vec()));
    }

    async fn an_empty_conversation_has_no_head(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = empty_conversation(&store, owner).await;
        assert_eq!(read(&store, move |tx| branches::head(tx, owner, id)).await, Some(None));
        assert_eq!(history(&store, owner, id, MessageId(1), 100).await, Some(Vec::new()));
    }

    async fn a_turn_closes_and_charges_once(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let ids = open(&store, turn(owner, None)).await;
        let last = end(owner, ids, vec![call(Scope::Tool, 3), call(Scope::Tool, 4), call(Scope::Final, 5)]);
        assert!(close(&store, last.clone()).await);
        assert!(!close(&store, last).await);
        assert_eq!(charged(&store, ids).await, (3, 12));
        expect_sound(&store).await;
    }

    async fn a_turn_closed_at_once_by_several_tries_charges_once(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        for _ in 0..ROUNDS {
            let ids = open(&store, turn(owner, None)).await;
            let last = end(owner, ids, vec![call(Scope::Final, 5)]);
            let closed = at_once(&store, 4, async |store, _| close(&store, last.clone()).await).await;
            assert_eq!(closed.into_iter().filter(|closed| *closed).count(), 1);
            assert_eq!(charged(&store, ids).await, (1, 5));
        }
        expect_sound(&store).await;
    }

    async fn another_s_turn_cannot_be_closed(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let ids = open(&store, turn(owner, None)).await;
        assert!(!close(&store, end(other, ids, Vec::new())).await);
        assert_eq!(message(&store, owner, ids.response_message_id).await.status, TurnStatus::Running);
    }

    async fn a_sweep_takes_what_nobody_renewed_and_its_owner_may_still_close_it(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let (first, second) = (open(&store, turn(owner, None)).await, open(&store, turn(owner, None)).await);
        let done = answered(&store, turn(owner, None), 2).await;
        assert_eq!(sweep(&store, LEASE).await, 0, "the leases have not ended");
        let answers = vec![second.response_message_id, done.response_message_id, MessageId(99)];
        assert_eq!(renew(&store, answers.clone(), 2 * LEASE).await, 1);
        assert_eq!(sweep(&store, LEASE + 1).await, 1);
        let swept = message(&store, owner, first.response_message_id).await;
        assert_eq!(swept.status, TurnStatus::Interrupted);
        assert_eq!(swept.error.expect("a reason").0, ErrorCode::Interrupted.as_str());
        assert_eq!(message(&store, owner, second.response_message_id).await.status, TurnStatus::Running);
        assert_eq!(renew(&store, vec![first.response_message_id], 2 * LEASE).await, 0, "it is lost");
        // Its owner lives after all.
        let last = end(owner, first, vec![call(Scope::Final, 5)]);
        assert!(close(&store, last.clone()).await);
        assert!(!close(&store, last).await);
        let closed = message(&store, owner, first.response_message_id).await;
        assert_eq!((closed.status, closed.error), (TurnStatus::Complete, None));
        assert_eq!(charged(&store, first).await, (1, 5));
        assert_eq!(sweep(&store, i64::MAX).await, 1);
        assert_eq!(message(&store, owner, done.response_message_id).await.status, TurnStatus::Complete);
        expect_sound(&store).await;
    }

    /// A clock that is set back makes nobody live longer.
    async fn a_lease_beyond_any_that_is_given_is_cut_short(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let gone = open(&store, turn(owner, None)).await.response_message_id;
        let alive = open(&store, turn(owner, None)).await.response_message_id;
        assert_eq!(renew(&store, vec![gone, alive], 100 * LEASE).await, 2);
        assert_eq!(write(&store, |tx| turns::shorten_leases(tx, at(2 * LEASE))).await, 2);
        assert_eq!(write(&store, |tx| turns::shorten_leases(tx, at(2 * LEASE))).await, 0, "they are short");
        assert_eq!(renew(&store, vec![alive], 4 * LEASE).await, 1);
        assert_eq!(sweep(&store, 3 * LEASE).await, 1);
        let running = number(&store.place, "select id from messages where status = 'running'").await;
        assert_eq!(MessageId(running), alive);
    }

    /// A change between the choice of a model and the opening of its turn is after the one and before the other.
    async fn an_abandoned_turn_is_charged_by_the_prices_it_was_opened_with(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let price = |pico: i64, micros: i64| {
            let rate = Rate::from_pico_per_token(pico);
            let rates = Rates { input: rate, cache_read: rate, cache_write: rate, output: rate };
            let current = [CurrentPrice { model: "m".to_owned(), label: None, rates }];
            write(&store, move |tx| Ok((rates, prices::sync(tx, &current, at(micros))?.remove(0))))
        };
        let (rates, version) = price(1, 10).await;
        price(2, 15).await;
        let priced = OpenTurn { price_version: Some(version), ..turn(owner, None) };
        let (priced, unpriced) = (open(&store, priced).await, open(&store, turn(owner, None)).await);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let also_seen = Arc::clone(&seen);
        let sweep = write(&store, move |tx| {
            turns::sweep(tx, at(50), at(LEASE + 1), 100, |turn| {
                also_seen.lock().unwrap().push((turn.answer, turn.price));
                settle(turn)
            })
        });
        assert_eq!(sweep.await, 2);
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable_by_key(|(answer, _)| *answer);
        let expected = [(priced.response_message_id, Some((version, rates))), (unpriced.response_message_id, None)];
        assert_eq!(seen, expected);
    }

    async fn one_that_is_asked_for_is_swept_alone(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let ids = open(&store, turn(owner, None)).await;
        let (answer, beside) = (ids.response_message_id, open(&store, turn(owner, None)).await.response_message_id);
        let sweep = async |owner, micros| {
            let is_abandoned = read(&store, move |tx| turns::is_abandoned(tx, answer, at(micros))).await;
            let swept = write(&store, move |tx| turns::sweep_one(tx, owner, answer, at(micros), settle)).await;
            (is_abandoned, swept)
        };
        assert_eq!(sweep(owner, LEASE).await, (false, false), "its owner is believed alive");
        assert_eq!(sweep(other, LEASE + 1).await, (true, false), "another's");
        assert_eq!(sweep(owner, LEASE + 1).await, (true, true));
        assert_eq!(sweep(owner, LEASE + 1).await, (false, false), "once");
        assert_eq!(message(&store, owner, answer).await.status, TurnStatus::Interrupted);
        assert_eq!(message(&store, owner, beside).await.status, TurnStatus::Running);
        expect_sound(&store).await;
        // Its owner lives after all.
        assert!(close(&store, end(owner, ids, vec![call(Scope::Final, 5)])).await);
        assert_eq!(charged(&store, ids).await, (1, 5));
    }

    async fn a_lease_is_renewed_or_swept_never_both(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let ids = open(&store, turn(owner, None)).await;
            let answer = ids.response_message_id;
            let (renewed, swept) = join(renew(&store, vec![answer], i64::MAX), sweep(&other, LEASE + 1)).await;
            assert_eq!(renewed + swept, 1);
            let expected = if swept == 1 { TurnStatus::Interrupted } else { TurnStatus::Running };
            assert_eq!(message(&store, owner, answer).await.status, expected);
        }
    }

    async fn a_turn_swept_while_it_closes_is_complete(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, other_instance(&store).await);
        for _ in 0..ROUNDS {
            let ids = open(&store, turn(owner, None)).await;
            let last = end(owner, ids, vec![call(Scope::Final, 5)]);
            let (closed, _swept) = join(close(&store, last), sweep(&other, LEASE + 1)).await;
            assert!(closed);
            let closed = message(&store, owner, ids.response_message_id).await;
            assert_eq!((closed.status, closed.error), (TurnStatus::Complete, None));
            assert_eq!(charged(&store, ids).await, (1, 5));
        }
        expect_sound(&store).await;
    }

    async fn several_instances_sweep_each_turn_once(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        for _ in 0..10 {
            open(&store, turn(owner, None)).await;
        }
        let swept = at_once(&store, 6, async |store, _| sweep(&store, LEASE + 1).await).await;
        assert_eq!(swept.into_iter().sum::<u64>(), 10);
    }
}
