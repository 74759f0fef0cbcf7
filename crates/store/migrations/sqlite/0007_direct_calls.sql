-- Model calls that belong to an account and to no conversation. Ledger lines and reservations of call N carry -N in
-- the place of a message's id.

-- Like the ledger it holds amounts and no content, and outlives accounts.
create table direct_calls (
    id integer primary key autoincrement not null,
    user_id integer not null,
    key_id integer,
    kind text not null check (kind in ('chat', 'response', 'message', 'embedding')),
    model text not null,
    -- The model that was asked first, where this one is asked in its place.
    fallback_from text,
    status text not null check (status in ('running', 'complete', 'stopped', 'interrupted', 'failed')),
    -- The estimated input, for settling a call whose owner died.
    request_tokens integer not null,
    -- What it used; null where it gave nothing that anybody charges for, and then the ledger has no line of it.
    fresh_input integer,
    cache_read integer,
    cache_write integer,
    output integer,
    reasoning integer,
    usage_source text check (usage_source in ('provider', 'estimated', 'none')),
    price integer,
    price_version integer references price_versions (id),
    error_code text,
    error_detail text,
    -- Why the model ended.
    stop_reason text,
    -- A running call whose owner has not renewed this is interrupted.
    lease_until integer,
    -- Interrupted by a sweep: an owner that lives after all may still close the call.
    swept integer not null default 0 check (swept in (0, 1)),
    created_at integer not null,
    ended_at integer
) strict;
create index direct_calls_running on direct_calls (lease_until) where status = 'running';

-- What can be read again of a call: a stored response, or a call that its client may repeat.
create table kept_calls (
    call_id integer primary key not null references direct_calls (id),
    user_id integer not null references users (id) on delete cascade,
    public_id text not null unique,
    -- The response that this one goes on from.
    previous_id text,
    -- What was asked for beside the input, and the input, in the words of the interface it came through.
    face text not null,
    input text not null,
    -- The pieces of the output, a JSON array; null while it runs.
    output text,
    -- Set by any instance, obeyed by the one that runs the call.
    cancel_requested integer not null default 0 check (cancel_requested in (0, 1)),
    keep_until integer not null,
    created_at integer not null
) strict;
create index kept_calls_owner on kept_calls (user_id);
create index kept_calls_running on kept_calls (call_id) where output is null;
create index kept_calls_age on kept_calls (keep_until);

-- The output of a running call, written before it is shown.
create table kept_pieces (
    call_id integer not null references kept_calls (call_id) on delete cascade,
    number integer not null,
    data text not null,
    primary key (call_id, number)
) strict, without rowid;

-- Of a key that stands for a direct call.
alter table idempotency_keys add column call_id integer;
create index idempotency_keys_call on idempotency_keys (call_id) where call_id is not null;
