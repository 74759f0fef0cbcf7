-- Calls whose price nobody knows are counted apart: their lines amount to nothing, which is not what they cost.

alter table ledger add column unpriced bigint not null default 0;
alter table usage_days add column unpriced bigint not null default 0;
alter table usage_months add column unpriced bigint not null default 0;
alter table all_usage_days add column unpriced bigint not null default 0;
alter table all_usage_months add column unpriced bigint not null default 0;

-- Earlier lines do not say it, but the rows of their calls do. What was deleted since is not known any more.
alter table ledger disable trigger ledger_no_change;
update ledger set unpriced = calls where amount = 0 and message_id > 0 and exists (
    select 1 from usage_details u
    where u.message_id = ledger.message_id and u.scope = ledger.scope and u.model = ledger.model and u.price is null
);
update ledger set unpriced = calls where amount = 0 and message_id < 0 and exists (
    select 1 from direct_calls c where c.id = -ledger.message_id and c.usage_source is not null and c.price is null
);
alter table ledger enable trigger ledger_no_change;

insert into usage_days (user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, output, reasoning, amount,
    unpriced)
select user_id, (created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000, model, scope,
    0, 0, 0, 0, 0, 0, 0, sum(unpriced)
from ledger where unpriced <> 0 group by 1, 2, 3, 4
on conflict (user_id, day, model, scope) do update set unpriced = excluded.unpriced;

-- The sums that are made of these are made again, as days are closed.
delete from usage_months;
delete from all_usage_days;
delete from all_usage_months;
update closed_days set through = -200000000;
