"""By what functions the inference API notes in RAW how much of its spools is there: its login may do nothing else."""

from __future__ import annotations

from typing import Final, LiteralString

MIGRATION: Final[LiteralString] = """
    create function raw.open_spool(spool uuid) returns bigint
        language sql security definer set search_path = pg_catalog, pg_temp
        begin atomic
            insert into raw.inference_spools (segment) values (spool) on conflict do nothing;
            select bytes from raw.inference_spools where segment = spool for update;
        end;
    comment on function raw.open_spool is
        'Bytes of a spool''s file that are in raw.inferences; nobody else can open it until the transaction ends.';
    create function raw.advance_spool(spool uuid, taken bigint, written bigint) returns void
        language sql security definer set search_path = pg_catalog, pg_temp
        begin atomic
            update raw.inference_spools set bytes = taken, rows = rows + written, at = now() where segment = spool;
        end;
    comment on function raw.advance_spool is 'Notes how much of a spool''s file is in raw.inferences by now.';
    revoke execute on function raw.open_spool, raw.advance_spool from public;
    do $$
    declare login text;
    begin
        for login in
            select distinct grantee from information_schema.role_table_grants
            where table_schema = 'raw' and table_name = 'inferences' and privilege_type = 'INSERT'
                and grantee not in ('PUBLIC', current_user)
        loop
            execute format('grant execute on function raw.open_spool, raw.advance_spool to %I', login);
        end loop;
        -- Pods of the release before write to the table itself, and run on until they are replaced.
        alter table raw.inference_spools enable row level security;
        execute format(
            'create policy of_the_release_before on raw.inference_spools using (now() < %L::timestamptz)',
            now() + interval '1 day'
        );
    end
    $$;
    """
