//! Whole turns of an engine of its own, under a clock that is moved by hand: nothing depends on time's going forward.

mod elsewhere;
mod panics;
mod settling;

use crate::{
    AuthSettings, Caller, Catalog, Engine, JwtAlgorithm, LimitSettings, ModelSettings, NewAccount, Origin,
    Outcome, Parent, Parts, SendMessage, Settings, Vendor,
};
use chatai_files::{Extractor, Limits, Worker};
use chatai_llm::Provider;
use chatai_rag::{Collection, Index};
use chatai_store::{SqliteOptions, Store};
use chatai_types::{Clock, ConversationId, ErrorCode, ManualClock, SeededRandom, Timestamp, TurnStatus};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};

const DAY: i64 = 24 * 60 * 60;
const YEAR: i64 = 365 * DAY;
const TOKEN_MINUTES: i64 = 60;
/// A model that answers where there is a vendor.
const CATALOG: &str = r#"{"m": {"input": 1, "output": 1}}"#;

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    token: String,
    pub(crate) caller: Caller,
    _folder: tempfile::TempDir,
}

pub(crate) fn settings(turns_per_minute: u32) -> Settings {
    Settings {
        auth: AuthSettings {
            jwt_secret: b"0123456789abcdef0123456789abcdef".to_vec(),
            jwt_algorithm: JwtAlgorithm::Hs256,
            token_minutes: TOKEN_MINUTES,
            password_min_chars: 6,
            password_max_chars: 1_024,
            registration_open: true,
        },
        models: ModelSettings::default(),
        limits: LimitSettings {
            registrations_per_minute: 0,
            turns_per_minute,
            turns_per_minute_and_address: 0,
            sign_in_failures_per_minute: 0,
            files_per_message: 1,
            file_bytes: 1_000,
            message_chars: 1_000,
            tool_rounds: 4,
            concurrent_turns: 16,
            context_tokens: 10_000,
        },
        cache_ttl: Duration::from_secs(60),
    }
}

pub(crate) fn origin() -> Origin {
    Origin {
        user_agent: None,
        address: Ipv4Addr::LOCALHOST.into(),
    }
}

/// A provider that has the catalog's models.
pub(crate) fn vendor(provider: Arc<dyn Provider>) -> Vendor {
    Vendor {
        name: "openai".to_owned(),
        kind: "openai",
        family: Some("openai"),
        host: "localhost".to_owned(),
        is_vendors_own: false,
        provider,
        models: Vec::new(),
        discover: false,
    }
}

/// An engine on a store, as a process that starts makes it.
pub(crate) async fn start(
    store: &Store,
    clock: &Arc<ManualClock>,
    settings: Settings,
    catalog: &str,
    provider: Option<Arc<dyn Provider>>,
) -> Engine {
    let worker = Worker {
        program: "/bin/false".into(),
        arguments: Vec::new(),
    };
    let books =
        r#"[{"title": "Moby-Dick", "author": "Herman Melville", "short_summary": "A whale and a ship."}]"#;
    let parts = Parts {
        store: store.clone(),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        random: Arc::new(SeededRandom::new(1)),
        settings,
        catalog: Catalog::parse(catalog, "a test's own").unwrap(),
        vendors: provider.map(vendor).into_iter().collect(),
        tools: Vec::new(),
        books: Index::build(&Collection::parse(books, "a test's own").unwrap()),
        extractor: Extractor::with_worker(worker, Limits::default()),
    };
    Engine::start(parts).await.unwrap()
}

impl World {
    async fn new(turns_per_minute: u32) -> Self {
        Self::with_vendor(turns_per_minute, None).await
    }

    async fn with_vendor(turns_per_minute: u32, provider: Option<Arc<dyn Provider>>) -> Self {
        Self::with(settings(turns_per_minute), CATALOG, provider).await
    }

    pub(crate) async fn with(settings: Settings, catalog: &str, provider: Option<Arc<dyn Provider>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(SqliteOptions::new(folder.path().join("chatai.db")))
            .await
            .unwrap();
        let now = Timestamp::parse_wire("2026-03-04 05:06:07").unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let engine = start(&store, &clock, settings, catalog, provider).await;
        let new = NewAccount {
            email: "ada@example.com".to_owned(),
            password: "secret".to_owned(),
            display_name: None,
        };
        let token = engine.register(new, origin()).await.unwrap().token;
        let caller = engine.authenticate(&token).await.unwrap();
        Self {
            engine,
            store,
            clock,
            token,
            caller,
            _folder: folder,
        }
    }

    fn message(conversation: Option<ConversationId>, text: &str) -> SendMessage {
        SendMessage {
            conversation_id: conversation,
            parent: Parent::Head,
            text: text.to_owned(),
            model: None,
            files: Vec::new(),
            idempotency_key: None,
        }
    }

    async fn ask(&self, conversation: Option<ConversationId>, text: &str) -> (ConversationId, Outcome) {
        let turn = self
            .engine
            .send(&self.caller, &origin(), Self::message(conversation, text))
            .await
            .unwrap();
        (turn.ids.conversation_id, turn.finished().await)
    }

    pub(crate) async fn end(self) {
        self.engine.shutdown(Duration::from_secs(5)).await;
        self.store.close().await;
    }
}

#[tokio::test]
async fn turns_stay_in_their_order() {
    let world = World::new(0).await;
    let (conversation, first) = world.ask(None, "one: ships?").await;
    assert_eq!(first.status, TurnStatus::Complete);
    for (jump, text) in [
        (-DAY, "two: ships?"),
        (YEAR, "three: ships?"),
        (-YEAR, "four: ships?"),
    ] {
        world.clock.advance_secs(jump);
        let (same, outcome) = world.ask(Some(conversation), text).await;
        assert_eq!((same, outcome.status), (conversation, TurnStatus::Complete));
    }
    let all = crate::MessagePart::All;
    let messages = world
        .engine
        .messages(&world.caller, conversation, all)
        .await
        .unwrap();
    let questions: Vec<&str> = messages
        .iter()
        .step_by(2)
        .map(|question| &question.text[..question.text.find(':').unwrap()])
        .collect();
    assert_eq!(questions, ["one", "two", "three", "four"]);
    for pair in messages.chunks(2) {
        assert_eq!(pair[1].request_id, Some(pair[0].id));
    }
    world.end().await;
}

#[tokio::test]
async fn tokens_end_in_their_time_and_not_before() {
    let world = World::new(0).await;
    world.clock.advance_secs(-DAY);
    assert!(
        world.engine.authenticate(&world.token).await.is_ok(),
        "issued tomorrow, as it seems"
    );
    world.clock.advance_secs(DAY + TOKEN_MINUTES * 60 - 1);
    assert!(world.engine.authenticate(&world.token).await.is_ok());
    world.clock.advance_secs(2);
    let error = world.engine.authenticate(&world.token).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidToken);
    world.clock.advance_secs(YEAR);
    assert!(world.engine.authenticate(&world.token).await.is_err());
    world.end().await;
}

#[tokio::test]
async fn a_rate_limit_shuts_nobody_out_for_a_day() {
    let world = World::new(2).await;
    for jump in [0, 0] {
        world.clock.advance_secs(jump);
        world.ask(None, "ships?").await;
    }
    let third = world
        .engine
        .send(&world.caller, &origin(), World::message(None, "ships?"))
        .await;
    assert_eq!(third.unwrap_err().code, ErrorCode::RateLimited);
    world.clock.advance_secs(-DAY);
    let refused = world
        .engine
        .send(&world.caller, &origin(), World::message(None, "ships?"))
        .await;
    if let Err(error) = refused {
        let wait = error.retry_after.expect("how long to wait");
        assert!(wait <= Duration::from_secs(60), "{wait:?}");
    }
    // A minute by the clock as it goes now is enough.
    world.clock.advance_secs(60);
    world.ask(None, "ships?").await;
    world.end().await;
}

#[tokio::test]
async fn a_key_stands_for_its_turn_for_a_day() {
    let world = World::new(0).await;
    let keyed = || SendMessage {
        idempotency_key: Some("key".to_owned()),
        ..World::message(None, "ships?")
    };
    let send = async || {
        let turn = world
            .engine
            .send(&world.caller, &origin(), keyed())
            .await
            .unwrap();
        let (id, is_repeated) = (turn.ids.response_message_id, turn.is_repeated);
        turn.finished().await;
        (id, is_repeated)
    };
    let (first, is_repeated) = send().await;
    assert!(!is_repeated);
    world.clock.advance_secs(-DAY);
    assert_eq!(send().await, (first, true), "made tomorrow, as it seems");
    world.clock.advance_secs(2 * DAY - 1);
    assert_eq!(send().await, (first, true));
    world.clock.advance_secs(YEAR);
    let (again, is_repeated) = send().await;
    assert!(again != first && !is_repeated);
    world.end().await;
}
