-- Words of titles and messages, keys for programs.

-- Both hold row numbers by term and nothing else; a term is an owner and a word, so that a search reads the owner's
-- own alone. `search_terms` is a function of the program's.
create virtual table search_titles using fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
create virtual table search_messages using fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

insert into search_titles (rowid, terms)
    select id, search_terms(user_id, title) from conversations where title <> '' order by id;
insert into search_messages (rowid, terms)
    select id, search_terms(user_id, text) from messages where text <> '' order by id;

create trigger search_title_added after insert on conversations when new.title <> '' begin
    insert into search_titles (rowid, terms) values (new.id, search_terms(new.user_id, new.title));
end;
create trigger search_title_changed after update of title on conversations when old.title is not new.title begin
    delete from search_titles where rowid = old.id;
    insert into search_titles (rowid, terms)
        select new.id, search_terms(new.user_id, new.title) where new.title <> '';
end;
create trigger search_title_deleted after delete on conversations when old.title <> '' begin
    delete from search_titles where rowid = old.id;
end;

create trigger search_message_added after insert on messages when new.text <> '' begin
    insert into search_messages (rowid, terms) values (new.id, search_terms(new.user_id, new.text));
end;
create trigger search_message_changed after update of text on messages when old.text <> new.text begin
    delete from search_messages where rowid = old.id;
    insert into search_messages (rowid, terms)
        select new.id, search_terms(new.user_id, new.text) where new.text <> '';
end;
create trigger search_message_deleted after delete on messages when old.text <> '' begin
    delete from search_messages where rowid = old.id;
end;

-- Keys that programs sign in with. Of a key only the hash is kept.
create table api_keys (
    id integer primary key autoincrement not null,
    user_id integer not null references users (id) on delete cascade,
    name text not null,
    prefix text not null,
    key_hash text not null unique,
    created_at integer not null,
    last_used_at integer,
    expires_at integer
) strict;
create index api_keys_owner on api_keys (user_id, id);
