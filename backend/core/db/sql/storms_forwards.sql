-- One episode for a group of alarms while it is open; what is over carries its id behind its key.
create unique index storms_key on storms (key) where ended_at is null;
create index storms_quiet on storms (last_at) where ended_at is null;
create index storms_unsettled on storms (ended_at) where is_storm and settled_at is null;
alter table storms set (fillfactor = 70);
create index alarms_of_storm on alarms (storm) where storm is not null;
create index alarms_led on alarms (led_by) where led_by is not null and closed_at is null;

-- The list of open alarms, in the order it is shown in: a page of ten thousand is read without sorting them.
create index alarms_urgency on alarms (
    (case severity when 'fire' then 0 when 'abnormal' then 1 when 'fault' then 2 else 3 end),
    (cleared_at is not null), (acknowledged_at is not null), raised_at, id) where closed_at is null;
create index alarms_open_severity on alarms (severity) include (unit, acknowledged_at) where closed_at is null;

-- A device is lost once until it is back.
create unique index link_outages_open on link_outages (device) where restored_at is null;
create index link_outages_of_device on link_outages (device, lost_at);
create index link_outages_recognised on link_outages (recognised_at);
alter table link_outages add constraint link_outages_forward check (restored_at is null or restored_at >= lost_at);
create unique index link_checks_key on link_checks (device, day);
revoke delete on link_outages from fenghuo_service;
