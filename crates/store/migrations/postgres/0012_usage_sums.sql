-- Coarser sums of the ledger, so that a report costs the same however many days there are. They hold the days that are
-- closed; the others are added when they are over, so that a call in the present adds to `usage_days` alone, and calls of
-- all accounts have no row in common. A month is the number of its first day.

create table usage_months (
    user_id bigint not null,
    month bigint not null,
    model text not null,
    scope text not null,
    calls bigint not null,
    fresh_input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    amount bigint not null,
    primary key (user_id, month, model, scope)
);
create index usage_months_month on usage_months (month);

-- Those of all accounts together.
create table all_usage_days (
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
    primary key (day, model, scope)
);

create table all_usage_months (
    month bigint not null,
    model text not null,
    scope text not null,
    calls bigint not null,
    fresh_input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    amount bigint not null,
    primary key (month, model, scope)
);

-- Every day up to this one is closed, whether it has lines or not. What is charged on it later is added everywhere.
create table closed_days (
    id bigint primary key not null check (id = 1),
    through bigint not null
);
insert into closed_days (id, through) values (1, -200000000);
