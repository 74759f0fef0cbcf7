-- Conversations that their owner keeps at hand.

-- Since when; null for those that are not pinned.
alter table conversations add column pinned_at integer;
create index conversations_pinned on conversations (user_id, created_at, id) where pinned_at is not null;
