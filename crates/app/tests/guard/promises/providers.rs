//! A failing provider never hangs a turn and never charges what was not given, whatever its kind; a dead one is left
//! alone, and asked again once it is well.

use crate::support::{list, messages, options};
use chatai_testkit::{
    app::{TestApp, User},
    provider::{
        Dialect, Reply, ScriptedProvider,
        faults::{self, Case, Meaning},
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A token in costs 1, one out 2 millionths of a dollar.
const PRICES: &str = r#"{"m": {"input": 1, "output": 2, "context_window": 100000}}"#;

/// The bounds that the test configures, on silence and on a whole call.
const SILENCE_S: u64 = 1;
const TOTAL_S: u64 = 8;

/// How much later than its bound a turn may end.
const SLACK: Duration = Duration::from_secs(1);

/// Failures after which nobody asks, how soon errors then come, and how soon a healed provider is back.
const MOST_FAILURES: usize = 5;
const AT_ONCE: Duration = Duration::from_millis(50);
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Makes a test of each kind of provider.
macro_rules! with_every_kind {
    ($($(#[$attribute:meta])* async fn $name:ident($dialect:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            async fn case($dialect: Dialect) $body

            #[tokio::test]
            async fn openai() {
                case(Dialect::Responses).await;
            }

            #[tokio::test]
            async fn openai_chat() {
                case(Dialect::Chat).await;
            }

            #[tokio::test]
            async fn anthropic() {
                case(Dialect::Anthropic).await;
            }

            #[tokio::test]
            async fn gemini() {
                case(Dialect::Gemini).await;
            }
        }
    )+};
}

async fn start(dialect: Dialect) -> (TestApp, ScriptedProvider, User) {
    let provider = ScriptedProvider::start().await;
    let bounds = format!("timeout_s = {SILENCE_S}\ntotal_timeout_s = {TOTAL_S}");
    let prices = PRICES.replace(
        "\"input\"",
        &format!("\"provider\": \"{}\", \"input\"", dialect.kind()),
    );
    let app = options()
        .file("PRICING_FILE", "prices.json", prices)
        .vendors(&[(dialect, &provider)], &bounds, "")
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    (app, provider, user)
}

/// What a turn came to.
struct Turn {
    status: u16,
    body: Value,
    took: Duration,
    conversation: Value,
}

/// Asks in a conversation that has its title, so that the answer is the one model call.
async fn ask(user: &User) -> Turn {
    let (_, conversation) = user.post("/conversations/", &json!({"title": "t"})).await;
    let id = conversation.to_string();
    let form = [("text", "a question"), ("model", "m"), ("conversation_id", &id)];
    let began = Instant::now();
    let reply = user
        .call(Method::POST, "/chat/")
        .form(&form)
        .send()
        .await
        .unwrap();
    let (status, body) = (reply.status().as_u16(), reply.json().await.unwrap());
    Turn {
        status,
        body,
        took: began.elapsed(),
        conversation,
    }
}

/// How a failure is named to whoever asked.
fn named(meaning: Meaning) -> (u16, &'static str) {
    match meaning {
        Meaning::Auth => (502, "provider_auth"),
        Meaning::RateLimited => (503, "provider_rate_limited"),
        Meaning::ModelUnavailable => (400, "model_unavailable"),
        Meaning::ContextTooLong => (400, "context_too_long"),
        Meaning::Rejected | Meaning::Failed => (502, "provider_error"),
        Meaning::Timeout | Meaning::TooLong => (504, "provider_timeout"),
    }
}

/// Nothing where nothing came; else one call, by estimate. Gives what was charged, in 10⁻¹² dollars.
async fn expect_charged_rightly(user: &User, turn: &Turn, case: &Case) -> i64 {
    let stored = messages(user, &turn.conversation).await;
    assert_eq!(stored.len(), 2, "{}: {stored:?}", case.name);
    let answer = &stored[1];
    let status = if case.shown.is_empty() {
        "failed"
    } else {
        "interrupted"
    };
    assert_eq!(
        (&answer["status"], &answer["text"], &answer["error"]["code"]),
        (&json!(status), &json!(case.shown), &json!(named(case.meaning).1)),
        "{}",
        case.name
    );
    let (_, details) = user
        .get(&format!("/chat/messages/{}/usage-details", answer["id"]))
        .await;
    let rows = list(&details["usage_details"]);
    if case.shown.is_empty() {
        assert_eq!(
            (rows.len(), &answer["price_exact"]),
            (0, &json!("0")),
            "{}",
            case.name
        );
        return 0;
    }
    assert_eq!(rows.len(), 1, "{}: {rows:?}", case.name);
    assert_eq!(rows[0]["usage_source"], "estimated", "{}", case.name);
    let tokens = |name: &str| rows[0][name].as_i64().unwrap();
    let (input, output) = (tokens("input_tokens"), tokens("output_tokens"));
    assert!(input > 0 && output > 0, "{}: {rows:?}", case.name);
    let charged = (input + 2 * output) * 1_000_000;
    let said = rows[0]["price"].as_f64().unwrap() * 1e12;
    assert!((said - charged as f64).abs() < 1.0, "{}: {rows:?}", case.name);
    charged
}

with_every_kind! {
    /// P11.
    async fn every_fault_ends_in_time_named_and_charged_rightly(dialect) {
        let (_app, provider, user) = start(dialect).await;
        let cases = faults::all();
        assert!(cases.len() >= 30);
        let (mut charged, mut calls) = (0, 0);
        for case in cases {
            let reply = case.reply.clone();
            provider.script(move |_| reply.clone());
            let turn = ask(&user).await;
            let expected = named(case.meaning);
            assert_eq!((turn.status, turn.body["code"].as_str()), (expected.0, Some(expected.1)), "{}: {}", case.name, turn.body);
            let words = turn.body["detail"].as_str().unwrap();
            assert!(!words.is_empty() && !words.contains("sk-"), "{}: {words}", case.name);
            let bound = Duration::from_secs(TOTAL_S) + SLACK;
            assert!(turn.took <= bound, "{}: {:?}", case.name, turn.took);
            if case.meaning == Meaning::Timeout {
                // It was the bound on silence that ended it.
                assert!(turn.took < Duration::from_secs(TOTAL_S / 2), "{}: {:?}", case.name, turn.took);
            }
            charged += expect_charged_rightly(&user, &turn, &case).await;
            calls += usize::from(!case.shown.is_empty());
            // One that answers keeps the circuit closed, and shows that nothing is left behind.
            provider.script(|request| Reply::echo(request).usage(10, 0, 5, 0));
            let next = ask(&user).await;
            assert_eq!((next.status, &next.body["answer"]), (200, &json!("Echo: a question")), "after {}", case.name);
            charged += 20 * 1_000_000;
            calls += 1;
        }
        let (_, report) = user.get("/usage").await;
        assert_eq!(report["total"]["calls"], calls);
        let said = report["total"]["price"].as_f64().unwrap() * 1e12;
        assert!((said - charged as f64).abs() < 1.0, "{report}: {charged}");
    }

    /// P12.
    async fn a_dead_provider_is_left_alone_and_found_again(dialect) {
        let (_app, provider, user) = start(dialect).await;
        provider.script(|_| Reply::server_error());
        let is_resting = async || {
            let (_, providers) = user.get("/admin/providers").await;
            list(&providers)[0]["state"] == "resting"
        };
        while !is_resting().await {
            assert_eq!(ask(&user).await.status, 502);
            assert!(provider.counts().calls <= MOST_FAILURES, "it is never left alone");
        }
        assert_eq!(provider.counts().calls, MOST_FAILURES);
        // What a turn takes besides is the machine's; the quickest shows that nobody waits.
        let mut quickest = Duration::MAX;
        for _ in 0..20 {
            let turn = ask(&user).await;
            assert_eq!((turn.status, &turn.body["code"]), (502, &json!("provider_error")), "{}", turn.body);
            quickest = quickest.min(turn.took);
        }
        assert!(quickest <= AT_ONCE, "{quickest:?}");
        provider.unscript();
        let healed = Instant::now();
        let asked = provider.counts().calls;
        while ask(&user).await.status != 200 {
            assert!(healed.elapsed() <= BACK_WITHIN + SLACK, "it is never asked again");
        }
        assert!(provider.counts().calls - asked <= 1, "one question finds out");
        assert_eq!(ask(&user).await.status, 200);
    }
}
