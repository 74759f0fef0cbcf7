//! How the program ends when it is asked to.

use super::*;
use chatai_testkit::{
    app::User,
    provider::{Gate, Reply},
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Waits until nobody is let in any more.
async fn wait_until_closed(address: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline, "the program still takes connections");
        tokio::task::yield_now().await;
    }
}

on_both! {
    /// A client that waits for an answer gets it; new ones are no longer let in.
    async fn a_running_turn_is_finished_before_the_end(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("a@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("worth waiting for").gate_after(0, &gate));
        let asking = tokio::spawn(async move { user.chat(&[("text", "hello")]).await });
        gate.reached().await;
        let address = app.address().to_owned();
        let (status, ()) = tokio::join!(app.terminate(), async {
            wait_until_closed(&address).await;
            gate.open();
        });
        assert_eq!(status.code(), Some(0));
        let (status, body) = asking.await.unwrap();
        assert_eq!((status, &body["answer"]), (200, &json!("worth waiting for")), "{body}");
    }
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let mut app = app().await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(raw::connect(&app).await);
    }
    let user: User = app.register("a@example.com").await;
    assert_eq!(user.get("/users/me").await.0, 200);
    let begun = Instant::now();
    assert_eq!(app.terminate().await.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(idle);
}
