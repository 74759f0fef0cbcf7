//! Direct calls on both databases: opened and closed once, kept and read again, swept when nobody owns them.

use crate::{
    common::{TestStore, conformance, run},
    support::{
        LEASE, account, at, at_once, expect_sound, open as open_turn, read, settle, settle_call, tokens,
        turn, write,
    },
};
use chatai_store::{
    Store, StoreError, Tx,
    ops::{
        account_removal::{self, Removed},
        accounts, budgets,
        direct::{self, AskedAgain, CallEnd, CallUse, CloseCall, KeptCall, NewKept, OpenCall, OpenedCall},
        keys, ledger,
        turns::{self, Appended, OpenTurn, Repeatable},
    },
};
use chatai_types::{
    BudgetPeriod, CallId, CallKind, ErrorCode, MessageId, Money, TurnStatus, UsageSource, UserId,
};

/// A call that nothing is kept of.
pub(crate) fn call(owner: UserId) -> OpenCall {
    OpenCall {
        payer: owner.into(),
        kind: CallKind::Chat,
        model: "m".to_owned(),
        price_version: None,
        request_tokens: 40,
        worst_case: Money::from_pico(60),
        kept: None,
        repeatable: None,
        now: at(20),
        lease_until: at(LEASE),
    }
}

/// One that can be read again by this name.
pub(crate) fn kept(owner: UserId, public_id: &str, previous: Option<&str>) -> OpenCall {
    OpenCall {
        kind: CallKind::Response,
        kept: Some(NewKept {
            public_id: public_id.to_owned(),
            previous_id: previous.map(str::to_owned),
            face: "{\"a\":1}".to_owned(),
            input: "\"said\"".to_owned(),
            keep_until: at(500),
        }),
        ..call(owner)
    }
}

/// One that its client may repeat.
pub(crate) fn repeatable(owner: UserId, public_id: &str, fingerprint: &str) -> OpenCall {
    OpenCall {
        repeatable: Some(key(fingerprint)),
        ..kept(owner, public_id, None)
    }
}

fn key(fingerprint: &str) -> Repeatable {
    Repeatable {
        key: "k".to_owned(),
        fingerprint: fingerprint.to_owned(),
        not_before: at(0),
    }
}

pub(crate) fn end(status: TurnStatus, pico: i64) -> CallEnd {
    CallEnd {
        status,
        stop_reason: Some("stop".to_owned()),
        error: None,
        used: Some(CallUse {
            tokens: tokens(),
            source: UsageSource::Provider,
            price: Some(Money::from_pico(pico)),
            price_version: None,
        }),
        at: at(30),
    }
}

#[derive(Debug)]
enum Refused {
    Call(OpenedCall),
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Opens a call, if it can be opened; whoever is refused rolls back, as the rules have it.
pub(crate) async fn try_open(store: &Store, call: OpenCall) -> OpenedCall {
    let job = move |tx: &mut Tx<'_>| match direct::open(tx, &call)? {
        done @ (OpenedCall::Call { .. } | OpenedCall::Repeated(_)) => Ok(done),
        refused => Err(Refused::Call(refused)),
    };
    match store.write(job).await {
        Ok(opened) | Err(Refused::Call(opened)) => opened,
        Err(Refused::Store(error)) => panic!("{error}"),
    }
}

pub(crate) async fn open(store: &Store, call: OpenCall) -> CallId {
    match try_open(store, call).await {
        OpenedCall::Call { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

/// Closes a call; whether it was open.
pub(crate) async fn close(
    store: &Store,
    owner: UserId,
    id: CallId,
    output: Option<&str>,
    end: CallEnd,
) -> bool {
    let row = CloseCall {
        payer: owner.into(),
        id,
        kind: CallKind::Chat,
        is_reserved: true,
        model: "m".to_owned(),
        gives_key_back: end.status == TurnStatus::Failed,
        end,
        output: output.map(str::to_owned),
    };
    write(store, move |tx| direct::close(tx, &row)).await
}

pub(crate) async fn append(store: &Store, id: CallId, first: i64, pieces: &[&str]) -> Appended {
    let pieces: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    write(store, move |tx| direct::append(tx, id, first, &pieces)).await
}

async fn by_id(store: &Store, owner: UserId, public_id: &'static str) -> Option<KeptCall> {
    read(store, move |tx| direct::kept_by_id(tx, owner, public_id)).await
}

pub(crate) async fn limit(store: &Store, owner: UserId, pico: i64) {
    write(store, move |tx| {
        budgets::set(
            tx,
            owner,
            Some(Money::from_pico(pico)),
            BudgetPeriod::Total,
            at(10),
        )
    })
    .await;
}

/// What the account has spent and set aside.
pub(crate) async fn money(store: &Store, owner: UserId) -> (i64, i64) {
    let budget = read(store, move |tx| budgets::get(tx, owner, at(40)))
        .await
        .unwrap();
    (budget.spent.as_pico(), budget.reserved.as_pico())
}

conformance! {
    async fn a_call_is_charged_once(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        limit(&store, owner, 100).await;
        let id = open(&store, call(owner)).await;
        assert_eq!(money(&store, owner).await, (0, 60));
        assert_eq!(try_open(&store, call(owner)).await, OpenedCall::OverBudget);
        expect_sound(&store).await;

        let closed = at_once(&store, 6, |store, _| async move {
            close(&store, owner, id, None, end(TurnStatus::Complete, 7)).await
        })
        .await;
        assert_eq!(closed.iter().filter(|closed| **closed).count(), 1);
        assert_eq!(money(&store, owner).await, (7, 0));
        assert!(read(&store, move |tx| ledger::is_charged(tx, MessageId(-id.0))).await);
        expect_sound(&store).await;
    }

    async fn a_budget_for_ten_calls_admits_ten(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        limit(&store, owner, 600).await;
        let opened = at_once(&store, 30, |store, _| async move { try_open(&store, call(owner)).await }).await;
        let admitted = opened.iter().filter(|opened| matches!(opened, OpenedCall::Call { is_reserved: true, .. }));
        assert_eq!(admitted.count(), 10);
        assert_eq!(money(&store, owner).await, (0, 600));
        expect_sound(&store).await;
    }

    async fn a_key_stands_for_one_call_until_it_fails(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let other = account(&store, "b@x.test").await;
        let opened = at_once(&store, 8, |store, number| async move {
            try_open(&store, repeatable(owner, &format!("r{number}"), "same")).await
        })
        .await;
        let first = opened.iter().find_map(|opened| match opened {
            OpenedCall::Call { id, .. } => Some(*id),
            _ => None,
        });
        let id = first.expect("one of them is the first");
        let repeats = opened.iter().filter(|opened| **opened == OpenedCall::Repeated(id));
        assert_eq!(repeats.count(), 7);
        let again = repeatable(owner, "again", "different");
        assert_eq!(try_open(&store, again).await, OpenedCall::OtherRequest);
        let found = read(&store, move |tx| direct::earlier(tx, owner, &key("same"))).await;
        assert_eq!(found, Some(Some(id)));
        let found = read(&store, move |tx| direct::earlier(tx, owner, &key("different"))).await;
        assert_eq!(found, Some(None));
        let found = read(&store, move |tx| direct::earlier(tx, other, &key("same"))).await;
        assert_eq!(found, None);

        let failed = CallEnd {
            error: Some((ErrorCode::ProviderError, "why".to_owned())),
            ..end(TurnStatus::Failed, 0)
        };
        assert!(close(&store, owner, id, Some("[]"), failed).await);
        let found = read(&store, move |tx| direct::earlier(tx, owner, &key("same"))).await;
        assert_eq!(found, None);
        open(&store, repeatable(owner, "another", "different")).await;
        expect_sound(&store).await;
    }

    async fn what_is_kept_is_read_by_its_owner_while_it_runs_and_after(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let other = account(&store, "b@x.test").await;
        let id = open(&store, kept(owner, "r", Some("gone"))).await;
        assert_eq!(append(&store, id, 0, &["1", "2"]).await, Appended::Written);
        // Written again, pieces stay as they are.
        assert_eq!(append(&store, id, 1, &["9", "3"]).await, Appended::Written);
        let running = by_id(&store, owner, "r").await.unwrap();
        assert_eq!((running.pieces.as_str(), &running.end), ("[1,2,3]", &None));
        assert_eq!((running.kept.id, running.kept.kind), (id, CallKind::Response));
        assert_eq!(running.kept.previous_id.as_deref(), Some("gone"));
        assert_eq!(by_id(&store, other, "r").await, None);
        let later = read(&store, move |tx| direct::kept_after(tx, owner, id, 2)).await.unwrap();
        assert_eq!((later.pieces.as_str(), later.first), ("[3]", 2));
        assert_eq!(read(&store, move |tx| direct::kept_after(tx, other, id, 0)).await, None);

        assert!(close(&store, owner, id, Some("[1,2,3,4]"), end(TurnStatus::Complete, 7)).await);
        assert_eq!(append(&store, id, 4, &["5"]).await, Appended::Closed);
        let ended = read(&store, move |tx| direct::kept_by_call(tx, owner, id)).await.unwrap();
        assert_eq!(ended.pieces, "[1,2,3,4]");
        assert_eq!(ended.end, Some(end(TurnStatus::Complete, 7)));
        assert_eq!(read(&store, move |tx| direct::kept_by_call(tx, other, id)).await, None);
        expect_sound(&store).await;
    }

    async fn a_lineage_is_the_owners_and_bounded(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let other = account(&store, "b@x.test").await;
        open(&store, kept(other, "theirs", None)).await;
        open(&store, kept(owner, "one", Some("theirs"))).await;
        open(&store, kept(owner, "two", Some("one"))).await;
        open(&store, kept(owner, "three", Some("two"))).await;
        let names = |chain: Vec<KeptCall>| -> Vec<String> {
            chain.into_iter().map(|call| call.kept.public_id).collect()
        };
        let all = read(&store, move |tx| direct::lineage(tx, owner, "three", 10, 1_000)).await;
        assert_eq!(names(all), ["three", "two", "one"]);
        let some = read(&store, move |tx| direct::lineage(tx, owner, "three", 2, 1_000)).await;
        assert_eq!(names(some), ["three", "two"]);
        let small = read(&store, move |tx| direct::lineage(tx, owner, "three", 10, 1)).await;
        assert_eq!(names(small), ["three"]);
        let foreign = read(&store, move |tx| direct::lineage(tx, other, "three", 10, 1_000)).await;
        assert_eq!(names(foreign), [] as [String; 0]);
    }

    async fn what_is_deleted_or_old_is_gone_and_stays_charged(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let other = account(&store, "b@x.test").await;
        limit(&store, owner, 1_000).await;
        let deleted = open(&store, kept(owner, "deleted", None)).await;
        let old = open(&store, kept(owner, "old", None)).await;
        let running = open(&store, kept(owner, "running", None)).await;
        assert_eq!(write(&store, move |tx| direct::delete_kept(tx, other, "deleted", at(60), settle_call)).await, None);
        assert_eq!(write(&store, move |tx| direct::delete_kept(tx, owner, "deleted", at(60), settle_call)).await, Some(deleted));
        assert_eq!(write(&store, move |tx| direct::delete_kept(tx, owner, "deleted", at(60), settle_call)).await, None);
        // A running call that is deleted is to be ended, and is charged all the same.
        let ended = read(&store, move |tx| direct::calls_to_be_ended(tx, &[deleted, old])).await;
        assert_eq!(ended, [deleted]);
        assert_eq!(append(&store, deleted, 0, &["1"]).await, Appended::Gone);
        assert!(close(&store, owner, deleted, Some("[]"), end(TurnStatus::Stopped, 3)).await);
        assert!(close(&store, owner, old, Some("[]"), end(TurnStatus::Complete, 4)).await);
        assert_eq!(write(&store, |tx| direct::forget_kept(tx, at(400), 10)).await, 0);
        assert_eq!(write(&store, |tx| direct::forget_kept(tx, at(600), 10)).await, 1);
        assert_eq!(by_id(&store, owner, "old").await, None);
        assert!(by_id(&store, owner, "running").await.is_some());
        assert!(close(&store, owner, running, Some("[]"), end(TurnStatus::Complete, 5)).await);
        assert_eq!(money(&store, owner).await, (12, 0));
        expect_sound(&store).await;
    }

    async fn a_wish_to_end_a_call_is_its_owners(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let other = account(&store, "b@x.test").await;
        let wanted = open(&store, kept(owner, "r", None)).await;
        let plain = open(&store, call(owner)).await;
        assert!(!write(&store, move |tx| direct::request_cancel(tx, other, wanted)).await);
        assert!(!write(&store, move |tx| direct::request_cancel(tx, owner, plain)).await);
        assert_eq!(read(&store, move |tx| direct::calls_to_be_ended(tx, &[wanted])).await, []);
        assert!(write(&store, move |tx| direct::request_cancel(tx, owner, wanted)).await);
        assert_eq!(read(&store, move |tx| direct::calls_to_be_ended(tx, &[wanted])).await, [wanted]);
    }

    async fn a_call_without_an_owner_is_swept_once_and_a_late_owner_has_its_say(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        limit(&store, owner, 1_000).await;
        let dead = open(&store, kept(owner, "r", None)).await;
        let alive = open(&store, call(owner)).await;
        assert_eq!(append(&store, dead, 0, &["1", "2"]).await, Appended::Written);
        assert_eq!(write(&store, move |tx| direct::renew(tx, &[alive], at(LEASE + 100))).await, 1);
        let swept = at_once(&store, 4, |store, _| async move {
            write(&store, |tx| {
                direct::sweep(tx, at(LEASE + 2), at(LEASE + 1), 10, |call| {
                    assert_eq!(call.pieces.as_ref().map(Vec::len), Some(2));
                    assert_eq!((call.model.as_str(), call.request_tokens), ("m", 40));
                    end(TurnStatus::Interrupted, 9)
                })
            })
            .await
        })
        .await;
        assert_eq!(swept.iter().sum::<u64>(), 1);
        assert_eq!(money(&store, owner).await, (9, 60));
        assert_eq!(write(&store, move |tx| direct::renew(tx, &[dead], at(LEASE + 100))).await, 0);
        let found = by_id(&store, owner, "r").await.unwrap();
        assert_eq!((found.pieces.as_str(), found.end.map(|end| end.status)), ("[1,2]", Some(TurnStatus::Interrupted)));
        expect_sound(&store).await;

        assert!(close(&store, owner, dead, Some("[1,2,3]"), end(TurnStatus::Complete, 11)).await);
        assert!(!close(&store, owner, dead, Some("[]"), end(TurnStatus::Complete, 12)).await);
        assert_eq!(by_id(&store, owner, "r").await.unwrap().pieces, "[1,2,3]");
        assert!(close(&store, owner, alive, None, end(TurnStatus::Complete, 1)).await);
        assert_eq!(money(&store, owner).await, (12, 0));
    }
    async fn a_call_that_gave_nothing_is_charged_nothing(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        limit(&store, owner, 100).await;
        let id = open(&store, call(owner)).await;
        let failed = CallEnd { used: None, ..end(TurnStatus::Failed, 0) };
        assert!(close(&store, owner, id, None, failed).await);
        assert!(!read(&store, move |tx| ledger::is_charged(tx, MessageId(-id.0))).await);
        assert_eq!(money(&store, owner).await, (0, 0));
        expect_sound(&store).await;
    }

    async fn another_model_that_answers_is_written_down_before_it_is_asked(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let id = open(&store, kept(owner, "r", None)).await;
        let again = AskedAgain {
            id,
            model: "other".to_owned(),
            price_version: None,
            fallback_from: "m".to_owned(),
        };
        let row = again.clone();
        assert!(write(&store, move |tx| direct::ask_again(tx, &row)).await);
        let kept = by_id(&store, owner, "r").await.unwrap().kept;
        assert_eq!((kept.model.as_str(), kept.answering.as_str()), ("m", "other"));
        let swept = write(&store, |tx| {
            direct::sweep(tx, at(LEASE + 2), at(LEASE + 1), 10, |call| {
                assert_eq!(call.model, "other");
                end(TurnStatus::Interrupted, 9)
            })
        })
        .await;
        assert_eq!(swept, 1);
        // Once it has ended, it stays as it is, and nobody may be asked any more.
        let late = AskedAgain { model: "third".to_owned(), ..again };
        assert!(!write(&store, move |tx| direct::ask_again(tx, &late)).await);
        assert_eq!(by_id(&store, owner, "r").await.unwrap().kept.answering, "other");
        expect_sound(&store).await;
    }

    async fn leases_of_calls_do_not_outlast_a_clock_that_was_set_back(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        open(&store, call(owner)).await;
        assert_eq!(write(&store, |tx| direct::shorten(tx, at(LEASE))).await, 0);
        assert_eq!(write(&store, |tx| direct::shorten(tx, at(LEASE - 1))).await, 1);
        let settle = |_: &direct::AbandonedCall| end(TurnStatus::Interrupted, 1);
        assert_eq!(write(&store, move |tx| direct::sweep(tx, at(LEASE), at(LEASE), 10, settle)).await, 1);
    }

    async fn a_deleted_call_gives_its_key_back(store: TestStore) {
        let owner = account(&store, "a@x.test").await;
        let id = open(&store, repeatable(owner, "r", "same")).await;
        assert_eq!(write(&store, move |tx| direct::delete_kept(tx, owner, "r", at(60), settle_call)).await, Some(id));
        assert_eq!(read(&store, move |tx| direct::earlier(tx, owner, &key("same"))).await, None);
    }

    async fn what_runs_for_a_deleted_key_or_a_shut_account_is_found(store: TestStore) {
        account(&store, "admin@x.test").await;
        let (owner, other) = (account(&store, "a@x.test").await, account(&store, "b@x.test").await);
        let new = keys::NewKey {
            name: String::new(),
            prefix: "sk-1".to_owned(),
            hash: "h".to_owned(),
            created_at: at(1),
            expires_at: None,
            models: None,
            limit: None,
        };
        let key = write(&store, move |tx| keys::add(tx, owner, &new)).await.unwrap().id;
        let with_key = budgets::Payer { owner, key: Some(key) };
        let by_key = open(&store, OpenCall { payer: with_key, ..call(owner) }).await;
        let own = open(&store, call(owner)).await;
        let others = open(&store, kept(other, "r", None)).await;
        let turn = |payer| OpenTurn { payer, ..turn(owner, None) };
        let (turn_by_key, own_turn) = (open_turn(&store, turn(with_key)).await, open_turn(&store, turn(owner.into())).await);
        let may_ask = async |payer: budgets::Payer| read(&store, move |tx| accounts::may_ask(tx, payer)).await;
        let revoked = async || read(&store, |tx| Ok((direct::revoked(tx)?, turns::revoked(tx)?))).await;
        assert_eq!(revoked().await, (vec![], vec![]));
        assert!(may_ask(with_key).await && may_ask(owner.into()).await);

        assert!(write(&store, move |tx| keys::delete(tx, owner, key)).await);
        assert_eq!(revoked().await, (vec![by_key], vec![turn_by_key.response_message_id]));
        assert!(!may_ask(with_key).await && may_ask(owner.into()).await);

        for account in [owner, other] {
            assert!(write(&store, move |tx| accounts::set_disabled(tx, account, true)).await);
            assert!(!may_ask(account.into()).await);
        }
        let (mut calls, mut turns) = revoked().await;
        calls.sort_unstable();
        turns.sort_unstable();
        assert_eq!(calls, [by_key, own, others]);
        assert_eq!(turns, [turn_by_key.response_message_id, own_turn.response_message_id]);
        for (payer, id) in [(owner, by_key), (owner, own), (other, others)] {
            assert!(close(&store, payer, id, None, end(TurnStatus::Stopped, 1)).await);
        }
        assert_eq!(revoked().await.0, []);
    }

    async fn an_account_takes_its_kept_calls_with_it(store: TestStore) {
        account(&store, "admin@x.test").await;
        let owner = account(&store, "a@x.test").await;
        limit(&store, owner, 1_000).await;
        let ended = open(&store, kept(owner, "ended", None)).await;
        let running = open(&store, kept(owner, "running", None)).await;
        assert!(close(&store, owner, ended, Some("[1]"), end(TurnStatus::Complete, 3)).await);
        let removed = write(&store, move |tx| account_removal::remove(tx, owner, at(60), settle, settle_call)).await;
        assert!(matches!(removed, Removed::Gone(_)), "{removed:?}");
        assert_eq!(by_id(&store, owner, "ended").await, None);
        assert_eq!(read(&store, move |tx| direct::calls_to_be_ended(tx, &[running])).await, [running]);
        // What it cost stays, and what ends after it is still written down.
        assert!(close(&store, owner, running, Some("[]"), end(TurnStatus::Stopped, 4)).await);
        assert!(read(&store, move |tx| ledger::is_charged(tx, MessageId(-running.0))).await);
        expect_sound(&store).await;
    }
}
