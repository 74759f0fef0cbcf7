//! Replies that were built from reads are as safe as those built from writes.

use crate::{
    AuthSettings, Catalog, Engine, JwtAlgorithm, LimitSettings, ModelSettings, Parts, Settings,
    views::{NewAccount, Origin},
};
use chatai_files::{Extractor, Limits, Worker};
use chatai_rag::{Collection, Index};
use chatai_store::{SqliteOptions, Store};
use chatai_types::{Clock, ManualClock, SeededRandom, Timestamp};
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, RwLock},
    time::Duration,
};

const ORIGIN: Origin = Origin {
    address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    user_agent: None,
};

/// Longer than any read takes, which is what an answer would come after if it waited for nothing.
const HELD: Duration = Duration::from_millis(1_500);

/// An engine whose disk a test can hold back: it syncs only while nobody holds the lock for writing.
async fn engine(folder: &tempfile::TempDir) -> (Engine, Arc<RwLock<()>>) {
    let disk = Arc::new(RwLock::new(()));
    let held = Arc::clone(&disk);
    let options = SqliteOptions::new(folder.path().join("chatai.db")).sync_with(move |log| {
        let _free = held.read().unwrap();
        log.sync_data()
    });
    let worker = Worker {
        program: "/bin/false".into(),
        arguments: Vec::new(),
    };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(
        Timestamp::parse_wire("2026-01-01 00:00:00").unwrap(),
    ));
    let parts = Parts {
        store: Store::open_sqlite(options).await.unwrap(),
        clock,
        random: Arc::new(SeededRandom::new(1)),
        settings: settings(),
        catalog: Catalog::parse("{}", "none").unwrap(),
        vendors: Vec::new(),
        tools: Vec::new(),
        books: Index::build(&Collection::parse("[]", "none").unwrap()),
        extractor: Extractor::with_worker(worker, Limits::default()),
    };
    let engine = Engine::start(parts).await.unwrap();
    (engine, disk)
}

fn settings() -> Settings {
    Settings {
        auth: AuthSettings {
            jwt_secret: vec![7; 32],
            jwt_algorithm: JwtAlgorithm::Hs256,
            token_minutes: 10,
            password_min_chars: 6,
            password_max_chars: 1_024,
            registration_open: true,
        },
        models: ModelSettings::default(),
        limits: LimitSettings {
            turns_per_minute_and_address: 0,
            registrations_per_minute: 0,
            turns_per_minute: 0,
            sign_in_failures_per_minute: 0,
            files_per_message: 1,
            file_bytes: 1,
            message_chars: 1,
            tool_rounds: 1,
            concurrent_turns: 1,
            context_tokens: 1,
        },
        cache_ttl: Duration::from_secs(60),
    }
}

fn new_account(email: &str) -> NewAccount {
    NewAccount {
        email: email.to_owned(),
        password: "secret".to_owned(),
        display_name: None,
    }
}

/// The reply does not come while the disk is held, and comes when it is let go.
async fn waits_for_the_disk<T: Send + 'static>(
    disk: Arc<RwLock<()>>,
    engine: &Engine,
    written: impl Future<Output = ()>,
    reply: impl Future<Output = T> + Send + 'static,
) -> T {
    // The lock is held by a thread of its own, since it must not be held across an await.
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let (taken, is_taken) = tokio::sync::oneshot::channel();
    let holder = std::thread::spawn(move || {
        let _held = disk.write().unwrap();
        taken.send(()).unwrap();
        let _ = wait.recv();
    });
    is_taken.await.unwrap();
    written.await;
    let mut reply = tokio::spawn(reply);
    let early = tokio::time::timeout(HELD, &mut reply).await;
    assert!(early.is_err(), "a reply was given on what a power cut could undo");
    drop(let_go);
    holder.join().unwrap();
    let reply = reply.await.unwrap();
    engine.ready().await.unwrap();
    reply
}

/// Adds an account in the background and returns when it is there to be read, not yet synced. Past the rules, which read
/// before they write: a held disk would hold such a read back.
async fn registered_unsynced(engine: &Engine, email: &str) {
    let new = super::rows::NewAccount {
        email: email.to_owned(),
        email_folded: email.to_owned(),
        password_hash: engine.inner.accounts.passwords.hash("secret").await.unwrap(),
        display_name: None,
        created_at: engine.now(),
        only_as_first: false,
    };
    let store = engine.store().clone();
    tokio::spawn(async move { store.write(move |tx| super::rows::add(tx, &new)).await });
    let folded = email.to_owned();
    loop {
        let folded = folded.clone();
        let seen = engine
            .store()
            .read(move |tx| super::rows::email_taken(tx, &folded))
            .await;
        if seen.unwrap() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_that_is_not_synced_signs_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, disk) = engine(&folder).await;
    let signing = engine.clone();
    let reply = async move { signing.sign_in("a@example.com", "secret", ORIGIN).await };
    let written = registered_unsynced(&engine, "a@example.com");
    let signed_in = waits_for_the_disk(disk, &engine, written, reply).await;
    assert!(signed_in.is_ok(), "{signed_in:?}");
}

#[tokio::test]
async fn an_e_mail_that_is_not_synced_is_not_called_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, disk) = engine(&folder).await;
    let second = engine.clone();
    let reply = async move { second.register(new_account("a@example.com"), ORIGIN).await };
    let written = registered_unsynced(&engine, "a@example.com");
    let refused = waits_for_the_disk(disk, &engine, written, reply)
        .await
        .unwrap_err();
    assert_eq!(refused.detail, "Email already registered");
}

#[tokio::test]
async fn a_first_account_that_is_not_synced_is_not_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, disk) = engine(&folder).await;
    let asking = engine.clone();
    let reply = async move { asking.has_accounts().await };
    let written = registered_unsynced(&engine, "a@example.com");
    assert!(waits_for_the_disk(disk, &engine, written, reply).await.unwrap());
}

#[tokio::test]
async fn a_new_password_is_not_checked_against_before_it_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, disk) = engine(&folder).await;
    let signed_in = engine
        .register(new_account("a@example.com"), ORIGIN)
        .await
        .unwrap();
    let caller = engine.authenticate(&signed_in.token).await.unwrap();
    let changing = engine.clone();
    let owner = caller.user_id;
    let written = async {
        let changing = engine.clone();
        tokio::spawn(async move { changing.set_password(owner, "another").await });
        loop {
            let found = engine.store().read(move |tx| super::rows::get(tx, owner)).await;
            if found.unwrap().unwrap().epoch > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let reply = async move {
        changing
            .change_password(&caller, "secret", "third one", ORIGIN)
            .await
    };
    let refused = waits_for_the_disk(disk, &engine, written, reply)
        .await
        .unwrap_err();
    assert_eq!(refused.detail, "Current password is wrong");
}
