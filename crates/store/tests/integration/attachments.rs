//! Attachments: each content once, and only for who attached it.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{
        account, answered, at_once, expect_sound, file, message, open, read, text, turn, turn_with,
        turn_with_files,
    },
};
use chatai_store::ops::attachments::{self, Attachment};
use chatai_types::{AttachmentId, ConversationId, MessageId};

conformance! {
    async fn a_file_comes_back_as_it_was_sent(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let mut bare = file("two");
        (bare.content_type, bare.text) = (None, None);
        let ids = open(&store, turn_with_files(owner, None, vec![file("one"), bare])).await;
        let expected = |id, content: &str, content_type: Option<&str>| Attachment {
            id: AttachmentId(id),
            message_id: ids.request_message_id,
            filename: format!("{content}.txt"),
            content_type: content_type.map(str::to_owned),
            kind: "text".to_owned(),
            size: 3,
            content_hash: content.to_owned(),
        };
        let of_message = read(&store, move |tx| attachments::of_message(tx, owner, ids.request_message_id)).await;
        assert_eq!(of_message, [expected(1, "one", Some("text/plain")), expected(2, "two", None)]);
        let found = read(&store, move |tx| attachments::content(tx, owner, AttachmentId(2))).await;
        let found = found.expect("it is there");
        assert_eq!((&*found.filename, found.content_type, &*found.bytes), ("two.txt", None, &b"two"[..]));
        let bytes = read(&store, move |tx| attachments::bytes_of(tx, owner, "one")).await;
        assert_eq!(bytes.as_deref(), Some(&b"one"[..]));
        assert_eq!(read(&store, move |tx| attachments::text_of(tx, owner, "one")).await, Some(text("one")));
        assert_eq!(read(&store, move |tx| attachments::text_of(tx, owner, "two")).await, None);
    }

    async fn a_conversation_s_files_are_listed_from_one_message_to_another(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let first = answered(&store, turn_with(owner, None, "one"), 1).await;
        let id = first.conversation_id;
        answered(&store, turn_with(owner, None, "elsewhere"), 1).await;
        let second = answered(&store, turn_with(owner, Some(id), "two"), 1).await;
        let names = async |from, to| -> Vec<String> {
            let files = read(&store, move |tx| attachments::of_conversation(tx, owner, id, from, to)).await;
            files.into_iter().map(|file| file.content_hash).collect()
        };
        let last = second.response_message_id;
        assert_eq!(names(MessageId(0), last).await, ["one", "two"]);
        assert_eq!(names(first.response_message_id, last).await, ["two"]);
        assert_eq!(names(first.request_message_id, first.response_message_id).await, ["one"]);
        assert_eq!(names(last, last).await, [] as [&str; 0]);
    }

    async fn another_s_files_are_as_those_that_are_missing(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let ids = open(&store, turn_with(owner, None, "content")).await;
        let (message, conversation) = (ids.request_message_id, ids.conversation_id);
        let id = read(&store, move |tx| attachments::of_message(tx, owner, message)).await[0].id;
        for (who, message, conversation, id, hash) in [
            (other, message, conversation, id, "content"),
            (owner, MessageId(99), ConversationId(99), AttachmentId(99), "none"),
        ] {
            assert_eq!(read(&store, move |tx| attachments::of_message(tx, who, message)).await, []);
            let (from, to) = (MessageId(0), MessageId(i64::MAX));
            assert_eq!(read(&store, move |tx| attachments::of_conversation(tx, who, conversation, from, to)).await, []);
            assert!(read(&store, move |tx| attachments::content(tx, who, id)).await.is_none());
            assert_eq!(read(&store, move |tx| attachments::bytes_of(tx, who, hash)).await, None);
            assert_eq!(read(&store, move |tx| attachments::text_of(tx, who, hash)).await, None);
        }
        // Who sends the same content has it too.
        open(&store, turn_with(other, None, "content")).await;
        assert!(read(&store, move |tx| attachments::bytes_of(tx, other, "content")).await.is_some());
        assert_eq!(read(&store, move |tx| attachments::text_of(tx, other, "content")).await, Some(text("content")));
    }

    async fn a_content_attached_many_times_at_once_is_kept_once(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        // In different orders, so that they wait for each other crosswise.
        let opened = at_once(&store, 12, async |store, number| {
            let mut files = vec![file("one"), file("two")];
            if number % 2 == 0 {
                files.reverse();
            }
            open(&store, turn_with_files(owner, None, files)).await
        });
        for ids in opened.await {
            assert_eq!(message(&store, owner, ids.request_message_id).await.attachments.len(), 2);
        }
        assert_eq!(number(&store.place, "select count(*) from attachments").await, 24);
        assert_eq!(number(&store.place, "select count(*) from blobs").await, 2);
        assert_eq!(number(&store.place, "select count(*) from extracted_texts").await, 2);
        expect_sound(&store).await;
    }

    async fn a_turn_without_files_has_none(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let ids = open(&store, turn(owner, None)).await;
        assert_eq!(message(&store, owner, ids.request_message_id).await.attachments, []);
    }
}
