//! Ids that an import brings along or needs anew. The two databases count differently.

use super::Kind;
use crate::{Backend, StoreError, Tx, tx::params};

/// The statements of one table.
struct Statements {
    occupied: &'static str,
    /// The highest id ever given out or present.
    highest: [&'static str; 2],
    raise: [&'static [&'static str]; 2],
    allocate: [&'static str; 2],
}

/// The order in the pairs above.
fn place(tx: &Tx<'_>) -> usize {
    match tx.backend() {
        Backend::Sqlite => 0,
        Backend::Postgres => 1,
    }
}

macro_rules! statements {
    ($table:literal) => {
        Statements {
            occupied: concat!("select id from ", $table, " where id between $1 and $2"),
            highest: [
                concat!(
                    "select max(coalesce((select max(id) from ",
                    $table,
                    "), 0), ",
                    "coalesce((select max(seq) from sqlite_sequence where name = '",
                    $table,
                    "'), 0))"
                ),
                concat!(
                    "select greatest(coalesce((select max(id) from ",
                    $table,
                    "), 0), ",
                    "coalesce(pg_sequence_last_value(pg_get_serial_sequence('",
                    $table,
                    "', 'id')::regclass), 0))"
                ),
            ],
            raise: [
                &[
                    concat!(
                        "insert into sqlite_sequence (name, seq) select '",
                        $table,
                        "', 0 ",
                        "where not exists (select 1 from sqlite_sequence where name = '",
                        $table,
                        "')"
                    ),
                    concat!(
                        "update sqlite_sequence set seq = max(seq, $1) where name = '",
                        $table,
                        "'"
                    ),
                ],
                &[concat!(
                    "select setval(pg_get_serial_sequence('",
                    $table,
                    "', 'id'), greatest($1, ",
                    "coalesce(pg_sequence_last_value(pg_get_serial_sequence('",
                    $table,
                    "', 'id')::regclass), 0)))"
                )],
            ],
            allocate: [
                concat!(
                    "update sqlite_sequence set seq = seq + $1 where name = '",
                    $table,
                    "' returning seq"
                ),
                concat!(
                    "select nextval(pg_get_serial_sequence('",
                    $table,
                    "', 'id')) ",
                    "from generate_series(1, cast($1 as bigint))"
                ),
            ],
        }
    };
}

fn of(kind: Kind) -> &'static Statements {
    match kind {
        Kind::User => const { &statements!("users") },
        Kind::Conversation => const { &statements!("conversations") },
        Kind::Message => const { &statements!("messages") },
        Kind::Attachment => const { &statements!("attachments") },
        Kind::Usage => const { &statements!("usage_details") },
    }
}

/// The ids from `first` to `last`, both included, that a row has.
pub fn occupied(tx: &mut Tx<'_>, kind: Kind, first: i64, last: i64) -> Result<Vec<i64>, StoreError> {
    tx.query(of(kind).occupied, params![first, last], |row| row.get(0))
}

/// The highest id that is or was in use; 0 in an empty table.
pub fn highest(tx: &mut Tx<'_>, kind: Kind) -> Result<i64, StoreError> {
    let sql = of(kind).highest[place(tx)];
    tx.query_one(sql, params![], |row| row.get(0))
}

/// From now on new ids are above `bound` (at least 1). PostgreSQL keeps that even if the job is rolled back.
pub fn raise(tx: &mut Tx<'_>, kind: Kind, bound: i64) -> Result<(), StoreError> {
    for sql in of(kind).raise[place(tx)] {
        // The first statement of SQLite's pair takes no parameter.
        if sql.contains("$1") {
            tx.query(sql, params![bound], |_| Ok(()))?;
        } else {
            tx.exec(sql, params![])?;
        }
    }
    Ok(())
}

/// So many new ids, in order, that nobody else gets. [`raise`] must have been called before.
pub fn allocate(tx: &mut Tx<'_>, kind: Kind, count: i64) -> Result<Vec<i64>, StoreError> {
    let sql = of(kind).allocate[place(tx)];
    let given: Vec<i64> = tx.query(sql, params![count], |row| row.get(0))?;
    match tx.backend() {
        Backend::Postgres => Ok(given),
        Backend::Sqlite => {
            let last = *given
                .first()
                .ok_or_else(|| StoreError::Internal("ids were not counted".to_owned()))?;
            Ok((last - count + 1..=last).collect())
        }
    }
}
