drop table if exists chat_updates, channel_rests, frame_fingerprints, ledger_head, ledger cascade;
drop table if exists registry_version cascade;
drop trigger if exists changed on units;
drop trigger if exists changed on buildings;
drop trigger if exists changed on zones;
drop trigger if exists changed on devices;
drop trigger if exists changed on components;
drop trigger if exists stamps_stay on attempts;
drop trigger if exists stamps_stay on notices;
drop trigger if exists moves_forward on alarms;
drop function if exists registry_changed, alarms_move_forward, stamps_stay, notice_stamps_stay, ledger_refuses, ledger_head_advances;
drop function if exists ledger_ensure_partitions;
alter table attempts drop constraint if exists attempts_state;
alter table alarms drop constraint if exists alarms_severity, drop constraint if exists alarms_closed_means_both;
drop index if exists buildings_key, zones_key, facility_systems_key, components_key, contact_points_key, contact_points_address, grants_key,
    chat_identities_key, analog_states_key, device_links_key, acknowledgements_key, service_agreements_key,
    alarms_active_key, alarms_active_of_device, alarms_open, alarms_same, attempts_due, attempts_redraw, attempts_unheld, attempts_key, inbox_of_person, inbox_of_attempt;
do $$
begin
    execute format('revoke all on all tables in schema %I from fenghuo_service', current_schema());
    execute format('revoke all on all sequences in schema %I from fenghuo_service', current_schema());
    execute format('revoke all on schema %I from fenghuo_service', current_schema());
exception when undefined_object then
    null;
end $$;
