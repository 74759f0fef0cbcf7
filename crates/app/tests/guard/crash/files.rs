//! A look into the database that many crashes left behind.

use crate::support::Rows;
use chatai_testkit::app::TestApp;

const NOT_ONE_ANSWER: &str = "select count(*) from messages q where role = 'user' and 1 <> \
     (select count(*) from messages a where a.request_id = q.id and a.role = 'assistant')";

/// What must be nowhere: each query counts what is wrong.
const NEVER: &[(&str, &str)] = &[
    (
        "answers without their question",
        "select count(*) from messages a where role = 'assistant' and not exists \
         (select 1 from messages q where q.id = a.request_id and q.conversation_id = a.conversation_id)",
    ),
    (
        "interrupted answers that were charged and have given nothing, what their providers reported apart",
        "select count(*) from messages m where status = 'interrupted' and text = '' and not exists \
         (select 1 from turn_events e where e.message_id = m.id and e.kind in ('reasoning', 'tool')) \
         and coalesce(price, 0) <> (select coalesce(sum(u.price), 0) from usage_details u where u.message_id = m.id and u.usage_source = 'provider')",
    ),
    (
        "interrupted answers whose reasoning was charged to nobody",
        "select count(*) from messages m where status = 'interrupted' and coalesce(price, 0) = 0 and exists \
         (select 1 from turn_events e where e.message_id = m.id and e.kind = 'reasoning')",
    ),
    (
        "complete answers without a text or a final call",
        "select count(*) from messages m where role = 'assistant' and status = 'complete' and (text = '' or not exists \
         (select 1 from usage_details u where u.message_id = m.id and u.scope = 'final'))",
    ),
    (
        "answers whose usage rows are not as many as their ledger lines",
        "select count(*) from messages m where \
         (select count(*) from usage_details u where u.message_id = m.id) <> \
         (select count(*) from ledger l where l.message_id = m.id)",
    ),
    (
        "answers whose usage rows cost another sum than was charged",
        "select count(*) from messages m where \
         (select coalesce(sum(u.price), 0) from usage_details u where u.message_id = m.id) <> \
         (select coalesce(sum(l.amount), 0) from ledger l where l.message_id = m.id)",
    ),
    (
        "answers whose price is not what was charged",
        "select count(*) from messages m where coalesce(m.price, 0) <> \
         (select coalesce(sum(l.amount), 0) from ledger l where l.message_id = m.id)",
    ),
    (
        "complete answers for nothing",
        "select count(*) from messages where role = 'assistant' and status = 'complete' \
         and coalesce(price, 0) <= 0",
    ),
    (
        "ledger lines of a message that is missing in its conversation",
        "select count(*) from ledger l join conversations c on c.id = l.conversation_id where not exists \
         (select 1 from messages m where m.id = l.message_id and m.conversation_id = c.id)",
    ),
    (
        "heads that are no message of their conversation",
        "select count(*) from conversations c where head_id is not null and not exists \
         (select 1 from messages m where m.id = c.head_id and m.conversation_id = c.id)",
    ),
    (
        "conversations with messages and no head",
        "select count(*) from conversations c where head_id is null and exists \
         (select 1 from messages m where m.conversation_id = c.id)",
    ),
    (
        "attachments without their bytes or their text",
        "select count(*) from attachments a left join blobs b using (content_hash) \
         left join extracted_texts t using (content_hash) where b.bytes is null or t.text is null",
    ),
];

/// Nothing is there by half. The program must have been stopped.
pub(crate) fn expect_nothing_by_half(app: &TestApp) {
    let rows = Rows::of(app);
    rows.expect_sound();
    for (what, query) in NEVER {
        assert_eq!(rows.count(query), 0, "{what}");
    }
}

/// The same, where each question was answered once. The program must have been stopped.
pub(super) fn expect_whole_turns(app: &TestApp) {
    expect_nothing_by_half(app);
    let rows = Rows::of(app);
    assert_eq!(
        rows.count(NOT_ONE_ANSWER),
        0,
        "questions without exactly one answer"
    );
    // On a database that others share, a dead one's answers are running until their lease ends.
    let is_shared = app.database().url().is_some();
    let running = rows.count("select count(*) from messages where status = 'running'");
    assert!(running == 0 || is_shared, "{running} answers are running");
    let interrupted = rows.count("select count(*) from messages where status = 'interrupted'");
    assert!(interrupted + running > 0, "no kill hit a turn");
    assert_eq!(rows.count("select count(*) from users where role = 'admin'"), 1);
    // What the program itself finds.
    let examined = app.command(&["doctor"]).output().expect("the command runs");
    let said = String::from_utf8_lossy(&examined.stdout);
    assert!(said.contains("nothing amiss"), "{said}");
}
