drop function put_into_inboxes;
