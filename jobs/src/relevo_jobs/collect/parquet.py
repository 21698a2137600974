"""A Parquet file of the source: what it has, and its rows as RAW keeps them, a record batch at a time.

Nothing that a file says of its size is believed: its metadata may lie, a page of some kilobytes may unpack to
gigabytes, and a few bytes may stand for a long value a million times. What is decoded is measured, and decoding is
refused the memory for more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

from relevo_jobs.collect.memory import at_most
from relevo_jobs.collect.rows import MOST_ROWS, PART_LENGTH
from relevo_jobs.collect.table import Table
from relevo_jobs.collect.texts import as_text
from relevo_jobs.errors import MalformedAnswer

LARGEST_FOOTER: Final = 2**24
"""Bytes of what stands at the end and is read whole."""
DECODING: Final = 2**29
"""Bytes of memory that decoding may take: a page, packed and unpacked, of each column, and the rows made of them."""
ROWS: Final = 1_000
"""Rows decoded at a time."""
_END: Final = b"PAR1"


class Parquet:
    """A Parquet file; `most` bytes decoded from the row that is asked for on, unless it is cut."""

    def __init__(
        self,
        file: IO[bytes],
        size: int,
        columns: Sequence[str],
        where: str,
        most: int,
        *,
        cut: bool,
        rest: bool = False,
    ) -> None:
        """Read what it has. Raises MalformedAnswer if it is cut short or too large, or has none of these columns."""
        import pyarrow as pa  # noqa: PLC0415  # a third of a second, where there is Parquet
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._where, self._most, self._cut = where, most, cut
        self._expect_whole(file, size)
        file.seek(0)
        # Its other pools keep what they free, where no bound is asked for it again.
        pa.set_memory_pool(pa.system_memory_pool())
        with self._speaking():
            # A page at a time, not a group of rows: that may be as large as the file.
            self._file: Any = pq.ParquetFile(file, pre_buffer=False, buffer_size=2**16)
        about = self._file.metadata
        self.table = Table(list(self._file.schema_arrow.names), columns, where, rest=rest)
        self._in_groups = [about.row_group(place).num_rows for place in range(about.num_row_groups)]
        self.count: int = sum(self._in_groups)
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
            with at_most(DECODING):
                yield
        except MemoryError as error:  # Arrow's own is one, too
            raise MalformedAnswer(
                f"expected {self._where} to be read in {DECODING:,} bytes of memory, it needs more: write it with "
                "smaller pages and shorter values"
            ) from error
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise MalformedAnswer(f"expected a Parquet file in {self._where}, it cannot be read: {said}") from error

    def rows(self, names: Sequence[str] | None = None, first: int = 0) -> Iterator[tuple[str | None, ...]]:
        """These columns of the rows from `first` on, or those of `table`; None of a column that it does not have.

        Raises MalformedAnswer if it has other rows than it says, or more in them than is believed.
        """
        names = self.table.columns if names is None else names
        groups, skip = list(range(len(self._in_groups))), first
        while groups and skip >= self._in_groups[groups[0]]:
            skip -= self._in_groups[groups.pop(0)]
        if not groups:
            return
        there = [name for name in names if name in set(self.table.names)]
        batches = self._file.iter_batches(batch_size=ROWS, row_groups=groups, columns=there, use_threads=False)
        left, decoded = sum(self._in_groups[group] for group in groups), 0
        while True:
            with self._speaking():
                batch = next(batches, None)
                if batch is None:
                    break
                batch = _plain(batch)
            left -= batch.num_rows
            decoded += batch.nbytes
            if decoded > self._most and not self._cut:
                raise MalformedAnswer(
                    f"expected at most {self._most:,} bytes unpacked in {self._where}, got more: cut it by `rows` of "
                    "source.files, write it in several files, or raise RELEVO_SOURCE_MOST_BYTES"
                )
            step = max(1, PART_LENGTH * batch.num_rows // (batch.nbytes + 1))
            for place in range(0, batch.num_rows, step):
                for row in self._texts(batch.slice(place, step), names, there):
                    if skip:
                        skip -= 1
                    else:
                        yield row
        if left:
            raise MalformedAnswer(
                f"expected {self.count:,} rows in {self._where}, as its metadata says, {abs(left):,} "
                f"{'are missing' if left > 0 else 'are more'}: it is damaged, write it anew"
            )

    def _texts(self, batch: Any, names: Sequence[str], there: Sequence[str]) -> list[tuple[str | None, ...]]:
        absent: list[str | None] = [None] * batch.num_rows
        with self._speaking():
            found = {name: _texts(batch.column(name)) for name in there}
            return list(zip(*(found.get(name, absent) for name in names), strict=True))


def _plain(batch: Any) -> Any:
    """The batch with each value in its place, where a column has numbers that stand for values."""
    import pyarrow as pa  # noqa: PLC0415

    columns = [one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _texts(column: Any) -> list[str | None]:
    import pyarrow as pa  # noqa: PLC0415

    values = column.to_pylist()
    if pa.types.is_float16(column.type) or pa.types.is_float32(column.type):
        # As a float64 it has digits that nobody wrote: 0.1 would be 0.10000000149011612.
        shortest = column.to_numpy(zero_copy_only=False)
        values = [None if value is None else float(str(short)) for value, short in zip(values, shortest, strict=True)]
    return [as_text(value) for value in values]
