//! Rows that belong to nobody: counted, reported, never attached to somebody.

use crate::{
    common::{TestStore, conformance, run},
    original::OriginalFile,
    state::{bring, bring_with, dry, plain_file, state, sums, texts},
};
use chatai_engine::import::{Change, ImportKind, LeftOut};
use chatai_types::{MessageId, Role};

conformance! {
    async fn orphans_of_every_kind_are_left_out(store: TestStore) {
        let file = plain_file();
        file.sql(
            "insert into conversations values (10, 77, 'of nobody', null, null), (11, null, 'of null', null, null),
                (12, 'x', 'of text', null, null);
             insert into messages (id, conversation_id, request_id, text) values
                (20, 99, null, 'nowhere'), (21, null, null, 'null'), (22, 10, null, 'of nobody'), (23, 10, 22, 'to nobody');
             insert into attachments values (20, 999, 'a', x'00', null), (21, null, 'b', x'00', null),
                (22, 22, 'c', x'00', null), (23, 20, 'd', x'00', null);
             insert into usage_details (id, message_id, scope, model) values
                (20, 999, 'final', 'm'), (21, null, 'final', 'm'), (22, 23, 'final', 'm'), (23, 21, 'final', 'm');",
        );
        let report = bring(&store, &file).await;
        assert_eq!(sums(&report), (23, 0, 3 + 4 + 4 + 4), "{report}");
        let left_out: Vec<_> = report.left_out.iter().map(|(key, ids)| (*key, ids.first.clone())).collect();
        assert_eq!(left_out, [
            ((ImportKind::Conversation, LeftOut::Orphan), vec![10, 11, 12]),
            ((ImportKind::Message, LeftOut::Orphan), vec![20, 21]),
            ((ImportKind::Message, LeftOut::OfOrphan), vec![22, 23]),
            ((ImportKind::Attachment, LeftOut::Orphan), vec![20, 21]),
            ((ImportKind::Attachment, LeftOut::OfOrphan), vec![22, 23]),
            ((ImportKind::Usage, LeftOut::Orphan), vec![20, 21]),
            ((ImportKind::Usage, LeftOut::OfOrphan), vec![22, 23]),
        ], "{report}");
        // Nothing of them is anywhere.
        let with = state(&store).await;
        let without = TestStore::sqlite().await;
        bring(&without, &plain_file()).await;
        assert_eq!(with, state(&without).await);
        let said = report.to_string();
        assert!(said.contains("3 conversations, of an account that is not in the file: 10, 11, 12"), "{said}");
    }

    async fn answers_to_nothing_are_kept_as_answers_to_nothing(store: TestStore) {
        let file = OriginalFile::empty();
        file.sql(
            "insert into users values (1, 'a@example.com', 'h', null, '2025-01-01 10:00:00'),
                (2, 'b@example.com', 'h2', null, '2025-01-01 10:00:00');
             insert into conversations values (1, 1, null, null, '2025-01-01 10:00:00'), (2, 2, null, null, '2025-01-01 10:00:00');
             insert into messages (id, conversation_id, request_id, text) values
                (1, 1, null, 'question'), (2, 1, 99, 'to a missing one'), (3, 1, 3, 'to itself'),
                (4, 1, 5, 'circle'), (5, 1, 4, 'circle back'), (6, 2, 1, 'to another person'), (7, 1, 'x', 'to a text'),
                (8, 1, 2, 'to an answer'), (9, 1, 1, 'right');",
        );
        let report = bring(&store, &file).await;
        let changed = &report.changes[&(ImportKind::Message, Change::QuestionMissing)];
        assert_eq!(changed.first, [2, 3, 4, 6, 7]);
        let state = state(&store).await;
        let answers: Vec<_> = state
            .iter()
            .flat_map(|account| &account.conversations[0].messages)
            .map(|message| (message.id.0, message.role, message.request_id))
            .collect();
        assert_eq!(answers, [
            (1, Role::User, None), (2, Role::Assistant, None), (3, Role::Assistant, None), (4, Role::Assistant, None),
            (5, Role::Assistant, Some(MessageId(4))), (7, Role::Assistant, None), (8, Role::Assistant, Some(MessageId(2))),
            (9, Role::Assistant, Some(MessageId(1))), (6, Role::Assistant, None),
        ]);
    }

    async fn details_are_bounded_and_the_rest_is_counted(store: TestStore) {
        let file = plain_file();
        for id in 100..150 {
            file.sql(&format!("insert into messages (id, conversation_id, text) values ({id}, 999, 'x')"));
        }
        let report = bring_with(&store, &file, dry()).await;
        let listed = &report.left_out[&(ImportKind::Message, LeftOut::Orphan)];
        assert_eq!((listed.first.len(), listed.total), (20, 50));
        assert!(report.to_string().contains("118, 119 and 30 more"), "{report}");
    }

    async fn an_orphan_whose_owner_comes_back_is_taken_then(store: TestStore) {
        let file = plain_file();
        file.sql(
            "insert into conversations values (10, 3, 'late', null, '2025-01-01 10:00:00');
             insert into messages (id, conversation_id, text) values (20, 10, 'late')",
        );
        assert_eq!(sums(&bring(&store, &file).await).2, 2);
        file.sql("insert into users values (3, 'c@example.com', 'h', null, '2025-01-01 10:00:00')");
        assert_eq!(sums(&bring(&store, &file).await), (3, 23, 0));
        assert_eq!(texts(&state(&store).await[2]), [["late"]]);
    }
}
