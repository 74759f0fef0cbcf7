//! The plans of hot statements. They are compiled once, so that the values of their parameters must not matter: with these
//! known the planner would come to the same.

use super::{
    SqliteOptions,
    connect::{self, Purpose},
    session::SqliteSession,
    text::numbered,
};
use crate::{
    Backend, Store, StoreError, Tx,
    ops::{
        accounts::{self, Added, NewAccount},
        branches, budgets,
        conversation_pages::{self, From, Which},
        direct::{self, CallEnd, CallUse, CloseCall, NewKept, OpenCall, OpenedCall},
        ledger,
        messages::{self, Part},
        reports::{self, GroupBy, Scope as Period},
        search::{self, Bounds, Sought},
        turns::{
            self, BegunCall, CloseTurn, EventKind, ModelCall, NewEvent, OpenTurn, Opened, Parent, Question,
            Repeatable,
        },
    },
    tx::{EachRow, Session},
    value::Value,
};
use chatai_types::{CallKind, Day, Money, Scope, Timestamp, TokenCounts, TurnStatus, UsageSource, UserId};
use rusqlite::{Connection, config::DbConfig, params_from_iter};
use std::collections::BTreeSet;

/// Looks at the plan of every statement that is run: as the service compiles it, and with its parameters known.
struct Watched<'c> {
    session: SqliteSession<'c>,
    connection: &'c Connection,
    /// Of the same file, without the guarantee that plans are stable.
    other: &'c Connection,
    seen: BTreeSet<String>,
}

impl Watched<'_> {
    fn look_at(&mut self, sql: &str, params: &[Value<'_>]) {
        if !self.seen.insert(sql.to_owned()) {
            return;
        }
        let steady = plan(self.connection, sql, params);
        let knowing = plan(self.other, sql, params);
        assert_eq!(steady, knowing, "{sql}");
        // Small tables alone are read whole.
        for table in [
            "m",
            "c",
            "t",
            "messages",
            "conversations",
            "ledger",
            "usage_days",
            "direct_calls",
            "kept_calls",
        ] {
            let scan = format!("SCAN {table}");
            assert!(
                steady.iter().all(|step| *step != scan),
                "the whole of {table} is read: {sql}: {steady:?}"
            );
        }
    }
}

/// The steps that SQLite takes.
fn plan(connection: &Connection, sql: &str, params: &[Value<'_>]) -> Vec<String> {
    let explained = format!("explain query plan {}", numbered(sql));
    let mut statement = connection.prepare(&explained).expect("a statement");
    let steps = statement.query_map(params_from_iter(params), |row| row.get(3));
    steps.expect("a plan").collect::<Result<_, _>>().expect("steps")
}

impl Session for Watched<'_> {
    fn backend(&self) -> Backend {
        Backend::Sqlite
    }

    fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        self.look_at(sql, params);
        self.session.exec(sql, params)
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        self.look_at(sql, params);
        self.session.query(sql, params, each)
    }

    fn insert(
        &mut self,
        sql: &'static str,
        returning: &'static str,
        params: &[Value<'_>],
    ) -> Result<Option<i64>, StoreError> {
        self.look_at(sql, params);
        self.session.insert(sql, returning, params)
    }

    fn exec_dynamic(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        self.look_at(sql, params);
        self.session.exec_dynamic(sql, params)
    }

    fn query_dynamic(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        self.look_at(sql, params);
        self.session.query_dynamic(sql, params, each)
    }
}

const fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn account(tx: &mut Tx<'_>) -> UserId {
    let new = NewAccount {
        email: "a@example.com".to_owned(),
        email_folded: "a@example.com".to_owned(),
        password_hash: "$argon2id$x".to_owned(),
        display_name: None,
        created_at: at(1),
        only_as_first: false,
    };
    match accounts::add(tx, &new).expect("it is written") {
        Added::Account(account) => account.id,
        other => panic!("{other:?}"),
    }
}

fn key() -> Repeatable {
    Repeatable {
        key: "k".to_owned(),
        fingerprint: "f".to_owned(),
        not_before: at(0),
    }
}

fn used() -> ModelCall {
    ModelCall {
        scope: Scope::Final,
        model: "m".to_owned(),
        tokens: TokenCounts::default(),
        source: UsageSource::Provider,
        price: Some(Money::from_pico(3)),
        price_version: None,
        fallback_from: None,
        at: at(3),
    }
}

/// A turn from its opening to its end, and what is read of it.
fn turn(tx: &mut Tx<'_>, owner: UserId) -> Result<(), StoreError> {
    let opened = turns::open(
        tx,
        &OpenTurn {
            payer: owner.into(),
            question: Question::New {
                conversation: None,
                parent: Parent::Head,
                provisional_title: "t".to_owned(),
                text: "word".to_owned(),
                size_tokens: 1,
                attachments: Vec::new(),
            },
            model: "m".to_owned(),
            price_version: None,
            request_tokens: 1,
            calls: Vec::new(),
            repeatable: Some(key()),
            now: at(2),
            lease_until: at(9),
            worst_case: Money::from_pico(9),
        },
    )?;
    let Opened::Turn(ids) = opened else {
        panic!("{opened:?}");
    };
    let answer = ids.response_message_id;
    let event = NewEvent {
        number: 0,
        kind: EventKind::Text,
        text_offset: 0,
        data: "an".to_owned(),
        titled: None,
        written_at: at(1),
    };
    turns::append(tx, answer, &[event])?;
    let begun = BegunCall {
        number: 4,
        scope: Scope::Tool,
        model: "m".to_owned(),
        price_version: None,
        fallback_from: None,
        request_tokens: 1,
        tokens_before: 0,
    };
    turns::record_calls(tx, answer, &[(1, used())], &[begun], at(2))?;
    turns::renew_leases(tx, &[answer], at(10))?;
    turns::shorten_leases(tx, at(10))?;
    turns::sweep(tx, at(3), at(3), 10, |turn| panic!("it lives: {turn:?}"))?;
    turns::is_abandoned(tx, answer, at(3))?;
    turns::sweep_one(tx, owner, answer, at(3), |turn| panic!("it lives: {turn:?}"))?;
    let close = CloseTurn {
        payer: owner.into(),
        ids,
        status: TurnStatus::Complete,
        model: "m".to_owned(),
        text: "answer".to_owned(),
        size_tokens: 1,
        answer_summary: None,
        question_summary: None,
        events: Vec::new(),
        error: None,
        tokens: Some(TokenCounts::default()),
        price: Some(Money::from_pico(3)),
        times: messages::Times::default(),
        calls: vec![used()],
    };
    assert!(turns::close(tx, &close)?);
    let conversation = ids.conversation_id;
    turns::history(tx, owner, conversation, answer, 100)?;
    branches::head(tx, owner, conversation)?;
    for part in [
        Part::All,
        Part::Latest(2),
        Part::Before(answer, 2),
        Part::After(answer, 2),
    ] {
        messages::branch(tx, owner, conversation, part)?;
    }
    messages::get(tx, owner, answer)?;
    turns::events(tx, answer, 0)?;
    turns::repeated(tx, owner, &key())?;
    turns::forget_repeatable(tx, at(9), 10)?;
    Ok(())
}

/// A program's call, in the same way.
fn call(tx: &mut Tx<'_>, owner: UserId) -> Result<(), StoreError> {
    let opened = direct::open(
        tx,
        &OpenCall {
            payer: owner.into(),
            kind: CallKind::Response,
            model: "m".to_owned(),
            price_version: None,
            request_tokens: 1,
            worst_case: Money::from_pico(9),
            kept: Some(NewKept {
                public_id: "r".to_owned(),
                previous_id: None,
                face: "{}".to_owned(),
                input: "\"?\"".to_owned(),
                keep_until: at(99),
            }),
            repeatable: Some(key()),
            now: at(2),
            lease_until: at(9),
        },
    )?;
    let OpenedCall::Call { id, is_reserved } = opened else {
        panic!("{opened:?}");
    };
    direct::append(tx, id, 0, &["\"a\"".to_owned()])?;
    direct::renew(tx, &[id], at(10))?;
    direct::shorten(tx, at(10))?;
    direct::sweep(tx, at(3), at(3), 10, |call| panic!("it lives: {call:?}"))?;
    direct::kept_after(tx, owner, id, 0)?;
    let end = CallEnd {
        status: TurnStatus::Complete,
        stop_reason: None,
        error: None,
        used: Some(CallUse {
            tokens: TokenCounts::default(),
            source: UsageSource::Provider,
            price: Some(Money::from_pico(3)),
            price_version: None,
        }),
        at: at(3),
    };
    let close = CloseCall {
        payer: owner.into(),
        id,
        kind: CallKind::Response,
        is_reserved,
        model: "m".to_owned(),
        end,
        output: Some("[\"a\"]".to_owned()),
        gives_key_back: false,
    };
    assert!(direct::close(tx, &close)?);
    direct::earlier(tx, owner, &key())?;
    direct::lineage(tx, owner, "r", 9, 99)?;
    direct::forget_kept(tx, at(9), 10)?;
    Ok(())
}

/// Lists, search and reports.
fn reads(tx: &mut Tx<'_>, owner: UserId) -> Result<(), StoreError> {
    for which in [Which::All, Which::Pinned] {
        let page = conversation_pages::page(tx, owner, which, From::Newest, 1)?;
        if let Some(row) = page.rows.first() {
            let key = (row.created_at, row.id);
            conversation_pages::page(tx, owner, which, From::OlderThan(key), 1)?;
            conversation_pages::page(tx, owner, which, From::NewerThan(key), 1)?;
        }
    }
    let sought = Sought {
        words: vec!["word".to_owned()],
        beginning: Some("an".to_owned()),
    };
    let bounds = Bounds {
        titles: 9,
        messages: 9,
        bytes: 99,
        below: search::Place::NEWEST,
    };
    search::find(tx, owner, &sought, bounds)?;
    budgets::get(tx, owner, at(3))?;
    let by = GroupBy {
        model: true,
        ..GroupBy::default()
    };
    let day = Day::from_number(0);
    ledger::close_day(tx, day)?;
    for owner in [None, Some(owner)] {
        for (from, to) in [(None, None), (Some(at(1)), Some(at(2)))] {
            reports::report(tx, &Period { owner, from, to }, by)?;
        }
    }
    Ok(())
}

#[test]
fn plans_do_not_depend_on_the_values_of_parameters() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chatai.db");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = Store::open_sqlite(SqliteOptions::new(&path)).await;
        store.expect("the file is made").close().await;
    });
    let [connection, other] = [(); 2].map(|()| {
        let connection = connect::open(&path, Purpose::Write).expect("a connection");
        connect::settle(&connection, Purpose::Write).expect("settings");
        connection
    });
    other
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, false)
        .expect("a setting");
    let mut watched = Watched {
        session: SqliteSession::new(&connection),
        connection: &connection,
        other: &other,
        seen: BTreeSet::new(),
    };
    let mut tx = Tx::new(&mut watched);
    let owner = account(&mut tx);
    let all = turn(&mut tx, owner)
        .and_then(|()| call(&mut tx, owner))
        .and_then(|()| reads(&mut tx, owner));
    all.expect("every statement runs");
    assert!(watched.seen.len() > 60, "{}", watched.seen.len());
}
