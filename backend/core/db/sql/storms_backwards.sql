drop index if exists storms_key, storms_quiet, storms_unsettled, alarms_of_storm, alarms_led, alarms_urgency,
    alarms_open_severity, link_outages_open, link_outages_of_device, link_outages_recognised, link_checks_key;
alter table if exists link_outages drop constraint if exists link_outages_forward;
