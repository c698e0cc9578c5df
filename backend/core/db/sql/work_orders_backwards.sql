update test_windows set scope = 'device' where scope = 'component';
alter table test_windows drop constraint test_windows_component;
alter table test_windows drop constraint test_windows_scope;
alter table test_windows add constraint test_windows_scope check (scope in ('device', 'zone', 'building', 'unit'));
drop trigger move on work_orders;
drop function work_orders_move();
alter table work_orders drop constraint work_orders_origin;
alter table work_orders drop constraint work_orders_what;
alter table work_orders drop constraint work_orders_at;
alter table work_orders drop constraint work_orders_two_people;
alter table work_orders drop constraint work_orders_paused;
drop index work_orders_of_unit, work_orders_live, work_orders_due, work_orders_unaccepted, work_orders_about,
    work_orders_one, work_orders_testing, work_order_entries_story, work_order_signals_key;
