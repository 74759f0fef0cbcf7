-- Sums of the ledger by day, budgets with what is reserved of them, and what administrators say of models.
-- A day is counted from 1970 (UTC), rounded towards the past.

-- The API key that a call came with.
alter table ledger add column key_id integer;
-- -1 on a line that takes another one back: sums over both are as if neither had been.
alter table ledger add column calls integer not null default 1;
create index ledger_time on ledger (created_at);

-- Written with each line of the ledger, in the same transaction. Like the ledger it outlives accounts.
create table usage_days (
    user_id integer not null,
    day integer not null,
    model text not null,
    scope text not null,
    calls integer not null,
    fresh_input integer not null,
    cache_read integer not null,
    cache_write integer not null,
    output integer not null,
    reasoning integer not null,
    amount integer not null,
    primary key (user_id, day, model, scope)
) strict, without rowid;
create index usage_days_day on usage_days (day);

insert into usage_days (user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, output, reasoning,
    amount)
select user_id,
    (created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000,
    model, scope,
    sum(calls), sum(fresh_input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(amount)
from ledger group by 1, 2, 3, 4;

-- One row for every account, since whatever changes an account's money takes this row first.
create table budgets (
    user_id integer primary key not null references users (id) on delete cascade,
    -- Null means none.
    limit_amount integer check (limit_amount >= 0),
    period text not null default 'month' check (period in ('day', 'month', 'total')),
    -- The days of the window that `spent` is the sum of, the second one excluded.
    window_from integer not null default 0,
    window_to integer not null default 0,
    spent integer not null default 0,
    -- The sum of the reservations.
    reserved integer not null default 0
) strict;
insert into budgets (user_id) select id from users;

-- What running turns may still use.
create table reservations (
    message_id integer primary key not null,
    user_id integer not null,
    amount integer not null check (amount >= 0),
    created_at integer not null
) strict;

-- What an administrator set; null leaves what the pricing data says.
create table model_overrides (
    model text primary key not null,
    input integer,
    cache_read integer,
    cache_write integer,
    output integer,
    context_window integer,
    max_output_tokens integer,
    enabled integer not null check (enabled in (0, 1)),
    updated_at integer not null
) strict, without rowid;
