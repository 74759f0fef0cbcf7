//! The rows of the five tables, each with the ids of what it belongs to as far as that exists.

use super::{Field, Original, OriginalError, Page, PageLimits};

/// How many rows are looked through for a moment that can be read.
const NEIGHBOURS: &str = "limit 20";

/// An account.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Its id.
    pub id: i64,
    /// Its e-mail.
    pub email: Field,
    /// Its bcrypt hash.
    pub password_hash: Field,
    /// Its shown name.
    pub display_name: Field,
    /// When it was made.
    pub created_at: Field,
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct ConversationRow {
    /// Its id.
    pub id: i64,
    /// Its account; `None` when that does not exist.
    pub user: Option<i64>,
    /// Its title.
    pub title: Field,
    /// Its summary.
    pub summary: Field,
    /// When it was made.
    pub created_at: Field,
}

/// What a message says about the question it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// It answers none: it is a question.
    None,
    /// A message that does not exist.
    Missing,
    /// An existing message.
    Message {
        /// Its id.
        id: i64,
        /// Whether both are of one conversation.
        same_conversation: bool,
    },
}

/// A message.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Its id.
    pub id: i64,
    /// Its conversation; `None` when that does not exist.
    pub conversation: Option<i64>,
    /// What it answers.
    pub question: Question,
    /// The text.
    pub text: Field,
    /// Its compact form.
    pub summary: Field,
    /// When it was written.
    pub created_at: Field,
    /// Input tokens, cached ones included.
    pub input_tokens: Field,
    /// Output tokens.
    pub output_tokens: Field,
    /// Input tokens from the provider's cache.
    pub cached_tokens: Field,
    /// The model asked or answering.
    pub model: Field,
    /// Dollars.
    pub price: Field,
}

/// A file of a message.
#[derive(Clone, Debug)]
pub struct AttachmentRow {
    /// Its id.
    pub id: i64,
    /// Its message; `None` when that does not exist.
    pub message: Option<i64>,
    /// The message's conversation; `None` when that does not exist.
    pub conversation: Option<i64>,
    /// Its name.
    pub filename: Field,
    /// Its content.
    pub content: Field,
    /// Its media type.
    pub content_type: Field,
}

/// One model call's usage.
#[derive(Clone, Debug)]
pub struct UsageRow {
    /// Its id.
    pub id: i64,
    /// Its message; `None` when that does not exist.
    pub message: Option<i64>,
    /// The message's conversation; `None` when that does not exist.
    pub conversation: Option<i64>,
    /// What the call was for.
    pub scope: Field,
    /// The model called.
    pub model: Field,
    /// Input tokens, cached ones included.
    pub input_tokens: Field,
    /// Output tokens.
    pub output_tokens: Field,
    /// Input tokens from the provider's cache.
    pub cached_tokens: Field,
    /// Dollars.
    pub price: Field,
    /// When it was recorded.
    pub created_at: Field,
    /// The model that its message names.
    pub message_model: Field,
    /// When its message was written.
    pub message_created_at: Field,
}

impl Original {
    /// Accounts with an id of at least `from`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn users(&self, from: i64, limits: PageLimits) -> Result<Page<UserRow>, OriginalError> {
        let sql =
            "select id, email, password_hash, display_name, created_at from users where id >= ?1 order by id";
        self.page(sql, from, limits, |row| {
            Ok(UserRow {
                id: row.id()?,
                email: row.field()?,
                password_hash: row.field()?,
                display_name: row.field()?,
                created_at: row.field()?,
            })
        })
    }

    /// Conversations with an id of at least `from`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn conversations(
        &self,
        from: i64,
        limits: PageLimits,
    ) -> Result<Page<ConversationRow>, OriginalError> {
        let sql = "select c.id, u.id, c.title, c.summary, c.created_at \
                   from conversations c left join users u on u.id = c.user_id \
                   where c.id >= ?1 order by c.id";
        self.page(sql, from, limits, |row| {
            Ok(ConversationRow {
                id: row.id()?,
                user: row.joined_id()?,
                title: row.field()?,
                summary: row.field()?,
                created_at: row.field()?,
            })
        })
    }

    /// Messages with an id of at least `from`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn messages(&self, from: i64, limits: PageLimits) -> Result<Page<MessageRow>, OriginalError> {
        let sql = "select m.id, c.id, m.request_id is null, q.id, q.conversation_id = m.conversation_id, \
                   m.text, m.summary, m.created_at, m.input_tokens, m.output_tokens, m.cached_tokens, \
                   m.model, m.price \
                   from messages m left join conversations c on c.id = m.conversation_id \
                   left join messages q on q.id = m.request_id \
                   where m.id >= ?1 order by m.id";
        self.page(sql, from, limits, |row| {
            let id = row.id()?;
            let conversation = row.joined_id()?;
            let asks = row.truth()?;
            let question = row.joined_id()?;
            let same_conversation = row.truth()?;
            Ok(MessageRow {
                id,
                conversation,
                question: match question {
                    _ if asks => Question::None,
                    None => Question::Missing,
                    Some(id) => Question::Message {
                        id,
                        same_conversation,
                    },
                },
                text: row.field()?,
                summary: row.field()?,
                created_at: row.field()?,
                input_tokens: row.field()?,
                output_tokens: row.field()?,
                cached_tokens: row.field()?,
                model: row.field()?,
                price: row.field()?,
            })
        })
    }

    /// Attachments with an id of at least `from`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn attachments(&self, from: i64, limits: PageLimits) -> Result<Page<AttachmentRow>, OriginalError> {
        let sql = "select a.id, m.id, c.id, a.filename, a.content, a.content_type \
                   from attachments a left join messages m on m.id = a.message_id \
                   left join conversations c on c.id = m.conversation_id \
                   where a.id >= ?1 order by a.id";
        self.page(sql, from, limits, |row| {
            Ok(AttachmentRow {
                id: row.id()?,
                message: row.joined_id()?,
                conversation: row.joined_id()?,
                filename: row.field()?,
                content: row.field()?,
                content_type: row.field()?,
            })
        })
    }

    /// Usage rows with an id of at least `from`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn usage_details(&self, from: i64, limits: PageLimits) -> Result<Page<UsageRow>, OriginalError> {
        let sql = "select d.id, m.id, c.id, d.scope, d.model, d.input_tokens, d.output_tokens, d.cached_tokens, \
                   d.price, d.created_at, m.model, m.created_at \
                   from usage_details d left join messages m on m.id = d.message_id \
                   left join conversations c on c.id = m.conversation_id \
                   where d.id >= ?1 order by d.id";
        self.page(sql, from, limits, |row| {
            Ok(UsageRow {
                id: row.id()?,
                message: row.joined_id()?,
                conversation: row.joined_id()?,
                scope: row.field()?,
                model: row.field()?,
                input_tokens: row.field()?,
                output_tokens: row.field()?,
                cached_tokens: row.field()?,
                price: row.field()?,
                created_at: row.field()?,
                message_model: row.field()?,
                message_created_at: row.field()?,
            })
        })
    }

    /// The moments of an account's first conversations, in the order of their ids.
    ///
    /// # Errors
    /// Those of reading.
    pub fn moments_of_user(&self, user: i64) -> Result<Vec<Field>, OriginalError> {
        self.moments(
            "select created_at from conversations where user_id = ?1 order by id ",
            user,
        )
    }

    /// The moments of a conversation's first messages, in the order of their ids.
    ///
    /// # Errors
    /// Those of reading.
    pub fn moments_of_conversation(&self, conversation: i64) -> Result<Vec<Field>, OriginalError> {
        self.moments(
            "select created_at from messages where conversation_id = ?1 order by id ",
            conversation,
        )
    }

    fn moments(&self, sql: &str, of: i64) -> Result<Vec<Field>, OriginalError> {
        let mut statement = self.connection.prepare_cached(&format!("{sql}{NEIGHBOURS}"))?;
        let mut found = statement.query([of])?;
        let mut moments = Vec::new();
        while let Some(row) = found.next()? {
            moments.push(super::page::Columns::of(row).field()?);
        }
        Ok(moments)
    }
}
