//! The rows of an import, a page in a transaction; one file per aggregate.

mod attachments;
mod conversations;
mod messages;
mod usage_details;
mod users;

pub use attachments::{AttachmentWrite, write_attachments};
pub use conversations::{ConversationWrite, write_conversations};
pub use messages::{HeadMove, MessageWrite, write_messages};
pub use usage_details::{UsageWrite, write_usage_details};
pub use users::{NewUser, UserWrite, write_users};

use super::{Kind, raise};
use crate::{StoreError, Tx, tx::params};

/// Why a page was not written. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The database is no longer as it was when the page was decided: decide again.
    #[error("the database changed meanwhile")]
    Moved,
    /// The write failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        match error {
            // An id or an e-mail was taken, or an owner deleted, since it was looked at.
            StoreError::Duplicate(_) | StoreError::Foreign(_) => Self::Moved,
            other => Self::Store(other),
        }
    }
}

fn written(rows: u64) -> Result<(), WriteError> {
    if rows == 0 { Err(WriteError::Moved) } else { Ok(()) }
}

/// Ids that were brought along are not given out again.
fn keep_clear(tx: &mut Tx<'_>, kind: Kind, ids: impl Iterator<Item = i64>) -> Result<(), StoreError> {
    match ids.max() {
        Some(highest) => raise(tx, kind, highest.max(1)),
        None => Ok(()),
    }
}

/// Notes where a row of the original is now, unless another import did so since it was looked at. An id that the
/// original gave out twice means the later row; then `replaces` is where the earlier one is.
fn note(
    tx: &mut Tx<'_>,
    source: &str,
    kind: &str,
    source_id: i64,
    local_id: i64,
    replaces: Option<i64>,
) -> Result<(), WriteError> {
    written(match replaces {
        None => tx.exec(
            "insert into imported_rows (source, kind, source_id, local_id) values ($1, $2, $3, $4) \
             on conflict (source, kind, source_id) do nothing",
            params![source, kind, source_id, local_id],
        )?,
        Some(before) => tx.exec(
            "update imported_rows set local_id = $4 \
             where source = $1 and kind = $2 and source_id = $3 and local_id = $5",
            params![source, kind, source_id, local_id, before],
        )?,
    })
}
