-- What carriers say of attempts: found by the carrier's own id, by the telephone, kept once.
create index attempts_vendor on attempts ((surface ->> 'vendor'), (surface ->> 'id'))
    where channel in ('sms', 'voice');
create index attempts_telephone on attempts (address, number) where channel in ('sms', 'voice');
create unique index receipts_word on receipts (attempt, (facts ->> 'word')) where facts ? 'word';
create index receipts_attempt_kind on receipts (attempt, kind);

-- Words about attempts whose own outcome is not written yet.
create table early_words (
    vendor text not null,
    provider_id text not null,
    said text not null,
    received_at timestamptz not null,
    word jsonb not null,
    primary key (vendor, provider_id, said)
);
