-- What accounts said of tools from outside: whether their models may call them. Where there is no row, the server's
-- default counts.

create table tool_grants (
    user_id integer not null references users (id) on delete cascade,
    -- The name that models are given, `SERVER__TOOL`.
    tool text not null,
    granted integer not null check (granted in (0, 1)),
    updated_at integer not null,
    primary key (user_id, tool)
) strict, without rowid;
