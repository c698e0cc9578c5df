-- Policies, escalations, duty schedules, quiet hours: keys, and what never goes back.
create unique index policies_key on policies (unit, severity);
create unique index escalations_notice on escalations (notice);
-- What the chore looks for, and nothing else.
create index escalations_due on escalations (due_at) where state <> 'ended' and due_at is not null;
-- Contacts that proved themselves by an answer (going live).
create index attempts_proved on attempts (contact_point) where t6 is not null or t7 is not null;
create index schedule_overrides_standing on schedule_overrides (schedule, starts_at) where cancelled_at is null;
create index gap_warnings_open on gap_warnings (schedule) where closed_at is null;

alter table policies add constraint policies_severity check (severity in ('fire', 'fault', 'abnormal', 'offline'));
alter table escalations add constraint escalations_state check (state in ('running', 'held', 'ended'));
alter table escalations add constraint escalations_ended_means_nothing_due check
    (state <> 'ended' or due_at is null);
alter table schedule_overrides add constraint schedule_overrides_forward check (starts_at < ends_at);
alter table quiet_hours add constraint quiet_hours_minutes check
    (since_minute between 0 and 1439 and until_minute between 0 and 1439 and since_minute <> until_minute);
alter table quiet_hours add constraint quiet_hours_person foreign key (person) references people (id);
alter table escalations set (fillfactor = 80);

-- TRANSITIONS of backend/delivery/escalation.py: what has ended stays ended, and no step is taken twice.
create function escalations_move_forward() returns trigger language plpgsql as $$
begin
    if (old.state = 'ended' and new.state <> 'ended')
        or new.policy is distinct from old.policy
        or (new.round, new.step) < (old.round, old.step) then
        raise exception 'escalation % does not go back', old.id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger moves_forward before update on escalations
    for each row execute function escalations_move_forward();

revoke delete on escalations, policies, schedules, schedule_overrides, gap_warnings from fenghuo_service;
