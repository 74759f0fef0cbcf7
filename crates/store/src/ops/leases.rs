//! Leases of what runs, turns' answers and direct calls alike: renewed by whoever runs it, shortened after a clock that was
//! set back; and wishes to end it, which whoever runs it looks for.

use crate::{StoreError, Tx, tx::params};
use chatai_types::Timestamp;
use std::collections::HashMap;

/// The statements over a table of what runs.
pub(super) struct Leased {
    renew: &'static str,
    shorten: &'static str,
    /// Of those that run: which, and whether somebody wants it ended.
    wishes: &'static str,
    /// Whether one is there.
    exists: &'static str,
    /// Those that run for a key that is deleted, or for an account that is shut.
    revoked: &'static str,
}

macro_rules! leased {
    ($table:literal, $wishes:literal, $id:literal, $runs:literal) => {
        Leased {
            renew: concat!(
                "update ",
                $table,
                " set lease_until = $2 where id = $1 and status = 'running'"
            ),
            shorten: concat!(
                "update ",
                $table,
                " set lease_until = $1 where status = 'running' and lease_until > $1"
            ),
            wishes: concat!(
                "select ",
                $id,
                ", cancel_requested from ",
                $wishes,
                " where ",
                $runs
            ),
            exists: concat!("select 1 from ", $wishes, " where ", $id, " = $1"),
            revoked: concat!(
                "select r.id from ",
                $table,
                " r join users u on u.id = r.user_id left join api_keys k on k.id = r.key_id \
                 where r.status = 'running' and (u.disabled = $1 or (r.key_id is not null and k.id is null))"
            ),
        }
    };
}

/// The answers of turns.
pub(super) const ANSWERS: Leased = leased!("messages", "messages", "id", "status = 'running'");
/// Direct calls; only those that are kept can be wished to end.
pub(super) const CALLS: Leased = leased!("direct_calls", "kept_calls", "call_id", "output is null");

impl Leased {
    /// Renews leases. Returns how many still run.
    pub(super) fn renew(
        &self,
        tx: &mut Tx<'_>,
        ids: impl Iterator<Item = i64>,
        lease_until: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut renewed = 0;
        for id in ids {
            renewed += tx.exec(self.renew, params![id, lease_until])?;
        }
        Ok(renewed)
    }

    /// Cuts leases that last beyond `latest` down to it: they were given before the clock was set back, and nobody is
    /// believed alive for that much longer. Whoever lives renews its own in time. Returns how many.
    pub(super) fn shorten(&self, tx: &mut Tx<'_>, latest: Timestamp) -> Result<u64, StoreError> {
        tx.exec(self.shorten, params![latest])
    }

    /// Those, of whatever instance, that run for a key that is deleted or an account that is shut.
    pub(super) fn revoked(&self, tx: &mut Tx<'_>) -> Result<Vec<i64>, StoreError> {
        tx.query(self.revoked, params![true], |row| row.get(0))
    }

    /// Which of these, believed running, are to be ended: somebody wants them ended, or they were deleted.
    pub(super) fn to_be_ended(
        &self,
        tx: &mut Tx<'_>,
        ids: impl Iterator<Item = i64>,
    ) -> Result<Vec<i64>, StoreError> {
        let running = tx.query(self.wishes, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let running: HashMap<i64, bool> = running.into_iter().collect();
        let mut ended = Vec::new();
        for id in ids {
            let is_to_end = match running.get(&id) {
                Some(requested) => *requested,
                // Closed, believed abandoned, or gone: the last alone is a reason to end.
                None => tx
                    .query_opt(self.exists, params![id], |row| row.get::<i64>(0))?
                    .is_none(),
            };
            if is_to_end {
                ended.push(id);
            }
        }
        Ok(ended)
    }
}
