-- Sums of the ledger by day, budgets with what is reserved of them, and what administrators say of models.
-- A day is counted from 1970 (UTC), rounded towards the past.

-- The API key that a call came with.
alter table ledger add column key_id bigint;
-- -1 on a line that takes another one back: sums over both are as if neither had been.
alter table ledger add column calls bigint not null default 1;
create index ledger_time on ledger (created_at);

-- Written with each line of the ledger, in the same transaction. Like the ledger it outlives accounts.
create table usage_days (
    user_id bigint not null,
    day bigint not null,
    model text not null,
    scope text not null,
    calls bigint not null,
    fresh_input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    amount bigint not null,
    primary key (user_id, day, model, scope)
);
create index usage_days_day on usage_days (day);

insert into usage_days (user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, output, reasoning,
    amount)
select user_id,
    (created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000,
    model, scope,
    cast(sum(calls) as bigint), cast(sum(fresh_input) as bigint), cast(sum(cache_read) as bigint), cast(sum(cache_write) as bigint),
    cast(sum(output) as bigint), cast(sum(reasoning) as bigint), cast(sum(amount) as bigint)
from ledger group by 1, 2, 3, 4;

-- One row for every account, since whatever changes an account's money takes this row first.
create table budgets (
    user_id bigint primary key not null references users (id) on delete cascade,
    -- Null means none.
    limit_amount bigint check (limit_amount >= 0),
    period text not null default 'month' check (period in ('day', 'month', 'total')),
    -- The days of the window that `spent` is the sum of, the second one excluded.
    window_from bigint not null default 0,
    window_to bigint not null default 0,
    spent bigint not null default 0,
    -- The sum of the reservations.
    reserved bigint not null default 0
);
insert into budgets (user_id) select id from users;

-- What running turns may still use.
create table reservations (
    message_id bigint primary key not null,
    user_id bigint not null,
    amount bigint not null check (amount >= 0),
    created_at bigint not null
);

-- What an administrator set; null leaves what the pricing data says.
create table model_overrides (
    model text primary key not null,
    input bigint,
    cache_read bigint,
    cache_write bigint,
    output bigint,
    context_window bigint,
    max_output_tokens bigint,
    enabled boolean not null,
    updated_at bigint not null
);
