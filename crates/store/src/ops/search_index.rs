//! The way of what was written into the embedded index of words: many texts at once, since each part that is added to
//! it costs far more than the words in it. Until then [`super::search`] looks through what waits. PostgreSQL keeps such a
//! list by itself.

use crate::{Backend, StoreError, Tx, tx::params};

/// How much one step takes in, so that other writes wait a few milliseconds at most: texts, and their bytes, of which the
/// last text may have more.
const TEXTS: i64 = 512;
const BYTES: i64 = 512 << 10;

/// The statements for one of the two indexes.
struct Index {
    /// What waits, with the sizes of the texts.
    waiting: &'static str,
    take_in: &'static str,
    forget: &'static str,
}

macro_rules! index {
    ($index:literal, $waiting:literal, $table:literal, $text:literal) => {
        Index {
            waiting: concat!(
                "select w.id, coalesce(octet_length(t.",
                $text,
                "), 0) from ",
                $waiting,
                " w left join ",
                $table,
                " t on t.id = w.id order by w.id limit $1"
            ),
            take_in: concat!(
                "insert into ",
                $index,
                " (rowid, terms) select t.id, search_terms(t.user_id, t.",
                $text,
                ") from ",
                $waiting,
                " w cross join ",
                $table,
                " t on t.id = w.id where w.id <= $1 order by w.id"
            ),
            forget: concat!("delete from ", $waiting, " where id <= $1"),
        }
    };
}

const INDEXES: [Index; 2] = [
    index!("search_titles", "search_new_titles", "conversations", "title"),
    index!("search_messages", "search_new_messages", "messages", "text"),
];

/// Whether any text waits.
pub fn is_behind(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    if tx.backend() == Backend::Postgres {
        return Ok(false);
    }
    let waits =
        "select exists (select 1 from search_new_titles) or exists (select 1 from search_new_messages)";
    tx.query_one(waits, &[], |row| row.get(0))
}

/// Takes in some of what waits. True while there is more.
pub fn step(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    if tx.backend() == Backend::Postgres {
        return Ok(false);
    }
    let (mut texts, mut bytes) = (TEXTS, BYTES);
    for index in &INDEXES {
        let waiting: Vec<(i64, i64)> = tx.query(index.waiting, params![texts + 1], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let mut last = None;
        for (id, size) in waiting {
            if texts == 0 || bytes <= 0 {
                take_in(tx, index, last)?;
                return Ok(true);
            }
            last = Some(id);
            texts -= 1;
            bytes -= size;
        }
        take_in(tx, index, last)?;
    }
    Ok(false)
}

fn take_in(tx: &mut Tx<'_>, index: &Index, last: Option<i64>) -> Result<(), StoreError> {
    let Some(last) = last else { return Ok(()) };
    tx.exec(index.take_in, params![last])?;
    tx.exec(index.forget, params![last])?;
    Ok(())
}
