do $$
begin
    execute format('alter default privileges in schema %I revoke select, insert, update, delete on tables
        from fenghuo_service', current_schema());
    execute format('alter default privileges in schema %I revoke usage on sequences from fenghuo_service',
        current_schema());
end $$;
drop index if exists attempts_number;
drop index attempts_key;
delete from attempts where step > 0 or round > 0;
create unique index attempts_key on attempts (notice, person, channel, address);
