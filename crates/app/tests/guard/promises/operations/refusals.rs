//! What is not there or another's, and what cannot be meant: refused, with nothing left behind.

use super::World;
use crate::support::send;
use reqwest::Method;
use serde_json::{Value, json};

impl World {
    /// Asks for something that must be refused.
    pub(super) async fn ask_for_what_is_not_there(&mut self) -> &'static str {
        let member = self.any_member();
        let other = (member + 1) % self.members.len();
        let foreign = self.any_conversation(other);
        let foreign_answer = foreign.map(|id| self.model.conversations[&id].head);
        let conversation = foreign.unwrap_or(999_999_999);
        let answer = foreign_answer.unwrap_or(999_999_999);
        let own = self.any_conversation(member).unwrap_or(999_999_999);
        let post = Method::POST;
        let chat = |body: Value| (Method::POST, "/chat/".to_owned(), body);
        let (method, path, body, status) = match self.random.below(10) {
            0 => refused(
                chat(json!({"text": "x", "model": "m", "conversation_id": conversation})),
                404,
            ),
            1 => refused(
                chat(json!({"text": "x", "model": "m", "conversation_id": own, "parent_id": answer})),
                404,
            ),
            2 => refused(
                (post, format!("/chat/messages/{answer}/regenerate"), json!({})),
                404,
            ),
            3 => refused((post, format!("/chat/messages/{answer}/cancel"), json!({})), 404),
            4 => refused(
                (
                    Method::PUT,
                    format!("/conversations/{conversation}/head"),
                    json!({"message_id": answer}),
                ),
                404,
            ),
            5 => refused(
                (
                    Method::DELETE,
                    format!("/conversations/{conversation}"),
                    json!({}),
                ),
                404,
            ),
            6 => refused(chat(json!({"text": " \n", "model": "m"})), 400),
            7 => refused(chat(json!({"text": "x", "model": "no such model"})), 400),
            8 => refused(chat(json!({"text": "x", "model": "m", "parent_id": "one"})), 422),
            _ => refused(chat(json!({"text": "x", "model": "m", "parent_id": answer})), 404),
        };
        let (before, calls) = (self.budget(member).await, self.vendor.count());
        let answered = send(self.user(member).call(method, &path).json(&body)).await;
        assert_eq!(answered.status, status, "{path} {body}: {answered:?}");
        assert_eq!(self.vendor.count(), calls, "a model was called");
        assert_eq!(self.budget(member).await, before);
        self.look_at_list(member).await;
        if let Some(id) = foreign {
            self.look_at(id).await;
        }
        "ask for what is not there"
    }
}

fn refused((method, path, body): (Method, String, Value), status: u16) -> (Method, String, Value, u16) {
    (method, path, body, status)
}
