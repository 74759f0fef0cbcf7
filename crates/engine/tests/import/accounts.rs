//! Whose an e-mail is: accounts that are here already, or twice in the file.

use crate::{
    common::{TestStore, conformance, run},
    original::OriginalFile,
    state::{bring, bring_with, chat, counts, options, plain_file, register, state, sums, texts},
};
use chatai_engine::import::{Change, ImportKind, ImportOptions, LeftOut, NewId};
use chatai_types::UserId;

fn merging() -> ImportOptions {
    ImportOptions {
        merge_accounts: true,
        ..options()
    }
}

conformance! {
    async fn another_password_means_perhaps_another_person(store: TestStore) {
        let here = register(&store, "ada@example.com", "$argon2id$other").await;
        let before = state(&store).await;
        let report = bring(&store, &plain_file()).await;
        assert_eq!(report.conflicts.first, ["ada@example.com"]);
        assert_eq!(counts(&report, ImportKind::User), (1, 0, 1));
        assert_eq!(report.left_out[&(ImportKind::User, LeftOut::Conflict)].first, [1]);
        assert_eq!(report.left_out[&(ImportKind::Conversation, LeftOut::OfConflict)].first, [1, 3]);
        assert_eq!(report.left_out[&(ImportKind::Message, LeftOut::OfConflict)].first, [1, 2, 5, 6, 7, 8]);
        assert_eq!(report.left_out[&(ImportKind::Attachment, LeftOut::OfConflict)].first, [1, 3]);
        assert_eq!(report.left_out[&(ImportKind::Usage, LeftOut::OfConflict)].first, [1, 2, 5, 6]);
        assert!(report.to_string().contains("--merge-accounts"), "{report}");
        let after = state(&store).await;
        assert_eq!(after[0], before[0]);
        assert_eq!(after.len(), 2);
        // Said to be the same person, the rest comes too, and nothing twice.
        let report = bring_with(&store, &plain_file(), merging()).await;
        assert_eq!(sums(&report), (1 + 2 + 6 + 2 + 4, 1 + 2 + 2 + 1 + 2, 0), "{report}");
        assert_eq!(report.merged.first, [NewId { from: 1, to: here.0 }]);
        let merged = state(&store).await;
        assert_eq!(merged[0].account, before[0].account);
        assert_eq!(merged[0].password_hash, "$argon2id$other");
        assert_eq!(merged[0].conversations.len(), 2);
        assert_eq!(merged[1], after[1]);
        // From then on it is known, with or without the flag.
        assert_eq!(sums(&bring(&store, &plain_file()).await), (0, 23, 0));
    }

    async fn the_same_hash_means_the_same_person(store: TestStore) {
        let here = register(&store, "ada@example.com", "$2b$04$ada").await;
        chat(&store, here, None, "was here").await;
        let report = bring(&store, &plain_file()).await;
        assert_eq!(report.merged.first, [NewId { from: 1, to: here.0 }]);
        assert_eq!(report.conflicts.total, 0);
        assert_eq!(state(&store).await[0].conversations.len(), 3);
    }

    async fn accounts_that_differ_by_case_stay_two(store: TestStore) {
        register(&store, "ADA@example.com", "$2b$04$ada").await;
        let file = plain_file();
        file.sql("insert into users values (9, 'Ada@Example.com', '$2b$04$ada', null, null)");
        let report = bring(&store, &file).await;
        assert_eq!(counts(&report, ImportKind::User), (3, 0, 0));
        assert_eq!(report.merged.total, 0);
        let emails: Vec<_> = state(&store).await.into_iter().map(|found| found.account.email).collect();
        assert_eq!(emails, ["ADA@example.com", "ben@example.com", "Ada@Example.com", "ada@example.com"]);
    }

    async fn an_e_mail_that_is_twice_in_the_file_is_decided_by_the_hash(store: TestStore) {
        let file = OriginalFile::empty();
        file.sql(
            "insert into users values (1, 'a@example.com', 'h1', null, '2025-01-01 10:00:00'),
                (2, 'a@example.com', 'h2', null, '2025-01-01 10:00:00'), (3, 'a@example.com', 'h1', null, '2025-01-01 10:00:00'),
                (4, 'b@example.com', '', null, null), (5, 'b@example.com', null, null, null),
                (6, 'a@example.com', 'h1', null, '2025-01-01 10:00:00');
             insert into conversations values (1, 1, 'one', null, null), (2, 2, 'two', null, null), (3, 3, 'three', null, null),
                (6, 6, 'six', null, null)",
        );
        let report = bring(&store, &file).await;
        assert_eq!(report.left_out[&(ImportKind::User, LeftOut::Conflict)].first, [2, 5]);
        assert_eq!(report.merged.first, [NewId { from: 3, to: 1 }, NewId { from: 6, to: 1 }]);
        let found = state(&store).await;
        let titles: Vec<_> = found[0].conversations.iter().map(|found| found.conversation.title.as_deref().unwrap()).collect();
        assert_eq!(titles, ["one", "three", "six"]);
        assert_eq!(sums(&bring(&store, &file).await), (0, 4 + 3, 3));
    }

    async fn a_placeholder_s_e_mail_is_nobody_s(store: TestStore) {
        register(&store, "account-2@import.invalid", "$argon2id$x").await;
        let file = OriginalFile::empty();
        file.sql(
            "insert into users values (1, 'a@example.com', 'h', null, null), (2, null, null, null, null), (3, '', 'h', null, null);
             insert into conversations values (1, 2, 'private', null, null)",
        );
        let report = bring(&store, &file).await;
        assert_eq!(report.left_out[&(ImportKind::User, LeftOut::Conflict)].first, [2]);
        assert_eq!(report.changes[&(ImportKind::User, Change::EmailInvented)].first, [3]);
        let found = state(&store).await;
        assert_eq!(texts(&found[0]), Vec::<Vec<&str>>::new());
        assert!(found.iter().any(|found| found.account.id == UserId(3)));
    }
}
