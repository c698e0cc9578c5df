drop index if exists chat_groups_bound;
