-- A breach is found once, however many auditors look.
create unique index breaches_key on breaches (kind, subject);
create index breaches_found on breaches (found_at);
create index breaches_due on breaches (due_at);
create unique index breach_notes_key on breach_notes (breach, kind) where kind in ('repaired', 'completed');

-- What the auditor looks along. `is_held` is in `attempts_unheld` already, so no update of an attempt costs more.
create index notices_deadline on notices (deadline_at) where deadline_at is not null;
create index attempts_late on attempts (deadline_at) where is_held is distinct from true and deadline_at is not null;

-- Breaches and their notes are evidence (CQC/SC 11002-2025, 5.2.3): written once, for the owner too.
create function breaches_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'breaches are append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on breaches for each row execute function breaches_refuse();
create trigger append_only before update or delete on breach_notes for each row execute function breaches_refuse();
create trigger no_truncate before truncate on breaches for each statement execute function breaches_refuse();
create trigger no_truncate before truncate on breach_notes for each statement execute function breaches_refuse();
alter table breach_notes add constraint breach_notes_kind check (kind in ('repaired', 'completed', 'note'));
revoke update, delete on breaches, breach_notes from fenghuo_service;

-- Which processes are alive: each writes its row every few seconds (no evidence; the dead are swept away).
create table process_beats (
    name text not null,
    host text not null,
    pid int not null,
    started_at timestamptz not null,
    at timestamptz not null,
    primary key (host, pid)
) with (fillfactor = 50);

-- Up to when each of the auditor's checks has looked; a new auditor goes on from there.
create table audit_marks (name text primary key, at timestamptz not null) with (fillfactor = 50);
