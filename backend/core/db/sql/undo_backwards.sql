create or replace function alarms_move_forward() returns trigger language plpgsql as $$
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
create or replace function escalations_move_forward() returns trigger language plpgsql as $$
begin
    if (old.state = 'ended' and new.state <> 'ended')
        or new.policy is distinct from old.policy
        or (new.round, new.step) < (old.round, old.step) then
        raise exception 'escalation % does not go back', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
revoke delete on acknowledgements from fenghuo_service;
drop trigger if exists go_fresh on acknowledgements;
drop function if exists acknowledgements_go_fresh();
