"""Listings made inside PostgreSQL: two million of them take it a minute, and would take Python ten.

About as many places and brokers as the public data set has in 2.2 million listings: 50 states, 20,000 cities, 30,000
zip codes, 90,000 brokers, each at work in a few zip codes; a few of each have most of the listings.
"""

from __future__ import annotations

import psycopg

from relevo_jobs.stores.clean import schema
from relevo_jobs.stores.postgres import bring_up_to_date
from tests.houses import LISTINGS

GROUP = 6
BATCH = 50_000

_LISTINGS = """
insert into clean.listings
select
    {group}, {number}, row_number,
    case when gap < 0.15 then null else least(9, 1 + floor(exp(log_size - 6.6))) end,
    case when gap < 0.2 then null else least(7, 1 + floor(exp(log_size - 6.9))) end,
    round((exp(lot) + 0.01)::numeric, 2),
    case when gap < 0.25 then null else round(exp(log_size)) end,
    round(exp(
        12.3 + 0.8 * (log_size - 7.4) + state % 7 * 0.2 + zip % 100 * 0.006 + broker % 10 * 0.01 + 0.25 * noise
    )::numeric, -2),
    broker::text, case when sale < 0.6 then 'for_sale' else 'sold' end, street::text,
    'City ' || zip * 2 / 3, 'State ' || state, lpad(zip::text, 5, '0'),
    case when sale < 0.5 then null else date '1990-01-01' + (sale * 12000)::integer end,
    row_number % 5 = 0
from (
    select *, zip / 600 as state, zip * 3 + floor(20 * pow(broker_draw, 3))::integer as broker
    from (
        select
            row_number, floor(30000 * pow(random(), 2))::integer as zip, random() as broker_draw,
            7.4 + 0.4 * (random() + random() + random() - 1.5) * 2 as log_size, random() * 3 - 2.5 as lot,
            random() as gap, (random() + random() + random() - 1.5) * 2 as noise, random() as sale,
            floor(2000000 * random())::integer as street
        from generate_series(0, {rows} - 1) as row_number
    ) as drawn
) as placed
"""


def fill(url: str, rows: int, batch: int = BATCH) -> None:
    """Have CLEAN hold so many listings, in batches; every fifth is held out. What it held is gone."""
    bring_up_to_date(url, schema(LISTINGS))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("truncate clean.batches, clean.listings, clean.rejections, clean.blanked")
        connection.execute("select setseed(0.5)")
        for number, first in enumerate(range(0, rows, batch), 1):
            count = min(batch, rows - first)
            with connection.transaction():
                connection.execute(
                    "insert into clean.batches"
                    " (group_number, batch_number, body_sha256, row_count, kept, rejected, held_out)"
                    " values (%s, %s, %s, %s, %s, 0, %s)",
                    (GROUP, number, f"{number:064x}", count, count, -(-count // 5)),
                )
                connection.execute(_LISTINGS.format(group=GROUP, number=number, rows=count).encode())
        connection.execute("vacuum analyze clean.listings")
