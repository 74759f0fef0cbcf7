//! A provider that keeps failing is left alone, and found again.

use crate::support::{ask, call, failure, kind, on_every_adapter, start};
use chatai_llm::{LlmError, Priority, Request};
use chatai_testkit::provider::{Dialect, Reply};
use std::time::Duration;

fn title(dialect: Dialect) -> Request {
    Request {
        priority: Priority::BestEffort,
        ..ask(dialect, "title")
    }
}

on_every_adapter! {
    async fn a_dead_provider_is_left_alone_and_found_again(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.script(|_| Reply::server_error());
        for _ in 0..2 {
            assert_eq!(kind(&failure(&adapter, ask(dialect, "x")).await.1), "Failed");
        }
        assert_eq!(provider.counts().calls, 5);
        for _ in 0..50 {
            let (_, error) = failure(&adapter, ask(dialect, "x")).await;
            let LlmError::CircuitOpen { retry_after } = error else { panic!("{error:?}") };
            assert!(retry_after <= Duration::from_secs(5));
        }
        assert_eq!(provider.counts().calls, 5, "nothing was sent");
        provider.unscript();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
        for _ in 0..2 {
            assert_eq!(call(&adapter, ask(dialect, "x")).await.unwrap().0, "Echo: x");
        }
    }

    async fn titles_that_fail_keep_no_answer_from_being_asked_for(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.script(|request| match request.last_user_text().as_str() {
            "answer" => Reply::echo(request),
            _ => Reply::server_error(),
        });
        for _ in 0..2 {
            assert_eq!(kind(&failure(&adapter, title(dialect)).await.1), "Failed");
        }
        assert_eq!(provider.counts().calls, 5);
        assert_eq!(kind(&failure(&adapter, title(dialect)).await.1), "CircuitOpen");
        assert_eq!(call(&adapter, ask(dialect, "answer")).await.unwrap().0, "Echo: answer");
        assert_eq!(provider.counts().calls, 6, "the titles are left alone, the answers not");
    }

    async fn vectors_that_fail_keep_no_answer_from_being_asked_for(dialect) {
        if dialect == Dialect::Anthropic {
            // It has none; see `embeddings`.
            return;
        }
        let (provider, adapter) = start(dialect).await;
        for _ in 0..5 {
            provider.push_for_embeddings(Reply::server_error());
        }
        let texts = ["a".to_owned()];
        for _ in 0..2 {
            assert_eq!(kind(&adapter.embed("m", &texts).await.unwrap_err()), "Failed");
        }
        assert_eq!(kind(&adapter.embed("m", &texts).await.unwrap_err()), "CircuitOpen");
        assert_eq!(call(&adapter, ask(dialect, "x")).await.unwrap().0, "Echo: x");
    }

    async fn whoever_obeys_a_circuit_is_stopped_by_answers_that_fail(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.script(|_| Reply::server_error());
        for _ in 0..2 {
            failure(&adapter, ask(dialect, "x")).await;
        }
        assert_eq!(kind(&failure(&adapter, title(dialect)).await.1), "CircuitOpen");
        assert_eq!(kind(&adapter.models().await.unwrap_err()), "CircuitOpen");
        if dialect != Dialect::Anthropic {
            let vectors = adapter.embed("m", &["a".to_owned()]).await;
            assert_eq!(kind(&vectors.unwrap_err()), "CircuitOpen");
        }
        assert_eq!(provider.counts().calls, 5);
    }

    /// An answer that breaks off says that somebody is there.
    async fn answers_that_break_off_open_no_circuit(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.script(|_| Reply::text("abcd").deltas(4).cut_after(2));
        for _ in 0..8 {
            assert_eq!(kind(&failure(&adapter, ask(dialect, "x")).await.1), "Failed");
        }
        assert_eq!(provider.counts().calls, 8);
    }

    async fn refusals_never_open_the_circuit(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.script(|_| Reply::context_too_long());
        for _ in 0..20 {
            assert_eq!(kind(&failure(&adapter, ask(dialect, "x")).await.1), "ContextTooLong");
        }
        assert_eq!(provider.counts().calls, 20);
    }
}
