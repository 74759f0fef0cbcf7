//! Further accounts of a client: their sessions and passwords, as far as they were acknowledged.

use super::client::{CutOff, Seen, ask};
use crate::support::text;
use chatai_testkit::app::User;
use reqwest::Method;
use serde_json::{Value, json};

/// An acknowledged account.
pub(super) struct Account {
    user: User,
    /// The last acknowledged password, and the one asked for since that may have taken its place.
    password: String,
    asked: Option<String>,
    /// Tokens of sessions whose end was acknowledged.
    ended: Vec<String>,
    /// Whether its password was changed and not looked for since.
    has_new_password: bool,
}

impl Account {
    pub(super) async fn register(by: &User, email: String) -> Result<Self, CutOff> {
        let password = format!("the first of {email}");
        let body = json!({"email": email, "password": password});
        let answer = ask(by.call(Method::POST, "/auth/register").json(&body)).await?;
        let mut user = by.with_token(text(&answer["access_token"]));
        user.email = email;
        Ok(Self {
            user,
            password,
            asked: None,
            ended: Vec::new(),
            has_new_password: false,
        })
    }

    /// Signs in once more, and out again.
    pub(super) async fn log_out(&mut self) -> Result<(), CutOff> {
        let body = self.sign_in(&self.password);
        let answer = ask(self.user.call(Method::POST, "/auth/login").json(&body)).await?;
        let session = self.user.with_token(text(&answer["access_token"]));
        ask(session.call(Method::POST, "/auth/logout")).await?;
        self.ended.push(session.token);
        Ok(())
    }

    pub(super) async fn change_password(&mut self, new: String) -> Result<(), CutOff> {
        let body = json!({"current_password": self.password, "new_password": new});
        self.asked = Some(new.clone());
        self.has_new_password = true;
        let answer = ask(self.user.call(Method::POST, "/auth/password").json(&body)).await?;
        self.enter(new, text(&answer["access_token"]));
        Ok(())
    }

    /// Goes on with a new password and its first token; the one before counts no more.
    fn enter(&mut self, password: String, token: &str) {
        let now = self.user.with_token(token);
        let before = std::mem::replace(&mut self.user, now);
        self.ended.push(before.token);
        self.password = password;
        self.asked = None;
    }

    /// Goes on at another address of the program.
    pub(super) fn move_to(&mut self, base_url: &str) {
        self.user = self.user.at(base_url);
    }

    /// What was acknowledged is so in a program that was just started.
    pub(super) async fn expect_at(&mut self, base_url: &str) -> Seen {
        self.move_to(base_url);
        if std::mem::take(&mut self.has_new_password) {
            self.expect_password().await;
        }
        let (status, me) = self.user.get("/users/me").await;
        assert_eq!(
            (status, &me["email"]),
            (200, &json!(self.user.email)),
            "an account or its session is lost"
        );
        for token in &self.ended {
            let (status, _) = self.user.with_token(token).get("/users/me").await;
            assert_eq!(status, 401, "a session of {} came back", self.user.email);
        }
        Seen {
            ended_sessions: self.ended.len(),
            ..Seen::default()
        }
    }

    /// The acknowledged password is the one, unless another was asked for since: then either is.
    async fn expect_password(&mut self) {
        let (status, _) = self.try_password(&self.password).await;
        let Some(asked) = self.asked.take() else {
            assert_eq!(status, 200, "the password of {} is lost", self.user.email);
            return;
        };
        let (new_status, answer) = self.try_password(&asked).await;
        match (status, new_status) {
            (200, 401) => {}
            (401, 200) => self.enter(asked, text(&answer["access_token"])),
            other => panic!("{}: one password of two, not {other:?}", self.user.email),
        }
    }

    async fn try_password(&self, password: &str) -> (u16, Value) {
        self.user.post("/auth/login", &self.sign_in(password)).await
    }

    fn sign_in(&self, password: &str) -> Value {
        json!({"email": self.user.email, "password": password})
    }
}
