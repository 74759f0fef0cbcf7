-- How long answers and their steps took.

-- From the question to the first piece of the answer, and to its end, in milliseconds; null where nobody knows.
alter table messages add column first_ms integer;
alter table messages add column total_ms integer;
-- When it was written; null for those of earlier versions.
alter table turn_events add column written_at integer;
