alter table contact_points drop constraint contact_points_failures;
alter table spendings reset (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
