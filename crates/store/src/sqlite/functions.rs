//! The SQL functions of ours, around words.

use crate::full_text;
use rusqlite::{Connection, functions::FunctionFlags};

/// Gives a connection the functions that statements on the index of words name.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("search_terms", 2, flags, |context| {
        let owner = context.get::<i64>(0)?;
        let text = context.get_raw(1).as_str()?;
        Ok(full_text::terms(owner, text))
    })?;
    connection.create_scalar_function("search_has", 3, flags, |context| {
        let (text, words) = (context.get_raw(0).as_str()?, context.get_raw(1).as_str()?);
        let beginning = context.get_raw(2).as_str_or_null()?;
        Ok(full_text::has(text, words.split(' '), beginning))
    })
}
