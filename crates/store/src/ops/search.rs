//! Titles and messages by their words, always an owner's own, the newest first and no more than asked for: ranking
//! is the engine's, over these alone, so that a common word costs no more than a rare one.

use crate::{Backend, StoreError, Tx, full_text::term, row::Row, tx::params};
use chatai_types::{ConversationId, MessageId, Role, Timestamp, UserId};

/// What is looked for: rows that have all of these words, as [`crate::full_text`] folds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Whole words.
    pub words: Vec<String>,
    /// The beginning of one more word.
    pub beginning: Option<String>,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Titles.
    pub titles: i64,
    /// Messages.
    pub messages: i64,
    /// Bytes of messages, the last one whole.
    pub bytes: i64,
    /// Where it begins.
    pub below: Place,
}

/// A place among titles and messages, from the newest to the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Titles of older conversations come after it.
    pub conversation: ConversationId,
    /// Older messages come after it.
    pub message: MessageId,
}

impl Place {
    /// Before everything.
    pub const NEWEST: Self = Self {
        conversation: ConversationId(i64::MAX),
        message: MessageId(i64::MAX),
    };
}

/// A title or a message that has the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// The conversation's title.
    pub title: Option<String>,
    /// The message; `None` for the title itself.
    pub message: Option<Message>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A message of a [`Hit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Who speaks.
    pub role: Role,
    /// Its text.
    pub text: String,
}

/// Rows of the two indexes that PostgreSQL looks at, where they come in no order.
const POSTGRES_ROWS: i64 = 4_000;

/// From `found` ids to messages, until so many bytes are read. SQLite follows cross joins in their order: else it may
/// read all messages, to look each of them up among the few that were found.
macro_rules! read_messages {
    ($bytes:literal) => {
        concat!(
            "sized as (select m.id, \
             sum(octet_length(m.text)) over (order by m.id desc) - octet_length(m.text) as bytes_before \
             from found cross join messages m where m.id = found.id and m.user_id = $1) \
             select c.id, c.title, m.created_at, m.id, m.role, m.text from sized \
             cross join messages m cross join conversations c \
             where m.id = sized.id and c.id = m.conversation_id and +c.user_id = $1 and sized.bytes_before < ",
            $bytes,
            " order by m.id desc"
        )
    };
}
/// The newest ids with the words, of the index and of what waits to be taken into it.
macro_rules! sqlite_candidates {
    ($index:literal, $waiting:literal, $table:literal, $text:literal, $below:literal) => {
        concat!(
            "with found as (select id from (select rowid as id from ",
            $index,
            " where ",
            $index,
            " match $2 and rowid < ",
            $below,
            " order by rowid desc limit $3) union all \
             select t.id from ",
            $waiting,
            " w cross join ",
            $table,
            " t on t.id = w.id where w.id < ",
            $below,
            " and t.user_id = $1 and search_has(t.",
            $text,
            ", $4, $5) order by id desc limit $3)"
        )
    };
}
/// The newest ids with the words. The index gives rows in no order, so that no more than so many of them are looked
/// at; where there are more, the word is frequent, and the owner's newest messages are looked through beside them.
macro_rules! postgres_candidates {
    ($table:literal, $below:literal) => {
        concat!(
            "with indexed as materialized (select id from ",
            $table,
            " where terms @@ cast(cast($2 as text) as tsquery) and id < ",
            $below,
            " limit $4) \
             select id from (\
             select id from indexed \
             union \
             (select id from (select id, terms from ",
            $table,
            " where user_id = $1 and id < ",
            $below,
            " and (select count(*) from indexed) >= $4 order by id desc limit $4) newest \
             where terms @@ cast(cast($2 as text) as tsquery) limit $3)\
             ) ids order by id desc limit $3"
        )
    };
}

/// The owner's newest titles and messages with the words, titles first.
pub fn find(tx: &mut Tx<'_>, owner: UserId, sought: &Sought, bounds: Bounds) -> Result<Vec<Hit>, StoreError> {
    let (titles, messages) = match tx.backend() {
        Backend::Sqlite => {
            let query = sqlite_query(owner, sought);
            let (words, beginning) = (sought.words.join(" "), sought.beginning.as_deref());
            let titles = tx.query(
                // `cross join` and `+`: from the few that were found to their rows, not through all of the owner's.
                concat!(
                    sqlite_candidates!("search_titles", "search_new_titles", "conversations", "title", "$6"),
                    " select c.id, c.title, c.created_at from found cross join conversations c on c.id = found.id \
                     where +c.user_id = $1 order by c.id desc"
                ),
                params![owner, &query, bounds.titles, &words, beginning, bounds.below.conversation],
                title,
            )?;
            let messages = tx.query(
                concat!(
                    sqlite_candidates!("search_messages", "search_new_messages", "messages", "text", "$7"),
                    ", ",
                    read_messages!("$6")
                ),
                params![
                    owner,
                    &query,
                    bounds.messages,
                    &words,
                    beginning,
                    bounds.bytes,
                    bounds.below.message
                ],
                message,
            )?;
            (titles, messages)
        }
        Backend::Postgres => {
            let query = postgres_query(tx, owner, sought)?;
            let titles = tx.query(
                concat!(
                    "with found as (",
                    postgres_candidates!("search_titles", "$5"),
                    ") select c.id, c.title, c.created_at from found \
                     join conversations c on c.id = found.id where c.user_id = $1 order by c.id desc"
                ),
                params![
                    owner,
                    &query,
                    bounds.titles,
                    POSTGRES_ROWS,
                    bounds.below.conversation
                ],
                title,
            )?;
            let messages = tx.query(
                concat!(
                    "with found as (",
                    postgres_candidates!("search_messages", "$6"),
                    "), ",
                    read_messages!("$5")
                ),
                params![
                    owner,
                    &query,
                    bounds.messages,
                    POSTGRES_ROWS,
                    bounds.bytes,
                    bounds.below.message
                ],
                message,
            )?;
            (titles, messages)
        }
    };
    Ok(titles.into_iter().chain(messages).collect())
}

fn title(row: &Row<'_>) -> Result<Hit, StoreError> {
    Ok(Hit {
        conversation_id: row.get(0)?,
        title: row.get(1)?,
        message: None,
        created_at: row.get(2)?,
    })
}

fn message(row: &Row<'_>) -> Result<Hit, StoreError> {
    Ok(Hit {
        conversation_id: row.get(0)?,
        title: row.get(1)?,
        created_at: row.get(2)?,
        message: Some(Message {
            id: row.get(3)?,
            role: row.get(4)?,
            text: row.get(5)?,
        }),
    })
}

/// The words in FTS5's notation. They hold letters and digits alone: nothing in them could end the quotes.
fn sqlite_query(owner: UserId, sought: &Sought) -> String {
    let words = sought
        .words
        .iter()
        .map(|word| format!("\"{}\"", term(owner.0, word)));
    let beginning = sought
        .beginning
        .iter()
        .map(|word| format!("\"{}\" *", term(owner.0, word)));
    words.chain(beginning).collect::<Vec<_>>().join(" AND ")
}

/// The words in the notation of a `tsquery`, folded once more by the server as it folds what it stores.
fn postgres_query(tx: &mut Tx<'_>, owner: UserId, sought: &Sought) -> Result<String, StoreError> {
    let (words, beginning): (String, String) = tx.query_one(
        "select array_to_string(search_words($1), ' '), array_to_string(search_words($2), ' ')",
        params![
            &sought.words.join(" "),
            sought.beginning.as_deref().unwrap_or_default()
        ],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let quoted = |word: &str| {
        format!(
            "'{}'",
            term(owner.0, word).replace('\\', "\\\\").replace('\'', "''")
        )
    };
    let words = words.split(' ').filter(|word| !word.is_empty()).map(quoted);
    let beginning = beginning
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| format!("{}:*", quoted(word)));
    Ok(words.chain(beginning).collect::<Vec<_>>().join(" & "))
}
