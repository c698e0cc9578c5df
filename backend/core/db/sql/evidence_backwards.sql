drop trigger if exists stays on evidence;
drop function if exists evidence_stays();
drop index if exists evidence_about, evidence_unbound;
alter table if exists evidence drop constraint if exists evidence_bound, drop constraint if exists evidence_size,
    drop constraint if exists evidence_kind;
