-- An answer that is taken back at once moves an alarm back, and says so by counting; nothing else does.
create or replace function alarms_move_forward() returns trigger language plpgsql as $$
begin
    if new.undone = old.undone + 1 then
        return new;
    end if;
    if (old.cleared_at is not null and new.cleared_at is distinct from old.cleared_at)
        or (old.acknowledged_at is not null and new.acknowledged_at is distinct from old.acknowledged_at)
        or (old.closed_at is not null and new.closed_at is distinct from old.closed_at)
        or (old.verdict is not null and new.verdict is null)
        or new.undone <> old.undone
        or (old.closed_at is not null and new.verdict is distinct from old.verdict) then
        raise exception 'alarm % does not move backwards', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;

-- TRANSITIONS of backend/delivery/escalation.py: what a verdict ended goes on when that verdict is undone.
create or replace function escalations_move_forward() returns trigger language plpgsql as $$
begin
    if (old.state = 'ended' and new.state <> 'ended' and not (old.why = 'judged' and new.why in ('undone', 'answered')))
        or new.policy is distinct from old.policy
        or (new.round, new.step) < (old.round, old.step) then
        raise exception 'escalation % does not go back', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;

-- An acknowledgement goes only while it is fresh; its lines in the story and in the ledger stay.
create function acknowledgements_go_fresh() returns trigger language plpgsql as $$
begin
    if old.at < now() - interval '1 minute' then
        raise exception 'acknowledgement % stays', old.id using errcode = 'restrict_violation';
    end if;
    return old;
end $$;
create trigger go_fresh before delete on acknowledgements for each row execute function acknowledgements_go_fresh();
grant delete on acknowledgements to fenghuo_service;
