-- What accounts said of tools from outside: whether their models may call them. Where there is no row, the server's
-- default counts.

create table tool_grants (
    user_id bigint not null references users (id) on delete cascade,
    -- The name that models are given, `SERVER__TOOL`.
    tool text not null,
    granted boolean not null,
    updated_at bigint not null,
    primary key (user_id, tool)
);
