-- A call that another model answered: the one that was asked first, whose provider failed before its first byte.

alter table usage_details add column fallback_from text;
alter table turn_calls add column fallback_from text;
