//! A deploy drops nothing: what runs is finished or marked, what is idle ends at once, and the next start is clean.

use super::{asking, read_some, resuming, whole};
use crate::support::{get_as, on_both, random::Random, raw, with_vendor};
use chatai_testkit::{
    app::TestApp,
    events::{EventStream, Told},
    provider::{Gate, Reply},
};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// The target is a second; a machine that is busy with other tests is given more. What runs is waited for far longer.
const AT_ONCE: Duration = Duration::from_secs(8);
const GRACE: Duration = Duration::from_secs(30);

/// The program has heard the signal when it takes no further connection.
async fn refuses_connections(app: &TestApp) {
    while TcpStream::connect(app.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

on_both! {
    async fn idle_connections_and_ended_streams_hold_up_nothing(options) {
        let (mut app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let mut told = Told::default();
        let mut events = EventStream::open(asking(&user, "hello", None)).await;
        read_some(&mut events, &mut told, 1).await.unwrap();
        events.read_to_end(&mut told).await;
        let mut idle = Vec::new();
        for path in ["/users/me".to_owned(), format!("/chat/messages/{}/events", told.answer())] {
            for _ in 0..20 {
                let mut socket = raw::connect(&app).await;
                let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", user.token);
                socket.write_all(request.as_bytes()).await.unwrap();
                assert_eq!(socket.read_u8().await.unwrap(), b'H');
                // Kept open, with an answer that nobody reads on.
                idle.push(socket);
            }
            // And one that has said nothing at all.
            idle.push(raw::connect(&app).await);
        }
        let begun = Instant::now();
        assert!(app.terminate().await.success());
        let took = begun.elapsed();
        assert!(took < AT_ONCE, "it took {took:?}");
        app.start_again().await;
        assert_eq!(whole(&user.at(&app.base_url()), told.answer()).await.text, told.text);
    }

    async fn a_running_answer_is_finished(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("One two three").deltas(3).gate_after(1, &gate));
        let mut events = EventStream::open(asking(&user, "hello", None)).await;
        let mut told = Told::default();
        events.read_text(&mut told, 1).await;
        let waiting = tokio::spawn({
            let user = user.clone();
            let gate = gate.clone();
            provider.push(Reply::text("As a whole.").gate_after(0, &gate));
            async move { user.chat(&[("text", "and as a whole")]).await }
        });
        gate.reached_by(2).await;
        app.ask_to_end();
        refuses_connections(&app).await;
        gate.open();
        events.read_to_end(&mut told).await;
        assert_eq!((told.text.as_str(), told.status()), ("One two three", "complete"));
        let (status, body) = waiting.await.unwrap();
        assert_eq!((status, &body["answer"]), (200, &"As a whole.".into()));
        assert!(app.ended().await.success());
        app.start_again().await;
        let again = whole(&user.at(&app.base_url()), told.answer()).await;
        assert_eq!((again.text, again.done), (told.text, told.done));
    }

    async fn one_that_does_not_end_is_marked_and_its_reader_told(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("One two three").deltas(3).hang_after(1));
        let mut events = EventStream::open(asking(&user, "hello", None)).await;
        let mut told = Told::default();
        events.read_text(&mut told, 1).await;
        let begun = Instant::now();
        app.ask_to_end();
        events.read_to_end(&mut told).await;
        assert_eq!(told.status(), "interrupted");
        assert_eq!(told.done.as_ref().unwrap()["error"]["code"], "interrupted");
        assert!(app.ended().await.success());
        assert!(begun.elapsed() < GRACE, "{:?}", begun.elapsed());
        app.start_again().await;
        let user = user.at(&app.base_url());
        let again = whole(&user, told.answer()).await;
        assert_eq!((again.text, again.done), (told.text, told.done));
        assert_eq!(get_as(&user, "/readyz").await.status, 200);
    }

    /// One that stopped reading in the midst of an answer is not waited for; the answer is whole, and read on afterwards.
    async fn a_stalled_reader_holds_up_nothing(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let text = "What nobody reads is kept. ".repeat(40_000);
        let gate = Gate::new();
        provider.push(Reply::text(&text).deltas(100).gate_after(1, &gate));
        let mut events = EventStream::open(asking(&user, "hello", None)).await;
        let mut told = Told::default();
        events.read_text(&mut told, 1).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        let mut stalled = socket.connect(app.address().parse().unwrap()).await.unwrap();
        let path = format!("/chat/messages/{}/events", told.answer());
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", user.token);
        stalled.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(stalled.read_u8().await.unwrap(), b'H');
        let begun = Instant::now();
        app.ask_to_end();
        refuses_connections(&app).await;
        gate.open();
        events.read_to_end(&mut told).await;
        assert_eq!((told.text.as_str(), told.status()), (text.trim(), "complete"));
        assert!(app.ended().await.success(), "{}", app.log());
        let took = begun.elapsed();
        println!("it ended after {took:?}");
        assert!(took < GRACE, "{took:?}");
        drop(stalled);
        app.start_again().await;
        assert_eq!(whole(&user.at(&app.base_url()), told.answer()).await.text, told.text);
    }

    async fn a_second_signal_ends_it_at_once(options) {
        let (mut app, provider) = with_vendor(options).await;
        let is_shared = app.database().url().is_some();
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("One two three").deltas(3).hang_after(1));
        let mut events = EventStream::open(asking(&user, "hello", None)).await;
        let mut told = Told::default();
        events.read_text(&mut told, 1).await;
        app.ask_to_end();
        refuses_connections(&app).await;
        let begun = Instant::now();
        app.ask_to_end();
        let status = app.ended().await;
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        assert!(!status.success(), "answers were left open");
        assert!(app.log().contains("a second SIGTERM"), "{}", app.log());
        app.start_again().await;
        let user = user.at(&app.base_url());
        if !is_shared {
            let mut rest = told.clone();
            let call = resuming(&user, &told, &mut Random::new(1));
            EventStream::open(call).await.read_to_end(&mut rest).await;
            assert_eq!(rest.status(), "interrupted");
            assert!(rest.text.starts_with(&told.text));
        }
        let (status, body) = user.chat(&[("text", "on")]).await;
        assert_eq!((status, &body["answer"]), (200, &"Echo: on".into()));
    }
}
