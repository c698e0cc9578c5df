-- Lists by unit, what is due, what a person holds; one live order an alarm.
create index work_orders_of_unit on work_orders (unit, opened_at);
create index work_orders_live on work_orders (state) where state not in ('closed', 'withdrawn');
create index work_orders_due on work_orders (due_at) where overdue_at is null and state not in ('closed', 'withdrawn');
create index work_orders_unaccepted on work_orders (accept_by) where accept_by is not null;
create index work_orders_about on work_orders (about) where about is not null;
create unique index work_orders_one on work_orders (origin, about)
    where about is not null and origin in ('alarm', 'link') and state not in ('closed', 'withdrawn');
-- The front door asks this of every batch: it holds only orders whose test is awaited.
create index work_orders_testing on work_orders (device, test_until_at)
    where test_asked_at is not null and test_signal_at is null;
create index work_order_entries_story on work_order_entries (work_order, at);
create unique index work_order_signals_key on work_order_signals (work_order, ledger_id, subject);

alter table work_orders add constraint work_orders_origin check
    (origin in ('alarm', 'link', 'complaint', 'inspection', 'hand'));
alter table work_orders add constraint work_orders_what check (what <> '');
alter table work_orders add constraint work_orders_at check
    (component_address is null or (device is not null and system_type is not null and system_address is not null));
alter table work_orders add constraint work_orders_two_people check
    (verified_by is null or not workers @> to_jsonb(verified_by::text));
alter table work_orders add constraint work_orders_paused check (paused_us >= 0);

-- WAYS of backend/work_orders/model.py; a test compares them.
create function work_orders_move() returns trigger language plpgsql as $$
begin
    if new.state <> old.state and (old.state, new.state) not in (
        ('open', 'dispatched'), ('open', 'withdrawn'),
        ('dispatched', 'accepted'), ('dispatched', 'declined'), ('dispatched', 'withdrawn'),
        ('declined', 'dispatched'), ('declined', 'withdrawn'),
        ('accepted', 'dispatched'), ('accepted', 'declined'), ('accepted', 'on_the_way'), ('accepted', 'on_site'),
        ('accepted', 'waiting'), ('accepted', 'withdrawn'),
        ('on_the_way', 'dispatched'), ('on_the_way', 'declined'), ('on_the_way', 'on_site'),
        ('on_the_way', 'withdrawn'),
        ('on_site', 'dispatched'), ('on_site', 'waiting'), ('on_site', 'done'), ('on_site', 'withdrawn'),
        ('waiting', 'dispatched'), ('waiting', 'on_the_way'), ('waiting', 'on_site'), ('waiting', 'withdrawn'),
        ('done', 'verified'), ('done', 'sent_back'),
        ('sent_back', 'dispatched'), ('sent_back', 'on_the_way'), ('sent_back', 'on_site'),
        ('sent_back', 'withdrawn'),
        ('verified', 'closed'), ('verified', 'sent_back')) then
        raise exception 'work order % does not go from % to %', old.number, old.state, new.state
            using errcode = 'restrict_violation';
    end if;
    if (new.unit, new.origin, new.about, new.opened_by, new.opened_at, new.agreed_at)
        is distinct from (old.unit, old.origin, old.about, old.opened_by, old.opened_at, old.agreed_at) then
        raise exception 'what work order % was opened for stays as it is', old.number
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger move before update on work_orders for each row execute function work_orders_move();

-- A work order's test keeps one component's word inside the house.
alter table test_windows drop constraint test_windows_scope;
alter table test_windows add constraint test_windows_scope check
    (scope in ('component', 'device', 'zone', 'building', 'unit'));
alter table test_windows add constraint test_windows_component check
    (scope <> 'component' or (device is not null and system_type is not null and system_address is not null
        and component_address is not null));

revoke delete on work_orders, work_order_entries, work_order_signals from fenghuo_service;
revoke update on work_order_entries, work_order_signals from fenghuo_service;
