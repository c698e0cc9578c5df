-- What a process can't use just now, such as a vendor that does not answer; told with its beat.
alter table process_beats add column ails text[] not null default '{}';
