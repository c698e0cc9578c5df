-- A wish for a digest is looked up by when it is due; one a person.
create unique index digest_wishes_of on digest_wishes (person);
create index digest_wishes_due on digest_wishes (next_at) where next_at is not null;
alter table digest_wishes add constraint digest_wishes_every check (every in ('day', 'week') and minute between 0 and 1439);

-- One handover a unit (or at the provider's desk) is open at a time; one duty check a unit.
create unique index handovers_open on handovers (unit) nulls not distinct where state in ('draft', 'signed', 'refused');
create index handovers_of_unit on handovers (unit, made_at);
create unique index duty_checks_open on duty_checks (unit) where state = 'asked';
create index duty_checks_due on duty_checks (until_at) where state = 'asked';
create index duty_checks_of_unit on duty_checks (unit, asked_at);
create index duty_log_of_unit on duty_log (unit, at);

alter table handovers add constraint handovers_signed check
    (state not in ('signed', 'taken') or (frozen is not null and sha256 is not null and signed_at is not null));
alter table handovers add constraint handovers_digest check
    (frozen is null or sha256 = encode(sha256(convert_to(frozen, 'UTF8')), 'hex'));
alter table handovers add constraint handovers_two_people check
    (state <> 'taken' or (decided_by is not null and decided_by <> outgoing));
alter table duty_checks add constraint duty_checks_bounded check (until_at > asked_at);

-- HANDOVER_TRANSITIONS and CHECK_TRANSITIONS of backend/duty/model.py; a test compares them.
create function handovers_move_forward() returns trigger language plpgsql as $$
begin
    if new.state <> old.state and (old.state, new.state) not in (
        ('draft', 'signed'), ('draft', 'cancelled'), ('signed', 'taken'), ('signed', 'refused'),
        ('signed', 'cancelled'), ('refused', 'draft'), ('refused', 'cancelled')) then
        raise exception 'handover % does not go from % to %', old.number, old.state, new.state
            using errcode = 'restrict_violation';
    end if;
    if old.frozen is not null and new.state <> 'draft'
        and (new.frozen, new.sha256, new.notes, new.signed_at)
            is distinct from (old.frozen, old.sha256, old.notes, old.signed_at) then
        raise exception 'what handover % was signed for stays as it is', old.number
            using errcode = 'restrict_violation';
    end if;
    if (new.unit, new.outgoing, new.from_at) is distinct from (old.unit, old.outgoing, old.from_at) then
        raise exception 'whose shift handover % is of stays as it is', old.number
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger move_forward before update on handovers for each row execute function handovers_move_forward();

create function duty_checks_move_forward() returns trigger language plpgsql as $$
begin
    if new.state <> old.state and (old.state, new.state) not in (
        ('asked', 'answered'), ('asked', 'missed'), ('asked', 'withdrawn')) then
        raise exception 'duty check % does not go from % to %', old.number, old.state, new.state
            using errcode = 'restrict_violation';
    end if;
    if old.answered_by is not null and (new.answered_by, new.answered_at)
        is distinct from (old.answered_by, old.answered_at) then
        raise exception 'who answered duty check % stays as it is', old.number using errcode = 'restrict_violation';
    end if;
    if (new.unit, new.asked_by, new.asked_at, new.until_at, new.people)
        is distinct from (old.unit, old.asked_by, old.asked_at, old.until_at, old.people) then
        raise exception 'what duty check % asked stays as it is', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger move_forward before update on duty_checks for each row execute function duty_checks_move_forward();

revoke delete on handovers, duty_checks from fenghuo_service;
revoke update, delete on duty_log from fenghuo_service;
