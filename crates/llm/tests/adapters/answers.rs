//! What a well provider says, in the normal form.

use crate::support::{ask, call, finished, model, on_every_adapter, reasoning, start, thinking_model};
use chatai_llm::{Event, Finished, Request, StopReason};
use chatai_testkit::provider::{Dialect, Gate, Reply};
use chatai_types::TokenCounts;
use futures_util::StreamExt;
use serde_json::json;
use std::time::Duration;

on_every_adapter! {
    async fn an_answer_with_usage_over_a_connection_that_is_used_again(dialect) {
        let (provider, adapter) = start(dialect).await;
        for round in 0..3 {
            provider.push(Reply::text("Grüße, 世界").deltas(4).usage(100, 40, 7, 0));
            let (text, events) = call(&adapter, ask(dialect, "hi")).await.unwrap();
            assert_eq!(text, "Grüße, 世界");
            let expected = Finished {
                reason: StopReason::Stop,
                usage: Some(TokenCounts::from_inclusive(100, 40, 7, 0).unwrap()),
                response_id: Some(provider.calls()[round].response_id()),
            };
            assert_eq!(events, [Event::Finished(expected)]);
            assert_eq!(provider.calls()[round].model(), model(dialect));
        }
        assert_eq!((provider.counts().connections, provider.billed().len()), (1, 3));
    }

    /// What was read from the cache, written to it and thought is each counted once, whatever the vendor includes in
    /// what.
    async fn cached_and_reasoned_tokens_become_disjoint_counters(dialect) {
        let (provider, adapter) = start(dialect).await;
        // OpenAI's own API and Google's bill nothing for writing to a cache, and report nothing of it.
        let written = match dialect {
            Dialect::Chat | Dialect::Anthropic => 600,
            Dialect::Responses | Dialect::Gemini => 0,
        };
        provider.push(Reply::text("so").reasoning("Hm.").usage(1_000, 300, 50, 20).cache_written(written));
        let (_, events) = call(&adapter, ask(dialect, "x")).await.unwrap();
        let expected = TokenCounts::from_disjoint(700 - written, 300, written, 50, 20).unwrap();
        assert_eq!(finished(&events).usage, Some(expected));
        assert_eq!(expected.input_total(), Some(1_000));
    }

    async fn reasoning_is_told_apart_from_the_answer(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.push(Reply::text("so").reasoning("because of that").usage(9, 0, 8, 6));
        let request = Request { model: thinking_model(dialect).to_owned(), shows_reasoning: true, ..ask(dialect, "x") };
        let (text, events) = call(&adapter, request).await.unwrap();
        assert_eq!((text.as_str(), reasoning(&events).as_str()), ("so", "because of that"));
        assert_eq!(finished(&events).usage.unwrap().reasoning, 6);
    }

    async fn why_an_answer_ended(dialect) {
        let (provider, adapter) = start(dialect).await;
        for (reply, text, reason) in [
            (Reply::refusal("no"), "no", StopReason::Refusal),
            (Reply::text("cut").incomplete("max_output_tokens"), "cut", StopReason::Length),
            (Reply::text("cut").incomplete("content_filter"), "cut", StopReason::Refusal),
            (Reply::text("all"), "all", StopReason::Stop),
        ] {
            provider.push(reply.usage(9, 0, 8, 0));
            let (told, events) = call(&adapter, ask(dialect, "x")).await.unwrap();
            let end = finished(&events);
            assert_eq!((told.as_str(), end.reason), (text, reason));
            assert_eq!(end.usage.unwrap().output, 8, "billed all the same");
        }
    }

    async fn text_that_imitates_the_stream_is_only_text(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.push(Reply::injected_frames().usage(5, 0, 5, 0));
        let (text, events) = call(&adapter, ask(dialect, "x")).await.unwrap();
        assert!(text.starts_with("before\n\nevent: ") && text.ends_with("\n\nafter"), "{text}");
        assert_eq!(finished(&events).usage.unwrap().input_total(), Some(5));
    }

    async fn text_arrives_as_it_is_sent(dialect) {
        let (provider, adapter) = start(dialect).await;
        let gate = Gate::new();
        provider.push(Reply::text("ab").deltas(2).gate_after(1, &gate));
        let mut stream = adapter.stream(ask(dialect, "x")).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("a".to_owned()));
        gate.open();
        assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("b".to_owned()));
    }

    async fn a_long_answer_keeps_its_order(dialect) {
        let (provider, adapter) = start(dialect).await;
        let long: String = (0..2_000).map(|number| format!("{number} ")).collect();
        provider.push(Reply::text(long.as_str()).deltas(2_000));
        assert_eq!(call(&adapter, ask(dialect, "x")).await.unwrap().0, long);
    }

    /// Each byte in a packet of its own: characters, lines and chunks are cut wherever they can be.
    async fn a_stream_in_single_bytes_is_the_same_stream(dialect) {
        let (provider, adapter) = start(dialect).await;
        let reply = Reply::text("Grüße 🦀").deltas(3).reasoning("é").usage(1, 0, 1, 0);
        provider.push(reply.byte_by_byte(Duration::ZERO));
        let (text, events) = call(&adapter, ask(dialect, "x")).await.unwrap();
        assert_eq!((text.as_str(), reasoning(&events).as_str()), ("Grüße 🦀", "é"));
    }

    async fn usage_that_cannot_be_is_not_reported(dialect) {
        let (provider, adapter) = start(dialect).await;
        let many = match dialect {
            Dialect::Responses | Dialect::Anthropic => json!({"input_tokens": "many", "output_tokens": 1}),
            Dialect::Chat => json!({"prompt_tokens": "many"}),
            Dialect::Gemini => json!({"promptTokenCount": -1}),
        };
        for reply in [
            Reply::text("a").without_usage(),
            Reply::text("a").usage(-5, 0, 1, 0),
            Reply::text("a").usage(5, 6, 1, 0),
            Reply::text("a").usage(5, 0, 1, 2),
            Reply::text("a").raw_usage(many),
        ] {
            provider.push(reply.clone());
            let (text, events) = call(&adapter, ask(dialect, "x")).await.unwrap();
            assert_eq!((text.as_str(), finished(&events).usage), ("a", None), "{reply:?}");
        }
    }
}
