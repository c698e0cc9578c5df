-- ATTEMPT_TRANSITIONS of backend/delivery/model.py, and beside them the one way back: what a verdict held back waits again
-- when that verdict is undone. Its stamps and its deadline stay, so that what passed meanwhile is counted.
create or replace function stamps_stay() returns trigger language plpgsql as $$
begin
    if new.state <> old.state and (old.state, new.state) not in (
        ('pending', 'sending'), ('pending', 'skipped'),
        ('sending', 'accepted'), ('sending', 'refused'), ('sending', 'pending'))
        and not (old.state = 'skipped' and new.state = 'pending' and new.due_at = old.due_at
            and coalesce(old.why, '') like '{"code":"judged"%' and coalesce(new.why, '') like '{"code":"undone"%') then
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
