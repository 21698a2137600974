create table clean.batches (
    group_number integer not null,
    batch_number integer not null,
    body_sha256  text not null,
    row_count    integer not null,
    kept         integer not null,
    rejected     integer not null,
    cleaned_at   timestamptz not null default now(),
    primary key (group_number, batch_number)
);
create table clean.listings (
    group_number integer not null,
    batch_number integer not null,
    row_number   integer not null,
    bed double precision, bath double precision, acre_lot double precision, house_size double precision, price double precision, brokered_by text, status text, street text, city text, state text, zip_code text, prev_sold_date date,
    holdout      boolean not null,
    primary key (group_number, batch_number, row_number),
    foreign key (group_number, batch_number) references clean.batches
);
comment on column clean.listings.holdout is 'Never trained on by any version.';
create table clean.rejections (
    group_number integer not null,
    batch_number integer not null,
    row_number   integer not null,
    reason       text not null,
    detail       text not null,
    primary key (group_number, batch_number, row_number),
    foreign key (group_number, batch_number) references clean.batches
);
comment on table clean.rejections is 'Rows of RAW that CLEAN leaves out, and why; see docs/cleaning.md.';
