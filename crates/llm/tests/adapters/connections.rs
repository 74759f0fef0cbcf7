//! Where connections go, when they close, and when none is made.

use crate::support::{KEY, adapter, ask, call, failure, kind, on_every_adapter, path, settings, start};
use chatai_llm::{Event, VendorSettings};
use chatai_testkit::provider::{Dialect, Fault, Gate, RecordedRequest, Reply, ScriptedProvider};
use futures_util::{FutureExt, StreamExt, future::join_all};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// The header that carries the key, and what stands before it.
fn key_header(dialect: Dialect) -> (&'static str, &'static str) {
    match dialect {
        Dialect::Responses | Dialect::Chat => ("authorization", "Bearer "),
        Dialect::Anthropic => ("x-api-key", ""),
        Dialect::Gemini => ("x-goog-api-key", ""),
    }
}

on_every_adapter! {
    async fn the_request_carries_the_key_to_the_path_below_the_base(dialect) {
        let provider = ScriptedProvider::start().await;
        let usual = settings(dialect, &provider);
        let mut bases = vec![usual.base_url.clone(), format!("{}/", usual.base_url).parse().unwrap()];
        if dialect != Dialect::Responses {
            bases.push(provider.root_url().parse().unwrap());
        }
        for base_url in bases {
            let asked = adapter(dialect, VendorSettings { base_url, ..usual.clone() });
            call(&asked, ask(dialect, "hi")).await.unwrap();
        }
        let (name, before) = key_header(dialect);
        for request in provider.calls() {
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", path(dialect)));
            assert_eq!(request.header(name), Some(&*format!("{before}{KEY}")));
            assert_eq!(request.headers().iter().filter(|(_, value)| value.contains(KEY)).count(), 1);
            assert_eq!(request.header("content-type"), Some("application/json"));
            assert_eq!(request.header("accept"), Some("text/event-stream"));
            assert!(request.header("user-agent").unwrap().starts_with("chatai/"));
        }
    }

    async fn a_server_without_a_key_is_sent_none_and_further_headers_are_sent(dialect) {
        let provider = ScriptedProvider::start().await;
        let bare = VendorSettings {
            api_key: "".into(),
            headers: vec![("x-team".to_owned(), "books".into())],
            ..settings(dialect, &provider)
        };
        call(&adapter(dialect, bare), ask(dialect, "hi")).await.unwrap();
        let sent = &provider.calls()[0];
        assert_eq!((sent.header(key_header(dialect).0), sent.header("x-team")), (None, Some("books")));
    }

    async fn nobody_listening_is_said_so(dialect) {
        let provider = ScriptedProvider::start().await;
        let usual = settings(dialect, &provider);
        drop(provider);
        let (_, error) = failure(&adapter(dialect, usual), ask(dialect, "x")).await;
        assert!(error.to_string().starts_with("the provider failed: cannot connect: "), "{error}");
    }

    async fn leaving_closes_the_connection_at_once(dialect) {
        let (provider, adapter) = start(dialect).await;
        // Before the headers, in the middle, and with more to come than anybody reads.
        provider.push(Reply::hang_before_headers());
        let waiting = adapter.stream(ask(dialect, "x"));
        tokio::select! {
            _ = waiting => panic!("nothing was answered"),
            () = provider.wait_for_calls(1) => {}
        }
        provider.wait_for_aborted(1).await;
        for (count, fault) in [(2, Fault::Hang), (3, Fault::EndlessComments)] {
            provider.push(Reply::text("ab").deltas(2).fault_after(1, fault));
            let mut stream = adapter.stream(ask(dialect, "x")).await.unwrap();
            assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("a".to_owned()));
            let start = Instant::now();
            drop(stream);
            provider.wait_for_aborted(count).await;
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        }
        provider.wait_for_connections_closed(3).await;
    }

    async fn redirects_are_not_followed(dialect) {
        let (provider, adapter) = start(dialect).await;
        let elsewhere = ScriptedProvider::start().await;
        provider.push(Reply::redirect(&format!("{}{}", elsewhere.root_url(), path(dialect))));
        let (_, error) = failure(&adapter, ask(dialect, "x")).await;
        assert_eq!((kind(&error).as_str(), elsewhere.counts().connections), ("Rejected", 0));
    }

    async fn many_streams_at_once_do_not_mix(dialect) {
        let (provider, adapter) = start(dialect).await;
        let gate = Gate::new();
        let held = gate.clone();
        provider.script(move |request: &RecordedRequest| {
            Reply::text(request.last_user_text()).deltas(5).gate_after(2, &held)
        });
        let calls = (0..100).map(|number| {
            let adapter = &adapter;
            async move { (number, call(adapter, ask(dialect, &format!("number {number}"))).await.unwrap().0) }
        });
        let opener = async {
            gate.reached_by(100).await;
            gate.open();
        };
        let (answers, ()) = tokio::join!(join_all(calls), opener);
        for (number, text) in answers {
            assert_eq!(text, format!("number {number}"));
        }
    }

    /// No more calls than allowed reach the provider; those beyond wait for one of them to end.
    async fn calls_at_once_are_bounded(dialect) {
        let provider = ScriptedProvider::start().await;
        let bounded = VendorSettings { max_concurrent: Some(2), ..settings(dialect, &provider) };
        let adapter = adapter(dialect, bounded);
        let gate = Gate::new();
        let held = gate.clone();
        provider.script(move |_| Reply::text("ab").deltas(2).gate_after(1, &held));
        let first = adapter.stream(ask(dialect, "x")).await.unwrap();
        let _second = adapter.stream(ask(dialect, "x")).await.unwrap();
        let mut third = adapter.stream(ask(dialect, "x"));
        assert!((&mut third).now_or_never().is_none());
        gate.reached_by(2).await;
        assert_eq!(provider.counts().calls, 2);
        drop(first);
        gate.open();
        assert!(third.await.is_ok());
    }

    async fn a_provider_that_moved_away_and_came_back_is_reached_again(dialect) {
        let (provider, adapter) = start(dialect).await;
        call(&adapter, ask(dialect, "x")).await.unwrap();
        let address: SocketAddr = provider.address();
        drop(provider);
        failure(&adapter, ask(dialect, "x")).await;
        let provider = ScriptedProvider::start_at(address).await;
        assert_eq!(call(&adapter, ask(dialect, "x")).await.unwrap().0, "Echo: x");
        assert_eq!(provider.counts().calls, 1);
    }
}
