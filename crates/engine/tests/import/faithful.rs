//! What comes is what was there: every id, byte, time stamp and price, and what cannot be kept is reported.

use crate::{
    common::{Place, TestStore, conformance, run},
    original::OriginalFile,
    state::{File, NOW, at, bring, chat, counts, plain_file, register, state, sums},
};
use chatai_engine::import::{Change, ImportKind, ImportReport, Listed};
use chatai_store::ops::search_index;
use chatai_types::{
    ConversationId, MessageId, Money, Role, Scope, TurnStatus, UsageSource, UserId, UserRole,
};
use rusqlite::{params_from_iter, types::Value};
use std::collections::BTreeMap;

fn changes(report: &ImportReport) -> BTreeMap<(ImportKind, Change), Vec<i64>> {
    let ids = |(key, listed): (&(ImportKind, Change), &Listed<i64>)| {
        assert_eq!(listed.first.len() as u64, listed.total);
        (*key, listed.first.clone())
    };
    report.changes.iter().map(ids).collect()
}

/// The same tables and rows with texts in another encoding.
fn recoded(file: &OriginalFile, encoding: &'static str) -> OriginalFile {
    let copy = OriginalFile::without_tables();
    copy.sql(&format!("pragma encoding = '{encoding}'"));
    let mut schema = file
        .connection
        .prepare("select name, sql from sqlite_schema where type = 'table'")
        .unwrap();
    let tables: Vec<(String, String)> = schema
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (table, sql) in tables {
        copy.sql(&sql);
        let mut rows = file
            .connection
            .prepare(&format!("select * from {table}"))
            .unwrap();
        let places = vec!["?"; rows.column_count()].join(", ");
        let insert = format!("insert into {table} values ({places})");
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<Value> = (0..columns).map(|column| row.get(column).unwrap()).collect();
            copy.connection
                .execute(&insert, params_from_iter(values))
                .unwrap();
        }
    }
    let found: String = copy
        .connection
        .query_row("pragma encoding", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, encoding);
    copy
}

conformance! {
    async fn a_plain_file_comes_as_it_is(store: TestStore) {
        let report = bring(&store, &plain_file()).await;
        assert_eq!(sums(&report), (2 + 4 + 8 + 3 + 6, 0, 0), "{report}");
        assert!(report.new_ids.is_empty() && report.changes.is_empty() && report.left_out.is_empty(), "{report}");
        assert_eq!(report.amount, Money::parse_usd("0.5000124").unwrap());
        assert!(report.needs_administrator);
        let state = state(&store).await;
        let ada = &state[0];
        assert_eq!((ada.account.id, ada.account.email.as_str()), (UserId(1), "ada@example.com"));
        assert_eq!((ada.account.display_name.as_deref(), ada.account.role), (Some("Ada"), UserRole::User));
        assert_eq!((ada.password_hash.as_str(), ada.account.created_at), ("$2b$04$ada", at("2025-01-01 10:00:00")));
        assert_eq!(ada.conversations.len(), 2);
        let first = &ada.conversations[0];
        assert_eq!(first.conversation.id, ConversationId(1));
        assert_eq!(first.conversation.title.as_deref(), Some("First"));
        let ids: Vec<_> = first.messages.iter().map(|message| (message.id.0, message.request_id, message.role)).collect();
        assert_eq!(ids, [
            (1, None, Role::User), (2, Some(MessageId(1)), Role::Assistant),
            (5, None, Role::User), (6, Some(MessageId(5)), Role::Assistant),
        ]);
        let (question, answer) = (&first.messages[0], &first.messages[1]);
        assert_eq!((question.text.as_str(), question.model.as_deref()), (" a question? ", Some("gpt-4.1-nano")));
        assert_eq!((question.tokens, question.price, question.status), (None, None, TurnStatus::Complete));
        assert_eq!(question.created_at, at("2025-01-03 10:00:01"));
        let tokens = answer.tokens.unwrap();
        assert_eq!((tokens.input_total(), tokens.output, tokens.cache_read), (Some(120), 30, 20));
        assert_eq!(answer.price.unwrap().to_f64(), 0.0000123);
        assert_eq!(answer.summary.as_deref(), Some("in short"));
        let calls: Vec<_> = first.usage.iter().map(|call| (call.id.0, call.message_id.0, call.scope)).collect();
        assert_eq!(calls, [(1, 2, Scope::Title), (2, 2, Scope::Final), (5, 6, Scope::Final)]);
        let call = &first.usage[1];
        assert_eq!((call.tokens.input_total(), call.tokens.cache_read, call.tokens.output), (Some(100), 20, 25));
        assert_eq!((call.price.unwrap().to_f64(), call.source), (0.0000103, UsageSource::Provider));
        assert_eq!(call.created_at, at("2025-01-03 10:00:02"));
        let notes = File {
            name: "notes.txt".to_owned(),
            content_type: Some("text/plain".to_owned()),
            bytes: b"Notes on the sea!".to_vec(),
            text: Some("Notes on the sea!".to_owned()),
        };
        assert_eq!(first.files[0], notes);
        // The attachment's text counts in its message's size: 4 for the message, 4 for its 14 characters, 5 for the file's 17.
        assert_eq!(question.size_tokens, 4 + 4 + 5);
        assert_eq!(question.attachments[0].kind, "text/plain");
        let ben = &state[1];
        let file = File { name: "Übersicht.bin".to_owned(), content_type: None, bytes: vec![0, 255, 0, 255], text: None };
        assert_eq!(ben.conversations[0].files[0], file);
        assert_eq!(ben.conversations[1].messages, []);
    }

    async fn life_goes_on_behind_an_import(store: TestStore) {
        bring(&store, &plain_file()).await;
        let new = register(&store, "new@example.com", "$argon2id$x").await;
        assert_eq!(new, UserId(3));
        let (conversation, question, _) = chat(&store, new, None, "hello").await;
        assert_eq!((conversation, question), (ConversationId(5), MessageId(9)));
        chat(&store, UserId(1), Some(ConversationId(1)), "and now?").await;
        state(&store).await;
    }

    async fn odd_values_are_kept_or_reported(store: TestStore) {
        let file = OriginalFile::empty();
        file.sql(
            "insert into users values
                (1, 'a@example.com', 'not a hash', x'41', '2025-01-01T10:00:00.123456'),
                (2, null, null, cast(x'c328' as text), null),
                (3, cast(x'636166e940782e79' as text), '$2b$04$x', cast(x'610062' as text), 'yesterday');
             insert into conversations values
                (1, 1, 17, x'ff', 1735725600), (2, 3, cast(x'610062' as text), null, ''), (3, 2, null, null, '2025-02-02');
             insert into messages values
                (1, 1, null, null, null, null, null, null, null, null, null),
                (2, 1, 1, x'e4bda0', 5, '2025-01-05 00:00:00+01:00', 5, 'many', null, 9, 'free'),
                (3, 1, null, 42, cast(x'610062' as text), '', null, null, null, null, null),
                (4, 1, 3, 1.5, null, 'soon', 3, 2, 9, 'm', 1e-13),
                (5, 2, null, 'q', null, '2025-03-03 03:03:03', null, null, null, null, null),
                (6, 2, 5, 'a', null, '2025-03-03 03:03:04', 1, 1, 1, 'm', 0.1);
             insert into attachments values
                (1, 1, null, null, null), (2, 1, '../x.txt', 'text in a blob', 'nonsense'), (3, 1, 'n.txt', 77, 'text/plain'),
                (4, 5, 'broken.pdf', '%PDF-1.7 broken', 'application/pdf');
             insert into usage_details values
                (1, 6, 'reasoning', null, 1, null, 1, 0.1, null), (2, 4, null, x'6d32', null, null, null, null, 'x');",
        );
        let report = bring(&store, &file).await;
        assert_eq!(sums(&report), (3 + 3 + 6 + 4 + 2, 0, 0), "{report}");
        use {Change as C, ImportKind as K};
        let expected = [
            ((K::User, C::TextOfWindows), vec![2, 3]),
            ((K::User, C::CharactersReplaced), vec![3]),
            ((K::User, C::MomentGuessed), vec![2, 3]),
            ((K::User, C::EmailInvented), vec![2]),
            ((K::User, C::PasswordMissing), vec![2]),
            ((K::Conversation, C::TextOfWindows), vec![1]),
            ((K::Conversation, C::CharactersReplaced), vec![2]),
            ((K::Conversation, C::MomentGuessed), vec![2]),
            ((K::Message, C::CharactersReplaced), vec![3]),
            ((K::Message, C::TextMissing), vec![1]),
            ((K::Message, C::MomentGuessed), vec![1, 3, 4]),
            ((K::Message, C::CountUnreadable), vec![2]),
            ((K::Message, C::PriceUnreadable), vec![2]),
            ((K::Message, C::PriceRounded), vec![4]),
            ((K::Attachment, C::TextMissing), vec![1]),
            ((K::Attachment, C::FileNameCleaned), vec![2]),
            ((K::Attachment, C::MediaTypeReplaced), vec![2]),
            ((K::Attachment, C::TextUnreadable), vec![4]),
            ((K::Usage, C::TextMissing), vec![1]),
            ((K::Usage, C::MomentGuessed), vec![1, 2]),
            ((K::Usage, C::CountUnreadable), vec![1, 2]),
            ((K::Usage, C::ScopeUnknown), vec![1, 2]),
        ];
        assert_eq!(changes(&report), BTreeMap::from(expected), "{report}");
        let state = state(&store).await;
        let (first, second, third) = (&state[0], &state[1], &state[2]);
        assert_eq!(first.password_hash, "not a hash");
        assert_eq!(first.account.display_name.as_deref(), Some("A"));
        assert_eq!(first.account.created_at.as_micros() % 1_000_000, 123_456);
        assert_eq!((second.account.email.as_str(), second.password_hash.as_str()), ("account-2@import.invalid", ""));
        assert_eq!(second.account.display_name.as_deref(), Some("Ã("));
        // The earliest of its conversations.
        assert_eq!(second.account.created_at, at("2025-02-02 00:00:00"));
        assert_eq!((third.account.email.as_str(), third.account.display_name.as_deref()), ("café@x.y", Some("a\u{FFFD}b")));
        assert_eq!(third.account.created_at, at(NOW), "its conversation has no moment either");
        let conversation = &first.conversations[0];
        assert_eq!(conversation.conversation.title.as_deref(), Some("17"));
        assert_eq!(conversation.conversation.created_at, at("2025-01-01 10:00:00"));
        let messages: Vec<_> = conversation.messages.iter().map(|message| (message.text.as_str(), message.created_at)).collect();
        assert_eq!(messages, [
            ("", at("2025-01-01 10:00:00")), ("你", at("2025-01-04 23:00:00")),
            ("42", at("2025-01-04 23:00:00")), ("1.5", at("2025-01-04 23:00:00")),
        ]);
        let impossible = conversation.messages[3].tokens.unwrap();
        assert_eq!((impossible.input_total(), impossible.cache_read), (Some(3), 9), "shown as it was");
        assert_eq!(conversation.messages[1].model.as_deref(), Some("9"));
        let files: Vec<_> = conversation.files.iter().map(|file| (file.name.as_str(), file.content_type.as_deref(), file.bytes.as_slice())).collect();
        assert_eq!(files, [
            ("file", None, &b""[..]), ("x.txt", Some("text/plain"), b"text in a blob"), ("n.txt", Some("text/plain"), b"77"),
        ]);
        let call = &third.conversations[0].usage[0];
        assert_eq!((call.scope, call.model.as_str(), call.created_at), (Scope::Final, "m", at("2025-03-03 03:03:04")));
        let call = &conversation.usage[0];
        assert_eq!((call.model.as_str(), call.source, call.price), ("m2", UsageSource::None, None));
        assert_eq!(third.conversations[0].files[0].bytes, b"%PDF-1.7 broken");
    }

    /// SQLite keeps text in one of three encodings, a choice of whoever made the file.
    async fn a_file_in_utf_16_comes_like_one_in_utf_8(store: TestStore) {
        let file = plain_file();
        file.sql(
            "update users set display_name = 'Zoë – 日本 😀' where id = 1;
             update conversations set title = '«ключ»' where id = 1;
             update messages set text = 'a\u{301} naïve \u{feff}question? 𝄞' where id = 1;
             update attachments set filename = 'Größe 時間.txt' where id = 1;",
        );
        bring(&store, &file).await;
        let expected = state(&store).await;
        assert_eq!(expected[0].account.display_name.as_deref(), Some("Zoë – 日本 😀"));
        for encoding in ["UTF-16le", "UTF-16be"] {
            let other = Place::sqlite();
            let other = chatai_store::Store::open_sqlite(chatai_store::SqliteOptions::new(other.path())).await.unwrap();
            let report = bring(&other, &recoded(&file, encoding)).await;
            assert!(report.changes.is_empty() && report.new_ids.is_empty(), "{encoding}: {report}");
            assert_eq!(state(&other).await, expected, "{encoding}");
            other.close().await;
        }
        // In the store that has them already every row is known again.
        let again = bring(&store, &recoded(&file, "UTF-16le")).await;
        assert_eq!(sums(&again), (0, 23, 0), "{again}");
    }

    async fn many_and_large_rows_come_whole(store: TestStore) {
        let file = OriginalFile::empty();
        file.sql("insert into users values (1, 'a@example.com', 'h', null, '2025-01-01 10:00:00')");
        file.sql("insert into conversations values (1, 1, null, null, '2025-01-01 10:00:00')");
        let long = "слово word ".repeat(20_000);
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        for id in 1..=40 {
            file.connection
                .execute("insert into messages (id, conversation_id, text, created_at) values (?1, 1, ?2, '2025-01-01 10:00:00')", (id, &long))
                .unwrap();
        }
        for id in 1..=4 {
            file.connection.execute("insert into attachments values (?1, ?2, 'x.bin', ?3, null)", (id, id * 7, &bytes)).unwrap();
        }
        let report = bring(&store, &file).await;
        assert_eq!(counts(&report, ImportKind::Message), (40, 0, 0));
        // Nothing is left for searches to look through.
        assert!(!store.read(search_index::is_behind).await.unwrap());
        let state = state(&store).await;
        let conversation = &state[0].conversations[0];
        assert!(conversation.messages.iter().all(|message| message.text == long));
        assert_eq!(conversation.files.len(), 4);
        assert!(conversation.files.iter().all(|file| file.bytes == bytes));
    }

    async fn an_empty_file_brings_nothing(store: TestStore) {
        let report = bring(&store, &OriginalFile::empty()).await;
        assert_eq!(sums(&report), (0, 0, 0));
        assert!(!report.needs_administrator);
        // The first to register is still the administrator.
        let first = register(&store, "a@example.com", "h").await;
        assert_eq!(first, UserId(1));
        assert_eq!(state(&store).await[0].account.role, UserRole::Admin);
    }
}
