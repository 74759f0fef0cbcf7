//! Vectors of the collection, by embedding space and content hash.

use crate::{StoreError, Tx, tx::params};
use chatai_types::Timestamp;

/// All vectors of a space: content hash and little-endian 32-bit floats.
pub fn of_space(tx: &mut Tx<'_>, space: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    tx.query(
        "select content_hash, vector from embeddings where space = $1 order by content_hash",
        params![space],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Adds vectors to a space; those already there stay.
pub fn add(tx: &mut Tx<'_>, space: &str, vectors: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    for (content_hash, vector) in vectors {
        tx.exec(
            "insert into embeddings (space, content_hash, vector) values ($1, $2, $3) \
             on conflict (space, content_hash) do nothing",
            params![space, content_hash, &vector[..]],
        )?;
    }
    Ok(())
}

/// The name of the space that a model's vectors are in now. A model without this mark, because its vectors were stored
/// before it was kept, has the only space under its name; of several, none is known to be the right one.
pub fn used(tx: &mut Tx<'_>, model: &str) -> Result<Option<String>, StoreError> {
    let marked = tx.query_opt(
        "select value from settings where key = $1",
        params![&mark(model)],
        |row| row.get(0),
    )?;
    if marked.is_some() {
        return Ok(marked);
    }
    let spaces: Vec<String> = tx.query("select distinct space from embeddings", params![], |row| {
        row.get(0)
    })?;
    let mut of_model = spaces
        .into_iter()
        .filter(|space| space.rsplit_once('/').is_some_and(|(name, _)| name == model));
    let first = of_model.next();
    Ok(first.filter(|_| of_model.next().is_none()))
}

/// Marks the space that a model's vectors are in from now on.
pub fn set_used(tx: &mut Tx<'_>, model: &str, space: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.exec(
        "insert into settings (key, value, updated_at) values ($1, $2, $3) on conflict (key) do update \
         set value = excluded.value, updated_at = excluded.updated_at where settings.value <> excluded.value",
        params![&mark(model), space, now],
    )?;
    Ok(())
}

fn mark(model: &str) -> String {
    format!("embedding_space/{model}")
}
