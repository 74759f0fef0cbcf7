//! Under which name a file's rows are remembered: the file may have been moved or copied, and have grown, since its
//! rows first came.
//!
//! A new file is named after its first account. It is one that came before when any of its accounts bears the
//! mark of one that came: a hash of id, e-mail and moment, which never change in the original.

use super::{
    ImportError,
    run::{SharedOriginal, ends},
};
use chatai_store::{
    Store, StoreError, Tx,
    legacy::{Field, PageLimits, UserRow},
    ops::import as rows,
};
use std::{collections::HashSet, sync::Arc};

const PAGE: PageLimits = PageLimits {
    rows: 1_000,
    bytes: 4 << 20,
};

/// The name of the file.
pub(super) async fn source(store: &Store, original: &SharedOriginal) -> Result<Arc<str>, ImportError> {
    let known: Vec<String> = store.read(rows::sources).await?;
    let mut name: Option<Arc<str>> = None;
    let mut from = Some(i64::MIN);
    while let Some(start) = from {
        let page = original.read(move |original| original.users(start, PAGE)).await?;
        from = page.next;
        let name = name.get_or_insert_with(|| first_name(page.rows.first()));
        if known.iter().any(|known| **known == **name) || known.is_empty() {
            break;
        }
        if let Some(found) = of_marks(store, &known, &page.rows).await? {
            return Ok(found.into());
        }
    }
    Ok(name.unwrap_or_else(|| first_name(None)))
}

async fn of_marks(store: &Store, known: &[String], page: &[UserRow]) -> Result<Option<String>, ImportError> {
    let Some((first, last)) = ends(page.iter().map(|row| row.id)) else {
        return Ok(None);
    };
    let marks: HashSet<(i64, i64)> = page.iter().map(|row| (row.id, mark(row))).collect();
    let known = known.to_vec();
    let look = move |tx: &mut Tx<'_>| -> Result<Option<String>, StoreError> {
        for source in &known {
            let of_source = rows::marks(tx, source, first, last)?;
            if of_source.iter().any(|mark| marks.contains(mark)) {
                return Ok(Some(source.clone()));
            }
        }
        Ok(None)
    };
    Ok(store.read(look).await?)
}

fn first_name(row: Option<&UserRow>) -> Arc<str> {
    match row {
        Some(row) => digest(row).to_hex()[..32].into(),
        None => "no accounts".into(),
    }
}

/// What tells an account of one file from every other.
pub(super) fn mark(row: &UserRow) -> i64 {
    let digest = digest(row);
    let bytes = digest.as_bytes().first_chunk().expect("a digest has 32 bytes");
    // Not negative: 63 bits are enough.
    (u64::from_le_bytes(*bytes) >> 1).cast_signed()
}

fn digest(row: &UserRow) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&row.id.to_le_bytes());
    for field in [&row.email, &row.created_at] {
        let (kind, number, bytes): (u8, [u8; 8], &[u8]) = match field {
            Field::Null => (0, [0; 8], &[]),
            Field::Integer(value) => (1, value.to_le_bytes(), &[]),
            Field::Real(value) => (2, value.to_bits().to_le_bytes(), &[]),
            Field::Text(bytes) => (3, (bytes.len() as u64).to_le_bytes(), bytes),
            Field::Blob(bytes) => (4, (bytes.len() as u64).to_le_bytes(), bytes),
        };
        hasher.update(&[kind]).update(&number).update(bytes);
    }
    hasher.finalize()
}
