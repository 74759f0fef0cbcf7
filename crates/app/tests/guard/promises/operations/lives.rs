//! The program is killed and started again, also while it takes a question.

use super::{
    World,
    model::{Fate, Follows, Ids},
    vendor::Way,
};
use crate::{
    promises::{let_leases_run_out, mark_of, moment, whole},
    support::{list, send, text},
};
use reqwest::Method;
use serde_json::Value;

impl World {
    /// A kill while turns wait at their providers.
    pub(super) async fn kill(&mut self) -> &'static str {
        self.app.kill();
        self.start_again().await;
        "kill"
    }

    /// A kill at any moment of a question's way. Whether it was written is looked up; under a key it is sent again.
    pub(super) async fn kill_while_sending(&mut self) -> &'static str {
        let member = self.any_member();
        let follows = self.any_place(member);
        let way = if self.random.below(2) == 0 {
            Way::Slow
        } else {
            Way::Tool
        };
        let turn = self.plan(member, follows, way);
        let (mark, plan) = {
            let known = &self.model.turns[turn];
            (known.asked.mark.clone(), known.plan.clone())
        };
        self.vendor.expect(&mark, &plan);
        let asking = tokio::spawn(self.request(turn, false).send());
        moment(&mut self.random, 0, 40).await;
        self.app.kill();
        let acknowledged = match asking.await.expect("asking does not panic") {
            // Cut off within the body, it told nothing.
            Ok(reply) => (reply.status() == 200 || reply.status() == 402)
                .then_some(reply.status().as_u16())
                .zip(reply.text().await.ok()),
            Err(_) => None,
        };
        self.vendor.forget(&mark);
        self.start_again().await;
        let found = self.find(turn).await;
        match (found, acknowledged) {
            (Some((ids, status)), acknowledged) => {
                self.model.written(turn, ids);
                let known = &mut self.model.turns[turn];
                known.fate = match status.as_str() {
                    "complete" => Fate::Complete,
                    "interrupted" => Fate::Killed,
                    other => panic!("{other}: {ids:?}"),
                };
                if let Some((status, _)) = acknowledged {
                    assert_eq!((status, known.fate), (200, Fate::Complete), "{ids:?}");
                }
            }
            (None, Some((200, body))) => panic!("told of and lost: {body}"),
            (None, _) => {}
        }
        if self.model.turns[turn].asked.key.is_some() {
            self.send_again(turn).await;
        }
        "kill while sending"
    }

    /// A kill at any moment of a deletion, while turns of the conversation wait at their providers. Whether it was deleted
    /// is looked up; what its turns used is charged either way.
    pub(super) async fn kill_while_deleting(&mut self) -> &'static str {
        let Some(held) = self.held.last() else {
            return self.kill().await;
        };
        let turn = &self.model.turns[held.turn];
        let (id, owner) = (turn.ids.expect("it was written").conversation, turn.owner);
        let (concerned, others) = self.split_held(id);
        self.held = others;
        let path = format!("/conversations/{id}");
        let asking = tokio::spawn(self.user(owner).call(Method::DELETE, &path).send());
        moment(&mut self.random, 0, 8).await;
        self.app.kill();
        let reply = asking.await.expect("asking does not panic");
        let is_acknowledged = reply.is_ok_and(|reply| reply.status() == 200);
        self.start_again().await;
        match self.user(owner).get(&format!("{path}/messages")).await.0 {
            404 => {
                for held in concerned {
                    let turn = &mut self.model.turns[held.turn];
                    turn.fate = Fate::Killed;
                    turn.plan.gate.open();
                }
                self.model.delete(id);
                self.look_at_list(owner).await;
                "kill after deleting"
            }
            status => {
                assert_eq!((status, is_acknowledged), (200, false), "told of and not done");
                self.held.extend(concerned);
                self.held_are_interrupted().await;
                "kill before deleting"
            }
        }
    }

    /// Sends under its key what may or may not have been written: it is one turn.
    async fn send_again(&mut self, turn: usize) {
        if self.model.turns[turn].ids.is_none() {
            return self.perform(turn).await;
        }
        let calls = self.vendor.count();
        let answer = send(self.request(turn, false)).await;
        let known = &self.model.turns[turn];
        assert_eq!(answer.header("idempotent-replayed"), "true", "{answer:?}");
        assert_eq!(
            known.ids,
            Some(Ids::of(&answer.json())),
            "another turn of the same key"
        );
        assert_eq!(self.vendor.count(), calls, "a model was called once more");
    }

    /// Starts the program after a kill. Whoever ran there is gone, and its turns are interrupted.
    async fn start_again(&mut self) {
        assert!(!self.app.log().contains("panicked at"), "{}", self.app.log());
        if self.app.database().url().is_some() {
            let_leases_run_out(&self.app);
        }
        self.app.start_again().await;
        let base_url = self.app.base_url();
        self.admin = self.admin.at(&base_url);
        for member in &mut self.members {
            member.user = member.user.at(&base_url);
        }
        self.held_are_interrupted().await;
    }

    /// Turns that were held when the program was killed have ended with it.
    async fn held_are_interrupted(&mut self) {
        for held in std::mem::take(&mut self.held) {
            let turn = &mut self.model.turns[held.turn];
            turn.fate = Fate::Killed;
            turn.plan.gate.open();
            let (ids, owner) = (turn.ids.expect("it was written"), turn.owner);
            let told = whole(&self.members[owner].user, ids.answer).await;
            assert_eq!(told.status(), "interrupted", "{told:?}");
            assert!(self.model.turns[held.turn].may_say(&told.text), "{told:?}");
        }
    }

    /// Where a question was written, and how its turn ended.
    async fn find(&self, turn: usize) -> Option<(Ids, String)> {
        let known = &self.model.turns[turn];
        let user = self.user(known.owner);
        let conversations = match known.asked.follows {
            Follows::NewConversation => {
                let (_, listed) = user.get("/conversations/").await;
                let ids = list(&listed).iter().map(|row| row["id"].as_i64().expect("an id"));
                ids.filter(|id| !self.model.conversations.contains_key(id))
                    .collect()
            }
            Follows::Head(id) | Follows::Nothing(id) | Follows::Message(id, _) | Follows::Again(id, _) => {
                vec![id]
            }
        };
        for conversation in conversations {
            let path = format!("/conversations/{conversation}/messages?tree=true");
            let (_, body) = user.get(&path).await;
            let messages = list(&body["messages"]);
            let is_it = |message: &&Value| {
                message["role"] == "user" && mark_of(text(&message["text"])) == known.asked.mark
            };
            let Some(question) = messages.iter().find(is_it) else {
                continue;
            };
            let answers = messages
                .iter()
                .filter(|answer| answer["request_id"] == question["id"]);
            let answers: Vec<i64> = answers
                .map(|answer| answer["id"].as_i64().expect("an id"))
                .collect();
            assert_eq!(answers.len(), 1, "sent once, answered {answers:?}: {question}");
            let ids = Ids {
                conversation,
                question: question["id"].as_i64().expect("an id"),
                answer: answers[0],
            };
            // On a server it is interrupted a moment after the start.
            let told = whole(user, ids.answer).await;
            return Some((ids, told.status().to_owned()));
        }
        None
    }
}
