-- The same person is told again at a later step or in a later round; once each.
drop index attempts_key;
create unique index attempts_key on attempts (notice, person, channel, address, step, round);
create unique index attempts_number on attempts (number);

-- Tables of later migrations are the service's, unless their own script takes something away.
do $$
begin
    execute format('alter default privileges in schema %I grant select, insert, update, delete on tables
        to fenghuo_service', current_schema());
    execute format('alter default privileges in schema %I grant usage on sequences to fenghuo_service',
        current_schema());
    execute format('grant usage on all sequences in schema %I to fenghuo_service', current_schema());
end $$;
