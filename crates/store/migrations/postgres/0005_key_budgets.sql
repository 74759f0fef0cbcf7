-- What each key may spend and which models it may use, beside what its account may.

-- JSON: the names of the models the key may use; null means all.
alter table api_keys add column models text;

-- The key that a turn came with, for settling a turn whose owner died.
alter table messages add column key_id bigint;

-- The sums of the ledger's lines that name a key, by day; written in their transaction. Like the ledger it outlives keys.
create table key_days (
    key_id bigint not null,
    day bigint not null,
    amount bigint not null,
    primary key (key_id, day)
);

-- One row for each key with a limit. Whatever changes it takes the row of the account's budget first.
create table key_budgets (
    key_id bigint primary key not null references api_keys (id) on delete cascade,
    limit_amount bigint not null check (limit_amount >= 0),
    period text not null default 'month' check (period in ('day', 'month', 'total')),
    -- The days of the window that `spent` is the sum of, the second one excluded.
    window_from bigint not null default 0,
    window_to bigint not null default 0,
    spent bigint not null default 0,
    -- The sum of the reservations.
    reserved bigint not null default 0
);

-- What is set aside of a key's budget; `amount` is what is set aside of the account's.
alter table reservations add column key_id bigint;
alter table reservations add column key_amount bigint not null default 0 check (key_amount >= 0);
