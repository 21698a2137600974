"""Where a use case's batches come from, as it is declared."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from relevo_contract.use_case.columns import Declared, Label, Whole, Words

SecretName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$")]


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
    secret_name: SecretName | None = Field(
        default=None,
        alias="secretName",
        description="of somebody else's bucket: the Secret whose keys `endpoint`, `access-key` and `secret-key` are "
        "its S3's address and the keys for it, which are sent there alone; here, RELEVO_FILES_ENDPOINT_URL, "
        "RELEVO_FILES_ACCESS_KEY and RELEVO_FILES_SECRET_KEY; left out: the S3 and keys of our own bucket",
    )

    @model_validator(mode="after")
    def _is_of_a_bucket(self) -> Self:
        if self.secret_name is not None and not self.path.startswith("s3://"):
            raise ValueError(
                f"expected secretName beside an s3://BUCKET/PREFIX alone, the path is {self.path}: leave it out"
            )
        return self


class SqlSource(Declared):
    """A query with a watermark, run by a login that can read alone."""

    secret: SecretName = Field(
        description="the Secret whose key `url` is the database's address with its login; here, RELEVO_SQL_URL",
    )
    query: Annotated[str, Field(min_length=1, max_length=20_000)] = Field(
        description="a select whose rows are above :watermark, ordered by the watermark's column"
    )
    watermark: Words = Field(description="the column of its answer that only grows")
    initial: Label = Field(default="0", description="the watermark before the first batch")
    lag: str = Field(
        default="0 seconds",
        pattern=r"^\d{1,6} (second|minute|hour|day)s?$",
        description="of a time: rows newer than so long ago wait, for others may still come before them",
    )
    rows: Whole = Field(
        default=50_000, ge=1, le=10_000_000, description="of a batch at most, and all with the last one's watermark"
    )

    @field_validator("query")
    @classmethod
    def _has_a_watermark(cls, query: str) -> str:
        if not re.search(r"(?<!:):watermark\b", query):
            raise ValueError("expected :watermark in the query, such as where id > :watermark order by id")
        if re.search(r"\b(limit\s+\S+|fetch\s+(first|next)\b[^)]*)\s*;?\s*$", query, re.IGNORECASE):
            raise ValueError(
                "expected a query without a limit, which would lose rows with the last one's watermark: write rows "
                "beside the query"
            )
        return query.strip().removesuffix(";")

    @property
    def lag_for(self) -> timedelta:
        """How long a row waits."""
        count, unit = self.lag.split()
        return timedelta(**{f"{unit.removesuffix('s')}s": int(count)})


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
