-- The index of words takes many texts at once for little more than one. What was written lately waits here for it, in
-- the transaction that wrote it, and is searched by itself until then. A row is either waiting or in the index.

create table search_new_titles (id integer primary key not null) strict;
create table search_new_messages (id integer primary key not null) strict;

drop trigger search_title_added;
drop trigger search_title_changed;
drop trigger search_title_deleted;
create trigger search_title_added after insert on conversations when new.title <> '' begin
    insert into search_new_titles (id) values (new.id);
end;
create trigger search_title_changed after update of title on conversations when old.title is not new.title begin
    delete from search_titles where rowid = old.id;
    delete from search_new_titles where id = old.id;
    insert into search_new_titles (id) select new.id where new.title <> '';
end;
create trigger search_title_deleted after delete on conversations when old.title <> '' begin
    delete from search_titles where rowid = old.id;
    delete from search_new_titles where id = old.id;
end;

drop trigger search_message_added;
drop trigger search_message_changed;
drop trigger search_message_deleted;
create trigger search_message_added after insert on messages when new.text <> '' begin
    insert into search_new_messages (id) values (new.id);
end;
create trigger search_message_written after update of text on messages when old.text = '' and new.text <> '' begin
    insert into search_new_messages (id) values (new.id);
end;
create trigger search_message_changed after update of text on messages when old.text <> '' and old.text <> new.text begin
    delete from search_messages where rowid = old.id;
    delete from search_new_messages where id = old.id;
    insert into search_new_messages (id) select new.id where new.text <> '';
end;
create trigger search_message_deleted after delete on messages when old.text <> '' begin
    delete from search_messages where rowid = old.id;
    delete from search_new_messages where id = old.id;
end;
