-- Moments are microseconds since 1970 (UTC), money is pico-dollars, rates are pico-dollars per token.
-- `autoincrement` throughout: an id that was deleted is never handed out again.

create table settings (
    key text primary key not null,
    value text not null,
    updated_at integer not null
) strict, without rowid;

-- The first account to register turns this into `taken` and becomes the administrator.
insert into settings (key, value, updated_at) values ('first_administrator', 'open', 0);

create table users (
    id integer primary key autoincrement not null,
    email text not null unique,
    email_folded text not null,
    password_hash text not null,
    display_name text,
    role text not null check (role in ('user', 'admin')),
    disabled integer not null default 0 check (disabled in (0, 1)),
    -- Tokens of an older epoch no longer count.
    epoch integer not null default 0,
    created_at integer not null
) strict;
create index users_email_folded on users (email_folded, id);

-- Who owns an e-mail regardless of its case. Imported accounts may differ by case alone, new ones may not.
create table email_claims (
    email_folded text primary key not null,
    user_id integer references users (id) on delete cascade
) strict, without rowid;

-- Sessions that were ended before their token expires.
create table ended_sessions (
    session text primary key not null,
    user_id integer not null references users (id) on delete cascade,
    expires_at integer not null
) strict, without rowid;
create index ended_sessions_user on ended_sessions (user_id);
create index ended_sessions_expiry on ended_sessions (expires_at);

create table conversations (
    id integer primary key autoincrement not null,
    user_id integer not null references users (id) on delete cascade,
    title text,
    summary text,
    -- The last message of the active branch.
    head_id integer,
    created_at integer not null
) strict;
create index conversations_owner on conversations (user_id, created_at, id);

create table price_versions (
    id integer primary key autoincrement not null,
    model text not null,
    label text,
    input integer not null,
    cache_read integer not null,
    cache_write integer not null,
    output integer not null,
    created_at integer not null
) strict;
create index price_versions_model on price_versions (model, id);

create table messages (
    id integer primary key autoincrement not null,
    conversation_id integer not null references conversations (id) on delete cascade,
    user_id integer not null,
    parent_id integer,
    -- On an answer: the question it answers.
    request_id integer,
    role text not null check (role in ('user', 'assistant')),
    status text not null check (status in ('running', 'complete', 'stopped', 'interrupted', 'failed')),
    text text not null,
    summary text,
    model text,
    -- Estimated size with attachments, and the sum of all sizes before it on its branch.
    size_tokens integer not null default 0,
    tokens_before integer not null default 0,
    fresh_input integer,
    cache_read integer,
    cache_write integer,
    output integer,
    reasoning integer,
    price integer,
    error_code text,
    error_detail text,
    -- A running answer whose owner has not renewed this is interrupted.
    lease_until integer,
    created_at integer not null
) strict;
create index messages_conversation on messages (conversation_id, id);
create index messages_running on messages (lease_until) where status = 'running';

-- File contents, once each.
create table blobs (
    content_hash text primary key not null,
    size integer not null,
    bytes blob not null
) strict;

-- What an extractor made of a content.
create table extracted_texts (
    content_hash text primary key not null references blobs (content_hash) on delete cascade,
    text text not null,
    truncated integer not null check (truncated in (0, 1)),
    note text
) strict;

create table attachments (
    id integer primary key autoincrement not null,
    message_id integer not null references messages (id) on delete cascade,
    user_id integer not null,
    filename text not null,
    content_type text,
    kind text not null,
    size integer not null,
    content_hash text not null references blobs (content_hash)
) strict;
create index attachments_message on attachments (message_id, id);
create index attachments_content on attachments (content_hash);

create table usage_details (
    id integer primary key autoincrement not null,
    message_id integer not null references messages (id) on delete cascade,
    conversation_id integer not null,
    user_id integer not null,
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
    created_at integer not null
) strict;
create index usage_details_message on usage_details (message_id, id);
create index usage_details_conversation on usage_details (conversation_id, id);

-- Every charge, for good: no foreign keys, since it outlives conversations and accounts.
create table ledger (
    id integer primary key autoincrement not null,
    user_id integer not null,
    conversation_id integer not null,
    message_id integer not null,
    scope text not null,
    model text not null,
    fresh_input integer not null,
    cache_read integer not null,
    cache_write integer not null,
    output integer not null,
    reasoning integer not null,
    usage_source text not null,
    amount integer not null,
    price_version integer,
    created_at integer not null
) strict;
create index ledger_user on ledger (user_id, created_at);
create index ledger_message on ledger (message_id);

create trigger ledger_no_update before update on ledger begin
    select raise(abort, 'the ledger is append-only');
end;
create trigger ledger_no_delete before delete on ledger begin
    select raise(abort, 'the ledger is append-only');
end;

-- Vectors of the collection, by embedding space (model and dimension) and content.
create table embeddings (
    space text not null,
    content_hash text not null,
    vector blob not null,
    primary key (space, content_hash)
) strict, without rowid;

-- What an import brought and under which id, so that a second run adds nothing.
create table imported_rows (
    source text not null,
    kind text not null,
    source_id integer not null,
    local_id integer not null,
    primary key (source, kind, source_id)
) strict, without rowid;
