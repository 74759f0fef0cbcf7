//! Where connections go, when they close, and when none is made.

use crate::{KEY, ask, call, config, kind, start};
use chatai_llm::{Event, LlmError, OpenAiResponses, Priority, Provider, Request, VendorSettings};
use chatai_testkit::provider::{Fault, Gate, RecordedRequest, Reply, ScriptedProvider};
use futures_util::{StreamExt, future::join_all};
use serde_json::json;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

#[tokio::test]
async fn the_request_carries_the_key_to_the_path_below_the_base() {
    let provider = ScriptedProvider::start().await;
    for base_url in [provider.base_url(), format!("{}/", provider.base_url())] {
        let openai = OpenAiResponses::new(config(&base_url)).unwrap();
        call(&openai, ask("hi")).await.unwrap();
    }
    for request in provider.calls() {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/v1/responses")
        );
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("accept"), Some("text/event-stream"));
        assert!(request.header("user-agent").unwrap().starts_with("chatai/"));
        assert_eq!(
            (&request.json()["stream"], &request.json()["store"]),
            (&json!(true), &json!(false))
        );
    }
}

#[tokio::test]
async fn a_server_without_a_key_is_sent_none() {
    let provider = ScriptedProvider::start().await;
    let openai = OpenAiResponses::new(VendorSettings {
        api_key: "".into(),
        ..config(&provider.base_url())
    })
    .unwrap();
    call(&openai, ask("hi")).await.unwrap();
    assert_eq!(provider.calls()[0].header("authorization"), None);
}

#[tokio::test]
async fn nobody_listening_is_said_so() {
    let provider = ScriptedProvider::start().await;
    let base_url = provider.base_url();
    drop(provider);
    let openai = OpenAiResponses::new(config(&base_url)).unwrap();
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the provider failed: cannot connect: "),
        "{error}"
    );
}

#[tokio::test]
async fn leaving_closes_the_connection_at_once() {
    let (provider, openai) = start().await;
    // Before the headers, in the middle, and with more to come than anybody reads.
    provider.push(Reply::hang_before_headers());
    let waiting = openai.stream(ask("x"));
    tokio::select! {
        _ = waiting => panic!("nothing was answered"),
        () = provider.wait_for_calls(1) => {}
    }
    provider.wait_for_aborted(1).await;
    for (count, fault) in [(2, Fault::Hang), (3, Fault::EndlessComments)] {
        provider.push(Reply::text("ab").deltas(2).fault_after(1, fault));
        let mut stream = openai.stream(ask("x")).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("a".to_owned()));
        let start = Instant::now();
        drop(stream);
        provider.wait_for_aborted(count).await;
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
    assert_eq!(provider.counts().connections_closed, 3);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (provider, openai) = start().await;
    let elsewhere = ScriptedProvider::start().await;
    provider.push(Reply::redirect(&format!("{}/responses", elsewhere.base_url())));
    let (_, error) = call(&openai, ask("x")).await.unwrap_err();
    assert_eq!(
        (kind(&error).as_str(), elsewhere.counts().connections),
        ("Rejected", 0)
    );
}

#[tokio::test]
async fn a_dead_provider_is_left_alone_and_found_again() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::server_error());
    for _ in 0..2 {
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        assert_eq!(kind(&error), "Failed");
    }
    assert_eq!(provider.counts().calls, 5);
    for _ in 0..50 {
        let (_, error) = call(&openai, ask("x")).await.unwrap_err();
        let LlmError::CircuitOpen { retry_after } = error else {
            panic!("{error:?}")
        };
        assert!(retry_after <= Duration::from_secs(5));
    }
    assert_eq!(provider.counts().calls, 5, "nothing was sent");

    provider.unscript();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    for _ in 0..2 {
        assert_eq!(call(&openai, ask("x")).await.unwrap().0, "Echo: x");
    }
}

#[tokio::test]
async fn titles_that_fail_keep_no_answer_from_being_asked_for() {
    let (provider, openai) = start().await;
    provider.script(|request| match request.last_user_text().as_str() {
        "answer" => Reply::echo(request),
        _ => Reply::server_error(),
    });
    let title = || Request {
        priority: Priority::BestEffort,
        ..ask("title")
    };
    for _ in 0..2 {
        assert_eq!(kind(&call(&openai, title()).await.unwrap_err().1), "Failed");
    }
    assert_eq!(provider.counts().calls, 5);
    assert_eq!(kind(&call(&openai, title()).await.unwrap_err().1), "CircuitOpen");
    assert_eq!(call(&openai, ask("answer")).await.unwrap().0, "Echo: answer");
    assert_eq!(
        provider.counts().calls,
        6,
        "the titles are left alone, the answers not"
    );
}

#[tokio::test]
async fn vectors_that_fail_keep_no_answer_from_being_asked_for() {
    let (provider, openai) = start().await;
    for _ in 0..5 {
        provider.push_for_embeddings(Reply::server_error());
    }
    let texts = ["a".to_owned()];
    for _ in 0..2 {
        assert_eq!(kind(&openai.embed("m", &texts).await.unwrap_err()), "Failed");
    }
    assert_eq!(kind(&openai.embed("m", &texts).await.unwrap_err()), "CircuitOpen");
    assert_eq!(call(&openai, ask("x")).await.unwrap().0, "Echo: x");
}

#[tokio::test]
async fn whoever_obeys_a_circuit_is_stopped_by_answers_that_fail() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::server_error());
    for _ in 0..2 {
        call(&openai, ask("x")).await.unwrap_err();
    }
    let title = Request {
        priority: Priority::BestEffort,
        ..ask("title")
    };
    assert_eq!(kind(&call(&openai, title).await.unwrap_err().1), "CircuitOpen");
    let vectors = openai.embed("m", &["a".to_owned()]).await;
    assert_eq!(kind(&vectors.unwrap_err()), "CircuitOpen");
    assert_eq!(provider.counts().calls, 5);
}

/// An answer that breaks off says that somebody is there.
#[tokio::test]
async fn answers_that_break_off_open_no_circuit() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::text("abcd").deltas(4).cut_after(2));
    for _ in 0..8 {
        assert_eq!(kind(&call(&openai, ask("x")).await.unwrap_err().1), "Failed");
    }
    assert_eq!(provider.counts().calls, 8);
}

#[tokio::test]
async fn refusals_never_open_the_circuit() {
    let (provider, openai) = start().await;
    provider.script(|_| Reply::context_too_long());
    for _ in 0..20 {
        assert_eq!(
            kind(&call(&openai, ask("x")).await.unwrap_err().1),
            "ContextTooLong"
        );
    }
    assert_eq!(provider.counts().calls, 20);
}

#[tokio::test]
async fn many_streams_at_once_do_not_mix() {
    let (provider, openai) = start().await;
    let gate = Gate::new();
    let held = gate.clone();
    provider.script(move |request: &RecordedRequest| {
        Reply::text(request.last_user_text())
            .deltas(5)
            .gate_after(2, &held)
    });
    let calls = (0..100).map(|number| {
        let openai = &openai;
        async move {
            (
                number,
                call(openai, ask(&format!("number {number}"))).await.unwrap().0,
            )
        }
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

#[tokio::test]
async fn a_provider_that_moved_away_and_came_back_is_reached_again() {
    let (provider, openai) = start().await;
    call(&openai, ask("x")).await.unwrap();
    let address: SocketAddr = provider.address();
    drop(provider);
    assert!(call(&openai, ask("x")).await.is_err());
    let provider = ScriptedProvider::start_at(address).await;
    assert_eq!(call(&openai, ask("x")).await.unwrap().0, "Echo: x");
    assert_eq!(provider.counts().calls, 1);
}
