//! What cannot be, looked for: sums that differ, rows that nothing refers to.

use crate::{StoreError, Tx, tx::params};

/// Each check counts the rows that are amiss.
const CHECKS: &[(&str, &str)] = &[
    (
        "usage rows whose ledger line is missing",
        "select count(*) from usage_details u \
         left join ledger l on l.message_id = u.message_id and l.scope = u.scope and l.model = u.model \
         where l.id is null",
    ),
    (
        "answers whose price is not the sum of their usage rows",
        "select count(*) from messages m where m.role = 'assistant' and m.price is not null and m.price <> \
         (select cast(coalesce(sum(u.price), 0) as bigint) from usage_details u where u.message_id = m.id) \
         and exists (select 1 from usage_details u where u.message_id = m.id) \
         and not exists (select 1 from imported_rows i where i.kind = 'message' and i.local_id = m.id)",
    ),
    (
        "contents that no attachment refers to",
        "select count(*) from blobs b where not exists \
         (select 1 from attachments a where a.content_hash = b.content_hash)",
    ),
    (
        "answers whose question is missing",
        "select count(*) from messages m where m.request_id is not null and not exists \
         (select 1 from messages q where q.id = m.request_id)",
    ),
    (
        "messages whose owner is not their conversation's",
        "select count(*) from messages m join conversations c on c.id = m.conversation_id \
         where c.user_id <> m.user_id",
    ),
];

/// What is amiss, a line each; empty when all is well.
pub fn examine(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    for (what, sql) in CHECKS {
        let rows: i64 = tx.query_one(sql, params![], |row| row.get(0))?;
        if rows > 0 {
            findings.push(format!("{what}: {rows}"));
        }
    }
    Ok(findings)
}
