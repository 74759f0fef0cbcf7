//! What cannot be, looked for: sums that differ, rows that nothing refers to.

use crate::{StoreError, Tx, tx::params};

/// Each check counts the rows that are amiss.
const CHECKS: &[(&str, &str)] = &[
    (
        // Both ways, by number and by sum: what is there on one side alone does not cancel out.
        "messages whose usage rows are not what the ledger charges for them",
        "select count(*) from (select message_id from \
         (select message_id, 1 as line, coalesce(price, 0) as amount from usage_details union all \
         select l.message_id, -1, -l.amount from ledger l where exists \
         (select 1 from messages m where m.id = l.message_id)) charges \
         group by message_id having sum(line) <> 0 or sum(amount) <> 0) differing",
    ),
    (
        // What the original charged for an answer as a whole is kept as it was.
        "answers whose price is not the sum of their usage rows",
        "select count(*) from messages m where coalesce(m.price, 0) <> \
         (select coalesce(sum(u.price), 0) from usage_details u where u.message_id = m.id) \
         and not exists (select 1 from imported_rows i where i.kind = 'message' and i.local_id = m.id)",
    ),
    (
        "usage rows of no message",
        "select count(*) from usage_details u where not exists \
         (select 1 from messages m where m.id = u.message_id)",
    ),
    (
        "attachments whose content is missing or of another size",
        "select count(*) from attachments a left join blobs b on b.content_hash = a.content_hash \
         where b.content_hash is null or b.size <> a.size or length(b.bytes) <> a.size",
    ),
    (
        "extracted texts of no content",
        "select count(*) from extracted_texts t where not exists \
         (select 1 from blobs b where b.content_hash = t.content_hash)",
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
    (
        "messages that are running without a lease, or have one and are not running",
        "select count(*) from messages where (status = 'running') <> (lease_until is not null)",
    ),
    (
        "pieces of text of answers that are not running",
        "select count(*) from turn_events e where e.kind = 'text' and not exists \
         (select 1 from messages m where m.id = e.message_id and m.status = 'running')",
    ),
    (
        "events of no message",
        "select count(*) from turn_events e where e.kind <> 'text' and not exists \
         (select 1 from messages m where m.id = e.message_id)",
    ),
    (
        "open calls of answers that are not running",
        "select count(*) from turn_calls c where not exists \
         (select 1 from messages m where m.id = c.message_id and m.status = 'running')",
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
