-- A group chat is bound to one unit at a time.
create unique index chat_groups_bound on chat_groups (channel, chat) where unbound_at is null;
