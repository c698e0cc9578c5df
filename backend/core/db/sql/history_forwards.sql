-- What each quantity measured, a minute a row, for a week (backend/monitoring/history.py). The key is what charts read by;
-- rows come in the order of time, so a block-range index finds the oldest for the chore that forgets them.
create table analog_history (
    subject text not null,
    quantity integer not null,
    at timestamptz not null,
    device uuid not null references devices (id) on delete cascade,
    value numeric not null,
    low numeric not null,
    high numeric not null,
    primary key (subject, quantity, at)
);
create index analog_history_age on analog_history using brin (at) with (pages_per_range = 32);
