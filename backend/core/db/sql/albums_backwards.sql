alter table chat_updates drop column together_with;
