-- What lists and the chore look along.
create index complaints_of_unit on complaints (unit, filed_at);
create index complaints_filed on complaints (filed_at);
create index complaints_open on complaints (state) where state not in ('rated', 'closed');
create unique index complaint_rounds_key on complaint_rounds (complaint, number);
create index complaint_rounds_began on complaint_rounds (began_at);
create index complaint_rounds_closed on complaint_rounds (closed_at) where closed_at is not null;
create index complaint_entries_story on complaint_entries (complaint, at);
create unique index complaint_breaches_key on complaint_breaches (complaint, round, kind);
create unique index complaint_duties_key on complaint_duties (person, kind);

alter table complaints add constraint complaints_kind check
    (kind in ('alarm', 'order', 'person', 'other', 'praise', 'question', 'suggestion'));
alter table complaints add constraint complaints_text check (text <> '');
alter table complaint_rounds add constraint complaint_rounds_rating check (rating between 1 and 5);
alter table complaint_rounds add constraint complaint_rounds_asked check
    (closed_at is null or rating_asked_at is not null);
alter table complaint_rounds add constraint complaint_rounds_improved check
    (is_justified is not true or settled_at is null or (cause is not null and improvement <> ''));
alter table complaint_breaches add constraint complaint_breaches_kind check (kind in ('reply', 'settlement'));
alter table complaint_duties add constraint complaint_duties_kind check
    (kind in ('alarm', 'order', 'person', 'other', 'praise', 'question', 'suggestion'));

-- TRANSITIONS of backend/complaints/model.py; a test compares them.
create function complaints_move_forward() returns trigger language plpgsql as $$
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
            new.about_words, new.filed_at)
        is distinct from (old.number, old.unit, old.kind, old.complainant, old.via, old.text, old.about,
            old.about_person, old.about_words, old.filed_at) then
        raise exception 'what was filed as % stays as it is', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger move_forward before update on complaints for each row execute function complaints_move_forward();

create function complaint_rounds_keep() returns trigger language plpgsql as $$
begin
    if old.closed_at is not null then
        raise exception 'a closed round of a complaint stays as it is' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger keep_closed before update on complaint_rounds for each row execute function complaint_rounds_keep();

-- The story and the breaches are evidence (CQC/SC 11002-2025, 5.2.3, 5.2.4): written once, for the owner too.
create function complaints_refuse() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on complaint_entries
    for each row execute function complaints_refuse();
create trigger append_only before update or delete on complaint_breaches
    for each row execute function complaints_refuse();
create trigger no_truncate before truncate on complaint_entries for each statement execute function complaints_refuse();
create trigger no_truncate before truncate on complaint_breaches
    for each statement execute function complaints_refuse();
revoke update, delete on complaint_entries, complaint_breaches from fenghuo_service;
revoke delete on complaints, complaint_rounds, complaint_days from fenghuo_service;
