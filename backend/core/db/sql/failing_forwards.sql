-- A log is rewritten with each message that counts: room on the page keeps that off the index.
alter table spendings set (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);
alter table spendings alter column spent set storage external;
alter table contact_points add constraint contact_points_failures check (failures >= 0);
-- A contact that failed before it was counted has failed once.
update contact_points set failures = 1 where failing_since is not null;
