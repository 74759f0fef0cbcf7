//! The words of what was deleted, out of the embedded index.
//!
//! A deleted row is found no more from the same transaction on, but its words stay in the index, behind a tombstone,
//! until its parts are merged. A small index is merged at once; a large one in steps that each hold up other writes
//! for a few milliseconds. PostgreSQL's index is cleaned by its own vacuum.

use crate::{Backend, StoreError, Tx, tx::params};

/// Up to so many pages an index is merged with the deletion.
const SMALL_PAGES: i64 = 64;

/// The statements for one of the two indexes.
struct Index {
    pages: &'static str,
    state: &'static str,
    optimize: &'static str,
    /// Begins to merge everything into one part.
    begin: &'static str,
    /// Goes on with what was begun.
    go_on: &'static str,
}

macro_rules! index {
    ($name:literal) => {
        Index {
            pages: concat!("select count(*) from (select 1 from ", $name, "_data limit $1)"),
            state: concat!("select block from ", $name, "_data where id = 10"),
            optimize: concat!("insert into ", $name, " (", $name, ") values ('optimize')"),
            begin: concat!(
                "insert into ",
                $name,
                " (",
                $name,
                ", rank) values ('merge', -64)"
            ),
            go_on: concat!("insert into ", $name, " (", $name, ", rank) values ('merge', 64)"),
        }
    };
}

const INDEXES: [Index; 2] = [index!("search_messages"), index!("search_titles")];

/// Called after anything searchable was deleted, in its transaction.
pub(crate) fn forget_deleted(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if tx.backend() == Backend::Postgres {
        return Ok(());
    }
    for index in &INDEXES {
        let pages: i64 = tx.query_one(index.pages, params![SMALL_PAGES], |row| row.get(0))?;
        if pages < SMALL_PAGES {
            tx.exec(index.optimize, params![])?;
        }
    }
    Ok(())
}

/// Whether words of deleted rows wait for [`purge_step`].
pub fn purge_wanted(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    if tx.backend() == Backend::Postgres {
        return Ok(false);
    }
    for index in &INDEXES {
        if Parts::read(&state(tx, index)?)?.tombstones > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One step of merging what deletions left behind. True while there is more to do.
pub fn purge_step(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    if tx.backend() == Backend::Postgres {
        return Ok(false);
    }
    for index in &INDEXES {
        let before = state(tx, index)?;
        let parts = Parts::read(&before)?;
        if parts.tombstones == 0 {
            continue;
        }
        let mut moved = false;
        if parts.merging {
            tx.exec(index.go_on, params![])?;
            moved = state(tx, index)? != before;
        }
        if !moved {
            // Nothing is under way, or it waits for more parts to join in.
            tx.exec(index.begin, params![])?;
            moved = state(tx, index)? != before;
        }
        return Ok(moved);
    }
    Ok(false)
}

/// The record in which FTS5 keeps the list of an index's parts.
fn state(tx: &mut Tx<'_>, index: &Index) -> Result<Vec<u8>, StoreError> {
    let found = tx.query_opt(index.state, params![], |row| row.get(0))?;
    Ok(found.unwrap_or_default())
}

/// What that record says.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    /// Pages that say which rows are deleted.
    tombstones: u64,
    /// Whether a merge is under way.
    merging: bool,
}

impl Parts {
    /// Four bytes of a cookie, four of a mark, the numbers of levels and parts, a counter; then for each level how
    /// many of its parts are being merged, how many there are, and eight numbers for each, the sixth of which
    /// counts its pages of tombstones (`fts5StructureDecode` in SQLite's source).
    fn read(record: &[u8]) -> Result<Self, StoreError> {
        const MARK: [u8; 4] = [0xff, 0, 0, 1];
        let mut parts = Self {
            tombstones: 0,
            merging: false,
        };
        // An index that never held anything is in the older form, which has no tombstones.
        let Some(mut rest) = record.get(4..).and_then(|rest| rest.strip_prefix(&MARK)) else {
            return Ok(parts);
        };
        let levels = number(&mut rest)?;
        let (_parts, _written) = (number(&mut rest)?, number(&mut rest)?);
        for _ in 0..levels {
            parts.merging |= number(&mut rest)? > 0;
            for _ in 0..number(&mut rest)? {
                for place in 0..8 {
                    let value = number(&mut rest)?;
                    if place == 5 {
                        parts.tombstones += value;
                    }
                }
            }
        }
        Ok(parts)
    }
}

/// A number as SQLite writes it: seven bits a byte, the highest first, eight in a ninth byte.
fn number(rest: &mut &[u8]) -> Result<u64, StoreError> {
    let mut value = 0;
    for place in 0..9 {
        let (byte, behind) = rest
            .split_first()
            .ok_or_else(|| StoreError::Corrupt("the list of an index's parts breaks off".to_owned()))?;
        *rest = behind;
        if place == 8 {
            return Ok((value << 8) | u64::from(*byte));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (bytes, expected) in [
            (&[0][..], 0),
            (&[0x7f], 127),
            (&[0x81, 0], 128),
            (&[0xff; 9], u64::MAX),
        ] {
            assert_eq!(number(&mut &*bytes).unwrap(), expected, "{bytes:?}");
        }
        assert!(number(&mut &[0x81][..]).is_err());
    }

    #[test]
    fn records() {
        let none = Parts {
            tombstones: 0,
            merging: false,
        };
        assert_eq!(Parts::read(&[]).unwrap(), none);
        assert_eq!(Parts::read(&[0, 0, 0, 0, 0, 0, 0]).unwrap(), none);
        let mut record = vec![0, 0, 0, 0, 0xff, 0, 0, 1, 2, 2, 9];
        record.extend([1, 1, 5, 1, 9, 1, 3, 4, 7, 100]);
        record.extend([0, 1, 6, 1, 2, 1, 3, 0, 0, 50]);
        let expected = Parts {
            tombstones: 4,
            merging: true,
        };
        assert_eq!(Parts::read(&record).unwrap(), expected);
        assert!(Parts::read(&record[..20]).is_err());
    }
}
