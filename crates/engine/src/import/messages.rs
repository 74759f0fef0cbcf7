//! Messages, each behind the one before it in its conversation.
//!
//! The original has no roles: a message that answers none is a user's, every other one an answer. Lists and models
//! read a conversation in the order of ids, so a message's id must be above those before it.

use super::{
    ImportError,
    repair::Repair,
    report::{Change, LeftOut},
    run::{Attempts, ConversationHere, ConversationPlace, Outcome, Run, ends},
};
use crate::chat::size::{MESSAGE_OVERHEAD, estimate_tokens};
use chatai_store::{
    Tx,
    legacy::{MessageRow, Question},
    ops::import::{self as rows, ConversationEnd, HeadMove, Kind, Known, MessageWrite},
};
use chatai_types::{ConversationId, MessageId, Role, Timestamp};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

#[derive(Default)]
struct Plan {
    writes: Arc<Vec<MessageWrite>>,
    heads: Arc<Vec<HeadMove>>,
    places: HashMap<i64, MessageId>,
    /// Where conversations end after the page, by their ids in the file.
    ends: HashMap<i64, ConversationEnd>,
    outcome: Outcome,
}

type KnownMessage = Known<MessageId, (ConversationId, Timestamp)>;

/// A message that did not come before, and its conversation in the file and here.
#[derive(Clone, Copy)]
struct Fresh<'r> {
    row: &'r MessageRow,
    /// Where the message is that this id meant before.
    replaces: Option<i64>,
    conversation: i64,
    here: ConversationHere,
}

impl Run<'_> {
    pub(super) async fn messages(&mut self) -> Result<(), ImportError> {
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            let limits = self.limits();
            let page = self
                .original
                .read(move |original| original.messages(start, limits))
                .await?;
            from = page.next;
            let mut attempts = Attempts::default();
            let plan = loop {
                let plan = self.plan_messages(&page.rows).await?;
                let (writes, heads) = (Arc::clone(&plan.writes), Arc::clone(&plan.heads));
                let write =
                    move |tx: &mut Tx<'_>, source: &str| rows::write_messages(tx, source, &writes, &heads);
                if plan.writes.is_empty() || self.write(&mut attempts, write).await? {
                    break plan;
                }
                self.forget_ends(&plan);
            };
            for (conversation, end) in &plan.ends {
                if let Some(ConversationPlace::Here(here)) = self.conversations.get_mut(conversation) {
                    here.end = Some(*end);
                }
            }
            self.messages.extend(plan.places.iter());
            self.settle(Kind::Message, page.rows.len(), &plan.outcome)?;
        }
        Ok(())
    }

    /// Somebody wrote to one of the conversations meanwhile: look again where they end.
    fn forget_ends(&mut self, plan: &Plan) {
        for conversation in plan.ends.keys() {
            if let Some(ConversationPlace::Here(here)) = self.conversations.get_mut(conversation) {
                here.end = None;
            }
        }
    }

    async fn plan_messages(&mut self, page: &[MessageRow]) -> Result<Plan, ImportError> {
        let mut plan = Plan::default();
        let known = self.known_messages(page).await?;
        let mut fresh = Vec::new();
        for row in page {
            let (conversation, here) = match self.place_of(row.conversation) {
                Ok(place) => place,
                Err(why) => {
                    plan.outcome.left_out.push((row.id, why));
                    continue;
                }
            };
            match known.get(&row.id).map(|known| (known.local_id, known.current)) {
                Some((id, Some((conversation_here, created_at))))
                    if conversation_here == here.id
                        && Repair::moment(&row.created_at).is_none_or(|moment| moment == created_at) =>
                {
                    plan.places.insert(row.id, id);
                    plan.outcome.known += 1;
                }
                // Deleted here since; in a conversation that is new, the id means another message.
                Some((_, None)) if !here.is_new => plan.outcome.known += 1,
                other => fresh.push(Fresh {
                    row,
                    replaces: other.map(|(before, _)| before.0),
                    conversation,
                    here,
                }),
            }
        }
        self.load_ends(&fresh, &mut plan).await?;
        fresh.retain(|message| {
            let is_there = plan.ends.contains_key(&message.conversation);
            if !is_there {
                plan.outcome.left_out.push((message.row.id, LeftOut::Deleted));
            }
            is_there
        });
        let ids = self.message_ids(&fresh, &plan.ends).await?;
        self.place_messages(plan, &fresh, &ids)
    }

    /// A conversation of the file and where it is, or why what belongs to it is left out.
    pub(super) fn place_of(&self, conversation: Option<i64>) -> Result<(i64, ConversationHere), LeftOut> {
        let conversation = conversation.ok_or(LeftOut::Orphan)?;
        match self.conversations.get(&conversation) {
            Some(ConversationPlace::Here(here)) => Ok((conversation, *here)),
            Some(ConversationPlace::LeftOut(why)) => Err(*why),
            None => Err(LeftOut::Orphan),
        }
    }

    async fn known_messages(&self, page: &[MessageRow]) -> Result<HashMap<i64, KnownMessage>, ImportError> {
        let Some((first, last)) = ends(page.iter().map(|row| row.id)) else {
            return Ok(HashMap::new());
        };
        let source = Arc::clone(&self.source);
        let known = self
            .store
            .read(move |tx| rows::messages(tx, &source, first, last))
            .await?;
        Ok(known.into_iter().map(|known| (known.source_id, known)).collect())
    }

    /// Where the conversations of the fresh messages end; one that was deleted meanwhile has no end.
    async fn load_ends(&self, fresh: &[Fresh<'_>], plan: &mut Plan) -> Result<(), ImportError> {
        let mut unknown = HashMap::new();
        for message in fresh {
            match message.here.end {
                Some(end) => drop(plan.ends.insert(message.conversation, end)),
                None => drop(unknown.insert(message.conversation, (message.here.owner, message.here.id))),
            }
        }
        let look = move |tx: &mut Tx<'_>| -> Result<Vec<_>, chatai_store::StoreError> {
            let end = |(conversation, (owner, id)): (&i64, &_)| {
                Ok((*conversation, rows::conversation_end(tx, *owner, *id)?))
            };
            unknown.iter().map(end).collect()
        };
        for (conversation, end) in self.store.read(look).await? {
            if let Some(end) = end {
                plan.ends.insert(conversation, end);
            }
        }
        Ok(())
    }

    async fn message_ids(
        &mut self,
        fresh: &[Fresh<'_>],
        ends: &HashMap<i64, ConversationEnd>,
    ) -> Result<Vec<i64>, ImportError> {
        let wanted: Vec<i64> = fresh.iter().map(|message| message.row.id).collect();
        let free = self.free(Kind::Message, &wanted).await?;
        // A new id is above all others, and so must be every later one of the conversation.
        let mut highest: HashMap<i64, i64> = ends.iter().map(|(id, end)| (*id, end.highest_id)).collect();
        let mut kept = HashSet::new();
        for message in fresh {
            let highest = highest.entry(message.conversation).or_default();
            let id = message.row.id;
            if free.contains(&id) && id > *highest {
                *highest = id;
                kept.insert(id);
            } else {
                *highest = i64::MAX;
            }
        }
        self.ids_for(Kind::Message, &wanted, &kept).await
    }

    fn place_messages(&self, mut plan: Plan, fresh: &[Fresh<'_>], ids: &[i64]) -> Result<Plan, ImportError> {
        let mut writes = Vec::with_capacity(fresh.len());
        let mut heads: HashMap<i64, HeadMove> = HashMap::new();
        for (message, id) in fresh.iter().zip(ids) {
            let Fresh {
                row,
                replaces,
                conversation,
                here,
            } = *message;
            let id = MessageId(*id);
            let end = plan.ends.entry(conversation).or_default();
            let mut repair = Repair::default();
            let (role, request_id) = self.answers(row, &plan.places, &mut repair);
            let text = repair.text(&row.text);
            let created_at = repair.moment_or(&row.created_at, end.written_at.unwrap_or(here.created_at));
            let write = MessageWrite {
                source_id: row.id,
                replaces,
                id,
                conversation_id: here.id,
                owner: here.owner,
                parent_id: end.head,
                request_id,
                role,
                size_tokens: MESSAGE_OVERHEAD + estimate_tokens(&text),
                tokens_before: end.tokens,
                text,
                summary: repair.optional_text(&row.summary),
                model: repair.optional_text(&row.model),
                tokens: repair.tokens(&row.input_tokens, &row.output_tokens, &row.cached_tokens),
                price: repair.price(&row.price),
                created_at,
            };
            let head = HeadMove {
                conversation_id: here.id,
                owner: here.owner,
                from: end.head,
                to: id,
            };
            heads.entry(conversation).or_insert(head).to = id;
            *end = ConversationEnd {
                head: Some(id),
                highest_id: id.0,
                tokens: end.tokens.saturating_add(write.size_tokens),
                written_at: Some(created_at),
            };
            plan.places.insert(row.id, id);
            plan.outcome.placed.push((row.id, id.0));
            plan.outcome.changed(row.id, repair.changes);
            writes.push(write);
        }
        plan.writes = Arc::new(writes);
        plan.heads = Arc::new(heads.into_values().collect());
        Ok(plan)
    }

    /// Who speaks, and the question here that is answered. Only an earlier message of the same conversation can be
    /// one, so there is no circle.
    fn answers(
        &self,
        row: &MessageRow,
        on_page: &HashMap<i64, MessageId>,
        repair: &mut Repair,
    ) -> (Role, Option<MessageId>) {
        let question = match row.question {
            Question::None => return (Role::User, None),
            Question::Message {
                id,
                same_conversation: true,
            } if id < row.id => on_page.get(&id).or_else(|| self.messages.get(&id)).copied(),
            Question::Message { .. } | Question::Missing => None,
        };
        if question.is_none() {
            repair.note(Change::QuestionMissing);
        }
        (Role::Assistant, question)
    }
}
