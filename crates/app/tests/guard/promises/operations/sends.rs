//! Questions and further answers to them, in every form, and requests that are sent again.

use super::{
    Held, World,
    look::Budget,
    model::{Asked, Fate, Follows, Ids, Turn},
    money::ANSWERING,
    vendor::{Plan, Way},
};
use crate::support::{Answer, send, text};
use chatai_testkit::events::{EventStream, Told};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// With this much left no turn of these prices is refused, in pico-dollars.
const AMPLE: i64 = 1_000_000_000_000;

impl World {
    /// A question, anywhere.
    pub(super) async fn send(&mut self) -> &'static str {
        let member = self.any_member();
        let way = self.any_way();
        let follows = self.any_place(member);
        let turn = self.plan(member, follows, way);
        self.perform(turn).await;
        "send"
    }

    /// Another answer to a question that has one.
    pub(super) async fn regenerate(&mut self) -> &'static str {
        let member = self.any_member();
        let Some(conversation) = self.any_conversation(member) else {
            return self.send().await;
        };
        let answers = self.model.conversations[&conversation].answers();
        let answer = self.any_of(&answers).expect("a conversation has an answer");
        let way = self.any_way();
        let turn = self.plan(member, Follows::Again(conversation, answer), way);
        self.perform(turn).await;
        "regenerate"
    }

    fn any_way(&mut self) -> Way {
        match self.random.below(24) {
            0..5 => Way::Plain,
            5 => Way::Slow,
            6 => Way::Long,
            7..10 => Way::Tool,
            10 => Way::Unreported,
            11 => Way::Refused,
            12 => Way::RefusedAfterTool,
            13 => Way::Cut,
            20 => Way::Reasoned,
            21 => Way::CutAfterReasoning,
            _ if self.held.len() >= super::MOST_HELD => Way::Plain,
            14 => Way::HeldBefore,
            15 | 16 => Way::HeldAfterTool,
            22 | 23 => Way::HeldAfterReasoning,
            _ => Way::Held,
        }
    }

    /// Where a new question goes.
    pub(super) fn any_place(&mut self, member: usize) -> Follows {
        let Some(id) = self.any_conversation(member) else {
            return Follows::NewConversation;
        };
        match self.random.below(10) {
            0..3 => Follows::NewConversation,
            3..7 => Follows::Head(id),
            7 => Follows::Nothing(id),
            _ => {
                let messages: Vec<i64> = self.model.conversations[&id].messages.keys().copied().collect();
                let message = self.any_of(&messages).expect("a conversation has messages");
                Follows::Message(id, message)
            }
        }
    }

    /// A turn that is about to be asked for; its number.
    pub(super) fn plan(&mut self, owner: usize, follows: Follows, way: Way) -> usize {
        let turn = self.model.turns.len();
        let plan = Plan::new(turn, way, &mut self.random);
        let named = self.any_of(&ANSWERING).expect("there are two");
        let key = (self.random.below(3) == 0).then(|| format!("key {turn}"));
        let (model, asked) = match follows {
            Follows::Again(conversation, answer) => {
                let before = self.model.turn_of(answer).expect("a turn's answer");
                let before = &self.model.turns[before];
                assert_eq!(before.ids.map(|ids| ids.conversation), Some(conversation));
                // Without a name, the model that answered before.
                let is_named = turn.is_multiple_of(2);
                let asked = Asked {
                    path: format!("/chat/messages/{answer}/regenerate"),
                    body: if is_named {
                        json!({"model": named})
                    } else {
                        json!({})
                    },
                    key,
                    mark: before.asked.mark.clone(),
                    follows,
                };
                (if is_named { named } else { before.model }, asked)
            }
            _ => {
                let mark = format!("q{turn}");
                let mut question = format!("[{mark}] What is there about ships?");
                if self.random.below(8) == 0 {
                    // So long that a summary of it is made.
                    question.push_str(&" And about the sea?".repeat(25));
                }
                let mut body = json!({"text": question, "model": named});
                match follows {
                    Follows::NewConversation | Follows::Again(..) => {}
                    Follows::Head(id) => body["conversation_id"] = id.into(),
                    Follows::Nothing(id) => {
                        body["conversation_id"] = id.into();
                        body["parent_id"] = 0.into();
                    }
                    Follows::Message(id, parent) => {
                        body["conversation_id"] = id.into();
                        body["parent_id"] = parent.into();
                    }
                }
                let asked = Asked {
                    path: "/chat/".to_owned(),
                    body,
                    key,
                    mark,
                    follows,
                };
                (named, asked)
            }
        };
        self.model.turns.push(Turn {
            owner,
            model,
            prices: self.prices.clone(),
            plan,
            asked,
            ids: None,
            fate: Fate::Refused,
            reserved: 0,
            is_deleted: false,
            shown: String::new(),
        });
        turn
    }

    /// The request for a turn, the same one whenever it is made.
    pub(super) fn request(&self, turn: usize, streams: bool) -> RequestBuilder {
        let known = &self.model.turns[turn];
        let mut body = known.asked.body.clone();
        if streams {
            body["stream"] = true.into();
        }
        let call = self
            .user(known.owner)
            .call(Method::POST, &known.asked.path)
            .json(&body);
        match &known.asked.key {
            Some(key) => call.header("idempotency-key", key),
            None => call,
        }
    }

    /// Asks for a turn, and takes note of what became of it.
    pub(super) async fn perform(&mut self, turn: usize) {
        let known = &self.model.turns[turn];
        let (owner, plan) = (known.owner, known.plan.clone());
        let before = self.budget(owner).await;
        let calls = self.vendor.count();
        self.vendor.expect(&known.asked.mark, &plan);
        if plan.is_held() || self.random.below(2) == 0 {
            let reply = self
                .request(turn, true)
                .send()
                .await
                .expect("the program answers");
            if reply.status() == 402 {
                return self.refused(turn, &before, calls).await;
            }
            let mut events = EventStream::of(reply).await;
            let mut told = Told::default();
            told.take(&events.next().await.expect("`turn` comes first"));
            self.written(
                turn,
                Ids::of(told.turn.as_ref().expect("`turn` comes first")),
                &before,
            );
            if plan.is_held() {
                return self.hold(turn, events, told, &before).await;
            }
            events.read_to_end(&mut told).await;
            self.ended(turn, told.status());
            assert!(self.model.turns[turn].may_say(&told.text), "{told:?}");
        } else {
            let answer = send(self.request(turn, false)).await;
            if answer.status == 402 {
                return self.refused(turn, &before, calls).await;
            }
            self.take_whole(turn, &answer, &before);
        }
    }

    /// Takes note of a turn whose whole answer, or failure, has come.
    pub(super) fn take_whole(&mut self, turn: usize, answer: &Answer, before: &Budget) {
        let body = answer.json();
        self.written(turn, Ids::of(&body), before);
        let status = match (
            answer.status,
            text(&body.get("code").cloned().unwrap_or_else(|| "".into())),
        ) {
            (200, "") => "complete",
            (502, "provider_error") if self.model.turns[turn].plan.way == Way::Cut => "interrupted",
            (502, "provider_error") => "failed",
            other => panic!("{other:?}: {body}"),
        };
        self.ended(turn, status);
        if status == "complete" {
            assert!(self.model.turns[turn].may_say(text(&body["answer"])), "{body}");
        }
    }

    fn written(&mut self, turn: usize, ids: Ids, before: &Budget) {
        assert!(
            before.remaining.is_none_or(|remaining| remaining > 0),
            "nothing was left, and a turn was begun: {before:?}"
        );
        self.model.written(turn, ids);
        self.model.turns[turn].fate = Fate::Running;
    }

    /// A turn ended as its plan has it.
    fn ended(&mut self, turn: usize, status: &str) {
        let turn = &mut self.model.turns[turn];
        turn.fate = match turn.plan.way {
            Way::Refused | Way::RefusedAfterTool | Way::CutAfterReasoning => Fate::Failed,
            Way::Cut => Fate::BrokenOff,
            _ => Fate::Complete,
        };
        assert_eq!(status, turn.fate.status(), "{:?}", turn.plan.way);
    }

    /// A turn that does not fit its budget leaves nothing: no message, no call, no amount.
    async fn refused(&mut self, turn: usize, before: &Budget, calls: usize) {
        assert!(
            before.remaining.is_some_and(|remaining| remaining < AMPLE),
            "refused with enough left: {before:?}"
        );
        let known = &self.model.turns[turn];
        assert!(self.vendor.forget(&known.asked.mark), "a model was called");
        assert_eq!(self.vendor.count(), calls, "a model was called");
        assert_eq!(&self.budget(known.owner).await, before);
        self.look_at_list(known.owner).await;
        if let Follows::Head(id) | Follows::Nothing(id) | Follows::Message(id, _) | Follows::Again(id, _) =
            known.asked.follows
        {
            self.look_at(id).await;
        }
        *self.done.entry("refused for its budget").or_default() += 1;
    }

    /// Leaves a turn where its provider waits, with all that was said before shown.
    async fn hold(&mut self, turn: usize, mut events: EventStream, mut told: Told, before: &Budget) {
        let plan = self.model.turns[turn].plan.clone();
        plan.gate.reached().await;
        events.read_text(&mut told, plan.shown_before_gap().len()).await;
        while told.reasoning.len() < plan.reasoning().len() {
            told.take(&events.next().await.expect("it has not ended"));
        }
        assert_eq!(
            (told.text.as_str(), told.reasoning.as_str()),
            (plan.shown_before_gap().as_str(), plan.reasoning())
        );
        let owner = self.model.turns[turn].owner;
        let after = self.budget_as_told(owner).await;
        assert_eq!(after.spent, before.spent, "what runs has not been charged");
        let reserved = after.reserved - before.reserved;
        match before.remaining {
            None => assert_eq!(reserved, 0, "without a limit nothing is set aside"),
            Some(remaining) => assert!(
                0 < reserved && reserved <= remaining,
                "{reserved} set aside of {remaining}"
            ),
        }
        let known = &mut self.model.turns[turn];
        known.reserved = reserved;
        known.shown.clone_from(&told.text);
        let events = Some(events);
        self.held.push(Held { turn, events, told });
    }

    /// A request that was made before is made again under its key: it is the same turn.
    pub(super) async fn repeat(&mut self) -> &'static str {
        let Some(turn) = self.any_keyed_turn() else {
            return self.send().await;
        };
        let calls = self.vendor.count();
        let known = &self.model.turns[turn];
        let ids = known.ids.expect("it was written");
        if known.fate == Fate::Running {
            let mut events = EventStream::open(self.request(turn, true)).await;
            assert_eq!(events.headers()["idempotent-replayed"], "true");
            assert_eq!(Ids::of(&events.expect("turn").await), ids);
        } else {
            let answer = send(self.request(turn, false)).await;
            assert_eq!(answer.header("idempotent-replayed"), "true", "{answer:?}");
            let body = answer.json();
            assert_eq!(Ids::of(&body), ids);
            let is_whole = matches!(known.fate, Fate::Complete | Fate::Stopped);
            assert_eq!(answer.status == 200, is_whole, "{:?}: {answer:?}", known.fate);
            if is_whole {
                assert!(known.may_say(text(&body["answer"])), "{body}");
            }
        }
        assert_eq!(self.vendor.count(), calls, "a model was called");
        "repeat"
    }

    /// Another request under the same key is refused, and leaves nothing.
    pub(super) async fn mismatch(&mut self) -> &'static str {
        let Some(turn) = self.any_keyed_turn() else {
            return self.send().await;
        };
        let calls = self.vendor.count();
        let known = &self.model.turns[turn];
        let call = self.user(known.owner).call(Method::POST, "/chat/");
        let other: Value = json!({"text": "Something else", "model": "m"});
        let key = known.asked.key.as_deref().expect("it has one");
        let answer = send(call.json(&other).header("idempotency-key", key)).await;
        answer.expect(422, "idempotency_mismatch");
        assert_eq!(self.vendor.count(), calls, "a model was called");
        self.look_at_list(known.owner).await;
        "mismatch"
    }

    fn any_keyed_turn(&mut self) -> Option<usize> {
        let all = self.model.turns.iter().enumerate();
        let keyed: Vec<usize> = all
            .filter(|(_, turn)| turn.asked.key.is_some() && turn.ids.is_some() && !turn.is_deleted)
            .map(|(turn, _)| turn)
            .collect();
        self.any_of(&keyed)
    }
}
