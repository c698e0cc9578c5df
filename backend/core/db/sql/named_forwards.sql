-- Whom the words of a complaint about a person name, where these are several: none of them reads it. It stays as it was filed.
alter table complaints add column named uuid[] not null default '{}';
create or replace function complaints_move_forward() returns trigger language plpgsql as $$
begin
    if new.state <> old.state and (old.state, new.state) not in (
        ('filed', 'assigned'), ('filed', 'in_progress'), ('filed', 'withdrawn'),
        ('assigned', 'in_progress'), ('assigned', 'withdrawn'),
        ('in_progress', 'assigned'), ('in_progress', 'waiting'), ('in_progress', 'answered'),
        ('in_progress', 'settled'), ('in_progress', 'withdrawn'),
        ('waiting', 'in_progress'), ('waiting', 'answered'), ('waiting', 'settled'), ('waiting', 'withdrawn'),
        ('answered', 'assigned'), ('answered', 'in_progress'), ('answered', 'waiting'),
        ('answered', 'settled'), ('answered', 'withdrawn'),
        ('settled', 'rated'), ('settled', 'closed'), ('settled', 'reopened'),
        ('withdrawn', 'rated'), ('withdrawn', 'closed'), ('withdrawn', 'reopened'),
        ('rated', 'reopened'), ('closed', 'reopened'),
        ('reopened', 'assigned'), ('reopened', 'in_progress'), ('reopened', 'withdrawn')) then
        raise exception 'complaint % does not go from % to %', old.number, old.state, new.state
            using errcode = 'restrict_violation';
    end if;
    if (new.number, new.unit, new.kind, new.complainant, new.via, new.text, new.about, new.about_person,
            new.about_words, new.filed_at, new.named)
        is distinct from (old.number, old.unit, old.kind, old.complainant, old.via, old.text, old.about,
            old.about_person, old.about_words, old.filed_at, old.named) then
        raise exception 'what was filed as % stays as it is', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
