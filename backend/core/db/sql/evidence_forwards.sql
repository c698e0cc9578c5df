-- Evidence is found by what it is about; what nobody took up is let go after a while.
create index evidence_about on evidence (about_kind, about) where about is not null;
create index evidence_unbound on evidence (sent_by, sent_at) where about is null;
-- Photos and sound are compressed already.
alter table evidence alter column octets set storage external;
alter table evidence add constraint evidence_kind check (kind in ('photo', 'voice', 'document'));
alter table evidence add constraint evidence_size check (size = octet_length(octets) and size between 1 and 10000000);
alter table evidence add constraint evidence_bound check
    ((about is null) = (about_kind is null) and (about is null) = (bound_at is null));

create function evidence_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if old.about is not null then
            raise exception 'evidence % is bound and stays', old.id using errcode = 'restrict_violation';
        end if;
        return old;
    end if;
    if old.about is not null and (new.about, new.about_kind) is distinct from (old.about, old.about_kind)
        or (new.id, new.kind, new.media_type, new.name, new.sha256, new.sent_by, new.sent_at)
            is distinct from (old.id, old.kind, old.media_type, old.name, old.sha256, old.sent_by, old.sent_at)
        or new.octets is distinct from old.octets then
        raise exception 'evidence % stays as it came', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger stays before update or delete on evidence for each row execute function evidence_stays();
