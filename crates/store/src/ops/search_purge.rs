//! The words of what was deleted, out of the embedded index.
//!
//! A deleted row is found no more from the same transaction on, but its words stay in the index until its parts are
//! merged. A small index is merged at once; a large one in steps that each hold up other writes for a few
//! milliseconds. PostgreSQL's index is cleaned by its own vacuum.

use crate::{Backend, StoreError, Tx, tx::params};

/// Up to so many pages an index is merged with the deletion.
const SMALL_PAGES: i64 = 64;

/// Called after anything searchable was deleted, in its transaction.
pub(crate) fn forget_deleted(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if tx.backend() == Backend::Postgres {
        return Ok(());
    }
    let pages: i64 = tx.query_one(
        "select max((select count(*) from (select 1 from search_messages_data limit $1)), \
         (select count(*) from (select 1 from search_titles_data limit $1)))",
        params![SMALL_PAGES],
        |row| row.get(0),
    )?;
    if pages < SMALL_PAGES {
        tx.exec(
            "insert into search_messages (search_messages) values ('optimize')",
            params![],
        )?;
        tx.exec(
            "insert into search_titles (search_titles) values ('optimize')",
            params![],
        )?;
        return Ok(());
    }
    forget_later(tx)
}

/// Called after something searchable was replaced: its old words go in steps.
pub(crate) fn forget_later(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if tx.backend() == Backend::Sqlite {
        tx.exec(
            "insert into settings (key, value, updated_at) values ('search_purge', 'wanted', 0) \
             on conflict (key) do update set value = 'wanted'",
            params![],
        )?;
    }
    Ok(())
}

/// Whether there is something to do for [`purge_step`].
pub fn purge_wanted(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    let wanted = tx.query_opt(
        "select 1 from settings where key = 'search_purge'",
        params![],
        |row| row.get::<i64>(0),
    );
    Ok(wanted?.is_some())
}

/// One step of merging what deletions left behind. True while there is more to do.
pub fn purge_step(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    if tx.backend() == Backend::Postgres {
        return Ok(false);
    }
    let begin = tx.exec(
        "update settings set value = 'begun' where key = 'search_purge' and value = 'wanted'",
        params![],
    )? == 1;
    let under_way = begin
        || tx
            .query_opt(
                "select 1 from settings where key = 'search_purge' and value = 'begun'",
                params![],
                |row| row.get::<i64>(0),
            )?
            .is_some();
    if !under_way {
        return Ok(false);
    }
    let before = changes(tx)?;
    for sql in if begin {
        // A negative number of pages begins to merge everything into one part.
        [
            "insert into search_messages (search_messages, rank) values ('merge', -64)",
            "insert into search_titles (search_titles, rank) values ('merge', -64)",
        ]
    } else {
        [
            "insert into search_messages (search_messages, rank) values ('merge', 64)",
            "insert into search_titles (search_titles, rank) values ('merge', 64)",
        ]
    } {
        tx.exec(sql, params![])?;
    }
    // The statements themselves count as one change each; what is above them was merged.
    let more = changes(tx)? - before > 2;
    if !more {
        tx.exec(
            "delete from settings where key = 'search_purge' and value = 'begun'",
            params![],
        )?;
    }
    Ok(more)
}

fn changes(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    tx.query_one("select total_changes()", params![], |row| row.get(0))
}
