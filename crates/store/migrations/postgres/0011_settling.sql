-- What a turn is charged when nobody is left to say it: by the prices that it began with, and before its rows go.

-- The version of its model's prices that a running answer was opened with, whatever changed since.
alter table messages add column price_version bigint;
update messages set price_version = coalesce(
    (select max(v.id) from price_versions v where v.model = messages.model and v.created_at <= messages.created_at),
    (select max(v.id) from price_versions v where v.model = messages.model))
where status = 'running';

-- What answers had set aside that were deleted while they ran: from now on nothing outlives its answer.
delete from reservations where message_id > 0
    and not exists (select 1 from messages m where m.id = reservations.message_id);
update budgets set reserved =
    (select cast(coalesce(sum(r.amount), 0) as bigint) from reservations r where r.user_id = budgets.user_id);
update key_budgets set reserved =
    (select cast(coalesce(sum(r.key_amount), 0) as bigint) from reservations r where r.key_id = key_budgets.key_id);

-- Answers that were deleted before their owner had closed them, and charged by what was known then. The owner's own
-- charges take their place, once. Forgotten after a while: no owner lives for ever.
create table deleted_turns (
    message_id bigint primary key not null,
    user_id bigint not null,
    created_at bigint not null
);

-- `truncate` deletes no row, so that the ledger's other triggers do not see it.
create trigger ledger_no_truncate before truncate on ledger
    for each statement execute function ledger_is_append_only();
