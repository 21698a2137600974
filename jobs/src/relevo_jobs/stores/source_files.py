"""Which files of the source RAW knows, how far each is collected, and by what a change of it is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg

MIGRATION: Final[LiteralString] = """
    alter table raw.batches alter day drop not null, alter http_status drop not null, add origin jsonb;
    comment on column raw.batches.origin is
        'Of files: the file, and the row on, counted from 0. Of a query: the watermark of the last row. Null: HTTP.';
    -- Two pieces of a file may have the same rows; what is collected once is then the piece.
    alter table raw.batches drop constraint batches_group_number_body_sha256_key;
    create unique index batches_body on raw.batches (group_number, body_sha256) where origin is null;
    create unique index batches_origin on raw.batches (group_number, origin);
    create table raw.source_files (
        group_number integer not null,
        name         text not null,
        bytes        bigint not null,
        stamp        text not null,
        sha256       text not null,
        next_row     bigint not null,
        next_byte    bigint not null,
        whole        boolean not null,
        primary key (group_number, name)
    );
    comment on table raw.source_files is
        'How far each file is collected; whole: nothing of it is left. Written with the batch; a change is seen by it.';
    """


@dataclass(frozen=True)
class SourceFile:
    """A file as RAW knows it."""

    name: str
    size: int
    """Bytes as it lies there, packed if it is."""
    stamp: str
    """When it was changed, or its ETag: another one makes us look at its content."""
    sha256: str
    """Of these bytes."""
    next_row: int
    """Where the next batch begins, counted from 0..."""
    next_byte: int
    """...and at which byte of the unpacked file, where that can be told."""
    whole: bool
    """Whether nothing of it is left."""


def held(connection: psycopg.Connection, group: int) -> Mapping[str, SourceFile]:
    """The files that RAW knows, by name."""
    rows: list[tuple[Any, ...]] = connection.execute(
        "select name, bytes, stamp, sha256, next_row, next_byte, whole from raw.source_files where group_number = %s",
        (group,),
    ).fetchall()
    return {row[0]: SourceFile(*row) for row in rows}


def note(connection: psycopg.Connection, group: int, file: SourceFile) -> None:
    """Note how far a file is collected."""
    connection.execute(
        "insert into raw.source_files (group_number, name, bytes, stamp, sha256, next_row, next_byte, whole)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (group_number, name) do update"
        " set stamp = excluded.stamp, next_row = excluded.next_row, next_byte = excluded.next_byte,"
        " whole = excluded.whole",
        (group, file.name, file.size, file.stamp, file.sha256, file.next_row, file.next_byte, file.whole),
    )
