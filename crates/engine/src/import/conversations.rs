//! Conversations, each to where its account is.

use super::{
    ImportError,
    repair::Repair,
    report::LeftOut,
    run::{Attempts, ConversationHere, ConversationPlace, Outcome, Run, UserPlace, ends},
};
use chatai_store::{
    Tx,
    legacy::ConversationRow,
    ops::import::{self as rows, ConversationEnd, ConversationWrite, Kind, Known},
};
use chatai_types::{ConversationId, Timestamp, UserId};
use std::{collections::HashMap, sync::Arc};

#[derive(Default)]
struct Plan {
    writes: Arc<Vec<ConversationWrite>>,
    places: Vec<(i64, ConversationPlace)>,
    outcome: Outcome,
}

/// A conversation that did not come before, and its owner here.
struct Fresh<'r> {
    row: &'r ConversationRow,
    owner: UserId,
    /// Where the conversation is that this id meant before.
    replaces: Option<i64>,
}

type KnownConversation = Known<ConversationId, (UserId, Timestamp)>;

impl Run<'_> {
    pub(super) async fn conversations(&mut self) -> Result<(), ImportError> {
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            let limits = self.limits();
            let page = self
                .original
                .read(move |original| original.conversations(start, limits))
                .await?;
            from = page.next;
            let mut attempts = Attempts::default();
            let plan = loop {
                let plan = self.plan_conversations(&page.rows).await?;
                let writes = Arc::clone(&plan.writes);
                let write =
                    move |tx: &mut Tx<'_>, source: &str| rows::write_conversations(tx, source, &writes);
                if plan.writes.is_empty() || self.write(&mut attempts, write).await? {
                    break plan;
                }
            };
            self.conversations.extend(plan.places.iter().copied());
            self.settle(Kind::Conversation, page.rows.len(), &plan.outcome)?;
        }
        Ok(())
    }

    async fn plan_conversations(&mut self, page: &[ConversationRow]) -> Result<Plan, ImportError> {
        let mut plan = Plan::default();
        let known = self.known_conversations(page).await?;
        let mut fresh = Vec::new();
        for row in page {
            let owner = match row.user.map(|user| self.users.get(&user).copied()) {
                Some(Some(UserPlace::Here(owner))) => owner,
                Some(Some(UserPlace::Conflict)) => {
                    leave_out(&mut plan, row.id, LeftOut::OfConflict);
                    continue;
                }
                Some(Some(UserPlace::Deleted)) => {
                    leave_out(&mut plan, row.id, LeftOut::Deleted);
                    continue;
                }
                Some(None) | None => {
                    leave_out(&mut plan, row.id, LeftOut::Orphan);
                    continue;
                }
            };
            match known.get(&row.id).map(|known| (known.local_id, known.current)) {
                Some((_, None)) => {
                    plan.places
                        .push((row.id, ConversationPlace::LeftOut(LeftOut::Deleted)));
                    plan.outcome.known += 1;
                }
                Some((id, Some((owner_here, created_at))))
                    if owner_here == owner
                        && Repair::moment(&row.created_at).is_none_or(|moment| moment == created_at) =>
                {
                    let here = ConversationHere {
                        id,
                        owner,
                        created_at,
                        is_new: false,
                        end: None,
                    };
                    plan.places.push((row.id, ConversationPlace::Here(here)));
                    plan.outcome.known += 1;
                }
                other => fresh.push(Fresh {
                    row,
                    owner,
                    replaces: other.map(|(before, _)| before.0),
                }),
            }
        }
        self.place_conversations(plan, &fresh).await
    }

    async fn known_conversations(
        &self,
        page: &[ConversationRow],
    ) -> Result<HashMap<i64, KnownConversation>, ImportError> {
        let Some((first, last)) = ends(page.iter().map(|row| row.id)) else {
            return Ok(HashMap::new());
        };
        let source = Arc::clone(&self.source);
        let known = self
            .store
            .read(move |tx| rows::conversations(tx, &source, first, last))
            .await?;
        Ok(known.into_iter().map(|known| (known.source_id, known)).collect())
    }

    async fn place_conversations(
        &mut self,
        mut plan: Plan,
        fresh: &[Fresh<'_>],
    ) -> Result<Plan, ImportError> {
        let wanted: Vec<i64> = fresh.iter().map(|conversation| conversation.row.id).collect();
        let free = self.free(Kind::Conversation, &wanted).await?;
        let ids = self.ids_for(Kind::Conversation, &wanted, &free).await?;
        let mut writes = Vec::with_capacity(fresh.len());
        for (Fresh { row, owner, replaces }, id) in fresh.iter().zip(ids) {
            let mut repair = Repair::default();
            let created_at = match Repair::moment(&row.created_at) {
                Some(moment) => moment,
                None => {
                    let neighbour = self.moment_near_conversation(row).await?;
                    repair.moment_or(&row.created_at, neighbour)
                }
            };
            let write = ConversationWrite {
                source_id: row.id,
                replaces: *replaces,
                id: ConversationId(id),
                owner: *owner,
                title: repair.optional_text(&row.title),
                summary: repair.optional_text(&row.summary),
                created_at,
            };
            let here = ConversationHere {
                id: write.id,
                owner: *owner,
                created_at,
                is_new: true,
                end: Some(ConversationEnd::default()),
            };
            plan.places.push((row.id, ConversationPlace::Here(here)));
            plan.outcome.placed.push((row.id, id));
            plan.outcome.changed(row.id, repair.changes);
            writes.push(write);
        }
        plan.writes = Arc::new(writes);
        Ok(plan)
    }

    /// The earliest of its first messages, else now.
    async fn moment_near_conversation(&self, row: &ConversationRow) -> Result<Timestamp, ImportError> {
        let id = row.id;
        let moments = self
            .original
            .read(move |original| original.moments_of_conversation(id))
            .await?;
        Ok(moments
            .iter()
            .filter_map(Repair::moment)
            .min()
            .unwrap_or(self.now))
    }
}

fn leave_out(plan: &mut Plan, id: i64, why: LeftOut) {
    plan.outcome.left_out.push((id, why));
    // What belongs to it is left out for the same reason, seen from one step further.
    let of_it = if why == LeftOut::Orphan {
        LeftOut::OfOrphan
    } else {
        why
    };
    plan.places.push((id, ConversationPlace::LeftOut(of_it)));
}
