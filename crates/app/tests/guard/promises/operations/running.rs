//! What is done to turns that run: let go on, stopped, left and come back to, deleted with their conversation.

use super::{Held, World, model::Fate};
use crate::promises::resuming;
use chatai_testkit::events::EventStream;
use serde_json::json;

impl World {
    /// A provider goes on, and its turn ends as if nothing had been.
    pub(super) async fn release(&mut self) -> &'static str {
        let Some(held) = self.take_held() else {
            return self.send().await;
        };
        self.finish(held).await;
        "release"
    }

    /// Every turn comes to its end.
    pub(super) async fn let_all_end(&mut self) {
        while let Some(held) = self.held.pop() {
            self.finish(held).await;
        }
    }

    async fn finish(&mut self, mut held: Held) {
        let events = self.reader(&mut held).await;
        self.model.turns[held.turn].plan.gate.open();
        events.read_to_end(&mut held.told).await;
        let turn = &mut self.model.turns[held.turn];
        turn.fate = Fate::Complete;
        assert_eq!(
            (held.told.status(), &held.told.text),
            ("complete", &turn.plan.text())
        );
    }

    /// An answer is stopped: it stays as far as it was shown. One that has ended stays as it is.
    pub(super) async fn stop(&mut self) -> &'static str {
        let Some(mut held) = self.take_held() else {
            return self.stop_what_has_ended().await;
        };
        let events = self.reader(&mut held).await;
        assert_eq!(self.cancel(held.turn).await, "stopped");
        events.read_to_end(&mut held.told).await;
        let turn = &mut self.model.turns[held.turn];
        turn.fate = Fate::Stopped;
        assert_eq!((held.told.status(), &held.told.text), ("stopped", &turn.shown));
        turn.plan.gate.open();
        "stop"
    }

    async fn stop_what_has_ended(&mut self) -> &'static str {
        let all = self.model.turns.iter().enumerate();
        let ended: Vec<usize> = all
            .filter(|(_, turn)| turn.ids.is_some() && !turn.is_deleted && turn.fate != Fate::Running)
            .map(|(turn, _)| turn)
            .collect();
        let Some(turn) = self.any_of(&ended) else {
            return self.send().await;
        };
        assert_eq!(self.cancel(turn).await, self.model.turns[turn].fate.status());
        "stop what has ended"
    }

    async fn cancel(&self, turn: usize) -> String {
        let known = &self.model.turns[turn];
        let path = format!(
            "/chat/messages/{}/cancel",
            known.ids.expect("it was written").answer
        );
        let (status, body) = self.user(known.owner).post(&path, &json!({})).await;
        assert_eq!(status, 200, "{body}");
        crate::support::text(&body["status"]).to_owned()
    }

    /// A reader leaves; its turn stays as it is.
    pub(super) async fn leave(&mut self) -> &'static str {
        let with_reader = self.held.iter_mut().find(|held| held.events.is_some());
        let Some(held) = with_reader else {
            return self.send().await;
        };
        held.events = None;
        "leave"
    }

    /// A conversation goes with all its messages; turns of it are stopped, and what they used is charged.
    pub(super) async fn delete(&mut self) -> &'static str {
        let member = self.any_member();
        let Some(id) = self.any_conversation(member) else {
            return self.send().await;
        };
        let (gone, stay) = self.split_held(id);
        self.held = stay;
        let mut reading = Vec::new();
        for mut held in gone {
            reading.push((self.reader(&mut held).await, held));
        }
        let path = format!("/conversations/{id}");
        let (status, body) = self.user(member).delete(&path).await;
        assert_eq!(status, 200, "{body}");
        for (events, mut held) in reading {
            events.read_to_end(&mut held.told).await;
            assert_eq!(held.told.status(), "stopped");
            let turn = &mut self.model.turns[held.turn];
            turn.fate = Fate::Stopped;
            turn.plan.gate.open();
        }
        self.model.delete(id);
        assert_eq!(self.user(member).get(&format!("{path}/messages")).await.0, 404);
        self.look_at_list(member).await;
        "delete"
    }

    /// Takes the turns that are held: those of a conversation, and the others.
    pub(super) fn split_held(&mut self, conversation: i64) -> (Vec<Held>, Vec<Held>) {
        std::mem::take(&mut self.held).into_iter().partition(|held| {
            let ids = self.model.turns[held.turn].ids;
            ids.is_some_and(|ids| ids.conversation == conversation)
        })
    }

    fn take_held(&mut self) -> Option<Held> {
        let count = self.held.len() as u64;
        (count > 0).then(|| self.held.swap_remove(self.random.below(count) as usize))
    }

    /// The reader of a turn: the one that stayed, or one that comes back to where it left.
    async fn reader(&mut self, held: &mut Held) -> EventStream {
        match held.events.take() {
            Some(events) => events,
            None => {
                let owner = self.model.turns[held.turn].owner;
                let user = self.members[owner].user.clone();
                EventStream::open(resuming(&user, &held.told, &mut self.random)).await
            }
        }
    }
}
