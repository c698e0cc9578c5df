drop index if exists chat_drafts_conversation, chat_drafts_touched;
