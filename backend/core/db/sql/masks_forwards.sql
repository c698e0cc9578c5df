-- One look a batch finds what is in force in a unit; the chore finds what is due.
create index masks_in_force on masks (unit) where state = 'active';
create index masks_due on masks (until_at) where state in ('asked', 'active');
create index masks_of_unit on masks (unit, asked_at);
create index test_windows_in_force on test_windows (unit) where state = 'open';
create index test_windows_due on test_windows (from_at) where state in ('planned', 'open');
create index test_windows_of_unit on test_windows (unit, asked_at);
create unique index alarm_holds_now on alarm_holds (alarm) where ended_at is null;

alter table masks add constraint masks_scope check (scope in ('component', 'system', 'device', 'zone'));
alter table masks add constraint masks_reason check (reason <> '');
alter table masks add constraint masks_two_people check
    (not is_fire or started_at is null or (decided_by is not null and decided_by <> asked_by));
alter table test_windows add constraint test_windows_scope check (scope in ('device', 'zone', 'building', 'unit'));
alter table test_windows add constraint test_windows_kind check (kind in ('drill', 'test'));
alter table test_windows add constraint test_windows_bounded check (until_at > from_at and reason <> '');
alter table alarm_holds add constraint alarm_holds_one check ((mask is null) <> ("window" is null));

-- MASK_TRANSITIONS and WINDOW_TRANSITIONS of backend/alarms/masks/model.py; a test compares them.
create function masks_move_forward() returns trigger language plpgsql as $$
begin
    if new.state <> old.state and (old.state, new.state) not in (
        ('asked', 'active'), ('asked', 'refused'), ('asked', 'lifted'), ('asked', 'expired'),
        ('active', 'lifted'), ('active', 'expired')) then
        raise exception 'mask % does not go from % to %', old.number, old.state, new.state
            using errcode = 'restrict_violation';
    end if;
    if (new.unit, new.scope, new.reason, new.asked_by, new.until_at, new.is_fire)
        is distinct from (old.unit, old.scope, old.reason, old.asked_by, old.until_at, old.is_fire) then
        raise exception 'what mask % was approved for stays as it is', old.number
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger move_forward before update on masks for each row execute function masks_move_forward();

create function test_windows_move_forward() returns trigger language plpgsql as $$
begin
    if new.state <> old.state and (old.state, new.state) not in (
        ('planned', 'open'), ('planned', 'ended'), ('open', 'ended')) then
        raise exception 'window % does not go from % to %', old.number, old.state, new.state
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger move_forward before update on test_windows
    for each row execute function test_windows_move_forward();

revoke delete on masks, test_windows, alarm_holds from fenghuo_service;
