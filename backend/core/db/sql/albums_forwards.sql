-- Photos that were sent at once are handled together: by which update, so that no other takes them too.
alter table chat_updates add column together_with bigint;
