//! Reading the original's database: whatever state its files are in, and without touching them.

use crate::original::OriginalFile;
use chatai_store::legacy::{Counts, Field, LargestIds, Original, OriginalError, PageLimits, Question};
use rusqlite::Connection;
use std::{collections::BTreeMap, fs, path::Path};

const ALL: PageLimits = PageLimits {
    rows: 1_000,
    bytes: 1 << 30,
};

fn text(value: &str) -> Field {
    Field::Text(value.as_bytes().to_vec())
}

fn one_user() -> OriginalFile {
    let file = OriginalFile::empty();
    file.sql("insert into users values (1, 'ada@example.com', '$2b$04$x', 'Ada', '2025-01-01 10:00:00')");
    file
}

/// Every file of a folder with its bytes.
fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

/// The files of a folder as they are now, as after a crash of the process that holds them.
fn crashed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (name, bytes) in bytes_of(folder) {
        // The index of the log is memory of the process that died.
        if !name.ends_with("-shm") {
            fs::write(copy.path().join(name), bytes).unwrap();
        }
    }
    copy
}

fn count_users(folder: &Path) -> u64 {
    let before = bytes_of(folder);
    let original = Original::open(&folder.join("app.db")).unwrap();
    let counts = original.counts().unwrap();
    let users = original.users(i64::MIN, ALL).unwrap();
    assert_eq!(users.rows.len() as u64, counts.users);
    drop(original);
    assert_eq!(bytes_of(folder), before, "nothing was changed, made or removed");
    counts.users
}

#[test]
fn rows_come_as_they_are() {
    let file = one_user();
    file.sql(
        "insert into users values (2, null, x'ff00', 7, 1.5);
         insert into users values (3, cast(x'e96100' as text), '', null, null);
         insert into conversations values (5, 1, 'A title', null, '2025-01-01 10:00:00'), (6, 99, null, null, null);
         insert into messages (id, conversation_id, request_id, text) values
             (10, 5, null, 'why?'), (11, 5, 10, 'because'), (12, 5, 99, 'lost'), (13, 6, 10, 'elsewhere'),
             (14, 77, null, 'nowhere');
         insert into attachments values (1, 10, 'a.txt', x'00ff', 'text/plain'), (2, 98, null, null, null);
         insert into usage_details (id, message_id, scope, price) values (1, 11, 'final', 0.25), (2, 97, 'x', 1);",
    );
    let original = Original::open(&file.path()).unwrap();
    let counts = Counts {
        users: 3,
        conversations: 2,
        messages: 5,
        attachments: 2,
        usage_details: 2,
    };
    assert_eq!(original.counts().unwrap(), counts);
    let users = original.users(i64::MIN, ALL).unwrap().rows;
    assert_eq!(
        (&users[0].email, &users[0].display_name),
        (&text("ada@example.com"), &text("Ada"))
    );
    assert_eq!(
        (&users[1].email, &users[1].password_hash),
        (&Field::Null, &Field::Blob(vec![0xff, 0]))
    );
    assert_eq!(
        (&users[1].display_name, &users[1].created_at),
        (&text("7"), &Field::Real(1.5))
    );
    assert_eq!(users[2].email, Field::Text(b"\xe9a\0".to_vec()));
    let conversations = original.conversations(i64::MIN, ALL).unwrap().rows;
    assert_eq!(
        conversations.iter().map(|row| row.user).collect::<Vec<_>>(),
        [Some(1), None]
    );
    let messages = original.messages(i64::MIN, ALL).unwrap().rows;
    let questions: Vec<_> = messages
        .iter()
        .map(|row| (row.conversation, row.question))
        .collect();
    assert_eq!(
        questions,
        [
            (Some(5), Question::None),
            (
                Some(5),
                Question::Message {
                    id: 10,
                    same_conversation: true
                }
            ),
            (Some(5), Question::Missing),
            (
                Some(6),
                Question::Message {
                    id: 10,
                    same_conversation: false
                }
            ),
            (None, Question::None),
        ]
    );
    let attachments = original.attachments(i64::MIN, ALL).unwrap().rows;
    assert_eq!(
        (attachments[0].message, attachments[0].conversation),
        (Some(10), Some(5))
    );
    assert_eq!(attachments[0].content, Field::Blob(vec![0, 0xff]));
    assert_eq!(
        (attachments[1].message, &attachments[1].content),
        (None, &Field::Null)
    );
    let usage = original.usage_details(i64::MIN, ALL).unwrap().rows;
    assert_eq!(
        (usage[0].message, &usage[0].price),
        (Some(11), &Field::Real(0.25))
    );
    assert_eq!((usage[1].message, &usage[1].price), (None, &Field::Real(1.0)));
}

#[test]
fn pages_are_bounded_and_miss_nothing() {
    let file = OriginalFile::empty();
    for id in [i64::MIN, -3, 0, 1, 2, 9, 10, i64::MAX] {
        file.sql(&format!(
            "insert into users (id, email) values ({id}, '{}')",
            "x".repeat(100)
        ));
    }
    let original = Original::open(&file.path()).unwrap();
    for (limits, most) in [
        (
            PageLimits {
                rows: 3,
                bytes: 1 << 20,
            },
            3,
        ),
        (
            PageLimits {
                rows: 100,
                bytes: 150,
            },
            2,
        ),
        (PageLimits { rows: 0, bytes: 0 }, 1),
    ] {
        let mut ids = Vec::new();
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            let page = original.users(start, limits).unwrap();
            assert!((1..=most).contains(&page.rows.len()), "{limits:?}");
            ids.extend(page.rows.iter().map(|row| row.id));
            from = page.next;
        }
        assert_eq!(ids, [i64::MIN, -3, 0, 1, 2, 9, 10, i64::MAX], "{limits:?}");
    }
}

#[test]
fn the_largest_ids_are_those_of_somebody_s_rows() {
    let file = one_user();
    let none = Original::open(&file.path()).unwrap().largest_ids(100).unwrap();
    assert_eq!(
        none,
        LargestIds {
            users: 1,
            ..LargestIds::default()
        }
    );
    file.sql(
        "insert into users (id) values (500);
         insert into conversations (id, user_id) values (3, 1), (4, 1), (9, 99), (200, 1);
         insert into messages (id, conversation_id) values (5, 3), (6, 9), (7, 77), (300, 3);
         insert into attachments (id, message_id) values (1, 5), (2, 6), (3, 77);
         insert into usage_details (id, message_id) values (-1, 5), (8, 7);",
    );
    let found = Original::open(&file.path()).unwrap().largest_ids(100).unwrap();
    let expected = LargestIds {
        users: 1,
        conversations: 4,
        messages: 5,
        attachments: 1,
        usage_details: 0,
    };
    assert_eq!(found, expected);
}

#[test]
fn texts_of_utf16_databases_come_as_utf8() {
    let file = OriginalFile::without_tables();
    file.sql("pragma encoding = 'UTF-16le'");
    let with_tables = OriginalFile::empty();
    let schema: Vec<String> = with_tables
        .connection
        .prepare("select sql from sqlite_schema where sql is not null")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    file.sql(&schema.join(";"));
    file.sql("insert into users (id, email) values (1, 'ä日@example.com')");
    let original = Original::open(&file.path()).unwrap();
    assert_eq!(
        original.users(1, ALL).unwrap().rows[0].email,
        text("ä日@example.com")
    );
}

#[test]
fn a_plain_file_is_left_alone() {
    let file = one_user();
    assert_eq!(count_users(file.folder.path()), 1);
}

#[test]
fn a_log_closed_in_good_order_needs_no_files() {
    let file = one_user();
    file.sql("pragma journal_mode = wal; insert into users (id) values (2)");
    let OriginalFile { connection, folder } = file;
    connection.close().unwrap();
    assert_eq!(bytes_of(folder.path()).keys().collect::<Vec<_>>(), ["app.db"]);
    assert_eq!(count_users(folder.path()), 2);
}

#[test]
fn changes_in_a_hot_log_are_read() {
    let file = one_user();
    file.sql("pragma journal_mode = wal; pragma wal_autocheckpoint = 0");
    file.sql("insert into users (id) values (2), (3)");
    // One more is not committed yet.
    file.sql("begin; insert into users (id) values (4)");
    let crashed = crashed(file.folder.path());
    assert!(fs::metadata(crashed.path().join("app.db-wal")).unwrap().len() > 0);
    assert_eq!(count_users(crashed.path()), 3);
    // The same beside the process that has it open.
    assert_eq!(count_users(file.folder.path()), 3);
}

#[test]
fn an_unfinished_transaction_is_rolled_back_in_a_copy() {
    let file = one_user();
    // So small a cache makes SQLite write to the file before the commit.
    file.sql("pragma cache_size = 1; pragma cache_spill = 1; begin");
    for id in 2..200 {
        file.sql(&format!(
            "insert into users (id, email) values ({id}, '{}')",
            "x".repeat(500)
        ));
    }
    let crashed = crashed(file.folder.path());
    assert!(fs::metadata(crashed.path().join("app.db-journal")).unwrap().len() > 0);
    assert!(fs::metadata(crashed.path().join("app.db")).unwrap().len() > 30_000);
    assert_eq!(count_users(crashed.path()), 1);
}

#[test]
fn a_locked_file_is_refused() {
    let file = one_user();
    file.sql("begin exclusive");
    let refused = Original::open(&file.path()).unwrap_err();
    assert!(matches!(refused, OriginalError::Locked), "{refused}");
}

#[test]
fn an_immutable_file_that_changes_is_noticed() {
    let file = one_user();
    file.sql("pragma journal_mode = wal");
    let OriginalFile { connection, folder } = file;
    connection.close().unwrap();
    let path = folder.path().join("app.db");
    let original = Original::open(&path).unwrap();
    assert_eq!(original.users(1, ALL).unwrap().rows.len(), 1);
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("insert into users (id) values (2)").unwrap();
    let refused = original.users(1, ALL).unwrap_err();
    assert!(matches!(refused, OriginalError::Changed), "{refused}");
}

#[test]
fn other_files_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| {
        let refused = Original::open(path).unwrap_err();
        assert!(
            !refused.to_string().contains('\n') && !refused.hint().contains('\n'),
            "{refused}"
        );
        refused
    };
    assert!(matches!(
        refusal(&folder.path().join("missing.db")),
        OriginalError::File { .. }
    ));
    assert!(matches!(refusal(folder.path()), OriginalError::NotAFile(_)));
    for (name, bytes) in [
        ("short.db", &b"SQLite format 3\0"[..]),
        ("text.db", &[b'x'; 4096]),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert!(matches!(refusal(&path), OriginalError::NotSqlite(_)), "{name}");
    }
    let path = folder.path().join("empty.db");
    fs::write(&path, []).unwrap();
    assert!(matches!(refusal(&path), OriginalError::Foreign(_)));
    let mut header = b"SQLite format 3\0".to_vec();
    header.resize(4096, 0xaa);
    fs::write(&path, header).unwrap();
    assert!(matches!(
        refusal(&path),
        OriginalError::NotSqlite(_) | OriginalError::Damaged(_)
    ));
}

#[test]
fn other_schemas_are_refused_by_name() {
    let refusal = |change: &str| {
        let file = OriginalFile::empty();
        file.sql(change);
        Original::open(&file.path()).unwrap_err()
    };
    for (change, said) in [
        ("drop table usage_details", "no table `usage_details`"),
        (
            "drop table users; create view users as select 1 id",
            "no table `users`",
        ),
        ("alter table messages drop column price", "no column `price`"),
        (
            "drop table users; create table users (id text primary key, email, password_hash, display_name, created_at)",
            "no integer primary key `id`",
        ),
        (
            "drop table users; create table users (id integer, email, password_hash, display_name, created_at)",
            "no integer primary key `id`",
        ),
    ] {
        let refused = refusal(change);
        assert!(
            matches!(refused, OriginalError::Foreign(_)),
            "{change}: {refused}"
        );
        assert!(refused.to_string().contains(said), "{change}: {refused}");
    }
    assert!(matches!(
        refusal("create table imported_rows (x)"),
        OriginalError::Ours(_)
    ));
}

#[test]
fn more_columns_and_other_cases_are_fine() {
    let file = one_user();
    file.sql(
        "alter table users add column nickname text; alter table users rename column email to Email;
         create table alembic_version (version_num varchar)",
    );
    assert_eq!(count_users(file.folder.path()), 1);
}

#[test]
fn a_store_s_own_database_is_refused() {
    crate::common::run(async {
        let store = crate::common::TestStore::sqlite().await;
        let path = store.place.path();
        store.close().await;
        let refused = Original::open(&path).unwrap_err();
        assert!(matches!(refused, OriginalError::Ours(_)), "{refused}");
    });
}
