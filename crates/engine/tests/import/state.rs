//! Running imports, and reading back everything an instance holds.

use crate::original::OriginalFile;
use chatai_engine::import::{
    ImportError, ImportKind, ImportOptions, ImportProgress, ImportReport, Original, RowCounts, import,
};
use chatai_files::{Extractor, Limits, Worker};
use chatai_store::{
    Store, StoreError, Tx,
    ops::{accounts, attachments, branches, conversations, doctor, messages, turns, usage},
};
use chatai_types::{Clock, ConversationId, ManualClock, MessageId, Timestamp, UserId};
use std::ops::ControlFlow;

/// The moment of every import in these tests.
pub(crate) const NOW: &str = "2026-03-04 05:06:07";

pub(crate) fn at(moment: &str) -> Timestamp {
    Timestamp::parse_wire(moment).expect("a moment")
}

/// Reads texts; whatever needs a parser fails, since its child is a program that is no reader.
pub(crate) fn extractor() -> Extractor {
    let worker = Worker {
        program: "/bin/false".into(),
        arguments: Vec::new(),
    };
    Extractor::with_worker(worker, Limits::default())
}

/// Small pages, so that every import here takes many.
pub(crate) fn options() -> ImportOptions {
    ImportOptions {
        page_rows: 3,
        ..ImportOptions::default()
    }
}

pub(crate) fn dry() -> ImportOptions {
    ImportOptions {
        dry_run: true,
        ..options()
    }
}

pub(crate) async fn bring(store: &Store, file: &OriginalFile) -> ImportReport {
    bring_with(store, file, options()).await
}

pub(crate) async fn bring_with(store: &Store, file: &OriginalFile, options: ImportOptions) -> ImportReport {
    let report = bring_until(store, file, options, usize::MAX)
        .await
        .expect("the import succeeds");
    for (kind, rows) in &report.rows {
        assert_eq!(
            rows.found,
            rows.taken + rows.known + rows.left_out,
            "{kind:?} in {report:?}"
        );
        assert_eq!(rows.found, count(file, *kind), "{kind:?} in {report:?}");
    }
    report
}

/// Ends after so many pages.
pub(crate) async fn bring_until(
    store: &Store,
    file: &OriginalFile,
    options: ImportOptions,
    pages: usize,
) -> Result<ImportReport, ImportError> {
    let clock: &dyn Clock = &ManualClock::new(at(NOW));
    let original = Original::open(&file.path()).expect("the original's file opens");
    let mut left = pages;
    let mut progress = |_: ImportProgress| match left.checked_sub(1) {
        Some(fewer) => {
            left = fewer;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    };
    import(store, clock, &extractor(), original, &options, &mut progress).await
}

fn count(file: &OriginalFile, kind: ImportKind) -> u64 {
    let table = match kind {
        ImportKind::User => "users",
        ImportKind::Conversation => "conversations",
        ImportKind::Message => "messages",
        ImportKind::Attachment => "attachments",
        ImportKind::Usage => "usage_details",
    };
    let sql = format!("select count(*) from {table}");
    file.connection
        .query_row(&sql, [], |row| row.get::<_, i64>(0))
        .expect("rows are counted")
        .unsigned_abs()
}

/// `taken`, `known` and `left_out` of a kind.
pub(crate) fn counts(report: &ImportReport, kind: ImportKind) -> (u64, u64, u64) {
    let RowCounts {
        taken,
        known,
        left_out,
        ..
    } = report.rows[&kind];
    (taken, known, left_out)
}

/// The sums over all kinds of the same.
pub(crate) fn sums(report: &ImportReport) -> (u64, u64, u64) {
    ImportKind::ALL
        .into_iter()
        .map(|kind| counts(report, kind))
        .fold((0, 0, 0), |sum, row| {
            (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2)
        })
}

/// An attachment as it can be downloaded, and its extracted text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) text: Option<String>,
}

/// Everything of one conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConversationState {
    pub(crate) conversation: conversations::Conversation,
    pub(crate) messages: Vec<messages::Message>,
    pub(crate) usage: Vec<usage::Usage>,
    /// Its attachments.
    pub(crate) files: Vec<File>,
}

/// Everything of one account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AccountState {
    pub(crate) account: accounts::Account,
    pub(crate) password_hash: String,
    pub(crate) conversations: Vec<ConversationState>,
}

/// Everything an instance holds, after checks that hold for every instance.
pub(crate) async fn state(store: &Store) -> Vec<AccountState> {
    let state = store.read(read_state).await.expect("everything can be read");
    assert_eq!(
        store.read(doctor::examine).await.expect("checks run"),
        Vec::<String>::new()
    );
    for conversation in state.iter().flat_map(|account| &account.conversations) {
        let id = conversation.conversation.id;
        let mut before: Option<&messages::Message> = None;
        for message in &conversation.messages {
            assert_eq!(message.conversation_id, id, "{message:?}");
            assert_eq!(message.parent_id, before.map(|before| before.id), "{message:?}");
            let sum = before.map_or(0, |before| before.tokens_before + before.size_tokens);
            assert_eq!(message.tokens_before, sum, "{message:?}");
            assert!(before.is_none_or(|before| before.id < message.id), "{message:?}");
            before = Some(message);
        }
    }
    state
}

fn read_state(tx: &mut Tx<'_>) -> Result<Vec<AccountState>, StoreError> {
    let mut state = Vec::new();
    for account in accounts::list(tx)? {
        let owner = account.id;
        let credentials = accounts::credentials_of(tx, owner)?.expect("a listed account exists");
        let mut conversations = Vec::new();
        for conversation in conversations::list(tx, owner)? {
            conversations.push(read_conversation(tx, owner, conversation)?);
        }
        conversations.sort_by_key(|conversation| conversation.conversation.id);
        state.push(AccountState {
            account,
            password_hash: credentials.password_hash,
            conversations,
        });
    }
    Ok(state)
}

fn read_conversation(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: conversations::Conversation,
) -> Result<ConversationState, StoreError> {
    let id = conversation.id;
    let messages =
        messages::branch(tx, owner, id, messages::Part::All)?.expect("a listed conversation exists");
    let head = branches::head(tx, owner, id)?.expect("a listed conversation exists");
    assert_eq!(head, messages.last().map(|last| last.id), "{conversation:?}");
    let mut files = Vec::new();
    for attachment in messages.iter().flat_map(|message| &message.attachments) {
        let content = attachments::content(tx, owner, attachment.id)?.expect("a listed attachment exists");
        let text = attachments::text_of(tx, owner, &attachment.content_hash)?;
        assert_eq!(content.bytes.len() as i64, attachment.size);
        assert_eq!(
            chatai_files::ContentHash::of(&content.bytes).to_hex(),
            attachment.content_hash
        );
        files.push(File {
            name: content.filename,
            content_type: content.content_type,
            bytes: content.bytes,
            text: text.map(|text| text.text),
        });
    }
    let usage = usage::of_conversation(tx, owner, id)?.expect("a listed conversation exists");
    Ok(ConversationState {
        conversation,
        messages,
        usage,
        files,
    })
}

/// The texts of an account's messages, by conversation, in order.
pub(crate) fn texts(account: &AccountState) -> Vec<Vec<&str>> {
    account
        .conversations
        .iter()
        .map(|conversation| {
            conversation
                .messages
                .iter()
                .map(|message| message.text.as_str())
                .collect()
        })
        .collect()
}

/// Registers an account in the ordinary way.
pub(crate) async fn register(store: &Store, email: &str, password_hash: &str) -> UserId {
    let new = accounts::NewAccount {
        email: email.to_owned(),
        email_folded: email.to_lowercase(),
        password_hash: password_hash.to_owned(),
        display_name: None,
        created_at: at("2026-01-01 00:00:00"),
        only_as_first: false,
    };
    match store
        .write(move |tx| accounts::add(tx, &new))
        .await
        .expect("an account can be added")
    {
        accounts::Added::Account(account) => account.id,
        other => panic!("{email}: {other:?}"),
    }
}

/// Sends a message and answers it, in the ordinary way.
pub(crate) async fn chat(
    store: &Store,
    owner: UserId,
    conversation: Option<ConversationId>,
    text: &str,
) -> (ConversationId, MessageId, MessageId) {
    let text = text.to_owned();
    let turn = move |tx: &mut Tx<'_>| {
        let now = at("2026-02-02 00:00:00");
        let open = turns::OpenTurn {
            payer: owner.into(),
            question: turns::Question::New {
                conversation,
                parent: turns::Parent::Head,
                provisional_title: text.clone(),
                text: text.clone(),
                size_tokens: 11,
                attachments: Vec::new(),
            },
            model: "built-in".to_owned(),
            price_version: None,
            request_tokens: 20,
            calls: Vec::new(),
            repeatable: None,
            now,
            lease_until: now.plus_secs(60),
            worst_case: chatai_types::Money::ZERO,
        };
        let turns::Opened::Turn(ids) = turns::open(tx, &open)? else {
            panic!("the conversation is the owner's");
        };
        let close = turns::CloseTurn {
            payer: owner.into(),
            ids,
            status: chatai_types::TurnStatus::Complete,
            model: "built-in".to_owned(),
            text: format!("answer to {text}"),
            size_tokens: 13,
            answer_summary: None,
            question_summary: None,
            events: Vec::new(),
            error: None,
            times: chatai_store::ops::messages::Times::default(),
            tokens: None,
            price: None,
            calls: Vec::new(),
        };
        turns::close(tx, &close)?;
        Ok::<_, StoreError>((
            ids.conversation_id,
            ids.request_message_id,
            ids.response_message_id,
        ))
    };
    store.write(turn).await.expect("a turn can be written")
}

/// Two accounts with two conversations each, attachments and usage rows: 2 + 4 + 12 + 3 + 6 rows.
pub(crate) fn plain_file() -> OriginalFile {
    let file = OriginalFile::empty();
    file.sql(
        "insert into users values
            (1, 'ada@example.com', '$2b$04$ada', 'Ada', '2025-01-01 10:00:00'),
            (2, 'ben@example.com', '$2b$04$ben', null, '2025-01-02 10:00:00');
         insert into conversations values
            (1, 1, 'First', null, '2025-01-03 10:00:00'), (2, 2, 'Of Ben', 'short', '2025-01-03 11:00:00'),
            (3, 1, null, null, '2025-01-03 12:00:00'), (4, 2, 'Empty', null, '2025-01-03 13:00:00');
         insert into messages values
            (1, 1, null, ' a question? ', null, '2025-01-03 10:00:01', null, null, null, 'gpt-4.1-nano', null),
            (2, 1, 1, 'an answer', 'in short', '2025-01-03 10:00:02', 120, 30, 20, 'gpt-4.1-nano', 0.0000123),
            (3, 2, null, 'of Ben', null, '2025-01-03 11:00:01', null, null, null, 'gpt-4o', null),
            (4, 2, 3, 'to Ben', null, '2025-01-03 11:00:02', 9, 8, 0, 'gpt-4o', 0.5),
            (5, 1, null, 'more?', null, '2025-01-03 10:01:01', null, null, null, 'gpt-4.1-nano', null),
            (6, 1, 5, 'more.', null, '2025-01-03 10:01:02', 50, 5, 0, 'gpt-4.1-nano', 0.0000001),
            (7, 3, null, 'third', null, '2025-01-03 12:00:01', null, null, null, null, null),
            (8, 3, 7, 'three', null, '2025-01-03 12:00:02', 1, 1, 0, 'o3', null);
         insert into attachments values
            (1, 1, 'notes.txt', x'4e6f746573206f6e207468652073656121', 'text/plain'),
            (2, 3, 'Übersicht.bin', x'00ff00ff', null),
            (3, 5, 'again.txt', x'4e6f746573206f6e207468652073656121', 'text/plain');
         insert into usage_details values
            (1, 2, 'title', 'gpt-4.1-nano', 20, 5, 0, 0.000002, '2025-01-03 10:00:02'),
            (2, 2, 'final', 'gpt-4.1-nano', 100, 25, 20, 0.0000103, '2025-01-03 10:00:02'),
            (3, 4, 'tool', 'gpt-4o', 4, 4, 0, 0.25, '2025-01-03 11:00:02'),
            (4, 4, 'final', 'gpt-4o', 5, 4, 0, 0.25, '2025-01-03 11:00:02'),
            (5, 6, 'final', 'gpt-4.1-nano', 50, 5, 0, 0.0000001, '2025-01-03 10:01:02'),
            (6, 8, 'final', 'o3', 1, 1, 0, null, '2025-01-03 12:00:02');",
    );
    file
}
