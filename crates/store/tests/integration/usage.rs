//! Usage rows, by answer and by conversation.

use crate::{
    common::{TestStore, conformance, run},
    support::{account, answered, at, call, close, end, open, read, tokens, turn, write},
};
use chatai_store::ops::{
    prices::{self, CurrentPrice},
    usage::{self, Usage},
};
use chatai_types::{ConversationId, MessageId, Money, Rates, Scope, UsageId, UsageSource};

conformance! {
    async fn an_answer_s_calls_come_back_in_order(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let price = CurrentPrice { model: "m".to_owned(), label: None, rates: Rates::default() };
        let version = write(&store, move |tx| prices::sync(tx, std::slice::from_ref(&price), at(1))).await[0];
        let ids = open(&store, turn(owner, None)).await;
        let mut unpriced = call(Scope::Tool, 0);
        (unpriced.price, unpriced.source) = (None, UsageSource::Estimated);
        let mut priced = call(Scope::Final, 9);
        priced.price_version = Some(version);
        assert!(close(&store, end(owner, ids, vec![unpriced, priced])).await);
        let row = Usage {
            id: UsageId(1),
            message_id: ids.response_message_id,
            scope: Scope::Tool,
            model: "m".to_owned(),
            tokens: tokens(),
            source: UsageSource::Estimated,
            price: None,
            price_version: None,
            fallback_from: None,
            created_at: at(30),
        };
        let last = Usage {
            id: UsageId(2),
            scope: Scope::Final,
            source: UsageSource::Provider,
            price: Some(Money::from_pico(9)),
            price_version: Some(version),
            ..row.clone()
        };
        let found = read(&store, move |tx| usage::of_message(tx, owner, ids.response_message_id)).await;
        assert_eq!(found, [row, last]);
    }

    async fn a_conversation_s_calls_come_in_order_of_messages(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let first = open(&store, turn(owner, None)).await;
        let id = first.conversation_id;
        let second = answered(&store, turn(owner, Some(id)), 2).await;
        answered(&store, turn(owner, None), 3).await;
        // Written later, for the earlier message.
        assert!(close(&store, end(owner, first, vec![call(Scope::Final, 1)])).await);
        let found = read(&store, move |tx| usage::of_conversation(tx, owner, id)).await.expect("it is there");
        let rows: Vec<_> = found.iter().map(|row| (row.message_id, row.price)).collect();
        let expected = [(first, 1), (second, 2)];
        assert_eq!(rows, expected.map(|(ids, pico)| (ids.response_message_id, Some(Money::from_pico(pico)))));
    }

    async fn another_s_usage_is_as_what_is_missing(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let ids = answered(&store, turn(owner, None), 3).await;
        for (who, message, conversation) in [
            (other, ids.response_message_id, ids.conversation_id),
            (owner, MessageId(99), ConversationId(99)),
        ] {
            assert_eq!(read(&store, move |tx| usage::of_message(tx, who, message)).await, []);
            assert_eq!(read(&store, move |tx| usage::of_conversation(tx, who, conversation)).await, None);
        }
    }
}
