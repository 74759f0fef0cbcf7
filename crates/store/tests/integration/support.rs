//! Rows for tests of operations: accounts, turns, files; and what must hold when a test ends.

use crate::{
    common::{Place, TestStore},
    raw::number,
};
use chatai_store::{
    Store, StoreError, Tx,
    ops::{
        accounts::{self, Added, NewAccount},
        attachments::{ExtractedText, NewAttachment},
        conversations,
        direct::{AbandonedCall, CallEnd, CallUse},
        doctor, messages,
        turns::{
            self, Abandoned, CloseTurn, ModelCall, OpenTurn, Opened, OpenedTurn, Parent, Question, Settled,
        },
    },
};
use chatai_types::{
    ConversationId, MessageId, Money, Scope, Timestamp, TokenCounts, TurnStatus, UsageSource, UserId,
};
use futures_util::future::join_all;

/// How big every question and every answer of these tests is.
pub(crate) const QUESTION_TOKENS: i64 = 10;
pub(crate) const ANSWER_TOKENS: i64 = 7;
/// How big every first request is.
pub(crate) const REQUEST_TOKENS: i64 = 40;
/// Until when a turn's owner is believed alive.
pub(crate) const LEASE: i64 = 1_000;

/// A moment.
pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// Writes, which must succeed.
pub(crate) async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(job).await.expect("it can be written")
}

/// Reads, which must succeed.
pub(crate) async fn read<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.read(job).await.expect("it can be read")
}

/// Another instance's store on the same database; a SQLite file has one, so there it is the same.
pub(crate) async fn other_instance(store: &TestStore) -> Store {
    match store.place {
        Place::Sqlite(_) => store.store.clone(),
        Place::Postgres(_) => store.place.open().await,
    }
}

/// Does the same so many times at once, on two instances in turn.
pub(crate) async fn at_once<T, F: Future<Output = T>>(
    store: &TestStore,
    times: i64,
    mut work: impl FnMut(Store, i64) -> F,
) -> Vec<T> {
    let stores = [store.store.clone(), other_instance(store).await];
    let numbers = (0..times).zip(stores.iter().cycle());
    join_all(numbers.map(|(number, store)| work(store.clone(), number))).await
}

/// An account to add.
pub(crate) fn new_account(email: &str) -> NewAccount {
    NewAccount {
        email: email.to_owned(),
        email_folded: email.to_lowercase(),
        password_hash: "$argon2id$first".to_owned(),
        display_name: Some(format!("the name of {email}")),
        created_at: at(5),
        only_as_first: false,
    }
}

/// An added account.
pub(crate) async fn account(store: &Store, email: &str) -> UserId {
    let new = new_account(email);
    match write(store, move |tx| accounts::add(tx, &new)).await {
        Added::Account(account) => account.id,
        other => panic!("{other:?}"),
    }
}

/// A conversation without messages.
pub(crate) async fn empty_conversation(store: &Store, owner: UserId) -> ConversationId {
    write(store, move |tx| conversations::add(tx, owner, None, None, at(1)))
        .await
        .expect("the account is there")
}

/// A turn to open; in a conversation of its own where none is given.
pub(crate) fn turn(owner: UserId, conversation: Option<ConversationId>) -> OpenTurn {
    asking(owner, conversation, Parent::Head, Vec::new())
}

/// The same with a file of this content.
pub(crate) fn turn_with(owner: UserId, conversation: Option<ConversationId>, content: &str) -> OpenTurn {
    asking(owner, conversation, Parent::Head, vec![file(content)])
}

/// The same with a question of one's own.
pub(crate) fn turn_asking(owner: UserId, conversation: Option<ConversationId>, text: &str) -> OpenTurn {
    let mut turn = turn(owner, conversation);
    if let Question::New { text: asked, .. } = &mut turn.question {
        text.clone_into(asked);
    }
    turn
}

/// The same with these files.
pub(crate) fn turn_with_files(
    owner: UserId,
    conversation: Option<ConversationId>,
    files: Vec<NewAttachment>,
) -> OpenTurn {
    asking(owner, conversation, Parent::Head, files)
}

/// The same, behind a message of the conversation.
pub(crate) fn turn_behind(owner: UserId, conversation: ConversationId, parent: Parent) -> OpenTurn {
    asking(owner, Some(conversation), parent, Vec::new())
}

/// A turn that answers again what this answer answered.
pub(crate) fn turn_again(owner: UserId, answer: MessageId) -> OpenTurn {
    OpenTurn {
        question: Question::Again(answer),
        ..turn(owner, None)
    }
}

fn asking(
    owner: UserId,
    conversation: Option<ConversationId>,
    parent: Parent,
    attachments: Vec<NewAttachment>,
) -> OpenTurn {
    OpenTurn {
        payer: owner.into(),
        question: Question::New {
            conversation,
            parent,
            provisional_title: "provisional".to_owned(),
            text: "a question".to_owned(),
            size_tokens: QUESTION_TOKENS,
            attachments,
        },
        model: "m".to_owned(),
        price_version: None,
        request_tokens: REQUEST_TOKENS,
        calls: Vec::new(),
        worst_case: Money::ZERO,
        repeatable: None,
        now: at(20),
        lease_until: at(LEASE),
    }
}

/// A text file whose hash is its content.
pub(crate) fn file(content: &str) -> NewAttachment {
    NewAttachment {
        filename: format!("{content}.txt"),
        content_type: Some("text/plain".to_owned()),
        kind: "text".to_owned(),
        content_hash: content.to_owned(),
        bytes: content.as_bytes().to_vec().into(),
        text: Some(text(content)),
    }
}

/// What an extractor made of [`file`].
pub(crate) fn text(content: &str) -> ExtractedText {
    ExtractedText {
        text: format!("the text of {content}"),
        truncated: true,
        note: Some("a note".to_owned()),
    }
}

/// Opens a turn, if it can be opened; whoever is refused rolls back, as the rules have it.
pub(crate) async fn try_open(store: &Store, turn: OpenTurn) -> Opened {
    let job = move |tx: &mut Tx<'_>| match turns::open(tx, &turn)? {
        done @ (Opened::Turn(_) | Opened::Repeated(_)) => Ok(done),
        refused => Err(Refused::Turn(refused)),
    };
    match store.write(job).await {
        Ok(opened) | Err(Refused::Turn(opened)) => opened,
        Err(Refused::Store(error)) => panic!("{error}"),
    }
}

#[derive(Debug)]
enum Refused {
    Turn(Opened),
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Opens a turn.
pub(crate) async fn open(store: &Store, turn: OpenTurn) -> OpenedTurn {
    match try_open(store, turn).await {
        Opened::Turn(ids) => ids,
        other => panic!("{other:?}"),
    }
}

/// What every call of these tests used.
pub(crate) fn tokens() -> TokenCounts {
    TokenCounts {
        fresh_input: 5,
        cache_read: 4,
        cache_write: 3,
        output: 2,
        reasoning: 1,
    }
}

/// A call that cost so much.
pub(crate) fn call(scope: Scope, pico: i64) -> ModelCall {
    ModelCall {
        scope,
        model: "m".to_owned(),
        tokens: tokens(),
        source: UsageSource::Provider,
        price: Some(Money::from_pico(pico)),
        price_version: None,
        fallback_from: None,
        at: at(30),
    }
}

/// The end of a turn that was answered by these calls.
pub(crate) fn end(owner: UserId, ids: OpenedTurn, calls: Vec<ModelCall>) -> CloseTurn {
    let price = calls.iter().filter_map(|call| call.price);
    CloseTurn {
        payer: owner.into(),
        ids,
        status: TurnStatus::Complete,
        model: "m".to_owned(),
        text: "an answer".to_owned(),
        size_tokens: ANSWER_TOKENS,
        answer_summary: None,
        question_summary: None,
        events: Vec::new(),
        error: None,
        times: messages::Times::default(),
        tokens: (!calls.is_empty()).then(tokens),
        price: (!calls.is_empty()).then(|| Money::from_pico(price.map(Money::as_pico).sum())),
        calls,
    }
}

/// Charges an abandoned turn a pico-dollar for each byte of its text, and keeps what else is known.
pub(crate) fn settle(turn: &Abandoned) -> Settled {
    let mut calls: Vec<ModelCall> = turn.calls.iter().map(|known| known.call.clone()).collect();
    if !turn.text.is_empty() {
        calls.push(call(
            Scope::Final,
            i64::try_from(turn.text.len()).expect("it is short"),
        ));
    }
    let price = calls
        .iter()
        .filter_map(|call| call.price)
        .map(Money::as_pico)
        .sum();
    Settled {
        size_tokens: ANSWER_TOKENS,
        tokens: (!calls.is_empty()).then(tokens),
        price: (!calls.is_empty()).then(|| Money::from_pico(price)),
        calls,
    }
}

/// Charges an abandoned direct call a pico-dollar for each byte of its pieces.
pub(crate) fn settle_call(call: &AbandonedCall) -> CallEnd {
    let bytes: usize = call.pieces.iter().flatten().map(String::len).sum();
    CallEnd {
        status: TurnStatus::Interrupted,
        stop_reason: None,
        error: None,
        used: Some(CallUse {
            tokens: tokens(),
            source: UsageSource::Estimated,
            price: Some(Money::from_pico(i64::try_from(bytes).expect("it is short"))),
            price_version: call.price.map(|(version, _)| version),
        }),
        at: call.now,
    }
}

/// What was charged for an answer, by calls and by money; what was taken back counts for neither.
pub(crate) async fn charged(store: &TestStore, ids: OpenedTurn) -> (i64, i64) {
    let of = |what: &str| {
        format!(
            "select cast(coalesce(sum({what}), 0) as bigint) from ledger where message_id = {}",
            ids.response_message_id
        )
    };
    (
        number(&store.place, &of("calls")).await,
        number(&store.place, &of("amount")).await,
    )
}

/// Closes a turn; whether its answer was still there.
pub(crate) async fn close(store: &Store, turn: CloseTurn) -> bool {
    write(store, move |tx| turns::close(tx, &turn)).await
}

/// A turn that was opened and closed with one call of this price.
pub(crate) async fn answered(store: &Store, turn: OpenTurn, pico: i64) -> OpenedTurn {
    let owner = turn.payer.owner;
    let ids = open(store, turn).await;
    assert!(close(store, end(owner, ids, vec![call(Scope::Final, pico)])).await);
    ids
}

/// The messages of a conversation that is there.
pub(crate) async fn messages_of(
    store: &Store,
    owner: UserId,
    conversation: ConversationId,
) -> Vec<messages::Message> {
    read(store, move |tx| {
        messages::branch(tx, owner, conversation, messages::Part::All)
    })
    .await
    .expect("the conversation is there")
}

/// A message that is there.
pub(crate) async fn message(store: &Store, owner: UserId, id: MessageId) -> messages::Message {
    read(store, move |tx| messages::get(tx, owner, id))
        .await
        .expect("the message is there")
}

/// Nothing is amiss with what a test left behind.
pub(crate) async fn expect_sound(store: &Store) {
    assert_eq!(read(store, doctor::examine).await, [] as [String; 0]);
}
