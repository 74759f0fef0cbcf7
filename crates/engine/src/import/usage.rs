//! Usage rows, each with its line in the ledger.

use super::{
    ImportError,
    repair::Repair,
    report::{Change, LeftOut},
    run::{Attempts, ConversationHere, Outcome, Run, ends},
};
use chatai_store::{
    Tx,
    legacy::{Field, UsageRow},
    ops::import::{self as rows, Kind, Known, UsageWrite},
};
use chatai_types::{MessageId, Money, Scope, Timestamp, UsageId, UsageSource};
use std::{collections::HashMap, sync::Arc};

#[derive(Default)]
struct Plan {
    writes: Arc<Vec<UsageWrite>>,
    outcome: Outcome,
}

type KnownUsage = Known<i64, (MessageId, Timestamp)>;

/// A usage row that did not come before, and its message here.
struct Fresh<'r> {
    row: &'r UsageRow,
    /// Where the usage row is that this id meant before.
    replaces: Option<i64>,
    message: MessageId,
    here: ConversationHere,
}

impl Run<'_> {
    pub(super) async fn usage(&mut self) -> Result<(), ImportError> {
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            let limits = self.limits();
            let page = self
                .original
                .read(move |original| original.usage_details(start, limits))
                .await?;
            from = page.next;
            let mut attempts = Attempts::default();
            let plan = loop {
                let plan = self.plan_usage(&page.rows).await?;
                let writes = Arc::clone(&plan.writes);
                let write =
                    move |tx: &mut Tx<'_>, source: &str| rows::write_usage_details(tx, source, &writes);
                if plan.writes.is_empty() || self.write(&mut attempts, write).await? {
                    break plan;
                }
            };
            for price in plan.writes.iter().filter_map(|write| write.price) {
                let sum = self.report.amount.checked_add(price);
                self.report.amount = sum.unwrap_or(Money::from_pico(i64::MAX));
            }
            self.settle(Kind::Usage, page.rows.len(), &plan.outcome)?;
        }
        Ok(())
    }

    /// The message here that something belongs to, or why that is left out.
    pub(super) fn message_of(
        &self,
        message: Option<i64>,
        conversation: Option<i64>,
    ) -> Result<(MessageId, ConversationHere), LeftOut> {
        let message = message.ok_or(LeftOut::Orphan)?;
        let (_, here) = match (conversation, self.place_of(conversation)) {
            // The message exists; it is its conversation that does not.
            (None, Err(_)) => return Err(LeftOut::OfOrphan),
            (_, place) => place?,
        };
        let id = self.messages.get(&message).ok_or(LeftOut::Deleted)?;
        Ok((*id, here))
    }

    async fn plan_usage(&mut self, page: &[UsageRow]) -> Result<Plan, ImportError> {
        let mut plan = Plan::default();
        let known = self.known_usage(page).await?;
        let mut fresh = Vec::new();
        for row in page {
            let (message, here) = match self.message_of(row.message, row.conversation) {
                Ok(place) => place,
                Err(why) => {
                    plan.outcome.left_out.push((row.id, why));
                    continue;
                }
            };
            let is_known = known.get(&row.id).is_some_and(|known| match known.current {
                None => !here.is_new,
                Some((message_here, created_at)) => {
                    message_here == message
                        && Repair::moment(&row.created_at).is_none_or(|moment| moment == created_at)
                }
            });
            if is_known {
                plan.outcome.known += 1;
            } else {
                let replaces = known.get(&row.id).map(|known| known.local_id);
                fresh.push(Fresh {
                    row,
                    replaces,
                    message,
                    here,
                });
            }
        }
        let wanted: Vec<i64> = fresh.iter().map(|usage| usage.row.id).collect();
        let free = self.free(Kind::Usage, &wanted).await?;
        let ids = self.ids_for(Kind::Usage, &wanted, &free).await?;
        let mut writes = Vec::with_capacity(fresh.len());
        for (usage, id) in fresh.iter().zip(ids) {
            let mut repair = Repair::default();
            writes.push(self.usage_write(usage, UsageId(id), &mut repair));
            plan.outcome.placed.push((usage.row.id, id));
            plan.outcome.changed(usage.row.id, repair.changes);
        }
        plan.writes = Arc::new(writes);
        Ok(plan)
    }

    async fn known_usage(&self, page: &[UsageRow]) -> Result<HashMap<i64, KnownUsage>, ImportError> {
        let Some((first, last)) = ends(page.iter().map(|row| row.id)) else {
            return Ok(HashMap::new());
        };
        let source = Arc::clone(&self.source);
        let known = self
            .store
            .read(move |tx| rows::usage_details(tx, &source, first, last))
            .await?;
        Ok(known.into_iter().map(|known| (known.source_id, known)).collect())
    }

    fn usage_write(&self, usage: &Fresh<'_>, id: UsageId, repair: &mut Repair) -> UsageWrite {
        let row = usage.row;
        let tokens = repair.tokens(&row.input_tokens, &row.output_tokens, &row.cached_tokens);
        let source = if tokens.is_some() {
            UsageSource::Provider
        } else {
            UsageSource::None
        };
        let neighbour = Repair::moment(&row.message_created_at).unwrap_or(self.now);
        UsageWrite {
            source_id: row.id,
            replaces: usage.replaces,
            id,
            message_id: usage.message,
            conversation_id: usage.here.id,
            owner: usage.here.owner,
            scope: scope(&row.scope, repair),
            model: model(row, repair),
            tokens: tokens.unwrap_or_else(|| {
                repair.note(Change::CountUnreadable);
                Default::default()
            }),
            source,
            price: repair.price(&row.price),
            created_at: repair.moment_or(&row.created_at, neighbour),
        }
    }
}

fn scope(field: &Field, repair: &mut Repair) -> Scope {
    let name = repair.optional_text(field).unwrap_or_default();
    name.parse().unwrap_or_else(|_| {
        repair.note(Change::ScopeUnknown);
        Scope::Final
    })
}

/// The model called, else the one its message names.
fn model(row: &UsageRow, repair: &mut Repair) -> String {
    repair.optional_text(&row.model).unwrap_or_else(|| {
        repair.note(Change::TextMissing);
        repair.optional_text(&row.message_model).unwrap_or_default()
    })
}
