//! Vectors of the collection, by embedding space and content hash.

use crate::{StoreError, Tx, tx::params};

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

/// The names of all spaces with vectors.
pub fn spaces(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    tx.query(
        "select distinct space from embeddings order by space",
        params![],
        |row| row.get(0),
    )
}
