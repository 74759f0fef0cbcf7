//! Ids and rows of an import, on both databases.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{self, at, settle},
};
use chatai_store::{
    StoreError, Tx,
    ops::{
        accounts, conversations,
        import::{
            self, AttachmentWrite, ConversationWrite, HeadMove, Kind, Known, MessageWrite, NewUser,
            UsageWrite, UserWrite, WriteError,
        },
        messages,
    },
};
use chatai_types::{
    AttachmentId, ConversationId, MessageId, Money, Role, Scope, Timestamp, UsageId, UsageSource, UserId,
};

fn user(id: i64, email: &str) -> UserWrite {
    let new = NewUser {
        email: email.to_owned(),
        email_folded: email.to_lowercase(),
        password_hash: "$2b$04$x".to_owned(),
        display_name: None,
        created_at: Timestamp::from_micros(id),
    };
    UserWrite {
        source_id: id,
        replaces: None,
        mark: id * 7,
        id: UserId(id),
        new: Some(new),
    }
}

fn registered(email: &str) -> accounts::NewAccount {
    accounts::NewAccount {
        email: email.to_owned(),
        email_folded: email.to_lowercase(),
        password_hash: "$argon2id$x".to_owned(),
        display_name: None,
        created_at: Timestamp::from_micros(0),
        only_as_first: false,
    }
}

/// The conversation of the first account.
fn conversation(id: i64) -> ConversationWrite {
    ConversationWrite {
        source_id: id,
        replaces: None,
        id: ConversationId(id),
        owner: UserId(1),
        title: None,
        summary: None,
        created_at: Timestamp::from_micros(1),
    }
}

fn message(id: i64, conversation_id: ConversationId) -> MessageWrite {
    MessageWrite {
        source_id: id,
        replaces: None,
        id: MessageId(id),
        conversation_id,
        owner: UserId(1),
        parent_id: None,
        request_id: None,
        role: Role::User,
        text: "text".to_owned(),
        summary: None,
        model: None,
        size_tokens: 5,
        tokens_before: 7,
        tokens: None,
        price: None,
        created_at: Timestamp::from_micros(3),
    }
}

async fn write_users(store: &TestStore, rows: Vec<UserWrite>) -> Result<(), WriteError> {
    store
        .write(move |tx| import::write_users(tx, "file", &rows, Timestamp::from_micros(9)))
        .await
}

async fn register(store: &TestStore, email: &str) -> accounts::Account {
    let new = registered(email);
    match store.write(move |tx| accounts::add(tx, &new)).await.unwrap() {
        accounts::Added::Account(account) => account,
        other => panic!("{other:?}"),
    }
}

async fn ids(store: &TestStore, kind: Kind, count: i64) -> Vec<i64> {
    store
        .write(move |tx| import::allocate(tx, kind, count))
        .await
        .unwrap()
}

conformance! {
    async fn new_ids_are_above_all_others(store: TestStore) {
        for kind in Kind::ALL {
            assert_eq!(store.read(move |tx| import::highest(tx, kind)).await.unwrap(), 0, "{kind:?}");
            store.write(move |tx| import::raise(tx, kind, 10)).await.unwrap();
            assert_eq!(ids(&store, kind, 3).await, [11, 12, 13], "{kind:?}");
            // Raising never lowers.
            store.write(move |tx| import::raise(tx, kind, 5)).await.unwrap();
            assert_eq!(ids(&store, kind, 1).await, [14], "{kind:?}");
            assert_eq!(store.read(move |tx| import::highest(tx, kind)).await.unwrap(), 14, "{kind:?}");
        }
        // What is added afterwards in the ordinary way comes behind them.
        assert_eq!(register(&store, "a@example.com").await.id, UserId(15));
    }

    async fn an_ordinary_row_after_explicit_ids_does_not_collide(store: TestStore) {
        store.write(|tx| import::raise(tx, Kind::User, 3)).await.unwrap();
        write_users(&store, vec![user(1, "a@example.com"), user(3, "b@example.com")]).await.unwrap();
        assert_eq!(register(&store, "c@example.com").await.id, UserId(4));
        assert_eq!(store.read(|tx| import::occupied(tx, Kind::User, 1, 3)).await.unwrap(), [1, 3]);
    }

    async fn nobody_becomes_administrator_after_an_import(store: TestStore) {
        write_users(&store, vec![user(1, "a@example.com")]).await.unwrap();
        assert!(!store.read(import::has_administrator).await.unwrap());
        let account = register(&store, "b@example.com").await;
        assert_eq!(account.role, chatai_types::UserRole::User);
    }

    async fn a_page_that_meets_a_taken_id_or_e_mail_writes_nothing(store: TestStore) {
        register(&store, "here@example.com").await;
        for second in [user(1, "other@example.com"), user(3, "here@example.com")] {
            let rows = vec![user(2, "new@example.com"), second];
            assert_eq!(write_users(&store, rows).await, Err(WriteError::Moved));
            let accounts = store.read(accounts::list).await.unwrap();
            assert_eq!(accounts.len(), 1);
            assert_eq!(store.read(|tx| import::users(tx, "file", 0, 9)).await.unwrap(), []);
        }
    }

    async fn e_mails_that_differ_by_case_are_two_accounts_and_one_claim(store: TestStore) {
        write_users(&store, vec![user(1, "Ada@example.com"), user(2, "ada@example.com")]).await.unwrap();
        let taken = store.read(|tx| accounts::email_taken(tx, "ada@example.com")).await.unwrap();
        assert!(taken);
        let exact = store.read(|tx| import::account_by_email(tx, "ada@example.com")).await.unwrap();
        assert_eq!(exact.unwrap().0, UserId(2));
        assert_eq!(store.read(|tx| import::account_by_email(tx, "ADA@example.com")).await.unwrap(), None);
    }

    async fn sources_and_marks_are_found_again(store: TestStore) {
        assert_eq!(store.read(import::sources).await.unwrap(), Vec::<String>::new());
        for source in ["b", "a", "c"] {
            let id = i64::from(source.as_bytes()[0]);
            let rows = vec![user(id, &format!("{source}@example.com"))];
            let written = store
                .write(move |tx| import::write_users(tx, source, &rows, Timestamp::from_micros(9)))
                .await;
            written.unwrap();
        }
        assert_eq!(store.read(import::sources).await.unwrap(), ["a", "b", "c"]);
        let marks = store.read(|tx| import::marks(tx, "b", i64::MIN, i64::MAX)).await.unwrap();
        assert_eq!(marks, [(98, 98 * 7)]);
    }

    async fn messages_come_behind_the_head_they_were_planned_for(store: TestStore) {
        write_users(&store, vec![user(1, "a@example.com")]).await.unwrap();
        let (owner, conversation_id) = (UserId(1), ConversationId(4));
        let conversation = conversation(4);
        let written: Result<(), WriteError> = store
            .write(move |tx| import::write_conversations(tx, "file", std::slice::from_ref(&conversation)))
            .await;
        written.unwrap();
        let message = |id| message(id, conversation_id);
        let write = |row: MessageWrite, from: Option<i64>| {
            let head = HeadMove { conversation_id, owner, from: from.map(MessageId), to: row.id };
            let rows = (vec![row], vec![head]);
            store.write(move |tx: &mut Tx<'_>| import::write_messages(tx, "file", &rows.0, &rows.1))
        };
        assert_eq!(write(message(8), Some(1)).await, Err(WriteError::Moved));
        assert_eq!(write(message(8), None).await, Ok(()));
        assert_eq!(write(message(9), None).await, Err(WriteError::Moved));
        assert_eq!(write(message(9), Some(8)).await, Ok(()));
        let end = store.read(move |tx| import::conversation_end(tx, owner, conversation_id)).await.unwrap();
        let end = end.unwrap();
        assert_eq!((end.head, end.highest_id, end.tokens), (Some(MessageId(9)), 9, 12));
        let read = store.read(move |tx| messages::branch(tx, owner, conversation_id, messages::Part::All)).await.unwrap();
        assert_eq!(read.unwrap().len(), 2);
        let stranger = store.read(move |tx| import::conversation_end(tx, UserId(2), conversation_id)).await;
        assert_eq!(stranger.unwrap(), None);
        // Once it is deleted, what came is still known, and known to be gone.
        let deleted: Result<bool, StoreError> =
            store.write(move |tx| conversations::delete(tx, owner, conversation_id, at(60), settle)).await;
        assert!(deleted.unwrap());
        let known = store.read(|tx| import::messages(tx, "file", 0, 99)).await.unwrap();
        assert_eq!(known.iter().map(|known| known.current).collect::<Vec<_>>(), [None, None]);
        assert_eq!(write(message(10), Some(9)).await, Err(WriteError::Moved));
    }

    async fn files_and_usage_come_with_their_messages_and_make_them_grow(store: TestStore) {
        write_users(&store, vec![user(1, "a@example.com")]).await.unwrap();
        let (owner, conversation_id) = (UserId(1), ConversationId(4));
        let question = message(8, conversation_id);
        let answer = MessageWrite {
            parent_id: Some(question.id),
            tokens_before: question.tokens_before + question.size_tokens,
            ..message(9, conversation_id)
        };
        let head = HeadMove { conversation_id, owner, from: None, to: answer.id };
        let rows = (vec![conversation(4)], vec![question, answer], vec![head]);
        let written: Result<(), WriteError> = store
            .write(move |tx| {
                import::write_conversations(tx, "file", &rows.0)?;
                import::write_messages(tx, "file", &rows.1, &rows.2)
            })
            .await;
        written.unwrap();
        let file = |id, message| AttachmentWrite {
            source_id: id,
            replaces: None,
            id: AttachmentId(id),
            message_id: MessageId(message),
            conversation_id,
            owner,
            filename: "a.txt".to_owned(),
            content_type: None,
            kind: "text".to_owned(),
            content_hash: "content".to_owned(),
            bytes: "content".into(),
            text: Some(support::text("content")),
            size_tokens: 3,
        };
        let usage = |id, message| UsageWrite {
            source_id: id,
            replaces: None,
            id: UsageId(id),
            message_id: MessageId(message),
            conversation_id,
            owner,
            scope: Scope::Final,
            model: "m".to_owned(),
            tokens: support::tokens(),
            source: UsageSource::Provider,
            price: Some(Money::from_pico(6)),
            created_at: Timestamp::from_micros(4),
        };
        let write = |files: Vec<AttachmentWrite>, calls: Vec<UsageWrite>| {
            store.write(move |tx: &mut Tx<'_>| {
                import::write_attachments(tx, "file", &files)?;
                import::write_usage_details(tx, "file", &calls)
            })
        };
        // A page of which one row's message is gone, or whose id is taken, leaves nothing.
        assert_eq!(write(vec![file(1, 8), file(2, 99)], vec![]).await, Err(WriteError::Moved));
        assert_eq!(write(vec![file(1, 8)], vec![usage(1, 9), usage(1, 9)]).await, Err(WriteError::Moved));
        assert_eq!(number(&store.place, "select count(*) from blobs").await, 0);
        assert_eq!(number(&store.place, "select count(*) from ledger").await, 0);

        assert_eq!(write(vec![file(1, 8), file(2, 8)], vec![usage(1, 9)]).await, Ok(()));
        let read = support::messages_of(&store, owner, conversation_id).await;
        let sizes: Vec<_> = read.iter().map(|message| (message.size_tokens, message.tokens_before)).collect();
        assert_eq!(sizes, [(11, 7), (5, 18)]);
        assert_eq!(read[0].attachments.len(), 2);
        assert_eq!(number(&store.place, "select count(*) from blobs").await, 1);
        assert_eq!(number(&store.place, "select cast(sum(amount) as bigint) from ledger").await, 6);
        let text = store.read(|tx| import::extracted_text(tx, "content")).await.unwrap();
        assert_eq!(text, Some(support::text("content")));
        assert_eq!(store.read(|tx| import::extracted_text(tx, "none")).await.unwrap(), None);
        support::expect_sound(&store).await;

        // A second run learns what the first one brought, and later that it is gone.
        let known = |is_there: bool| {
            let now = move |id| is_there.then_some(MessageId(id));
            (
                vec![
                    Known { source_id: 1, local_id: 1, current: now(8) },
                    Known { source_id: 2, local_id: 2, current: now(8) },
                ],
                vec![Known {
                    source_id: 1,
                    local_id: 1,
                    current: now(9).map(|message| (message, Timestamp::from_micros(4))),
                }],
                vec![Known {
                    source_id: 4,
                    local_id: conversation_id,
                    current: is_there.then_some((owner, Timestamp::from_micros(1))),
                }],
            )
        };
        let found = async || {
            let found: Result<_, StoreError> = store
                .read(|tx| {
                    let mut files = import::attachments(tx, "file", 0, 9)?;
                    files.sort_by_key(|file| file.source_id);
                    Ok((files, import::usage_details(tx, "file", 0, 9)?, import::conversations(tx, "file", 0, 9)?))
                })
                .await;
            found.unwrap()
        };
        assert_eq!(found().await, known(true));
        let deleted: Result<bool, StoreError> =
            store.write(move |tx| conversations::delete(tx, owner, conversation_id, at(60), settle)).await;
        assert!(deleted.unwrap());
        assert_eq!(found().await, known(false));
        assert_eq!(write(vec![file(3, 8)], vec![]).await, Err(WriteError::Moved));
    }
}
