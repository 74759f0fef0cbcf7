//! What cannot be, looked for: sums that differ, rows that nothing refers to.

use crate::{Backend, StoreError, Tx, tx::params};

/// Counts the groups whose sums in the first rows are not those in the second, both ways.
macro_rules! differing {
    ($keys:literal, $these:expr, $those:literal) => {
        concat!(
            "select count(*) from (select ", $keys, " from (select ", $keys,
            ", calls, fresh_input, cache_read, cache_write, output, reasoning, amount, unpriced from ", $these,
            " union all select ", $keys,
            ", -calls, -fresh_input, -cache_read, -cache_write, -output, -reasoning, -amount, -unpriced from ", $those,
            ") sums group by ", $keys,
            " having sum(calls) <> 0 or sum(fresh_input) <> 0 or sum(cache_read) <> 0 or sum(cache_write) <> 0 \
             or sum(output) <> 0 or sum(reasoning) <> 0 or sum(amount) <> 0 or sum(unpriced) <> 0) differing"
        )
    };
}

/// The sums by closed day of each account, with the first day of its month; see [`chatai_types::Day::month_start`].
macro_rules! days_with_month {
    () => {
        "(select u.*, day - (day_of_year - (153 * ((5 * day_of_year + 2) / 153) + 2) / 5) as month from \
         (select u.*, day_of_era - (365 * year + year / 4 - year / 100) as day_of_year from \
         (select u.*, (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365 as year from \
         (select u.*, ((day + 719468) % 146097 + 146097) % 146097 as day_of_era from usage_days u \
         where day <= (select through from closed_days)) u) u) u) u"
    };
}

/// Each check counts the rows that are amiss.
const CHECKS: &[(&str, &str)] = &[
    (
        // Both ways, by number and by sum: what is there on one side alone does not cancel out.
        "messages whose usage rows are not what the ledger charges for them",
        "select count(*) from (select message_id from \
         (select message_id, 1 as line, coalesce(price, 0) as amount, case when price is null then 1 else 0 end as unpriced \
         from usage_details union all \
         select l.message_id, -l.calls, -l.amount, -l.unpriced from ledger l where exists \
         (select 1 from messages m where m.id = l.message_id)) charges \
         group by message_id having sum(line) <> 0 or sum(amount) <> 0 or sum(unpriced) <> 0) differing",
    ),
    (
        "sums by day that are not those of the ledger",
        "select count(*) from (select * from (\
         select user_id, (created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000 \
         as day, model, scope, cast(sum(calls) as bigint) as calls, cast(sum(fresh_input) as bigint) as fresh_input, \
         cast(sum(cache_read) as bigint) as cache_read, cast(sum(cache_write) as bigint) as cache_write, \
         cast(sum(output) as bigint) as output, cast(sum(reasoning) as bigint) as reasoning, \
         cast(sum(amount) as bigint) as amount, cast(sum(unpriced) as bigint) as unpriced \
         from ledger group by 1, 2, 3, 4) l \
         except select user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, output, \
         reasoning, amount, unpriced from usage_days) d",
    ),
    (
        "sums by day without a line in the ledger",
        "select count(*) from usage_days u where not exists (select 1 from ledger l where l.user_id = u.user_id \
         and l.created_at >= u.day * 86400000000 and l.created_at < (u.day + 1) * 86400000000 \
         and l.model = u.model and l.scope = u.scope)",
    ),
    (
        "sums by month that are not those of their days",
        differing!("user_id, month, model, scope", days_with_month!(), "usage_months"),
    ),
    (
        "sums of all accounts by day that are not those of each",
        differing!(
            "day, model, scope",
            "usage_days where day <= (select through from closed_days)",
            "all_usage_days"
        ),
    ),
    (
        "sums of all accounts by month that are not those of each",
        differing!("month, model, scope", "usage_months", "all_usage_months"),
    ),
    (
        "budgets whose spent amount is not the sum of their window",
        "select count(*) from budgets b where b.spent <> \
         (select cast(coalesce(sum(u.amount), 0) as bigint) from usage_days u \
         where u.user_id = b.user_id and u.day >= b.window_from and u.day < b.window_to)",
    ),
    (
        "budgets whose reserved amount is not the sum of their reservations",
        "select count(*) from budgets b where b.reserved <> \
         (select cast(coalesce(sum(r.amount), 0) as bigint) from reservations r where r.user_id = b.user_id)",
    ),
    (
        "sums of keys by day that are not those of the ledger",
        "select count(*) from (select key_id, day from \
         (select key_id, (created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000 as day, \
         amount from ledger where key_id is not null union all select key_id, day, -amount from key_days) charges \
         group by key_id, day having sum(amount) <> 0) differing",
    ),
    (
        "budgets of keys whose spent amount is not the sum of their window",
        "select count(*) from key_budgets b where b.spent <> \
         (select cast(coalesce(sum(d.amount), 0) as bigint) from key_days d \
         where d.key_id = b.key_id and d.day >= b.window_from and d.day < b.window_to)",
    ),
    (
        "budgets of keys whose reserved amount is not the sum of their reservations",
        "select count(*) from key_budgets b where b.reserved <> \
         (select cast(coalesce(sum(r.key_amount), 0) as bigint) from reservations r where r.key_id = b.key_id)",
    ),
    (
        "reservations of answers that are not running",
        "select count(*) from reservations r where r.message_id > 0 and not exists \
         (select 1 from messages m where m.id = r.message_id and m.status = 'running')",
    ),
    (
        "accounts without a budget",
        "select count(*) from users u where not exists (select 1 from budgets b where b.user_id = u.id)",
    ),
    (
        // What the original charged for an answer as a whole is kept as it was. Where a call's price is unknown, so is
        // the answer's.
        "answers whose price is not the sum of their usage rows",
        "select count(*) from messages m where coalesce(m.price, 0) <> \
         (select coalesce(sum(u.price), 0) from usage_details u where u.message_id = m.id) \
         and not (m.price is null and exists \
         (select 1 from usage_details u where u.message_id = m.id and u.price is null)) \
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
    (
        "direct calls that are not what the ledger charges for them",
        "select count(*) from (select call_id from \
         (select id as call_id, 1 as line, coalesce(price, 0) as amount, case when price is null then 1 else 0 end as unpriced \
         from direct_calls where usage_source is not null \
         union all select -l.message_id, -l.calls, -l.amount, -l.unpriced from ledger l where l.message_id < 0) charges \
         group by call_id having sum(line) <> 0 or sum(amount) <> 0 or sum(unpriced) <> 0) differing",
    ),
    (
        "reservations of direct calls that are not running",
        "select count(*) from reservations r where r.message_id < 0 and not exists \
         (select 1 from direct_calls c where c.id = -r.message_id and c.status = 'running')",
    ),
    (
        "direct calls that are running without a lease, or have one and are not running",
        "select count(*) from direct_calls where (status = 'running') <> (lease_until is not null)",
    ),
    (
        "kept calls that have ended without their output, or have one and are running",
        "select count(*) from kept_calls k join direct_calls c on c.id = k.call_id \
         where (c.status = 'running') <> (k.output is null)",
    ),
    (
        "pieces of kept calls that have ended",
        "select count(*) from kept_pieces p join kept_calls k on k.call_id = p.call_id where k.output is not null",
    ),
    (
        "conversations whose last message is not theirs",
        "select count(*) from conversations c where case when c.head_id is null \
         then exists (select 1 from messages m where m.conversation_id = c.id) \
         else not exists (select 1 from messages m where m.id = c.head_id and m.conversation_id = c.id) end",
    ),
    (
        "messages that follow one that is missing, elsewhere or younger",
        "select count(*) from messages m where m.parent_id is not null and not exists \
         (select 1 from messages p where p.id = m.parent_id and p.conversation_id = m.conversation_id and p.id < m.id)",
    ),
    (
        "conversations that branch and count as one line",
        "select count(*) from conversations c where not c.branched and exists \
         (select 1 from messages m where m.conversation_id = c.id group by coalesce(m.parent_id, 0) having count(*) > 1)",
    ),
    (
        "messages whose sum of tokens before them is not that of the one they follow",
        "select count(*) from messages m join messages p on p.id = m.parent_id \
         where p.conversation_id = m.conversation_id and p.id < m.id and m.tokens_before <> p.tokens_before + p.size_tokens",
    ),
];

/// The checks of what either database keeps in its own way.
const SQLITE_CHECKS: &[(&str, &str)] = &[
    (
        "titles and messages that no search finds",
        "select (select count(*) from conversations c where c.title <> '' \
         and not exists (select 1 from search_titles_docsize d where d.id = c.id) \
         and not exists (select 1 from search_new_titles w where w.id = c.id)) + \
         (select count(*) from messages m where m.text <> '' \
         and not exists (select 1 from search_messages_docsize d where d.id = m.id) \
         and not exists (select 1 from search_new_messages w where w.id = m.id))",
    ),
    (
        "words in the index of no title or message",
        "select (select count(*) from search_titles_docsize d where not exists \
         (select 1 from conversations c where c.id = d.id and c.title <> '')) + \
         (select count(*) from search_messages_docsize d where not exists \
         (select 1 from messages m where m.id = d.id and m.text <> ''))",
    ),
];
const POSTGRES_CHECKS: &[(&str, &str)] = &[
    (
        "titles and messages that no search finds",
        "select (select count(*) from conversations c where c.title <> '' and not exists \
         (select 1 from search_titles s where s.id = c.id)) + \
         (select count(*) from messages m where m.text <> '' and not exists \
         (select 1 from search_messages s where s.id = m.id))",
    ),
    (
        "words in the index of no title or message",
        "select (select count(*) from search_titles s where not exists \
         (select 1 from conversations c where c.id = s.id and c.title <> '')) + \
         (select count(*) from search_messages s where not exists \
         (select 1 from messages m where m.id = s.id and m.text <> ''))",
    ),
];

/// What is amiss, a line each; empty when all is well.
pub fn examine(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    let own = match tx.backend() {
        Backend::Sqlite => SQLITE_CHECKS,
        Backend::Postgres => POSTGRES_CHECKS,
    };
    for (what, sql) in CHECKS.iter().chain(own) {
        let rows: i64 = tx.query_one(sql, params![], |row| row.get(0))?;
        if rows > 0 {
            findings.push(format!("{what}: {rows}"));
        }
    }
    if tx.backend() == Backend::Sqlite {
        // The check of a word index takes its parts as the connection last saw them; a query looks which there are now.
        for look in [
            "select exists (select 1 from search_titles)",
            "select exists (select 1 from search_messages)",
        ] {
            tx.query_one(look, &[], |row| row.get::<bool>(0))?;
        }
        let faults: Vec<String> = tx.query(
            "select quick_check from pragma_quick_check where quick_check <> 'ok' limit 3",
            &[],
            |row| row.get(0),
        )?;
        findings.extend(faults.iter().map(|fault| format!("the database file: {fault}")));
    }
    Ok(findings)
}
