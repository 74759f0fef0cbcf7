//! Whether accounts still have hashes of the original, and how costly these are: while any has, every failed sign-in
//! takes their time too, so that the time tells nothing about an e-mail.

use crate::{Engine, EngineError};
use chatai_store::{Backend, ops::accounts as rows};
use chatai_types::Timestamp;
use tokio::sync::Mutex;

/// How long it is believed that there are such hashes, or on a database that others write too, that there are none.
const BELIEVED_SECS: i64 = 60;

/// What was last known of the original's hashes.
#[derive(Debug, Default)]
pub(crate) struct OldHashes {
    /// Held while the database is asked, so that one sign-in asks and the others wait for what it hears.
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// bcrypt's cost of the costliest; 0 where there is none.
    cost: u32,
    at: Timestamp,
}

impl Engine {
    /// bcrypt's cost of the costliest hash that any account has; 0 where none has one.
    pub(super) async fn old_hash_cost(&self) -> Result<u32, EngineError> {
        let now = self.now();
        let mut known = self.inner.accounts.old_hashes.known.lock().await;
        if let Some(known) = *known
            && self.is_believed(known, now)
        {
            return Ok(known.cost);
        }
        let cost = self.store().read(rows::largest_bcrypt_cost).await?;
        *known = Some(Known { cost, at: now });
        Ok(cost)
    }

    fn is_believed(&self, known: Known, now: Timestamp) -> bool {
        // Only an import adds such hashes, and on SQLite no other process can run one meanwhile.
        let stays_none = known.cost == 0 && self.store().backend() == Backend::Sqlite;
        stays_none || (known.at <= now && now < known.at.plus_secs(BELIEVED_SECS))
    }
}
