-- Cards into people's own inboxes: the order of seq is, for one person, the order of commits, because the person's lock
-- is taken before the number is drawn; and the statement that draws it sees what whoever held the lock before put there.
-- A card that was put before (the worker died between our commit and its own) is answered with its row and not put
-- again; when it has changed meanwhile it is put as a redraw, for a phone rings once for an attempt.
create function put_into_inboxes(
    locks bigint[], attempts uuid[], persons uuid[], notices uuid[], alarms uuid[], revisions int[], cards text[],
    put_at timestamptz, are_new boolean
) returns table (attempt uuid, seq bigint) language plpgsql as $$
#variable_conflict use_column
declare
    lock bigint;
begin
    foreach lock in array locks loop  -- sorted by the caller
        perform pg_advisory_xact_lock(lock);
    end loop;
    return query
    with wanted as (
        select * from unnest(attempts, persons, notices, alarms, revisions, cards)
            with ordinality as w (attempt, person, notice, alarm, revision, card, place)
    ), there as (
        select w.attempt, max(i.seq) as seq from wanted w
        join inbox_items i on i.attempt = w.attempt and i.revision = w.revision
        group by w.attempt
    ), put as (
        insert into inbox_items (person, attempt, notice, alarm, revision, card, at, is_new)
        select w.person, w.attempt, w.notice, w.alarm, w.revision, w.card::jsonb, put_at,
            are_new and not exists (select from inbox_items i where i.attempt = w.attempt and i.is_new)
        from wanted w join people p on p.id = w.person and p.is_active
        where w.attempt not in (select there.attempt from there)
        order by w.place
        returning attempt, seq
    )
    select put.attempt, put.seq from put union all select there.attempt, there.seq from there;
end $$;
