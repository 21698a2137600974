"""A Parquet file of the source: what it has, and its rows as RAW keeps them, a record batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

from relevo_jobs.collect.rows import MOST_ROWS, PART
from relevo_jobs.collect.table import Table
from relevo_jobs.collect.texts import as_text
from relevo_jobs.errors import MalformedAnswer

LARGEST_FOOTER: Final = 2**26
"""Bytes of what stands at the end and is read whole."""
_END: Final = b"PAR1"


class Parquet:
    """A Parquet file; `most` bytes unpacked in a group of rows, and, unless it is cut, in all."""

    def __init__(self, file: IO[bytes], size: int, columns: Sequence[str], where: str, most: int, *, cut: bool) -> None:
        """Read what it has. Raises MalformedAnswer if it is cut or too large, or has none of these columns."""
        import pyarrow.parquet as pq  # noqa: PLC0415  # a third of a second, where there is Parquet

        self._where, self._columns = where, columns
        self._expect_whole(file, size)
        file.seek(0)
        with self._speaking():
            # A page at a time, not a group of rows: that may be as large as the file.
            self._file: Any = pq.ParquetFile(file, pre_buffer=False, buffer_size=2**16)
        about = self._file.metadata
        self.table = Table(list(self._file.schema_arrow.names), columns, where)
        groups = [about.row_group(place) for place in range(about.num_row_groups)]
        self._in_groups = [group.num_rows for group in groups]
        self.count: int = about.num_rows
        sizes = [group.total_byte_size for group in groups]
        largest = max(sizes, default=0) if cut else sum(sizes)
        if largest > most:
            raise MalformedAnswer(
                f"expected at most {most:,} bytes unpacked in {'a row group of ' if cut else ''}{where}, got "
                f"{largest:,}: write it in several files, or raise RELEVO_SOURCE_MOST_BYTES"
            )
        if self.count > MOST_ROWS and not cut:
            raise MalformedAnswer(
                f"expected at most {MOST_ROWS:,} rows in {where}, got {self.count:,}: `rows` of source.files cuts it"
            )

    def _expect_whole(self, file: IO[bytes], size: int) -> None:
        length = 0
        if size >= 12:
            file.seek(size - 8)
            end = file.read(8)
            length = int.from_bytes(end[:4], "little") if end[4:] == _END else 0
        if not 0 < length <= size - 12:
            raise MalformedAnswer(
                f"expected a whole Parquet file in {self._where}, its end is missing: it was cut, or is still being "
                "written, or is something else; put a whole one there (write it under a name that begins with . and "
                "rename it)"
            )
        if length > LARGEST_FOOTER:
            raise MalformedAnswer(
                f"expected at most {LARGEST_FOOTER:,} bytes of metadata in {self._where}, got {length:,}: write it in "
                "larger groups of rows"
            )

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        import pyarrow as pa  # noqa: PLC0415

        try:
            yield
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise MalformedAnswer(f"expected a Parquet file in {self._where}, it cannot be read: {said}") from error

    def rows(self, names: Sequence[str], first: int = 0) -> Iterator[tuple[str | None, ...]]:
        """These columns of the rows from `first` on; None of a column that it does not have."""
        groups, skip = list(range(len(self._in_groups))), first
        while groups and skip >= self._in_groups[groups[0]]:
            skip -= self._in_groups[groups.pop(0)]
        if not groups:
            return
        there = [name for name in names if name in set(self.table.names)]
        batches = self._file.iter_batches(batch_size=PART, row_groups=groups, columns=there)
        while True:
            with self._speaking():
                batch = next(batches, None)
                found = {} if batch is None else {name: _texts(batch.column(name)) for name in there}
            if batch is None:
                return
            absent: list[str | None] = [None] * batch.num_rows
            rows = zip(*(found.get(name, absent) for name in names), strict=True)
            for row in rows:
                if skip:
                    skip -= 1
                else:
                    yield row


def _texts(column: Any) -> list[str | None]:
    import pyarrow as pa  # noqa: PLC0415

    values = column.to_pylist()
    if pa.types.is_float16(column.type) or pa.types.is_float32(column.type):
        # As a float64 it has digits that nobody wrote: 0.1 would be 0.10000000149011612.
        shortest = column.to_numpy(zero_copy_only=False)
        values = [None if value is None else float(str(short)) for value, short in zip(values, shortest, strict=True)]
    return [as_text(value) for value in values]
