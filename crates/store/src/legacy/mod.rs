//! The original service's database, for reading alone: `chatai import` takes over what it holds.
//!
//! Rows come in pages bounded by number and bytes, in the order of their ids, and as the file holds them:
//! SQLite's columns take any type, so every value is a [`Field`]. What a strange value means is decided by
//! the caller. A row says whether the rows it refers to exist, since the original did not enforce references.
//!
//! Deliberately not here: anything of our own database, and any rule.

mod copy;
mod error;
mod open;
mod page;
mod rows;

pub use error::OriginalError;
pub use page::{Page, PageLimits};
pub use rows::{AttachmentRow, ConversationRow, MessageRow, Question, UsageRow, UserRow};

use copy::PrivateCopy;
use open::Watch;
use rusqlite::{Connection, OptionalExtension};

/// A value as the file holds it, whatever its column was declared as.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating number, possibly infinite.
    Real(f64),
    /// Text, which may hold NUL characters and need not be UTF-8.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// How many rows of each kind the file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts.
    pub users: u64,
    /// Conversations.
    pub conversations: u64,
    /// Messages.
    pub messages: u64,
    /// Attachments.
    pub attachments: u64,
    /// Usage rows.
    pub usage_details: u64,
}

/// The largest id of each kind up to a bound, of rows that belong to somebody; 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LargestIds {
    /// Of the accounts.
    pub users: i64,
    /// Of the conversations.
    pub conversations: i64,
    /// Of the messages.
    pub messages: i64,
    /// Of the attachments.
    pub attachments: i64,
    /// Of the usage rows.
    pub usage_details: i64,
}

/// The opened file, held at one moment of its contents until it is dropped.
#[derive(Debug)]
pub struct Original {
    connection: Connection,
    /// Notices when a file that is read without locks changes.
    watch: Option<Watch>,
    /// Removed when the connection is gone, so it stands behind it.
    _copy: Option<PrivateCopy>,
}

impl Original {
    /// How many rows there are.
    ///
    /// # Errors
    /// Those of reading.
    pub fn counts(&self) -> Result<Counts, OriginalError> {
        let [users, conversations, messages, attachments, usage_details] = self.five([
            "select count(*) from users",
            "select count(*) from conversations",
            "select count(*) from messages",
            "select count(*) from attachments",
            "select count(*) from usage_details",
        ])?;
        let count = |number: i64| number.unsigned_abs();
        Ok(Counts {
            users: count(users),
            conversations: count(conversations),
            messages: count(messages),
            attachments: count(attachments),
            usage_details: count(usage_details),
        })
    }

    /// The largest ids that are not above `bound`, of rows that belong to somebody.
    ///
    /// # Errors
    /// Those of reading.
    pub fn largest_ids(&self, bound: i64) -> Result<LargestIds, OriginalError> {
        let largest = |sql: &'static str| -> Result<i64, OriginalError> {
            let found: Option<i64> = self
                .connection
                .query_row(sql, [bound], |row| row.get(0))
                .optional()?;
            Ok(found.unwrap_or(0).max(0))
        };
        // `cross join` keeps the order of the tables: from the largest id down to the first that fits.
        Ok(LargestIds {
            users: largest("select id from users where id <= ?1 order by id desc limit 1")?,
            conversations: largest(
                "select c.id from conversations c cross join users u on u.id = c.user_id \
                 where c.id <= ?1 order by c.id desc limit 1",
            )?,
            messages: largest(
                "select m.id from messages m cross join conversations c on c.id = m.conversation_id \
                 cross join users u on u.id = c.user_id where m.id <= ?1 order by m.id desc limit 1",
            )?,
            attachments: largest(
                "select a.id from attachments a cross join messages m on m.id = a.message_id \
                 cross join conversations c on c.id = m.conversation_id \
                 cross join users u on u.id = c.user_id where a.id <= ?1 order by a.id desc limit 1",
            )?,
            usage_details: largest(
                "select d.id from usage_details d cross join messages m on m.id = d.message_id \
                 cross join conversations c on c.id = m.conversation_id \
                 cross join users u on u.id = c.user_id where d.id <= ?1 order by d.id desc limit 1",
            )?,
        })
    }

    fn five(&self, statements: [&'static str; 5]) -> Result<[i64; 5], OriginalError> {
        let mut found = [0; 5];
        for (number, sql) in found.iter_mut().zip(statements) {
            *number = self.connection.query_row(sql, [], |row| row.get(0))?;
        }
        Ok(found)
    }
}
