//! Runs after runs: nothing twice, what grew comes, what was interrupted goes on, a dry run writes nothing.

use crate::{
    common::{TestStore, conformance, run},
    original::OriginalFile,
    state::{bring, bring_until, bring_with, chat, counts, dry, options, plain_file, state, sums, texts},
};
use chatai_engine::import::{ImportError, ImportKind, ImportOptions, ImportReport, LeftOut};
use chatai_store::ops::{conversations, turns::Settled};
use chatai_types::{ConversationId, Timestamp, UserId};

conformance! {
    async fn a_second_run_adds_nothing(store: TestStore) {
        let file = plain_file();
        let first = bring(&store, &file).await;
        let after = state(&store).await;
        let second = bring(&store, &file).await;
        assert_eq!(sums(&second), (0, 23, 0));
        assert_eq!(second.source, first.source);
        assert_eq!(state(&store).await, after);
        // Nor does a copy elsewhere.
        let copy = OriginalFile::without_tables();
        std::fs::copy(file.path(), copy.path()).unwrap();
        assert_eq!(sums(&bring(&store, &copy).await), (0, 23, 0));
        assert_eq!(state(&store).await, after);
    }

    async fn a_dry_run_writes_nothing_and_says_the_same(store: TestStore) {
        let file = plain_file();
        file.sql("insert into conversations values (10, 77, 'of nobody', null, null)");
        let planned = bring_with(&store, &file, dry()).await;
        assert!(planned.dry_run && planned.to_string().contains("dry run"));
        assert_eq!(state(&store).await, []);
        let done = bring(&store, &file).await;
        assert_eq!(ImportReport { dry_run: false, ..planned }, done);
        let planned = bring_with(&store, &file, dry()).await;
        assert_eq!(ImportReport { dry_run: false, ..planned }, bring(&store, &file).await);
    }

    async fn what_grew_comes_behind_what_is_here(store: TestStore) {
        let file = plain_file();
        bring(&store, &file).await;
        // Ada went on here, and so did the original.
        let ada = UserId(1);
        chat(&store, ada, Some(ConversationId(1)), "went on here").await;
        file.sql(
            "insert into users values (3, 'new@example.com', 'h', null, '2025-05-05 10:00:00');
             insert into conversations values (5, 3, 'New', null, '2025-05-05 10:00:00');
             insert into messages values
                (9, 1, null, 'went on there', null, '2025-05-05 10:00:01', null, null, null, null, null),
                (10, 1, 9, 'answer there', null, '2025-05-05 10:00:02', 1, 1, 0, 'm', 0.25),
                (11, 5, null, 'newcomer', null, '2025-05-05 10:00:03', null, null, null, null, null),
                (12, 3, 7, 'three again', null, '2025-05-05 10:00:04', 1, 1, 0, 'm', 0.25);
             insert into attachments values (4, 1, 'late.txt', 'came after the answer, as it did in the original', 'text/plain');
             insert into usage_details values (7, 10, 'final', 'm', 1, 1, 0, 0.25, '2025-05-05 10:00:02')",
        );
        let planned = bring_with(&store, &file, dry()).await;
        let report = bring(&store, &file).await;
        assert_eq!(ImportReport { dry_run: false, ..planned }, report);
        assert_eq!(sums(&report), (1 + 1 + 4 + 1 + 1, 23, 0), "{report}");
        let found = state(&store).await;
        let conversation = &found[0].conversations[0];
        assert_eq!(texts(&found[0])[0][4..], ["went on here", "answer to went on here", "went on there", "answer there"]);
        let [question, answer] = &conversation.messages[6..] else { panic!("{conversation:?}") };
        assert_eq!(answer.request_id, Some(question.id));
        assert_eq!(conversation.files.len(), 3);
        assert_eq!(texts(&found[0])[1], ["third", "three", "three again"]);
        assert_eq!(texts(&found[2]), [["newcomer"]]);
        assert_eq!(sums(&bring(&store, &file).await), (0, 31, 0));
        assert_eq!(state(&store).await, found);
    }

    async fn the_file_is_known_when_its_first_account_is_gone(store: TestStore) {
        let file = plain_file();
        bring(&store, &file).await;
        file.sql("delete from users where id = 1; insert into users values (3, 'c@example.com', 'h', null, null)");
        let report = bring(&store, &file).await;
        assert_eq!(counts(&report, ImportKind::User), (1, 1, 0));
        assert_eq!(counts(&report, ImportKind::Conversation), (0, 2, 2));
        assert_eq!(state(&store).await.len(), 3);
    }

    async fn another_file_with_the_same_ids_is_another_source(store: TestStore) {
        bring(&store, &plain_file()).await;
        let other = OriginalFile::empty();
        other.sql(
            "insert into users values (1, 'zoe@example.com', 'h', null, '2025-01-01 10:00:00');
             insert into conversations values (1, 1, 'Of Zoe', null, '2025-01-03 10:00:00');
             insert into messages (id, conversation_id, text, created_at) values (1, 1, 'hi', '2025-01-03 10:00:01');",
        );
        assert_eq!(sums(&bring(&store, &other).await), (3, 0, 0));
        assert_eq!(sums(&bring(&store, &other).await), (0, 3, 0));
        assert_eq!(sums(&bring(&store, &plain_file()).await), (0, 23, 0));
        let found = state(&store).await;
        assert_eq!(texts(&found[2]), [["hi"]]);
        assert_eq!(found[0].conversations.len(), 2);
    }

    async fn an_id_that_the_original_gave_out_again_is_another_row(store: TestStore) {
        let file = plain_file();
        bring(&store, &file).await;
        // Ben deletes his last conversation, then Ada's new one gets its id and the ids of the messages.
        file.sql(
            "delete from conversations where id = 4; delete from messages where id in (7, 8); delete from conversations where id = 3;
             delete from usage_details where id = 6;
             insert into conversations values (3, 2, 'Of Ben now', null, '2025-06-06 10:00:00'), (4, 1, 'Of Ada now', null, '2025-06-06 10:00:00');
             insert into messages (id, conversation_id, request_id, text, created_at) values
                (7, 3, null, 'private to Ben', '2025-06-06 10:00:01'), (8, 4, null, 'private to Ada', '2025-06-06 10:00:01'),
                (9, 4, 8, 'for Ada', '2025-06-06 10:00:02');
             insert into usage_details values (6, 9, 'final', 'm', 1, 1, 0, null, '2025-06-06 10:00:02')",
        );
        let report = bring(&store, &file).await;
        assert_eq!(counts(&report, ImportKind::Conversation), (2, 2, 0), "{report}");
        assert_eq!(counts(&report, ImportKind::Message), (3, 6, 0));
        assert_eq!(counts(&report, ImportKind::Usage), (1, 5, 0));
        let found = state(&store).await;
        let all = |account: usize| texts(&found[account]).concat();
        assert!(all(0).contains(&"private to Ada") && !all(0).contains(&"private to Ben"));
        assert!(all(1).contains(&"private to Ben") && !all(1).contains(&"private to Ada"));
        assert!(all(0).contains(&"third"), "what came first stays");
        assert_eq!(counts(&bring(&store, &file).await, ImportKind::Message), (0, 9, 0));
        assert_eq!(state(&store).await, found);
    }

    async fn what_was_deleted_here_does_not_come_back(store: TestStore) {
        let file = plain_file();
        bring(&store, &file).await;
        let (owner, conversation) = (UserId(1), ConversationId(1));
        assert!(store.write(move |tx| conversations::delete(tx, owner, conversation, Timestamp::from_micros(3), |_| Settled::default())).await.unwrap());
        let after = state(&store).await;
        file.sql("insert into messages (id, conversation_id, text) values (9, 1, 'went on there')");
        let report = bring(&store, &file).await;
        assert_eq!(sums(&report).0, 0, "{report}");
        assert_eq!(counts(&report, ImportKind::Conversation), (0, 4, 0));
        assert_eq!(report.left_out[&(ImportKind::Message, LeftOut::Deleted)].first, [1, 2, 5, 6, 9]);
        assert_eq!(state(&store).await, after);
    }

    async fn an_interrupted_run_goes_on_wherever_it_stopped(store: TestStore) {
        let file = plain_file();
        let expected = {
            let whole = TestStore::sqlite().await;
            bring(&whole, &file).await;
            state(&whole).await
        };
        let small = ImportOptions { page_rows: 2, ..options() };
        // On the one store, each run gets one page further; then on new ones, a single break at every page.
        let mut pages = 0;
        let report = loop {
            match bring_until(&store, &file, small.clone(), pages).await {
                Ok(report) => break report,
                Err(error) => assert!(matches!(error, ImportError::Interrupted), "{error}"),
            }
            pages += 1;
            state(&store).await;
        };
        assert!(pages >= 12, "{pages}");
        assert_eq!(sums(&report), (0, 23, 0));
        assert_eq!(state(&store).await, expected);
        for pages in 0..pages {
            let broken = TestStore::sqlite().await;
            let interrupted = bring_until(&broken, &file, small.clone(), pages).await;
            assert!(matches!(interrupted, Err(ImportError::Interrupted)));
            let report = bring(&broken, &file).await;
            assert!(report.new_ids.is_empty(), "{report}");
            assert_eq!(state(&broken).await, expected, "after {pages} pages");
        }
    }
}
