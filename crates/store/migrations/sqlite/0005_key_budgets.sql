-- What each key may spend and which models it may use, beside what its account may.

-- JSON: the names of the models the key may use; null means all.
alter table api_keys add column models text;

-- The key that a turn came with, for settling a turn whose owner died.
alter table messages add column key_id integer;

-- The sums of the ledger's lines that name a key, by day; written in their transaction. Like the ledger it outlives keys.
create table key_days (
    key_id integer not null,
    day integer not null,
    amount integer not null,
    primary key (key_id, day)
) strict, without rowid;

-- One row for each key with a limit. Whatever changes it takes the row of the account's budget first.
create table key_budgets (
    key_id integer primary key not null references api_keys (id) on delete cascade,
    limit_amount integer not null check (limit_amount >= 0),
    period text not null default 'month' check (period in ('day', 'month', 'total')),
    -- The days of the window that `spent` is the sum of, the second one excluded.
    window_from integer not null default 0,
    window_to integer not null default 0,
    spent integer not null default 0,
    -- The sum of the reservations.
    reserved integer not null default 0
) strict;

-- What is set aside of a key's budget; `amount` is what is set aside of the account's.
alter table reservations add column key_id integer;
alter table reservations add column key_amount integer not null default 0 check (key_amount >= 0);
