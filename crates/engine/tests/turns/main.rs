//! What a turn leaves in the database when a vendor reports what none of those that are spoken to over the wire does.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../../store/tests/common/mod.rs"]
#[expect(dead_code, reason = "shared with the store's own tests")]
mod common;

use async_trait::async_trait;
use chatai_engine::{
    AuthSettings, Catalog, Engine, JwtAlgorithm, LimitSettings, ModelSettings, NewAccount, Origin, Parent,
    Parts, SendMessage, Settings, Vendor,
};
use chatai_files::{Extractor, Limits};
use chatai_llm::{
    Embeddings, Event, EventStream, Finished, LlmError, OfferedModel, Priority, Provider, Request, StopReason,
};
use chatai_rag::Collection;
use chatai_store::Store;
use chatai_types::{Scope, SystemClock, SystemRandom, TokenCounts};
use common::{TestStore, conformance, run};
use futures_util::{StreamExt, stream};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
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

async fn engine(store: Store, prices: &str, vendor: Caching) -> Engine {
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
            provider: Arc::new(vendor),
            models: Vec::new(),
            discover: false,
        }],
        tools: Vec::new(),
        collection: Collection::parse("[]", "books").unwrap(),
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
        let account = NewAccount {
            email: "ada@example.com".to_owned(),
            password: "secret".to_owned(),
            display_name: None,
        };
        let origin = Origin { address: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: None };
        let token = engine.register(account, origin).await.unwrap().token;
        let caller = engine.authenticate(&token).await.unwrap();
        let message = SendMessage {
            conversation_id: None,
            text: "hello".to_owned(),
            model: Some("caching".to_owned()),
            files: Vec::new(),
            parent: Parent::Head,
            idempotency_key: None,
        };
        let turn = engine.send(&caller, message).await.unwrap();
        let answer_id = turn.ids.response_message_id;
        let outcome = turn.finished().await;
        assert!(outcome.error.is_none(), "{outcome:?}");
        let (answer, calls) = engine.message_usage(&caller, answer_id).await.unwrap();
        let call = calls.iter().find(|call| call.scope == Scope::Final).unwrap();
        assert_eq!(call.tokens, tokens);
        assert_eq!(call.price.unwrap().to_string(), "0.054399");
        assert_eq!(answer.price.unwrap().to_string(), "0.054399");
        assert_eq!(answer.tokens, Some(tokens));
        engine.shutdown(Duration::ZERO).await;
    }
}
