//! Answers while they are written: what is shown, which calls are made, who wants them ended.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{
        LEASE, account, answered, at, at_once, call, close, end, expect_sound, message, open, read, settle,
        try_open, turn, write,
    },
};
use chatai_store::{
    Store,
    ops::{
        conversations,
        turns::{
            self, Abandoned, Appended, BegunCall, EventKind, NewEvent, Opened, Repeatable, Settled,
            StoredEvent,
        },
    },
};
use chatai_types::{MessageId, Scope, TurnStatus, UserId};
use std::sync::{Arc, Mutex};

fn event(number: i64, kind: EventKind, data: &str) -> NewEvent {
    NewEvent {
        number,
        kind,
        text_offset: 0,
        data: data.to_owned(),
        written_at: at(30 + number),
        titled: None,
    }
}

async fn append(store: &Store, answer: MessageId, events: Vec<NewEvent>) -> Appended {
    write(store, move |tx| turns::append(tx, answer, &events)).await
}

async fn shown(store: &Store, answer: MessageId, after: i64) -> Vec<(EventKind, String)> {
    let found: Vec<StoredEvent> = read(store, move |tx| turns::events(tx, answer, after)).await;
    found.into_iter().map(|event| (event.kind, event.data)).collect()
}

fn repeatable(key: &str, fingerprint: &str) -> Option<Repeatable> {
    Some(Repeatable {
        key: key.to_owned(),
        fingerprint: fingerprint.to_owned(),
        not_before: at(10),
    })
}

async fn repeated(store: &Store, owner: UserId, request: Option<Repeatable>) -> Option<Option<MessageId>> {
    let request = request.expect("a request");
    let found = read(store, move |tx| turns::repeated(tx, owner, &request)).await;
    found.map(|same| same.map(|ids| ids.response_message_id))
}

conformance! {
    async fn pieces_are_kept_until_the_end_and_the_rest_for_good(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let ids = open(&store, turn(owner, None)).await;
        let answer = ids.response_message_id;
        let events = vec![event(0, EventKind::Tool, "{}"), event(1, EventKind::Text, "an "), event(2, EventKind::Reasoning, "r")];
        assert_eq!(append(&store, answer, events.clone()).await, Appended::Written);
        // Written again after an unknown outcome, they are there once.
        assert_eq!(append(&store, answer, events).await, Appended::Written);
        assert_eq!(shown(&store, answer, 0).await, [(EventKind::Text, "an ".to_owned()), (EventKind::Reasoning, "r".to_owned())]);
        let mut last = end(owner, ids, vec![call(Scope::Final, 5)]);
        last.events = vec![event(3, EventKind::Title, "t")];
        last.events[0].titled = Some((owner, ids.conversation_id, "provisional".to_owned()));
        assert!(close(&store, last).await);
        let kept = [(EventKind::Tool, "{}"), (EventKind::Reasoning, "r"), (EventKind::Title, "t")];
        assert_eq!(shown(&store, answer, -1).await, kept.map(|(kind, data)| (kind, data.to_owned())));
        let listed = read(&store, move |tx| conversations::list(tx, owner)).await;
        assert_eq!(listed[0].title.as_deref(), Some("t"));
        assert_eq!(append(&store, answer, vec![event(4, EventKind::Text, "late")]).await, Appended::Closed);
        assert!(write(&store, move |tx| conversations::delete(tx, owner, ids.conversation_id, at(60), settle)).await);
        assert_eq!(append(&store, answer, vec![event(4, EventKind::Text, "late")]).await, Appended::Gone);
        assert_eq!(number(&store.place, "select count(*) from turn_events").await, 0);
        expect_sound(&store).await;
    }

    async fn steps_are_told_of_many_answers_at_once_and_of_ones_own_alone(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let other = account(&store, "b@example.com").await;
        let first = open(&store, turn(owner, None)).await;
        let answer = first.response_message_id;
        let events = vec![event(0, EventKind::Reasoning, "r"), event(1, EventKind::Text, "an answer"),
            event(2, EventKind::Tool, "{}"), event(3, EventKind::Title, "t")];
        append(&store, answer, events).await;
        assert!(close(&store, end(owner, first, Vec::new())).await);
        let conversation = first.conversation_id;
        let second = open(&store, turn(owner, Some(conversation))).await;
        append(&store, second.response_message_id, vec![event(0, EventKind::Reasoning, "later")]).await;
        let all = (MessageId(0), MessageId(i64::MAX));
        let steps = move |owner, (from, to)| move |tx: &mut chatai_store::Tx<'_>| turns::steps(tx, owner, conversation, from, to);
        let step = |answer, tool: Option<&str>, micros| turns::StoredStep { answer, tool: tool.map(str::to_owned), written_at: Some(at(micros)) };
        let told = [step(answer, None, 30), step(answer, Some("{}"), 32), step(second.response_message_id, None, 30)];
        assert_eq!(read(&store, steps(owner, all)).await, told);
        assert_eq!(read(&store, steps(owner, (answer, answer))).await, told[..2]);
        assert_eq!(read(&store, steps(other, all)).await, []);
    }

    async fn a_sweep_keeps_what_was_shown_and_charges_what_is_known(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let mut opening = turn(owner, None);
        opening.calls = vec![begun(1, Scope::Title)];
        let ids = open(&store, opening).await;
        let answer = ids.response_message_id;
        append(&store, answer, vec![event(0, EventKind::Text, "half an"), event(1, EventKind::Reasoning, "hm"), event(2, EventKind::Text, " answer ")]).await;
        let ended = [(1, call(Scope::Title, 3))];
        let recorded = write(&store, move |tx| turns::record_calls(tx, answer, &ended, &[begun(4, Scope::Final)], at(25)));
        assert_eq!(recorded.await, Appended::Written);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (seen_too, price) = (Arc::clone(&seen), 21);
        let sweep = move |tx: &mut chatai_store::Tx<'_>| {
            turns::sweep(tx, at(50), at(LEASE + 1), 10, |turn: &Abandoned| {
                seen_too.lock().unwrap().push(turn.clone());
                Settled { calls: vec![call(Scope::Title, 3), call(Scope::Final, price - 3)],
                    price: Some(chatai_types::Money::from_pico(price)), ..Settled::default() }
            })
        };
        assert_eq!(store.write(sweep).await.unwrap(), 1);
        let turn = seen.lock().unwrap().last().cloned().expect("it was seen");
        assert_eq!((turn.text.as_str(), turn.request_tokens), ("half an answer", crate::support::REQUEST_TOKENS));
        let beside: Vec<(EventKind, &str)> = turn.beside.iter().map(|event| (event.kind, event.data.as_str())).collect();
        assert_eq!(beside, [(EventKind::Reasoning, "hm")]);
        let known: Vec<(Scope, bool)> = turn.calls.iter().map(|known| (known.call.scope, known.ended)).collect();
        assert_eq!(known, [(Scope::Title, true), (Scope::Final, false)]);
        let kept = message(&store, owner, answer).await;
        assert_eq!((kept.status, kept.text.as_str()), (TurnStatus::Interrupted, "half an answer"));
        expect_sound(&store).await;
        // Its owner lives after all: what the sweep charged is taken back.
        assert!(close(&store, end(owner, ids, vec![call(Scope::Final, 5)])).await);
        let charged = "select cast(sum(amount) as bigint) from ledger";
        assert_eq!(number(&store.place, charged).await, 5);
        assert_eq!(number(&store.place, "select count(*) from usage_details").await, 1);
    }

    async fn calls_of_a_turn_that_has_ended_are_not_written_down(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let answer = answered(&store, turn(owner, None), 1).await.response_message_id;
        let record = async |answer| {
            write(&store, move |tx| turns::record_calls(tx, answer, &[], &[begun(4, Scope::Final)], at(25))).await
        };
        assert_eq!(record(answer).await, Appended::Closed);
        assert_eq!(record(MessageId(99)).await, Appended::Gone);
        assert_eq!(number(&store.place, "select count(*) from turn_calls").await, 0);
    }

    async fn a_running_answer_is_asked_to_end_by_its_owner_alone(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let running = open(&store, turn(owner, None)).await.response_message_id;
        let done = answered(&store, turn(owner, None), 1).await.response_message_id;
        for (who, answer, asked) in [(other, running, false), (owner, done, false), (owner, running, true)] {
            assert_eq!(write(&store, move |tx| turns::request_cancel(tx, who, answer)).await, asked);
        }
        let wanted = read(&store, move |tx| turns::to_be_ended(tx, &[running, done])).await;
        assert_eq!(wanted, [running]);
        assert_eq!(read(&store, move |tx| turns::to_be_ended(tx, &[done])).await, []);
        // So is one whose conversation is gone: nobody can ask for it any more.
        let ids = open(&store, turn(owner, None)).await;
        let orphan = ids.response_message_id;
        assert_eq!(read(&store, move |tx| turns::to_be_ended(tx, &[orphan])).await, []);
        assert!(write(&store, move |tx| conversations::delete(tx, owner, ids.conversation_id, at(60), settle)).await);
        assert_eq!(read(&store, move |tx| turns::to_be_ended(tx, &[done, orphan])).await, [orphan]);
    }

    async fn a_key_stands_for_one_turn(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let opened = at_once(&store, 12, async |store, _| {
            let mut opening = turn(owner, None);
            opening.repeatable = repeatable("key", "same");
            try_open(&store, opening).await
        }).await;
        let made: Vec<MessageId> = opened.iter().filter_map(|opened| match opened {
            Opened::Turn(ids) => Some(ids.response_message_id),
            _ => None,
        }).collect();
        assert_eq!(made.len(), 1, "{opened:?}");
        assert!(opened.iter().all(|opened| match opened {
            Opened::Turn(_) => true,
            Opened::Repeated(ids) => ids.response_message_id == made[0],
            _ => false,
        }), "{opened:?}");
        assert_eq!(number(&store.place, "select count(*) from messages").await, 2);
        let mut other = turn(owner, None);
        other.repeatable = repeatable("key", "another");
        assert_eq!(try_open(&store, other).await, Opened::OtherRequest);
        assert_eq!(repeated(&store, owner, repeatable("key", "same")).await, Some(Some(made[0])));
        assert_eq!(repeated(&store, owner, repeatable("key", "another")).await, Some(None));
        let stranger = account(&store, "b@example.com").await;
        assert_eq!(repeated(&store, stranger, repeatable("key", "same")).await, None);
    }

    async fn a_refused_request_leaves_its_key(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let mut opening = turn(owner, Some(chatai_types::ConversationId(99)));
        opening.repeatable = repeatable("key", "one");
        assert_eq!(try_open(&store, opening).await, Opened::NoConversation);
        let mut opening = turn(owner, None);
        opening.repeatable = repeatable("key", "two");
        assert!(matches!(try_open(&store, opening).await, Opened::Turn(_)));
    }

    async fn old_keys_are_forgotten(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let opening = |key: &str| {
            let mut opening = turn(owner, None);
            opening.repeatable = repeatable(key, "one");
            opening
        };
        for key in ["a", "b"] {
            open(&store, opening(key)).await;
        }
        let mut late = repeatable("a", "one");
        late.as_mut().unwrap().not_before = at(21);
        assert_eq!(repeated(&store, owner, late.clone()).await, None);
        let mut again = opening("a");
        again.repeatable = late;
        again.now = at(30);
        assert!(matches!(try_open(&store, again).await, Opened::Turn(_)));
        assert_eq!(write(&store, |tx| turns::forget_repeatable(tx, at(25), 10)).await, 1);
        assert_eq!(number(&store.place, "select count(*) from idempotency_keys").await, 1);
    }
}

fn begun(number: i64, scope: Scope) -> BegunCall {
    BegunCall {
        number,
        scope,
        model: "m".to_owned(),
        price_version: None,
        fallback_from: None,
        request_tokens: 9,
        tokens_before: 0,
    }
}
