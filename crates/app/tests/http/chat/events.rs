//! `GET /chat/messages/{id}/events`: an answer read again, or further, from any place and any number of times.

use crate::support::{
    TwoInstances, app_with_vendor, cancel, get_as, list, message, on_both, resume, resuming, send, stream,
    told, whole, with_vendor,
};
use chatai_testkit::{
    app::User,
    events::Told,
    provider::{Gate, Reply, ScriptedProvider},
};
use reqwest::Method;
use serde_json::json;

/// An answer with everything an answer can have, and a gate within it.
fn push_a_rich_answer(provider: &ScriptedProvider, gate: &Gate) {
    let emma = json!({"titles": ["Emma"]});
    provider.push(
        Reply::text("  Ünd zuerst 😀 dies. ")
            .deltas(7)
            .reasoning("Hm… let me see. ")
            .tool_call("get_book_summaries", &emma),
    );
    provider.push(
        Reply::text("Dann das — and no more.\n")
            .deltas(12)
            .reasoning("Nearly.")
            .gate_after(6, gate),
    );
}

/// A text as a query can hold it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Resuming from each cursor that was given out adds up to what was told without leaving.
async fn expect_the_same_from_everywhere(user: &User, told: &Told) {
    for (cursor, text) in &told.cursors {
        let mut rest = Told {
            cursor: Some(cursor.clone()),
            text: told.text[..*text].to_owned(),
            ..Told::default()
        };
        let events = resume(user, told.answer(), Some(cursor)).await;
        if Some(cursor) == told.cursor.as_ref() {
            assert_eq!(events.rest().await, [], "nothing comes after the end");
            continue;
        }
        events.read_to_end(&mut rest).await;
        assert_eq!(
            (&rest.text, &rest.done),
            (&told.text, &told.done),
            "from {cursor}"
        );
        assert!(told.reasoning.ends_with(&rest.reasoning), "from {cursor}");
        assert!(
            told.tools.ends_with(&rest.tools) && told.titles.ends_with(&rest.titles),
            "from {cursor}"
        );
    }
    expect_the_same(&whole(user, told.answer()).await, told);
}

fn expect_the_same(one: &Told, other: &Told) {
    assert_eq!((&one.text, &one.reasoning), (&other.text, &other.reasoning));
    assert_eq!((&one.tools, &one.titles), (&other.tools, &other.titles));
    assert_eq!((&one.turn, &one.done), (&other.turn, &other.done));
}

on_both! {
    async fn goes_on_from_every_cursor_while_running_afterwards_and_after_a_restart(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        push_a_rich_answer(&provider, &gate);
        let mut events = stream(&user, &[("text", "hello")]).await;
        let mut told = Told::default();
        events.read_text(&mut told, "Ünd zuerst 😀 dies.\n\nDann das —".len()).await;
        gate.reached().await;
        // While it runs: one reader from each place, all at once.
        let mut readers = Vec::new();
        for (cursor, text) in &told.cursors {
            let rest = Told { cursor: Some(cursor.clone()), text: told.text[..*text].to_owned(), ..Told::default() };
            readers.push((resume(&user, told.answer(), Some(cursor)).await, rest));
        }
        readers.push((resume(&user, told.answer(), None).await, Told::default()));
        gate.open();
        events.read_to_end(&mut told).await;
        assert_eq!(told.text, "Ünd zuerst 😀 dies. \n\nDann das — and no more.");
        for (events, mut rest) in readers {
            events.read_to_end(&mut rest).await;
            assert_eq!((&rest.text, &rest.done), (&told.text, &told.done));
            assert!(told.tools.ends_with(&rest.tools));
        }
        expect_the_same_from_everywhere(&user, &told).await;
        assert!(app.terminate().await.success());
        app.start_again().await;
        let user = user.at(&app.base_url());
        expect_the_same_from_everywhere(&user, &told).await;
        assert_eq!(provider.answer_calls().len(), 2, "reading asks no model");
    }

    async fn cursors_that_were_never_given_out_are_refused(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        // A conversation that is there already gets no title, which would come at its own time.
        let made = send(user.call(Method::POST, "/conversations/").json(&json!({}))).await;
        let conversation = made.json().to_string();
        let hello = [("text", "hello"), ("conversation_id", conversation.as_str())];
        provider.push(Reply::text("é😀.").deltas(3).reasoning("é"));
        let finished = told(&user, &hello).await;
        let gate = Gate::new();
        provider.push(Reply::text("é😀.").deltas(3).reasoning("é").gate_after(2, &gate));
        let mut events = stream(&user, &hello).await;
        let mut running = Told::default();
        events.read_text(&mut running, "é😀".len()).await;
        let other = finished.answer();
        for told in [&running, &finished] {
            let id = told.answer();
            let text = told.text.len();
            let beside = told.cursors.iter().map(|(cursor, _)| cursor.rsplit('-').next().unwrap().to_owned()).max().unwrap();
            let mut bad = vec![
                "x".to_owned(), "0".to_owned(), id.to_string(), format!("{id}-"), format!("{id}-1"), format!("{id}--1-0"),
                format!("{id}-0-1"), // within a character of the reasoning
                format!("{id}-1-2"), // within a character of the text
                format!("{id}-2-0"), // text without the reasoning before it
                format!("{id}-3-2"), format!("{id}-{}-{beside}", text + 1), format!("{id}-{text}-99"),
                format!("{id}-18446744073709551615-18446744073709551615"), format!("{id}-0-0 "), format!("0{id}-0-0"),
                format!("{}-0-0", id + 1_000), "é".to_owned(), "a".repeat(5_000),
            ];
            if told.done.is_none() {
                bad.extend([format!("{id}-end"), format!("{other}-0-0"), format!("{other}-end")]);
            }
            for cursor in bad {
                let path = format!("/chat/messages/{id}/events");
                let by_query = get_as(&user, &format!("{path}?after={}", encoded(&cursor))).await;
                assert_eq!(by_query.status, 422, "{cursor}: {by_query:?}");
                let fault = &by_query.json()["detail"][0];
                assert_eq!((&fault["type"], &fault["loc"]), (&json!("value_error"), &json!(["query", "after"])));
                // A header's value has no blanks at its ends.
                if cursor.trim() == cursor {
                    let by_header = send(resuming(&user, id, Some(&cursor))).await;
                    assert_eq!(by_header.status, 422, "{cursor}: {by_header:?}");
                    assert_eq!(by_header.json()["detail"][0]["loc"], json!(["header", "last-event-id"]));
                }
            }
        }
        gate.open();
        events.read_to_end(&mut running).await;
    }

    async fn another_users_answer_is_as_good_as_none(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        let told = told(&user, &[("text", "hello")]).await;
        let unknown = get_as(&eve, "/chat/messages/999999/events").await;
        unknown.expect_error(404, "message_not_found", "Message not found");
        for after in [None, Some("x"), Some("999-0-0"), told.cursor.as_deref()] {
            let answer = send(resuming(&eve, told.answer(), after)).await;
            answer.expect_error(404, "message_not_found", "Message not found");
        }
        let question = told.turn.as_ref().unwrap()["request_message_id"].as_i64().unwrap();
        assert_eq!(send(resuming(&user, question, None)).await.status, 404, "a question has no events");
        assert_eq!(get_as(&user, "/chat/messages/x/events").await.status, 422);
        assert_eq!(send(resuming(&user.with_token("no"), told.answer(), None)).await.status, 401);
        let path = format!("/api/chat/messages/{}/events?after={}", told.answer(), told.cursor.as_ref().unwrap());
        let by_query = get_as(&user, &path).await;
        assert_eq!((by_query.status, by_query.text.as_str()), (200, ""), "past the end");
    }

    async fn leaving_does_not_stop_the_turn(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("One two three").deltas(3).gate_after(1, &gate));
        let mut events = stream(&user, &[("text", "hello")]).await;
        let mut told = Told::default();
        events.read_text(&mut told, 1).await;
        drop(events);
        let mut again = resume(&user, told.answer(), told.cursor.as_deref()).await;
        gate.open();
        while let Some(frame) = again.next().await {
            told.take(&frame);
        }
        assert_eq!((told.text.as_str(), told.status()), ("One two three", "complete"));
        assert_eq!(provider.counts().aborted, 0);
    }

    async fn an_answer_that_a_kill_cut_off_is_read_to_its_end(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("Shown and gone").deltas(14).hang_after(5));
        let mut events = stream(&user, &[("text", "hello")]).await;
        let mut told = Told::default();
        events.read_text(&mut told, "Shown".len()).await;
        app.kill();
        while let Ok(frame) = events.try_next().await {
            told.take(&frame.expect("a kill is no end"));
        }
        let is_shared = app.database().url().is_some();
        app.start_again().await;
        let user = user.at(&app.base_url());
        let stored = message(&user, told.conversation(), told.answer()).await;
        if is_shared {
            // Its owner may live on another instance until its lease has ended.
            assert_eq!((&stored["status"], &stored["text"]), (&json!("running"), &json!("")));
            let seen = resume(&user, told.answer(), None).await.expect("turn").await;
            assert_eq!(seen["response_message_id"], told.answer());
        } else {
            assert_eq!((&stored["status"], &stored["text"]), (&json!("interrupted"), &json!("Shown")));
            assert_eq!(stored["error"]["code"], "interrupted");
            assert_eq!(cancel(&user, told.answer()).await, (200, json!({"status": "interrupted"})));
            expect_rest(&user, &mut told).await;
            assert_eq!((told.text.as_str(), told.status()), ("Shown", "interrupted"));
            let usage = crate::support::usage(&user, &json!(told.answer())).await;
            let last = list(&json!(usage)).last().unwrap().clone();
            assert_eq!((&last["scope"], &last["usage_source"]), (&json!("final"), &json!("estimated")), "{last}");
            assert!(last["price"].as_f64().unwrap() > 0.0, "what its provider bills");
            provider.push(Reply::text("Whole."));
            let again = crate::support::regenerate(&user, told.answer(), &json!({})).await;
            assert_eq!(again["answer"], "Whole.", "one goes on by asking again");
        }
    }
}

async fn expect_rest(user: &User, told: &mut Told) {
    let events = resume(user, told.answer(), told.cursor.clone().as_deref()).await;
    events.read_to_end(told).await;
}

#[tokio::test]
async fn many_readers_share_one_turn() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    let text = "A text that many read at once. ".repeat(500);
    provider.push(Reply::text(&text).deltas(400).gate_after(200, &gate));
    let mut events = stream(&user, &[("text", "hello")]).await;
    let mut told = Told::default();
    told.take(&events.next().await.unwrap());
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let events = resume(&user, told.answer(), None).await;
        readers.spawn(async move {
            let mut told = Told::default();
            events.read_to_end(&mut told).await;
            told
        });
    }
    gate.open();
    events.read_to_end(&mut told).await;
    assert_eq!(told.text, text.trim());
    for reader in readers.join_all().await {
        expect_the_same(&reader, &told);
    }
    let calls = provider.answer_calls();
    let answering = calls.iter().filter(|call| !call.tool_names().is_empty());
    assert_eq!(answering.count(), 1);
}

/// A turn that runs on one instance, read on another.
#[tokio::test]
async fn on_another_instance_postgres() {
    let TwoInstances {
        app: _app,
        beside: _beside,
        provider,
        user,
        there,
    } = TwoInstances::start().await;
    let gate = Gate::new();
    push_a_rich_answer(&provider, &gate);
    let mut events = stream(&user, &[("text", "hello")]).await;
    let mut told = Told::default();
    events
        .read_text(&mut told, "Ünd zuerst 😀 dies.\n\nDann das —".len())
        .await;
    gate.reached().await;
    let mut readers = Vec::new();
    for (cursor, text) in &told.cursors {
        let rest = Told {
            cursor: Some(cursor.clone()),
            text: told.text[..*text].to_owned(),
            ..Told::default()
        };
        readers.push((resume(&there, told.answer(), Some(cursor)).await, rest));
    }
    let mut from_there = Told::default();
    let mut reader = resume(&there, told.answer(), None).await;
    reader.read_text(&mut from_there, told.text.len()).await;
    assert_eq!(
        (&from_there.text, &from_there.reasoning),
        (&told.text, &told.reasoning),
        "live"
    );
    gate.open();
    events.read_to_end(&mut told).await;
    reader.read_to_end(&mut from_there).await;
    expect_the_same(&from_there, &told);
    for (events, mut rest) in readers {
        events.read_to_end(&mut rest).await;
        assert_eq!((&rest.text, &rest.done), (&told.text, &told.done));
    }
    // What was given out there is good here, and the other way round.
    expect_the_same_from_everywhere(&user, &from_there).await;
    expect_the_same_from_everywhere(&there, &told).await;
}

/// What comes last of a turn, while its reader on the other instance waits for the next look: text, a tool, more text.
#[tokio::test]
async fn the_end_on_another_instance_is_in_order_postgres() {
    let TwoInstances {
        app: _app,
        beside: _beside,
        provider,
        user,
        there,
    } = TwoInstances::start().await;
    for _ in 0..3 {
        let gate = Gate::new();
        let emma = json!({"titles": ["Emma"]});
        provider.push(
            Reply::text("First. ")
                .gate_headers(&gate)
                .tool_call("get_book_summaries", &emma),
        );
        provider.push(Reply::text("Second.").reasoning("Well…"));
        let mut events = stream(&user, &[("text", "hello")]).await;
        let mut told = Told::default();
        told.take(&events.next().await.unwrap());
        let reader = resume(&there, told.answer(), None).await;
        gate.open();
        events.read_to_end(&mut told).await;
        let mut from_there = Told::default();
        reader.read_to_end(&mut from_there).await;
        expect_the_same(&from_there, &told);
        let order = |told: &Told| -> Vec<String> {
            let names = told.order.iter().filter(|name| *name != "title");
            names.cloned().collect()
        };
        assert_eq!(order(&from_there), order(&told));
        expect_the_same_from_everywhere(&user, &from_there).await;
    }
}

/// A reader of a turn that runs elsewhere is let go when its instance ends, told to come again, and loses nothing.
#[tokio::test]
async fn an_instance_that_ends_lets_its_readers_go_postgres() {
    let TwoInstances {
        app: _app,
        mut beside,
        provider,
        user,
        there,
    } = TwoInstances::start().await;
    let gate = Gate::new();
    provider.push(Reply::text("One two").deltas(2).gate_after(1, &gate));
    let mut events = stream(&user, &[("text", "hello")]).await;
    let mut told = Told::default();
    told.take(&events.next().await.unwrap());
    let mut reader = resume(&there, told.answer(), None).await;
    let mut from_there = Told::default();
    reader.read_text(&mut from_there, 1).await;
    beside.ask_to_end();
    let mut last = None;
    while let Some(frame) = reader.try_next().await.unwrap() {
        last = Some(frame);
    }
    let last = last.expect("something to say");
    assert_eq!((last.retry, &last.event), (Some(1_000), &None), "{last:?}");
    assert!(beside.ended().await.success());
    gate.open();
    events.read_to_end(&mut told).await;
    let answer = from_there.answer();
    let rest = resume(&user, answer, from_there.cursor.clone().as_deref()).await;
    rest.read_to_end(&mut from_there).await;
    assert_eq!((&from_there.text, &from_there.done), (&told.text, &told.done));
}
