-- Keys and indexes that Piccolo's columns can't express.
create unique index buildings_key on buildings (unit, code);
create unique index zones_key on zones (building, code);
create unique index facility_systems_key on facility_systems (device, system_type, system_address);
create unique index components_key on components
    (device, system_type, system_address, component_address, coalesce(quantity, -1));
create unique index contact_points_key on contact_points (person, channel, address);
create index contact_points_address on contact_points (channel, address);
create unique index grants_key on grants (person, role, unit) nulls not distinct;
create unique index chat_identities_key on chat_identities (channel, account) where unlinked_at is null;
create unique index analog_states_key on analog_states (subject, quantity);
create unique index device_links_key on device_links (device);
create unique index acknowledgements_key on acknowledgements (alarm, person);
create unique index service_agreements_key on service_agreements (unit, number);

-- One alarm for a subject and condition while it is active (house.md 3.4).
create unique index alarms_active_key on alarms (subject, condition) where cleared_at is null;
create index alarms_active_of_device on alarms (device) where cleared_at is null;
create index alarms_open on alarms (unit, raised_at) where closed_at is null;
create index alarms_same on alarms (subject, condition, device_time);

-- What the sweeper looks for, and nothing else (partial: the index stays small).
create index attempts_due on attempts (lane, due_at) where state in ('pending', 'sending');
create index attempts_redraw on attempts (lane, redraw_at) where redraw_at is not null;
create index attempts_unheld on attempts (deadline_at) where is_held is null and deadline_at is not null;
create unique index attempts_key on attempts (notice, person, channel, address);
create index inbox_of_person on inbox_items (person, seq);
create index inbox_of_attempt on inbox_items (attempt);

alter table attempts add constraint attempts_state check
    (state in ('pending', 'sending', 'accepted', 'refused', 'skipped'));
alter table alarms add constraint alarms_severity check
    (severity in ('fire', 'fault', 'abnormal', 'offline'));
alter table alarms add constraint alarms_closed_means_both check
    (closed_at is null or (cleared_at is not null and verdict is not null));

-- Hot rows are updated in place: room on the page keeps those updates off the indexes.
alter table facility_states set (fillfactor = 70);
alter table device_links set (fillfactor = 70);
alter table attempts set (fillfactor = 70);

-- Stamps are evidence: once set they stay (house.md 2, the deadline ledger).
create function stamps_stay() returns trigger language plpgsql as $$
begin
    -- ATTEMPT_TRANSITIONS of backend/delivery/model.py; a test compares the two
    if new.state <> old.state and (old.state, new.state) not in (
        ('pending', 'sending'), ('pending', 'skipped'),
        ('sending', 'accepted'), ('sending', 'refused'), ('sending', 'pending')) then
        raise exception 'attempt % does not go from % to %', old.id, old.state, new.state
            using errcode = 'restrict_violation';
    end if;
    if (old.t4 is not null and new.t4 is distinct from old.t4)
        or (old.t5 is not null and new.t5 is distinct from old.t5)
        or (old.t6 is not null and new.t6 is distinct from old.t6)
        or (old.t7 is not null and new.t7 is distinct from old.t7)
        or (old.is_held is not null and new.is_held is distinct from old.is_held) then
        raise exception 'stamps of attempt % are evidence and stay as they are', old.id
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger stamps_stay before update on attempts for each row execute function stamps_stay();

-- Neither axis of an alarm ever moves backwards (house.md 3.5).
create function alarms_move_forward() returns trigger language plpgsql as $$
begin
    if (old.cleared_at is not null and new.cleared_at is distinct from old.cleared_at)
        or (old.acknowledged_at is not null and new.acknowledged_at is distinct from old.acknowledged_at)
        or (old.closed_at is not null and new.closed_at is distinct from old.closed_at)
        or (old.verdict is not null and new.verdict is null)
        or (old.closed_at is not null and new.verdict is distinct from old.verdict) then
        raise exception 'alarm % does not move backwards', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger moves_forward before update on alarms for each row execute function alarms_move_forward();

create function notice_stamps_stay() returns trigger language plpgsql as $$
begin
    if new.t0 is distinct from old.t0 or new.t1 is distinct from old.t1 or new.t3 is distinct from old.t3
        or (old.t2 is not null and new.t2 is distinct from old.t2)
        or new.deadline_at is distinct from old.deadline_at then
        raise exception 'stamps of notice % are evidence and stay as they are', old.id
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger stamps_stay before update on notices for each row execute function notice_stamps_stay();

-- What the gateway caches of the registry is read again when this number changes.
create table registry_version (id int primary key default 1 check (id = 1), version bigint not null);
insert into registry_version (version) values (1);
create function registry_changed() returns trigger language plpgsql as $$
begin
    update registry_version set version = version + 1;
    return null;
end $$;
create trigger changed after insert or update or delete on units
    for each statement execute function registry_changed();
create trigger changed after insert or update or delete on buildings
    for each statement execute function registry_changed();
create trigger changed after insert or update or delete on zones
    for each statement execute function registry_changed();
create trigger changed after insert or delete
    or update of unit, building, kind, address, power, profile, name, adopted_at on devices
    for each statement execute function registry_changed();
create trigger changed after insert or update or delete on components
    for each statement execute function registry_changed();

-- Frames that were taken in lately, by (source, serial, command, ADU): a repeat makes no second alarm.
create table frame_fingerprints (fingerprint bytea primary key, received_at timestamptz not null)
    with (fillfactor = 80);
create index frame_fingerprints_age on frame_fingerprints (received_at);

-- Channels that asked for a rest (429), for all workers: until then nothing is claimed for them.
create table channel_rests (channel text primary key, until timestamptz not null);

-- Updates of chat services, stored before they are handled.
create table chat_updates (
    channel text not null,
    update_id bigint not null,
    received_at timestamptz not null,
    body jsonb not null,
    handled_at timestamptz,
    primary key (channel, update_id)
);
create index chat_updates_waiting on chat_updates (channel, update_id) where handled_at is null;

-- The ledger (CQC/SC 11002-2025, 4.1.3): append-only, a partition a month.
create table ledger (
    seq bigint not null,
    id uuid not null,
    kind text not null,
    address text not null,
    peer text not null,
    gateway text not null,
    octets bytea not null,
    facts text not null,
    received_at timestamptz not null,
    digest bytea not null,
    chain bytea not null,
    primary key (received_at, seq)
) partition by range (received_at);
create index ledger_seq on ledger (seq);
create index ledger_id on ledger (id);
create index ledger_address on ledger (address, seq);
create table ledger_rest partition of ledger default;
create table ledger_head (id int primary key default 1 check (id = 1), seq bigint not null, chain bytea not null);
insert into ledger_head (seq, chain) values (0, '\x0000000000000000000000000000000000000000000000000000000000000000');

create function ledger_refuses() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on ledger for each row execute function ledger_refuses();
create trigger no_truncate before truncate on ledger for each statement execute function ledger_refuses();
create trigger no_truncate before truncate on ledger_rest for each statement execute function ledger_refuses();

-- The head only ever moves forward.
create function ledger_head_advances() returns trigger language plpgsql as $$
begin
    if tg_op <> 'UPDATE' or new.seq <= old.seq then
        raise exception 'the head of the ledger only moves forward' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger advances before update or delete on ledger_head for each row execute function ledger_head_advances();
create trigger no_truncate before truncate on ledger_head for each statement execute function ledger_refuses();

-- Makes the partitions of this month and the three that follow; the service may call it, and nothing more.
create function ledger_ensure_partitions(from_day date default current_date) returns void
    language plpgsql security definer set search_path from current as $$
declare
    first date;
    part text;
begin
    perform pg_advisory_xact_lock(7310868735422361455);
    for month in 0..3 loop
        first := (date_trunc('month', from_day) + make_interval(months => month))::date;
        part := 'ledger_' || to_char(first, 'YYYY_MM');
        if to_regclass(part) is null
            and not exists (select from ledger_rest where received_at >= first
                            and received_at < first + interval '1 month') then
            execute format('create table %I partition of ledger for values from (%L) to (%L)',
                part, first, first + interval '1 month');
            execute format('create trigger no_truncate before truncate on %I
                            for each statement execute function ledger_refuses()', part);
        end if;
    end loop;
end $$;
select ledger_ensure_partitions();

-- The service works under a role that can neither change the ledger nor any table's shape.
do $$
begin
    if not exists (select from pg_roles where rolname = 'fenghuo_service') then
        create role fenghuo_service nologin;
    end if;
exception when duplicate_object or unique_violation then
    null;  -- another database of this server made it meanwhile
end $$;
do $$
begin
    execute format('grant usage on schema %I to fenghuo_service', current_schema());
    execute format('grant select, insert, update, delete on all tables in schema %I to fenghuo_service',
        current_schema());
    execute format('grant usage on all sequences in schema %I to fenghuo_service', current_schema());
end $$;
do $$
declare
    part regclass;
begin
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'ledger'::regclass loop
        execute format('revoke all on %s from fenghuo_service', part);
    end loop;
end $$;
revoke all on ledger, ledger_head, migration from fenghuo_service;
grant select, insert on ledger to fenghuo_service;
grant select, update on ledger_head to fenghuo_service;
grant select on migration to fenghuo_service;
revoke update, delete on receipts, alarm_entries, acknowledgements, facility_events from fenghuo_service;
revoke delete on notices, attempts, alarms from fenghuo_service;
do $$
begin
    execute format('grant fenghuo_service to %I', session_user);
end $$;
