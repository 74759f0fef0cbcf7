//! Messages as they are read back.

use crate::{
    common::{TestStore, conformance, run},
    support::{
        ANSWER_TOKENS, QUESTION_TOKENS, account, answered, at, call, close, empty_conversation, end, message,
        messages_of, open, read, tokens, turn, turn_with,
    },
};
use chatai_store::ops::messages::{self, Part};
use chatai_types::{ConversationId, ErrorCode, MessageId, Money, Role, Scope, TurnStatus};

conformance! {
    async fn a_conversation_is_read_oldest_first_with_its_files(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let first = answered(&store, turn_with(owner, None, "one"), 3).await;
        let id = first.conversation_id;
        let second = answered(&store, turn_with(owner, Some(id), "two"), 4).await;
        // Another conversation's messages lie between in the order of ids.
        answered(&store, turn_with(owner, None, "elsewhere"), 5).await;
        let third = open(&store, turn(owner, Some(id))).await;
        let read = messages_of(&store, owner, id).await;
        let ids: Vec<MessageId> = read.iter().map(|message| message.id).collect();
        let expected: Vec<MessageId> = [first, second, third]
            .iter()
            .flat_map(|ids| [ids.request_message_id, ids.response_message_id])
            .collect();
        assert_eq!(ids, expected);
        let files = |message: &messages::Message| {
            message.attachments.iter().map(|file| file.filename.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            read.iter().map(files).collect::<Vec<_>>(),
            [vec!["one.txt".to_owned()], vec![], vec!["two.txt".to_owned()], vec![], vec![], vec![]]
        );
        // One by one they are the same.
        for of_all in read {
            assert_eq!(message(&store, owner, of_all.id).await, of_all);
        }
    }

    async fn every_field_of_a_turn_comes_back(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let ids = open(&store, turn(owner, None)).await;
        let mut last = end(owner, ids, vec![call(Scope::Tool, 3), call(Scope::Final, 4)]);
        last.status = TurnStatus::Interrupted;
        last.answer_summary = Some("the answer in short".to_owned());
        last.question_summary = Some("the question in short".to_owned());
        last.times = messages::Times { first_ms: Some(120), total_ms: Some(4_500) };
        last.error = Some((ErrorCode::ProviderTimeout, "it took too long".to_owned()));
        assert!(close(&store, last).await);
        let question = message(&store, owner, ids.request_message_id).await;
        let expected = messages::Message {
            id: ids.request_message_id,
            conversation_id: ids.conversation_id,
            parent_id: None,
            request_id: None,
            role: Role::User,
            status: TurnStatus::Complete,
            text: "a question".to_owned(),
            summary: Some("the question in short".to_owned()),
            model: Some("m".to_owned()),
            size_tokens: QUESTION_TOKENS,
            tokens_before: 0,
            tokens: None,
            price: None,
            error: None,
            created_at: at(20),
            times: messages::Times::default(),
            attachments: Vec::new(),
            siblings: vec![ids.request_message_id],
        };
        assert_eq!(question, expected);
        let answer = message(&store, owner, ids.response_message_id).await;
        let expected = messages::Message {
            id: ids.response_message_id,
            parent_id: Some(ids.request_message_id),
            request_id: Some(ids.request_message_id),
            role: Role::Assistant,
            status: TurnStatus::Interrupted,
            text: "an answer".to_owned(),
            summary: Some("the answer in short".to_owned()),
            size_tokens: ANSWER_TOKENS,
            tokens_before: QUESTION_TOKENS,
            tokens: Some(tokens()),
            price: Some(Money::from_pico(7)),
            error: Some((ErrorCode::ProviderTimeout.as_str().to_owned(), "it took too long".to_owned())),
            times: messages::Times { first_ms: Some(120), total_ms: Some(4_500) },
            siblings: vec![ids.response_message_id],
            ..expected
        };
        assert_eq!(answer, expected);
    }

    async fn an_empty_conversation_has_no_messages(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = empty_conversation(&store, owner).await;
        assert_eq!(messages_of(&store, owner, id).await, []);
    }

    async fn another_s_messages_are_as_those_that_are_missing(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let ids = answered(&store, turn(owner, None), 3).await;
        for (who, conversation) in [(other, ids.conversation_id), (owner, ConversationId(99))] {
            let found = read(&store, move |tx| messages::branch(tx, who, conversation, Part::All)).await;
            assert_eq!(found, None);
        }
        for (who, id) in [(other, ids.response_message_id), (owner, MessageId(99))] {
            assert_eq!(read(&store, move |tx| messages::get(tx, who, id)).await, None);
        }
    }
}
