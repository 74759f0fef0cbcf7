//! What members see over HTTP is what the model has.

use super::{
    World,
    model::{Fate, Message, Says},
    money::pico,
};
use crate::support::{list, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A budget as its owner sees it, in pico-dollars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) spent: i64,
    pub(super) reserved: i64,
    /// `None` without a limit.
    pub(super) remaining: Option<i64>,
}

impl World {
    /// A member's budget, in which what is set aside is known.
    pub(super) async fn budget(&self, member: usize) -> Budget {
        let budget = self.budget_as_told(member).await;
        assert_eq!(budget.reserved, self.model.reserved(member), "{budget:?}");
        budget
    }

    /// The same, where it is to be learnt what is set aside.
    pub(super) async fn budget_as_told(&self, member: usize) -> Budget {
        let (status, body) = self.user(member).get("/users/me/budget").await;
        assert_eq!(status, 200, "{body}");
        let limit = (!body["limit"].is_null()).then(|| pico(&body["limit"]));
        let budget = Budget {
            spent: pico(&body["spent"]),
            reserved: pico(&body["reserved"]),
            remaining: limit.map(|_| pico(&body["remaining"])),
        };
        if let Some((limit, remaining)) = limit.zip(budget.remaining) {
            assert_eq!(
                remaining,
                (limit - budget.spent - budget.reserved).max(0),
                "{body}"
            );
        }
        budget
    }

    /// One conversation, and its owner's money.
    pub(super) async fn look_at_one(&mut self) -> &'static str {
        let member = self.any_member();
        if let Some(id) = self.any_conversation(member) {
            self.look_at(id).await;
        }
        self.look_at_money(member).await;
        "look"
    }

    pub(super) async fn look_at_everything(&self) {
        for member in 0..self.members.len() {
            self.look_at_list(member).await;
            self.look_at_money(member).await;
        }
        for id in self.model.conversations.keys() {
            self.look_at(*id).await;
        }
    }

    /// A member's conversations are there, and no others.
    pub(super) async fn look_at_list(&self, member: usize) {
        let (status, body) = self.user(member).get("/conversations/").await;
        assert_eq!(status, 200, "{body}");
        let ids = list(&body).iter().map(|row| row["id"].as_i64().expect("an id"));
        let ids: BTreeSet<i64> = ids.collect();
        assert_eq!(ids, self.model.of(member).into_iter().collect(), "conversations");
    }

    /// What was spent is what the ledger sums up, by whatever it is grouped.
    async fn look_at_money(&self, member: usize) {
        let budget = self.budget(member).await;
        for group in ["day", "model", "scope", "conversation"] {
            let path = format!("/usage?group_by={group}");
            let (status, report) = self.user(member).get(&path).await;
            assert_eq!(status, 200, "{report}");
            let groups = list(&report["groups"]).iter();
            let sum: i64 = groups.map(|group| pico(&group["price_exact"])).sum();
            let total = pico(&report["total"]["price_exact"]);
            assert_eq!((sum, budget.spent), (total, total), "by {group}: {report}");
        }
    }

    /// A conversation's active branch, and all of its messages.
    pub(super) async fn look_at(&self, id: i64) {
        let known = &self.model.conversations[&id];
        let user = self.user(known.owner);
        let (status, body) = user.get(&format!("/conversations/{id}/messages")).await;
        assert_eq!(status, 200, "{body}");
        let shown = list(&body["messages"]).iter().map(id_of);
        assert_eq!(shown.collect::<Vec<_>>(), known.branch(), "the branch of {id}");
        let (status, body) = user.get(&format!("/conversations/{id}/messages?tree=true")).await;
        assert_eq!(status, 200, "{body}");
        let all = list(&body["messages"]);
        let ids: Vec<i64> = all.iter().map(id_of).collect();
        assert!(
            ids.iter().eq(known.messages.keys()),
            "the messages of {id}: {ids:?}"
        );
        for message in all {
            let id = id_of(message);
            assert_eq!(message["siblings"], json!(known.siblings(id)), "{message}");
            self.compare(message, &known.messages[&id]);
        }
    }

    fn compare(&self, message: &Value, known: &Message) {
        assert_eq!(message["parent_id"], json!(known.parent), "{message}");
        match &known.says {
            Says::Question(mark) => {
                assert_eq!(
                    (&message["role"], &message["status"]),
                    (&json!("user"), &json!("complete"))
                );
                assert!(
                    text(&message["text"]).starts_with(&format!("[{mark}]")),
                    "{message}"
                );
            }
            Says::Answer(turn) => {
                let turn = &self.model.turns[*turn];
                assert_eq!(message["role"], "assistant");
                assert_eq!(message["request_id"], message["parent_id"], "{message}");
                assert_eq!(message["status"], turn.fate.status(), "{message}");
                assert_eq!(message["model"], turn.model, "{message}");
                assert!(turn.may_say(text(&message["text"])), "{:?}: {message}", turn.fate);
                let has_error = matches!(turn.fate, Fate::BrokenOff | Fate::Failed | Fate::Killed);
                assert_eq!(message["error"].is_object(), has_error, "{message}");
            }
        }
    }

    /// Chooses a branch.
    pub(super) async fn choose(&mut self) -> &'static str {
        let member = self.any_member();
        let Some(id) = self.any_conversation(member) else {
            return self.send().await;
        };
        let messages: Vec<i64> = self.model.conversations[&id].messages.keys().copied().collect();
        let message = self.any_of(&messages).expect("a conversation has messages");
        let path = format!("/conversations/{id}/head");
        let asked = json!({"message_id": message});
        let (status, body) = self.user(member).put(&path, &asked).await;
        let known = self.model.conversations.get_mut(&id).expect("it is there");
        assert_eq!(
            (status, &body["message_id"]),
            (200, &json!(known.choose(message)))
        );
        self.look_at(id).await;
        "choose"
    }
}

fn id_of(message: &Value) -> i64 {
    message["id"]
        .as_i64()
        .unwrap_or_else(|| panic!("no id: {message}"))
}
