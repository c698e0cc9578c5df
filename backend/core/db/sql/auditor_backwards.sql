drop table if exists process_beats, audit_marks;
drop trigger if exists append_only on breaches;
drop trigger if exists append_only on breach_notes;
drop trigger if exists no_truncate on breaches;
drop trigger if exists no_truncate on breach_notes;
drop function if exists breaches_refuse;
alter table breach_notes drop constraint if exists breach_notes_kind;
drop index if exists breaches_key, breaches_found, breaches_due, breach_notes_key, notices_deadline, attempts_late;
