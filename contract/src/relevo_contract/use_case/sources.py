"""Where a use case's batches come from, as it is declared."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from relevo_contract.use_case.columns import Declared, Label, Whole, Words


class HttpSource(Declared):
    """A server that gives one batch a request (docs/jobs.md has its contract)."""

    url: str | None = Field(default=None, pattern=r"^https?://", description="left out: RELEVO_SOURCE_URL")
    group: Whole = Field(default=1, ge=1, le=2**31 - 1, description="the number that it knows us by")
    day: Words = Field(default="Wednesday", description="the day that it is asked for")


class FilesSource(Declared):
    """A folder, or a prefix of a bucket, whose files are batches in the order of their names."""

    path: Words = Field(description="a folder, or s3://BUCKET/PREFIX")
    pattern: Words = Field(default="*", description="which of its files, such as *.parquet")
    rows: Whole | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="cut the files into batches of so many rows; left out: a file is one",
    )


class SqlSource(Declared):
    """A query with a watermark, run by a login that can read alone."""

    secret: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$",
        description="the Secret whose key `url` is the database's address with its login; here, RELEVO_SQL_URL",
    )
    query: Annotated[str, Field(min_length=1, max_length=20_000)] = Field(
        description="a select whose rows are above :watermark, ordered by the watermark's column"
    )
    watermark: Words = Field(description="the column of its answer that only grows")
    initial: Label = Field(default="0", description="the watermark before the first batch")
    lag: Words = Field(default="0 seconds", description="how far a new row's watermark may stand behind older ones")
    rows: Whole = Field(default=50_000, ge=1, le=10_000_000, description="of a batch at most")


class Source(Declared):
    """Where batches come from: exactly one of these."""

    http: HttpSource | None = Field(default=None, description="a server that gives one batch a request")
    files: FilesSource | None = Field(default=None, description="files of a folder, or of a bucket")
    sql: SqlSource | None = Field(default=None, description="a query with a watermark")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [name for name in ("http", "files", "sql") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one source, http, files or sql, got {' and '.join(given) or 'none'}")
        return self
