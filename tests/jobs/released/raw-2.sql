create table raw.batches (
    batch_id        bigint generated always as identity primary key,
    group_number    integer not null,
    day             text not null,
    batch_number    integer not null,
    requested_at    timestamptz not null,
    seconds         double precision not null,
    http_status     integer not null,
    row_count       integer not null,
    body_sha256     text not null,
    body_key        text not null,
    extra_columns   jsonb not null default '[]',
    missing_columns jsonb not null default '[]',
    collected_at    timestamptz not null default now(),
    unique (group_number, batch_number),
    unique (group_number, body_sha256)
);
comment on table raw.batches is 'One row per answer of the data source; written once, never changed.';
create table raw.listings (
    batch_id   bigint not null, -- no foreign key: it would double COPY's cost to check, row by row, what
                                -- was written in the same transaction and is never changed
    row_number integer not null,
    brokered_by text, status text, price text, bed text, bath text, acre_lot text, street text, city text, state text, zip_code text, house_size text, prev_sold_date text,
    primary key (batch_id, row_number)
);
create table raw.in_flight (
    group_number integer primary key,
    asked_at     timestamptz not null default now()
);
comment on table raw.in_flight is 'A request whose answer is not accounted for: it may have been lost.';
comment on table raw.listings is 'The rows as they came, to the letter; the exact body is in the bucket.';

create table raw.inferences (
    request    uuid not null,
    row_number integer not null,
    at         timestamptz not null,
    model      text not null,
    version    integer not null,
    run_id     text not null,
    bed double precision, bath double precision, acre_lot double precision, house_size double precision, brokered_by text, status text, street text, city text, state text, zip_code text, prev_sold_date date,
    prediction double precision not null,
    low        double precision not null,
    high       double precision not null,
    unseen     text[] not null
);
create index inferences_at on raw.inferences (at); -- decide reads the newest; no unique key: the inference API
                                                   -- delivers each once, see raw.inference_spools
comment on table raw.inferences is
    'Every house the inference API priced, with the price in US dollars, its 90 % interval and the version.';
create table raw.inference_spools (
    segment uuid primary key,
    bytes   bigint not null default 0,
    rows    bigint not null default 0,
    at      timestamptz not null default now()
);
comment on table raw.inference_spools is
    'How much of each file of the inference API''s spools is in raw.inferences; written with the rows.';
