//! Ids: kept where free, else new, and the order of messages never changes.

use crate::{
    common::{TestStore, conformance, run},
    original::OriginalFile,
    state::{bring, bring_with, chat, counts, dry, plain_file, register, state, texts},
};
use chatai_engine::import::{ImportKind, ImportReport, NewId};
use chatai_types::{ConversationId, UserId};

fn new_ids(report: &ImportReport, kind: ImportKind) -> Vec<(i64, i64)> {
    let pair = |id: &NewId| (id.from, id.to);
    report
        .new_ids
        .get(&kind)
        .map(|listed| listed.first.iter().map(pair).collect())
        .unwrap_or_default()
}

conformance! {
    async fn taken_ids_get_new_ones(store: TestStore) {
        let admin = register(&store, "admin@example.com", "$argon2id$x").await;
        assert_eq!(admin, UserId(1));
        chat(&store, admin, None, "here first").await;
        chat(&store, admin, None, "here second").await;
        let before = state(&store).await;
        let planned = bring_with(&store, &plain_file(), dry()).await;
        assert_eq!(state(&store).await, before);
        let report = bring(&store, &plain_file()).await;
        assert_eq!(ImportReport { dry_run: false, ..planned }, report);
        assert_eq!(new_ids(&report, ImportKind::User), [(1, 3)]);
        assert_eq!(new_ids(&report, ImportKind::Conversation), [(1, 5), (2, 6)]);
        // 1 to 4 are taken; 5 and 6 follow 1 and 2 in their conversation, so they follow them above 8.
        assert_eq!(new_ids(&report, ImportKind::Message), [(1, 9), (2, 10), (3, 11), (4, 12), (5, 13), (6, 14)]);
        assert_eq!(new_ids(&report, ImportKind::Attachment), []);
        assert!(!report.needs_administrator);
        assert!(report.to_string().contains("JWT_SECRET_KEY"), "{report}");
        let after = state(&store).await;
        assert_eq!(after[0], before[0], "what was here is as it was");
        let [ben, ada] = [&after[1], &after[2]];
        assert_eq!((ben.account.id, ada.account.id), (UserId(2), UserId(3)));
        let fresh = TestStore::sqlite().await;
        bring(&fresh, &plain_file()).await;
        let original = state(&fresh).await;
        let mut expected = texts(&original[0]);
        let mut found = texts(ada);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        let answer = &ada.conversations.iter().find(|found| found.conversation.id == ConversationId(5)).unwrap();
        assert_eq!(answer.messages[1].request_id, Some(answer.messages[0].id));
        assert_eq!(answer.usage.len(), 3);
        assert_eq!(answer.files.len(), 2);
    }

    async fn ids_no_client_could_use_get_new_ones(store: TestStore) {
        let file = OriginalFile::empty();
        file.sql(
            "insert into users values (0, 'zero@example.com', 'h', null, null), (-5, 'minus@example.com', 'h', null, null),
                (9223372036854775807, 'max@example.com', 'h', null, null), (7, 'seven@example.com', 'h', null, null);
             insert into conversations values (-1, 0, 'a', null, null), (9223372036854775807, -5, 'b', null, null);
             insert into messages (id, conversation_id, request_id, text) values (-9, -1, null, 'q'), (0, -1, -9, 'a'),
                (5, -1, null, 'q2'), (9223372036854775807, -1, 5, 'a2');
             insert into attachments values (-1, -9, 'a.txt', 'x', null), (9223372036854775807, 5, 'b.txt', 'y', null);",
        );
        let report = bring(&store, &file).await;
        assert_eq!(new_ids(&report, ImportKind::User), [(-5, 8), (0, 9), (i64::MAX, 10)]);
        assert_eq!(new_ids(&report, ImportKind::Message), [(-9, 6), (0, 7), (5, 8), (i64::MAX, 9)]);
        let found = state(&store).await;
        let zero = found.iter().find(|found| found.account.email == "zero@example.com").unwrap();
        assert_eq!(texts(zero), [["q", "a", "q2", "a2"]]);
        assert_eq!(zero.conversations[0].files.len(), 2);
        assert_eq!(register(&store, "next@example.com", "h").await, UserId(11));
        assert_eq!(bring(&store, &file).await.rows[&ImportKind::Message].known, 4);
    }

    async fn two_imports_at_once_bring_everything_once(store: TestStore) {
        let file = plain_file();
        let expected = {
            let one = TestStore::sqlite().await;
            bring(&one, &file).await;
            state(&one).await
        };
        let (first, second) = tokio::join!(bring(&store, &file), bring(&store, &file));
        for kind in ImportKind::ALL {
            let (first, second) = (counts(&first, kind), counts(&second, kind));
            // What the one took, the other knew.
            assert_eq!((first.0, first.1), (second.1, second.0), "{kind:?}");
        }
        assert_eq!(state(&store).await, expected);
    }

    async fn people_who_come_meanwhile_disturb_nothing(store: TestStore) {
        let file = OriginalFile::empty();
        for id in 1..=60 {
            file.sql(&format!(
                "insert into users values ({id}, 'original{id}@example.com', 'h', null, '2025-01-01 10:00:00');
                 insert into conversations values ({id}, {id}, 't', null, '2025-01-01 10:00:00');
                 insert into messages (id, conversation_id, text) values ({id}, {id}, 'text {id}')"
            ));
        }
        let strangers = async {
            for number in 0..60 {
                let owner = register(&store, &format!("stranger{number}@example.com"), "h").await;
                chat(&store, owner, None, "hello").await;
            }
        };
        let (report, ()) = tokio::join!(bring(&store, &file), strangers);
        assert_eq!(counts(&report, ImportKind::User), (60, 0, 0));
        let state = state(&store).await;
        assert_eq!(state.len(), 120);
        for account in state {
            let expected = if account.account.email.starts_with("stranger") { 2 } else { 1 };
            assert_eq!(account.conversations[0].messages.len(), expected);
        }
    }
}
