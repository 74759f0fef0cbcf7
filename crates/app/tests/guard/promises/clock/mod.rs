//! A clock that is set back a day or forward a year breaks nothing: not the order of messages and lists, not tokens and
//! keys, not budgets, not requests that are sent again, not answers that are being given or were cut off.

use super::{read_some, whole};
use crate::support::{Rows, conversation, list, messages, on_both, send, shim, text};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    events::{EventStream, Told},
    provider::{Gate, Reply, ScriptedProvider},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::{fs::File, os::unix::fs::FileExt};
use tempfile::TempDir;

const DAY: i64 = 24 * 60 * 60;
const YEAR: i64 = 365 * DAY;
const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000}}"#;

/// The program under a clock that the test sets.
struct World {
    app: TestApp,
    provider: ScriptedProvider,
    clock: File,
    moved_by: i64,
    _folder: TempDir,
}

impl World {
    async fn start(options: AppOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moved by");
        std::fs::write(&path, 0_i64.to_ne_bytes()).unwrap();
        let clock = File::options().write(true).open(&path).unwrap();
        let provider = ScriptedProvider::start().await;
        let library = shim::build("promises/clock/shim.c", folder.path());
        let options = options
            .env("LD_PRELOAD", library.display().to_string())
            .env("TEST_CLOCK", path.display().to_string())
            .env("JWT_ACCESS_TOKEN_MINUTES", "1440")
            .file("PRICING_FILE", "prices.json", PRICES);
        Self {
            app: options.vendor(&provider).start().await,
            provider,
            clock,
            moved_by: 0,
            _folder: folder,
        }
    }

    /// Sets the clock forwards or (negative) back, under the running program.
    fn jump(&mut self, seconds: i64) {
        self.moved_by += seconds;
        let written = self.clock.write_at(&self.moved_by.to_ne_bytes(), 0).unwrap();
        assert_eq!(written, size_of::<i64>());
    }

    /// The same account with a token of now.
    async fn sign_in(&self, user: &User) -> User {
        self.app.login(&user.email, "secret").await
    }
}

async fn budget(user: &User, member: &str) -> Value {
    let (status, body) = user.get("/users/me/budget").await;
    assert_eq!(status, 200, "{body}");
    body[member].clone()
}

async fn ask(user: &User, question: &str, conversation: i64) -> Value {
    let body = json!({"text": question, "model": "m", "conversation_id": conversation});
    let (status, answer) = user.post("/chat/", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A question in a new conversation, to be answered with a stream.
fn asking(user: &User) -> RequestBuilder {
    let body = json!({"text": "hello", "model": "m", "stream": true});
    user.call(Method::POST, "/chat/").json(&body)
}

/// Asks until the token counts no more; a token that was just checked is believed for a second.
async fn is_refused_soon(user: &User) -> bool {
    let begun = std::time::Instant::now();
    while begun.elapsed().as_secs() < 10 {
        if user.get("/users/me").await.0 == 401 {
            return true;
        }
    }
    false
}

/// All conversations, by pages of two.
async fn by_pages(user: &User) -> Vec<i64> {
    let mut path = "/conversations/?limit=2".to_owned();
    let mut found = Vec::new();
    loop {
        let page = send(user.call(Method::GET, &path)).await;
        assert_eq!(page.status, 200, "{page:?}");
        found.extend(list(&page.json()).iter().map(|row| row["id"].as_i64().unwrap()));
        assert!(found.len() < 100, "the pages do not end: {found:?}");
        let link = page
            .header("link")
            .split(',')
            .find(|link| link.contains("rel=\"next\""));
        let Some(next) = link.and_then(|link| link.split(['<', '>']).nth(1)) else {
            return found;
        };
        path = next.to_owned();
    }
}

on_both! {
    async fn messages_and_lists_keep_their_order(options) {
        let mut world = World::start(options).await;
        let ada = world.app.register("ada@example.com").await;
        let id = conversation(&ada, "A long one").await;
        let mut user = ada.clone();
        let mut asked = Vec::new();
        for (number, jump) in [0, -DAY, YEAR, -DAY, -YEAR, 2 * DAY].into_iter().enumerate() {
            world.jump(jump);
            if number > 0 {
                user = world.sign_in(&ada).await;
            }
            let question = format!("question {number}");
            ask(&user, &question, id).await;
            asked.push(question);
            conversation(&user, &format!("conversation {number}")).await;
        }
        let all = messages(&user, &json!(id)).await;
        let questions: Vec<&str> = all.iter().step_by(2).map(|question| text(&question["text"])).collect();
        assert_eq!(questions, asked);
        for pair in all.windows(2) {
            assert_eq!(pair[1]["parent_id"], pair[0]["id"]);
        }
        // What a model was told is in that order too.
        let told = world.provider.answer_calls().last().unwrap().json()["input"].to_string();
        let places: Vec<usize> = asked.iter().map(|question| told.find(question.as_str()).unwrap()).collect();
        assert!(places.is_sorted(), "{told}");
        // Every conversation once, in one order, however it is asked for.
        let (_, listed) = user.get("/conversations/").await;
        let listed: Vec<i64> = list(&listed).iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(listed.len(), 7);
        assert_eq!(by_pages(&user).await, listed);
    }

    async fn tokens_and_keys_end_in_their_time(options) {
        let mut world = World::start(options).await;
        let ada = world.app.register("ada@example.com").await;
        let (_, me) = ada.get("/users/me").await;
        let made = world.app.login("ada@example.com", "secret").await;
        // A key that ends in the year after next.
        let year: i64 = text(&me["created_at"])[..4].parse().unwrap();
        let new = json!({"name": "a program", "expires_at": format!("{}-01-01 00:00:00", year + 2)});
        let (status, key) = ada.post("/keys", &new).await;
        assert_eq!(status, 200, "{key}");
        let program = ada.with_token(text(&key["key"]));
        world.jump(-DAY);
        assert_eq!(made.get("/users/me").await.0, 200, "issued tomorrow, as it seems");
        assert_eq!(program.get("/users/me").await.0, 200);
        // A session that is ended stays so.
        assert_eq!(made.call(Method::POST, "/auth/logout").send().await.unwrap().status(), 200);
        assert!(is_refused_soon(&made).await);
        world.jump(YEAR);
        assert!(is_refused_soon(&ada).await, "a day's token after a year");
        assert!(is_refused_soon(&made).await);
        assert_eq!(program.get("/users/me").await.0, 200, "its time has not come");
        let later = world.sign_in(&ada).await;
        assert_eq!(later.get("/users/me").await.0, 200);
        world.jump(2 * YEAR);
        assert!(is_refused_soon(&program).await);
        world.jump(-3 * YEAR);
        assert_eq!(program.get("/users/me").await.0, 200);
        assert!(is_refused_soon(&made).await, "a session that was ended comes back");
        assert_eq!(later.get("/users/me").await.0, 200, "issued next year, as it seems");
    }

    async fn budgets_count_the_day_that_it_is(options) {
        let mut world = World::start(options).await;
        let ada = world.app.register("ada@example.com").await;
        let (_, me) = ada.get("/users/me").await;
        let path = format!("/admin/users/{}/budget", me["id"]);
        assert_eq!(ada.put(&path, &json!({"limit": 1, "period": "day"})).await.0, 200);
        let id = conversation(&ada, "Dear").await;
        world.provider.push(Reply::text("x").usage(999_999, 0, 1, 0));
        ask(&ada, "one", id).await;
        let refused = json!({"text": "two", "model": "m", "conversation_id": id});
        assert_eq!(ada.post("/chat/", &refused).await.0, 402);
        for (jump, back) in [(-DAY, DAY), (YEAR, -YEAR)] {
            world.jump(jump);
            let user = world.sign_in(&ada).await;
            assert_eq!(budget(&user, "spent").await, "0");
            world.provider.push(Reply::text("x").usage(250_000, 0, 0, 0));
            ask(&user, "on another day", id).await;
            assert_eq!(budget(&user, "spent").await, "0.25");
            assert_eq!(budget(&user, "reserved").await, "0");
            world.jump(back);
            let user = world.sign_in(&ada).await;
            assert_eq!(budget(&user, "spent").await, "1");
            assert_eq!(user.post("/chat/", &refused).await.0, 402, "it has been spent today");
        }
        let user = world.sign_in(&ada).await;
        let (_, report) = user.get("/usage?group_by=day").await;
        assert_eq!(report["total"]["price_exact"], "1.5");
        assert_eq!(list(&report["groups"]).len(), 3);
    }

    async fn a_request_that_is_sent_again_is_the_same_for_a_day(options) {
        let mut world = World::start(options).await;
        let ada = world.app.register("ada@example.com").await;
        let id = conversation(&ada, "Once").await;
        let again = async |user: &User| {
            let body = json!({"text": "once", "model": "m", "conversation_id": id});
            let answer = send(user.call(Method::POST, "/chat/").json(&body).header("idempotency-key", "k")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            (answer.json()["response_message_id"].clone(), answer.header("idempotent-replayed") == "true")
        };
        let (first, is_replayed) = again(&ada).await;
        assert!(!is_replayed);
        world.jump(-DAY);
        assert_eq!(again(&world.sign_in(&ada).await).await, (first.clone(), true), "made tomorrow, as it seems");
        world.jump(DAY + 60);
        assert_eq!(again(&world.sign_in(&ada).await).await, (first.clone(), true));
        world.jump(YEAR);
        let (other, is_replayed) = again(&world.sign_in(&ada).await).await;
        assert!(!is_replayed && other != first, "a key is forgotten after a day");
        assert_eq!(world.provider.answer_calls().len(), 2);
    }

    async fn an_answer_that_is_being_given_is_finished(options) {
        let mut world = World::start(options).await;
        let ada = world.app.register("ada@example.com").await;
        for jump in [-DAY, YEAR] {
            let user = world.sign_in(&ada).await;
            let gate = Gate::new();
            world.provider.push(Reply::text("One two three").deltas(13).gate_after(3, &gate));
            let mut events = EventStream::open(asking(&user)).await;
            let mut told = Told::default();
            events.read_text(&mut told, 3).await;
            world.jump(jump);
            gate.open();
            events.read_to_end(&mut told).await;
            assert_eq!((told.text.as_str(), told.status()), ("One two three", "complete"));
            let user = world.sign_in(&ada).await;
            assert_eq!(whole(&user, told.answer()).await.text, told.text);
        }
    }

    /// Nobody believes for a day in an owner that has been dead for a minute.
    async fn an_answer_that_was_cut_off_is_marked_although_the_clock_was_set_back(options) {
        let mut world = World::start(options).await;
        let is_shared = world.app.database().url().is_some();
        let ada = world.app.register("ada@example.com").await;
        world.provider.push(Reply::text("One two three").deltas(13).hang_after(3));
        let mut events = EventStream::open(asking(&ada)).await;
        let mut told = Told::default();
        events.read_text(&mut told, 3).await;
        world.app.kill();
        while let Ok(true) = read_some(&mut events, &mut told, 1).await {}
        world.jump(-DAY);
        world.app.start_again().await;
        if is_shared {
            // It could be somebody's, but for no longer than any lease lasts.
            let rows = Rows::of(&world.app);
            let leases = "select count(*) from messages m join users u on u.id = m.user_id \
                          where status = 'running' and lease_until > u.created_at";
            while rows.count(leases) > 0 {
                tokio::task::yield_now().await;
            }
            world.app.kill();
            world.jump(120);
            world.app.start_again().await;
        }
        let user = world.sign_in(&ada.at(&world.app.base_url())).await;
        let again = whole(&user, told.answer()).await;
        assert_eq!((again.text.as_str(), again.status()), ("One", "interrupted"));
    }
}
