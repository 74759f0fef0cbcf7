//! A client that knows what it was told, and asks for it again.

use super::accounts::Account;
use crate::support::{list, random::Random, text};
use chatai_testkit::app::{TestApp, User};
use reqwest::{Method, RequestBuilder, multipart};
use serde_json::{Value, json};
use std::{collections::HashSet, ops::AddAssign};

/// One user and what the program has acknowledged to it.
pub(super) struct Client {
    name: String,
    user: User,
    random: Random,
    count: u64,
    conversations: Vec<Conversation>,
    /// Conversations whose deletion was acknowledged.
    deleted: Vec<i64>,
    /// Conversations whose deletion may have happened.
    perhaps_deleted: Vec<i64>,
    /// Questions in conversations that were or may have been deleted.
    forgotten: HashSet<String>,
    accounts: Vec<Account>,
}

struct Conversation {
    id: i64,
    /// The titles it may have: the last acknowledged one and those asked for since; none where a model gives it.
    titles: Vec<String>,
    turns: Vec<Turn>,
    asked: Vec<String>,
    /// Whether something happened that has not been looked for after a new start.
    is_touched: bool,
}

/// An acknowledged turn.
struct Turn {
    request_id: i64,
    response_id: i64,
    question: String,
    answer: String,
    file: Option<Vec<u8>>,
}

/// What was found after a new start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Acknowledged turns.
    pub(super) turns: usize,
    /// Turns that were never acknowledged: interrupted, or complete and not told any more.
    pub(super) unanswered: usize,
    pub(super) interrupted: usize,
    /// Sessions whose end was acknowledged, by each look at them.
    pub(super) ended_sessions: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.turns += other.turns;
        self.unanswered += other.unanswered;
        self.interrupted += other.interrupted;
        self.ended_sessions += other.ended_sessions;
    }
}

/// The connection ended before the answer.
pub(super) struct CutOff;

impl Client {
    pub(super) fn new(name: String, user: User, random: Random) -> Self {
        Self {
            name,
            user,
            random,
            count: 0,
            conversations: Vec::new(),
            deleted: Vec::new(),
            perhaps_deleted: Vec::new(),
            forgotten: HashSet::new(),
            accounts: Vec::new(),
        }
    }

    /// Does this and that until the program is gone.
    pub(super) async fn work_until_cut_off(mut self, base_url: String) -> Self {
        self.user = self.user.at(&base_url);
        for account in &mut self.accounts {
            account.move_to(&base_url);
        }
        while self.act().await.is_ok() {}
        self
    }

    async fn act(&mut self) -> Result<(), CutOff> {
        match self.random.below(100) {
            0..3 => self.register().await,
            3..6 => self.log_out().await,
            6..9 => self.change_password().await,
            9..18 => self.create().await,
            18..28 => self.rename().await,
            28..34 => self.delete().await,
            34..60 => self.chat(None).await,
            _ => {
                let at = self.any_conversation();
                self.chat(at).await
            }
        }
    }

    fn mark(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.name, self.count)
    }

    fn any_conversation(&mut self) -> Option<usize> {
        // Mostly recent ones: long conversations would make every look at them long too.
        let known = self.conversations.len();
        let recent = known.min(4);
        (recent > 0).then(|| known - 1 - self.random.below(recent as u64) as usize)
    }

    async fn register(&mut self) -> Result<(), CutOff> {
        let email = format!("{}@example.com", self.mark());
        self.accounts.push(Account::register(&self.user, email).await?);
        Ok(())
    }

    async fn log_out(&mut self) -> Result<(), CutOff> {
        match self.accounts.last_mut() {
            Some(account) => account.log_out().await,
            None => self.register().await,
        }
    }

    async fn change_password(&mut self) -> Result<(), CutOff> {
        let new = format!("the password {}", self.mark());
        match self.accounts.last_mut() {
            Some(account) => account.change_password(new).await,
            None => self.register().await,
        }
    }

    async fn create(&mut self) -> Result<(), CutOff> {
        let title = self.mark();
        let call = self
            .user
            .call(Method::POST, "/conversations/")
            .json(&json!({"title": title}));
        let id = ask(call).await?;
        self.conversations.push(Conversation {
            id: id.as_i64().expect("an id"),
            titles: vec![title],
            turns: Vec::new(),
            asked: Vec::new(),
            is_touched: true,
        });
        Ok(())
    }

    async fn rename(&mut self) -> Result<(), CutOff> {
        let Some(at) = self.any_conversation() else {
            return Ok(());
        };
        let title = self.mark();
        let known = &mut self.conversations[at];
        known.is_touched = true;
        let had_title = !known.titles.is_empty();
        known.titles.push(title.clone());
        if !had_title {
            // Until it is acknowledged, the model's title is as good.
            known.titles.clear();
        }
        let path = format!("/conversations/{}/rename?new_title={title}", known.id);
        ask(self.user.call(Method::PUT, &path)).await?;
        self.conversations[at].titles = vec![title];
        Ok(())
    }

    async fn delete(&mut self) -> Result<(), CutOff> {
        let Some(at) = self.any_conversation() else {
            return Ok(());
        };
        let known = self.conversations.remove(at);
        self.forgotten.extend(known.asked);
        self.perhaps_deleted.push(known.id);
        ask(self
            .user
            .call(Method::DELETE, &format!("/conversations/{}", known.id)))
        .await?;
        self.perhaps_deleted.pop();
        self.deleted.push(known.id);
        Ok(())
    }

    async fn chat(&mut self, at: Option<usize>) -> Result<(), CutOff> {
        let mark = self.mark();
        let question = format!("[{mark}] What is there about ships?");
        let mut form = multipart::Form::new().text("text", question.clone());
        if let Some(at) = at {
            let known = &mut self.conversations[at];
            known.is_touched = true;
            known.asked.push(mark.clone());
            form = form.text("conversation_id", known.id.to_string());
        }
        let file = (self.random.below(4) == 0).then(|| format!("the file of {mark}").into_bytes());
        if let Some(bytes) = &file {
            let part = multipart::Part::bytes(bytes.clone()).file_name("note.txt");
            form = form.part("files", part.mime_str("text/plain").expect("a media type"));
        }
        let answer = ask(self.user.call(Method::POST, "/chat/").multipart(form)).await?;
        let number = |name: &str| answer[name].as_i64().expect("an id");
        let turn = Turn {
            request_id: number("request_message_id"),
            response_id: number("response_message_id"),
            question,
            answer: text(&answer["answer"]).to_owned(),
            file,
        };
        match at {
            Some(at) => self.conversations[at].turns.push(turn),
            None => self.conversations.push(Conversation {
                id: number("conversation_id"),
                titles: Vec::new(),
                turns: vec![turn],
                asked: vec![mark],
                is_touched: true,
            }),
        }
        Ok(())
    }

    /// Looks for everything that was acknowledged since the last time, in a program that was just started.
    pub(super) async fn expect_everything_at(&mut self, app: &TestApp) -> Seen {
        self.user = self.user.at(&app.base_url());
        let mut seen = Seen::default();
        for account in &mut self.accounts {
            seen += account.expect_at(&app.base_url()).await;
        }
        let listed = self.listed().await;
        for id in &self.deleted {
            assert!(
                !listed.iter().any(|row| row["id"] == *id),
                "{id} is deleted and came back"
            );
        }
        for known in &mut self.conversations {
            let row = listed.iter().find(|row| row["id"] == known.id);
            let row = row.unwrap_or_else(|| panic!("conversation {} is lost", known.id));
            let title = text(&row["title"]);
            let as_known = known.titles.is_empty() || known.titles.iter().any(|known| known == title);
            assert!(
                as_known,
                "conversation {} is called {title}, not {:?}",
                known.id, known.titles
            );
            if std::mem::take(&mut known.is_touched) {
                seen += known.expect_turns(&self.user, app).await;
            }
        }
        // Conversations that were never told of: their turns are whole too.
        let told: HashSet<i64> = self.conversations.iter().map(|known| known.id).collect();
        for row in listed
            .iter()
            .filter(|row| !told.contains(&row["id"].as_i64().expect("an id")))
        {
            let id = row["id"].as_i64().expect("an id");
            if self.perhaps_deleted.contains(&id) {
                continue;
            }
            let mut found = Conversation {
                id,
                titles: Vec::new(),
                turns: Vec::new(),
                asked: Vec::new(),
                is_touched: false,
            };
            seen += found.expect_turns(&self.user, app).await;
            // From now on it is known, and stays.
            found.asked = found.marks(&self.user).await;
            self.conversations.push(found);
        }
        seen
    }

    /// The marks of all questions that are stored or were deleted.
    pub(super) async fn questions_at(&self, app: &TestApp) -> HashSet<String> {
        let user = self.user.at(&app.base_url());
        let mut marks = self.forgotten.clone();
        for known in &self.conversations {
            marks.extend(known.marks(&user).await);
        }
        marks
    }

    async fn listed(&self) -> Vec<Value> {
        let (status, body) = self.user.get("/conversations/").await;
        assert_eq!(status, 200, "{body}");
        list(&body).to_vec()
    }
}

impl Conversation {
    async fn messages(&self, user: &User) -> Vec<Value> {
        let (status, body) = user.get(&format!("/conversations/{}/messages", self.id)).await;
        assert_eq!(status, 200, "{body}");
        list(&body["messages"]).to_vec()
    }

    async fn marks(&self, user: &User) -> Vec<String> {
        let messages = self.messages(user).await;
        let questions = messages.iter().filter(|message| message["role"] == "user");
        questions
            .filter_map(|message| Some(text(&message["text"]).split(['[', ']']).nth(1)?.to_owned()))
            .collect()
    }

    /// Every acknowledged turn is there to the letter, and all others are whole.
    async fn expect_turns(&self, user: &User, app: &TestApp) -> Seen {
        let may_run = app.database().url().is_some();
        let messages = self.messages(user).await;
        let mut seen = Seen::default();
        assert_eq!(messages.len() % 2, 0, "half a turn: {messages:?}");
        for pair in messages.chunks(2) {
            let [question, answer] = pair else {
                unreachable!("pairs")
            };
            assert_eq!(
                (&question["role"], &answer["role"]),
                (&json!("user"), &json!("assistant"))
            );
            assert_eq!(answer["request_id"], question["id"], "{answer}");
            let known = self.turns.iter().find(|turn| answer["id"] == turn.response_id);
            match text(&answer["status"]) {
                "complete" => {}
                "interrupted" => {
                    assert_eq!(answer["error"]["code"], "interrupted", "{answer}");
                    seen.interrupted += 1;
                }
                // On a database that others share, its owner's lease has to end first.
                "running" if may_run => {}
                other => panic!("{other}: {answer}"),
            }
            let Some(turn) = known else {
                seen.unanswered += 1;
                continue;
            };
            seen.turns += 1;
            assert_eq!(
                (
                    &question["id"],
                    &question["text"],
                    &answer["text"],
                    &answer["status"]
                ),
                (
                    &json!(turn.request_id),
                    &json!(turn.question),
                    &json!(turn.answer),
                    &json!("complete")
                ),
            );
            assert_eq!(
                question["attachments"].as_array().map(Vec::len),
                Some(usize::from(turn.file.is_some()))
            );
            if let Some(bytes) = &turn.file {
                let path = format!("/attachments/{}", question["attachments"][0]["id"]);
                let kept = user
                    .call(Method::GET, &path)
                    .send()
                    .await
                    .expect("the program answers");
                assert_eq!(kept.bytes().await.expect("a body"), bytes);
            }
        }
        let found = messages.len() / 2 - seen.unanswered;
        assert_eq!(
            found,
            self.turns.len(),
            "turns of conversation {} are lost",
            self.id
        );
        seen
    }
}

/// Sends what must succeed, unless the program is gone before it has answered.
pub(super) async fn ask(call: RequestBuilder) -> Result<Value, CutOff> {
    let reply = call.send().await.map_err(|_| CutOff)?;
    let status = reply.status();
    let body = reply.bytes().await.map_err(|_| CutOff)?;
    let body = String::from_utf8_lossy(&body);
    assert_eq!(status, 200, "{body}");
    Ok(serde_json::from_str(&body).expect("JSON"))
}
