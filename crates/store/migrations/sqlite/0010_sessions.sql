-- Sessions as their owners see them. A token does not need its row: what ends it before its time is `ended_sessions`.

create table sessions (
    id integer primary key autoincrement not null,
    user_id integer not null references users (id) on delete cascade,
    -- As its token names it.
    session text not null unique,
    -- The account's epoch that it began in: with a later one it has ended.
    epoch integer not null,
    user_agent text,
    created_at integer not null,
    last_used_at integer,
    expires_at integer not null
) strict;
create index sessions_owner on sessions (user_id, id);
