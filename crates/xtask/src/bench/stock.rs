//! Databases with a past: many messages or conversations, written into the file while the service is down.
//!
//! Through the service itself a million messages would take longer than everything that is measured on them. The
//! rows are what the service would have written; usage and ledger are written where a benchmark asks for them.

use std::cell::Cell;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use chatai_store::full_text;
use rusqlite::{Connection, functions::FunctionFlags, params};

/// Sizes of a question and an answer in tokens, as the service estimates them or nearly so.
const QUESTION_TOKENS: i64 = 40;
const ANSWER_TOKENS: i64 = 110;

/// Turns in one transaction.
const BATCH: usize = 50_000;

const QUESTION: &str = "Is there something in the collection like the novel we spoke about yesterday, but \
                        shorter, and set somewhere by the sea? I liked the narrator most.";
const ANSWER: &str = "There are two that come close. The first is told by a lighthouse keeper who writes down \
                      every ship that passes and slowly reveals why he came to live there; it is barely two hundred pages \
                      long. The second follows a family of fishermen over one winter, with the same dry humour that you \
                      liked in the narrator. If you want to begin with the gentler one, take the first. Both are in the \
                      collection, and neither asks you to have read anything else by its author.";

/// The service takes new texts into the index in steps; a million of them would take it long.
const INDEX: &str = "insert into search_titles (rowid, terms) select c.id, search_terms(c.user_id, c.title) \
     from search_new_titles n cross join conversations c on c.id = n.id order by n.id; \
     delete from search_new_titles; \
     insert into search_messages (rowid, terms) select m.id, search_terms(m.user_id, m.text) \
     from search_new_messages n cross join messages m on m.id = n.id order by n.id; \
     delete from search_new_messages;";

/// A line for each answer; numbers that share no divisor mix days, models and what calls are for.
const CHARGE: &str = "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, \
     cache_read, cache_write, output, reasoning, usage_source, amount, created_at) \
     select user_id, conversation_id, id, \
     case id % 11 when 0 then 'title' when 1 then 'summary' else 'final' end, \
     case id % 7 when 0 then 'gpt-4.1' when 1 then 'o3-mini' when 2 then 'gpt-4.1-mini' else 'gpt-4.1-nano' end, \
     900 + id % 13, id % 17, 0, 110 + id % 5, 0, 'provider', 134000000 + id % 1000003, \
     created_at - (id / 2) % ?1 * 86400000000 \
     from messages where role = 'assistant' order by id";
const SUM_BY_DAY: &str = "insert into usage_days (user_id, day, model, scope, calls, fresh_input, cache_read, \
     cache_write, output, reasoning, amount) \
     select user_id, created_at / 86400000000, model, scope, sum(calls), sum(fresh_input), sum(cache_read), \
     sum(cache_write), sum(output), sum(reasoning), sum(amount) from ledger group by 1, 2, 3, 4";
/// The service closes the days anew when it starts, which makes the coarser sums.
const OPEN_DAYS: &str = "update closed_days set through = -200000000";

/// A database file of a service that is not running.
#[derive(Debug)]
pub(super) struct Stock {
    database: Connection,
    texts: Texts,
}

/// What messages say.
#[derive(Debug)]
struct Texts {
    /// How many were written.
    written: Cell<u64>,
    /// What stands at the end of each, by its number.
    ending: fn(u64) -> String,
}

impl Texts {
    fn next(&self, text: &str) -> String {
        let number = self.written.get();
        self.written.set(number + 1);
        text.to_owned() + &(self.ending)(number)
    }
}

impl Stock {
    /// Opens the file in a data folder that the service has made before.
    pub(super) fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join("data").join("chatai.db");
        let open = || {
            let database = Connection::open(&path)?;
            database.pragma_update(None, "synchronous", "off")?;
            database.pragma_update(None, "cache_size", -200_000)?;
            // What puts texts into the index of words calls it.
            database.create_scalar_function(
                "search_terms",
                2,
                FunctionFlags::SQLITE_INNOCUOUS,
                |context| Ok(full_text::terms(context.get(0)?, context.get_raw(1).as_str()?)),
            )?;
            Ok(database)
        };
        let database =
            open().map_err(|error: rusqlite::Error| format!("cannot open `{}`: {error}", path.display()))?;
        Ok(Self {
            database,
            texts: Texts {
                written: Cell::new(0),
                ending: |_| String::new(),
            },
        })
    }

    /// From now on messages differ: each ends with what `ending` makes of its number.
    pub(super) fn vary(&mut self, ending: fn(u64) -> String) {
        self.texts.ending = ending;
    }

    /// Adds whole turns to a conversation, after those that it has.
    pub(super) fn add_turns(&mut self, conversation: i64, turns: usize) -> Result<(), String> {
        let mut left = turns;
        while left > 0 {
            let batch = left.min(BATCH);
            self.add_batch(conversation, batch)
                .map_err(|error| format!("cannot add turns: {error}"))?;
            left -= batch;
        }
        Ok(())
    }

    /// Adds as many turns to each of many conversations that have none.
    pub(super) fn add_short_talks(&mut self, conversations: &[i64], turns: usize) -> Result<(), String> {
        let add = |batch: &[i64]| {
            let transaction = self.database.unchecked_transaction()?;
            batch
                .iter()
                .try_for_each(|conversation| insert(&transaction, &self.texts, *conversation, turns))?;
            transaction.execute_batch(INDEX)?;
            transaction.commit()
        };
        conversations
            .chunks((BATCH / turns).max(1))
            .try_for_each(add)
            .map_err(|error: rusqlite::Error| format!("cannot add turns: {error}"))
    }

    fn add_batch(&mut self, conversation: i64, turns: usize) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        insert(&transaction, &self.texts, conversation, turns)?;
        transaction.execute_batch(INDEX)?;
        transaction.commit()
    }

    /// Adds conversations to a user, each with a title and nothing in it; returns their ids.
    pub(super) fn add_conversations(&mut self, email: &str, count: usize) -> Result<Vec<i64>, String> {
        let mut add = || {
            let user: i64 =
                self.database
                    .query_row("select id from users where email = ?1", params![email], |row| {
                        row.get(0)
                    })?;
            let transaction = self.database.transaction()?;
            let mut ids = Vec::with_capacity(count);
            {
                let mut insert = transaction
                    .prepare("insert into conversations (user_id, title, created_at) values (?1, ?2, ?3)")?;
                for number in 0..count {
                    let title = format!("Novels by the sea, and one by a river ({number})");
                    insert.execute(params![user, title, now_micros()])?;
                    ids.push(transaction.last_insert_rowid());
                }
            }
            transaction.execute_batch(INDEX)?;
            transaction.commit()?;
            Ok(ids)
        };
        add().map_err(|error: rusqlite::Error| format!("cannot add conversations: {error}"))
    }

    /// Charges for every answer, none of which has been charged yet: ledger and its sums by day, spread over the last `days`
    /// days, with titles and summaries among the calls and several models.
    pub(super) fn charge(&mut self, days: i64) -> Result<(), String> {
        let mut charge = || {
            let transaction = self.database.transaction()?;
            transaction.execute(CHARGE, params![days])?;
            transaction.execute(SUM_BY_DAY, [])?;
            transaction.execute(OPEN_DAYS, [])?;
            transaction.commit()
        };
        charge().map_err(|error: rusqlite::Error| format!("cannot charge for answers: {error}"))
    }

    /// Brings everything into the main file, and it to the disk.
    pub(super) fn close(self) -> Result<(), String> {
        let close = || {
            self.database.pragma_update(None, "synchronous", "full")?;
            self.database
                .query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
        };
        close().map_err(|error: rusqlite::Error| format!("cannot close the database: {error}"))
    }
}

/// Writes whole turns at the end of a conversation.
fn insert(database: &Connection, texts: &Texts, conversation: i64, turns: usize) -> rusqlite::Result<()> {
    let (user, mut head): (i64, Option<i64>) = database
        .prepare_cached("select user_id, head_id from conversations where id = ?1")?
        .query_row(params![conversation], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut tokens: i64 = match head {
        None => 0,
        Some(head) => database
            .prepare_cached("select tokens_before + size_tokens from messages where id = ?1")?
            .query_row(params![head], |row| row.get(0))?,
    };
    let mut question = database.prepare_cached(
        "insert into messages (conversation_id, user_id, parent_id, role, status, text, model, size_tokens, \
         tokens_before, created_at) values (?1, ?2, ?3, 'user', 'complete', ?4, 'gpt-4.1-nano', ?5, ?6, ?7)",
    )?;
    let mut answer = database.prepare_cached(
        "insert into messages (conversation_id, user_id, parent_id, request_id, role, status, text, model, \
         size_tokens, tokens_before, fresh_input, cache_read, cache_write, output, reasoning, price, created_at) \
         values (?1, ?2, ?3, ?3, 'assistant', 'complete', ?4, 'gpt-4.1-nano', ?5, ?6, 900, 0, 0, 110, 0, 134000000, ?7)",
    )?;
    for _ in 0..turns {
        let now = now_micros();
        question.execute(params![
            conversation,
            user,
            head,
            texts.next(QUESTION),
            QUESTION_TOKENS,
            tokens,
            now
        ])?;
        let asked = database.last_insert_rowid();
        tokens += QUESTION_TOKENS;
        answer.execute(params![
            conversation,
            user,
            asked,
            texts.next(ANSWER),
            ANSWER_TOKENS,
            tokens,
            now
        ])?;
        head = Some(database.last_insert_rowid());
        tokens += ANSWER_TOKENS;
    }
    database
        .prepare_cached("update conversations set head_id = ?2 where id = ?1")?
        .execute(params![conversation, head])?;
    Ok(())
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
