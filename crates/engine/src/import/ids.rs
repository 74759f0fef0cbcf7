//! Which id a row gets: its own where that is free, else a new one above all of both databases.

use super::{ImportError, Run};
use chatai_store::{
    StoreError,
    legacy::LargestIds,
    ops::import::{self as rows, Kind},
};
use std::collections::{HashMap, HashSet};

/// Ids that are kept: from 1, since tokens and lists know no others, to this, since every later id is larger still
/// and has to fit what clients can count (2⁵³).
pub(super) const LARGEST_KEPT: i64 = 1 << 52;

/// Where new ids begin, per kind.
#[derive(Debug, Default)]
pub(super) struct NewIds {
    /// The last id given, of kinds that were begun. A dry run counts here, others ask the database.
    last: HashMap<Kind, i64>,
}

fn largest(kind: Kind, ids: &LargestIds) -> i64 {
    match kind {
        Kind::User => ids.users,
        Kind::Conversation => ids.conversations,
        Kind::Message => ids.messages,
        Kind::Attachment => ids.attachments,
        Kind::Usage => ids.usage_details,
    }
}

impl Run<'_> {
    /// Which of the ids can be kept, as far as the table has them free.
    pub(super) async fn free(&self, kind: Kind, ids: &[i64]) -> Result<HashSet<i64>, ImportError> {
        let kept = |id: &i64| (1..=LARGEST_KEPT).contains(id);
        let mut free: HashSet<i64> = ids.iter().copied().filter(kept).collect();
        if let (Some(first), Some(last)) = (free.iter().min().copied(), free.iter().max().copied()) {
            let occupied = self
                .store
                .read(move |tx| rows::occupied(tx, kind, first, last))
                .await?;
            for id in occupied {
                free.remove(&id);
            }
        }
        Ok(free)
    }

    /// For each row the id it gets: its own where that is free, else a new one.
    pub(super) async fn ids_for(
        &mut self,
        kind: Kind,
        rows: &[i64],
        free: &HashSet<i64>,
    ) -> Result<Vec<i64>, ImportError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let missing = rows.iter().filter(|id| !free.contains(id)).count();
        let mut new_ids = self.new_ids(kind, missing).await?.into_iter();
        let id = |id: &i64| {
            if free.contains(id) {
                *id
            } else {
                new_ids.next().expect("as many ids as were asked for")
            }
        };
        Ok(rows.iter().map(id).collect())
    }

    /// So many new ids. Also called for none before a kind's first row is written: from then on the database
    /// gives out no id that is still to come.
    async fn new_ids(&mut self, kind: Kind, count: usize) -> Result<Vec<i64>, ImportError> {
        let last = match self.new_ids.last.get(&kind) {
            Some(last) => *last,
            None => self.begin_ids(kind).await?,
        };
        let count = i64::try_from(count).map_err(|_| StoreError::Internal("too many ids".to_owned()))?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let given = if self.options.dry_run {
            (last + 1..=last + count).collect()
        } else {
            self.store
                .write(move |tx| rows::allocate(tx, kind, count))
                .await?
        };
        if let Some(last) = given.last() {
            self.new_ids.last.insert(kind, *last);
        }
        Ok(given)
    }

    async fn begin_ids(&mut self, kind: Kind) -> Result<i64, ImportError> {
        let largest = largest(kind, &self.largest).max(1);
        let last = if self.options.dry_run {
            self.store
                .read(move |tx| rows::highest(tx, kind))
                .await?
                .max(largest)
        } else {
            let raise = move |tx: &mut chatai_store::Tx<'_>| -> Result<i64, StoreError> {
                let last = rows::highest(tx, kind)?.max(largest);
                rows::raise(tx, kind, last)?;
                Ok(last)
            };
            self.store.write(raise).await?
        };
        self.new_ids.last.insert(kind, last);
        Ok(last)
    }
}
