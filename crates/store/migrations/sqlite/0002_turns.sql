-- Answers while they are written, what of them is shown beside their text, several answers to one question, and
-- requests that may be repeated.

-- Set when a message has a sibling for the first time: until then a conversation is one line, in order of ids.
alter table conversations add column branched integer not null default 0 check (branched in (0, 1));
-- The estimated input of a turn's first model call, for settling a turn whose owner died.
alter table messages add column request_tokens integer;
-- Set by any instance, obeyed by the one that runs the turn.
alter table messages add column cancel_requested integer not null default 0 check (cancel_requested in (0, 1));
-- Interrupted by a sweep: an owner that lives after all may still close the turn.
alter table messages add column swept integer not null default 0 check (swept in (0, 1));
create index messages_parent on messages (parent_id, id) where parent_id is not null;
create index messages_roots on messages (conversation_id, id) where parent_id is null;

-- What readers of an answer see, in order. `text` rows are folded into the message at its end; the others stay.
create table turn_events (
    message_id integer not null references messages (id) on delete cascade,
    number integer not null,
    kind text not null check (kind in ('text', 'reasoning', 'tool', 'title')),
    -- Bytes of the answer's text before it.
    text_offset integer not null,
    data text not null,
    primary key (message_id, number)
) strict, without rowid;

-- Model calls of a running turn after its first, written before each is made; at its end they become usage rows.
create table turn_calls (
    message_id integer not null references messages (id) on delete cascade,
    number integer not null,
    scope text not null check (scope in ('title', 'intent', 'summary', 'tool', 'final')),
    model text not null,
    fresh_input integer not null,
    cache_read integer not null,
    cache_write integer not null,
    output integer not null,
    reasoning integer not null,
    usage_source text not null check (usage_source in ('provider', 'estimated', 'none')),
    price integer,
    price_version integer references price_versions (id),
    -- Whether it has ended; the counts of one that has not are what was known when it began.
    ended integer not null check (ended in (0, 1)),
    created_at integer not null,
    primary key (message_id, number)
) strict, without rowid;

-- Requests that a client may repeat without repeating their effect.
create table idempotency_keys (
    user_id integer not null references users (id) on delete cascade,
    key text not null,
    fingerprint text not null,
    -- Null only inside the transaction that makes the turn.
    conversation_id integer,
    request_message_id integer,
    response_message_id integer,
    created_at integer not null,
    primary key (user_id, key)
) strict, without rowid;
create index idempotency_keys_age on idempotency_keys (created_at);
