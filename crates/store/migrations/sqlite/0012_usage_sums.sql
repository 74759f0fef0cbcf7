-- Coarser sums of the ledger, so that a report costs the same however many days there are. They hold the days that are
-- closed; the others are added when they are over, so that a call in the present adds to `usage_days` alone, and calls of
-- all accounts have no row in common. A month is the number of its first day.

create table usage_months (
    user_id integer not null,
    month integer not null,
    model text not null,
    scope text not null,
    calls integer not null,
    fresh_input integer not null,
    cache_read integer not null,
    cache_write integer not null,
    output integer not null,
    reasoning integer not null,
    amount integer not null,
    primary key (user_id, month, model, scope)
) strict, without rowid;
create index usage_months_month on usage_months (month);

-- Those of all accounts together.
create table all_usage_days (
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
    primary key (day, model, scope)
) strict, without rowid;

create table all_usage_months (
    month integer not null,
    model text not null,
    scope text not null,
    calls integer not null,
    fresh_input integer not null,
    cache_read integer not null,
    cache_write integer not null,
    output integer not null,
    reasoning integer not null,
    amount integer not null,
    primary key (month, model, scope)
) strict, without rowid;

-- Every day up to this one is closed, whether it has lines or not. What is charged on it later is added everywhere.
create table closed_days (
    id integer primary key not null check (id = 1),
    through integer not null
) strict;
insert into closed_days (id, through) values (1, -200000000);
