//! Turns with vendors that are not spoken to over the wire: what one reports that no other does, what one is asked.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../../store/tests/common/mod.rs"]
#[expect(dead_code, reason = "shared with the store's own tests")]
mod common;

use async_trait::async_trait;
use chatai_engine::{
    AuthSettings, Caller, Catalog, Engine, JwtAlgorithm, LimitSettings, ModelSettings, NewAccount, Origin,
    Parent, Parts, SendMessage, Settings, TurnIds, Vendor,
};
use chatai_files::{Extractor, Limits};
use chatai_llm::{
    Embeddings, Event, EventStream, Finished, LlmError, OfferedModel, Priority, Provider, Request, StopReason,
};
use chatai_rag::{Collection, Index};
use chatai_store::Store;
use chatai_types::{ConversationId, Scope, SystemClock, SystemRandom, TokenCounts};
use common::{TestStore, conformance, run};
use futures_util::{StreamExt, stream};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

/// A vendor that writes to its cache: its answers use what is given, everything else nothing.
struct Caching(TokenCounts);

#[async_trait]
impl Provider for Caching {
    fn name(&self) -> &str {
        "caching"
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        let usage = match request.priority {
            Priority::Answer => self.0,
            Priority::BestEffort => TokenCounts::default(),
        };
        let end = Event::Finished(Finished {
            reason: StopReason::Stop,
            usage: Some(usage),
            response_id: None,
        });
        Ok(stream::iter([Ok(Event::Text("done".to_owned())), Ok(end)]).boxed())
    }

    async fn embed(&self, _: &str, _: &[String]) -> Result<Embeddings, LlmError> {
        Err(LlmError::Rejected("no vectors".to_owned()))
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        Ok(Vec::new())
    }
}

/// A vendor that remembers what it is asked.
#[derive(Clone, Default)]
struct Listening(Arc<Mutex<Vec<Request>>>);

#[async_trait]
impl Provider for Listening {
    fn name(&self) -> &str {
        "listening"
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        if request.priority == Priority::Answer {
            self.0.lock().unwrap().push(request);
        }
        Caching(TokenCounts::default()).stream(Request::default()).await
    }

    async fn embed(&self, _: &str, _: &[String]) -> Result<Embeddings, LlmError> {
        Err(LlmError::Rejected("no vectors".to_owned()))
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        Ok(Vec::new())
    }
}

impl Listening {
    /// What was said in the last conversation it was shown, without what goes before every one.
    fn heard(&self) -> Vec<String> {
        let requests = self.0.lock().unwrap();
        let items = &requests.last().unwrap().items;
        items.iter().map(|item| format!("{item:?}")).collect()
    }
}

fn origin() -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
    }
}

/// Registers an account and signs it in.
async fn caller(engine: &Engine) -> Caller {
    let account = NewAccount {
        email: "ada@example.com".to_owned(),
        password: "secret".to_owned(),
        display_name: None,
    };
    let token = engine.register(account, origin()).await.unwrap().token;
    engine.authenticate(&token).await.unwrap()
}

/// Sends a message and waits for its answer.
async fn send(
    engine: &Engine,
    caller: &Caller,
    model: &str,
    conversation: Option<ConversationId>,
    text: &str,
) -> TurnIds {
    let message = SendMessage {
        conversation_id: conversation,
        text: text.to_owned(),
        model: Some(model.to_owned()),
        files: Vec::new(),
        parent: Parent::Head,
        idempotency_key: None,
    };
    let turn = engine.send(caller, &origin(), message).await.unwrap();
    let ids = turn.ids;
    let outcome = turn.finished().await;
    assert!(outcome.error.is_none(), "{outcome:?}");
    ids
}

async fn engine(store: Store, prices: &str, vendor: impl Provider + 'static) -> Engine {
    let settings = Settings {
        auth: AuthSettings {
            jwt_secret: vec![7; 32],
            jwt_algorithm: JwtAlgorithm::Hs256,
            token_minutes: 60,
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
            file_bytes: 1_000,
            message_chars: 1_000,
            tool_rounds: 2,
            concurrent_turns: 4,
            context_tokens: 1_000,
        },
        cache_ttl: Duration::from_secs(1),
    };
    let parts = Parts {
        store,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        settings,
        catalog: Catalog::parse(prices, "prices").unwrap(),
        vendors: vec![Vendor {
            name: "openai".to_owned(),
            kind: "openai",
            family: Some("openai"),
            host: "127.0.0.1".to_owned(),
            is_vendors_own: false,
            provider: Arc::new(vendor),
            models: Vec::new(),
            discover: false,
        }],
        tools: Vec::new(),
        books: Index::build(&Collection::parse("[]", "books").unwrap()),
        extractor: Extractor::new(Limits::default()),
    };
    Engine::start(parts).await.unwrap()
}

conformance! {
    /// The golden vector of a vendor that bills what it writes to its cache: 3 fresh, 12,304 written, 550 out.
    async fn cache_writes_are_stored_and_charged_apart(store: TestStore) {
        let prices = r#"{"caching": {"input": 3, "cached_input": 0.3, "cache_write": 3.75, "output": 15}}"#;
        let tokens = TokenCounts::from_disjoint(3, 0, 12_304, 550, 0).unwrap();
        let engine = engine(store.store.clone(), prices, Caching(tokens)).await;
        let caller = caller(&engine).await;
        let answer_id = send(&engine, &caller, "caching", None, "hello").await.response_message_id;
        let (answer, calls) = engine.message_usage(&caller, answer_id).await.unwrap();
        let call = calls.iter().find(|call| call.scope == Scope::Final).unwrap();
        assert_eq!(call.tokens, tokens);
        assert_eq!(call.price.unwrap().to_string(), "0.054399");
        assert_eq!(answer.price.unwrap().to_string(), "0.054399");
        assert_eq!(answer.tokens, Some(tokens));
        engine.shutdown(Duration::ZERO).await;
    }

    /// What an instance remembers of a conversation is not what the next message follows when another has answered
    /// there meanwhile.
    async fn a_turn_knows_what_was_said_at_another_instance(store: TestStore) {
        let prices = r#"{"listening": {"input": 1, "cached_input": 1, "output": 1}}"#;
        let (ears, others) = (Listening::default(), Listening::default());
        let here = engine(store.store.clone(), prices, ears.clone()).await;
        let there = engine(store.store.clone(), prices, others).await;
        let caller = caller(&here).await;
        let first = send(&here, &caller, "listening", None, "one").await;
        let chat = Some(first.conversation_id);
        let second = send(&there, &caller, "listening", chat, "two").await;
        let third = send(&here, &caller, "listening", chat, "three").await;
        let heard = ears.heard().join(" ");
        let places = ["one", "two", "three"].map(|said| heard.find(&format!("\"{said}\"")));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{heard}");
        let (question, _) = here.message_usage(&caller, third.request_message_id).await.unwrap();
        assert_eq!(question.parent_id, Some(second.response_message_id));
        here.shutdown(Duration::ZERO).await;
        there.shutdown(Duration::ZERO).await;
    }
}
