//! The SQL functions of ours that triggers call.

use crate::full_text;
use rusqlite::{Connection, functions::FunctionFlags};

/// Gives a connection the functions that the schema names. Without them nobody can change a text in the file, and so
/// none can change without its index.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("search_terms", 2, flags, |context| {
        let owner = context.get::<i64>(0)?;
        let text = context.get_raw(1).as_str()?;
        Ok(full_text::terms(owner, text))
    })
}
