-- One open dialogue for each person and conversation.
create unique index chat_drafts_conversation on chat_drafts (person, via, chat);
create index chat_drafts_touched on chat_drafts (touched_at);
