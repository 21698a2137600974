"""The use case that is run, read from its file before anything is started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relevo_contract.data_set import DataSet
from relevo_contract.use_case import Declaration, read, text_of
from relevo_contract.use_case.data_set import data_set

HOUSE_PRICES: Final = Path(__file__).parents[3] / "use_cases" / "house-prices" / "use_case.yaml"
"""The use case that ships with a source of its own, `relevo_demo.source`."""
NAME: Final = "use_case.yaml"
SQL_URL: Final = ("RELEVO_SQL_URL", "RELEVO_SQL_URL_FILE")
"""Variables of the caller's, one of which names the database of source.sql."""
FILES: Final = tuple(
    f"RELEVO_FILES_{name}{end}" for name in ("ENDPOINT_URL", "ACCESS_KEY", "SECRET_KEY") for end in ("", "_FILE")
)
"""Likewise, the Secret of source.files."""


@dataclass(frozen=True)
class UseCaseFile:
    """A use case and where it lies."""

    file: Path
    declared: Declaration
    data: DataSet

    @property
    def is_demo(self) -> bool:
        """Whether its source is the one that comes with it, and is started here."""
        http = self.declared.source.http
        return http is not None and http.url is None and self.file == HOUSE_PRICES.resolve()


def opened(given: Path) -> UseCaseFile:
    """Read a use case from its file, or from its folder's. Raises ValueError that tells what is wrong, by its lines."""
    file = given / NAME if given.is_dir() else given
    try:
        declared = read(text_of(file), file.name)
    except OSError as error:
        raise ValueError(
            f"expected a use case at {file}, got: {error.strerror}; name a {NAME} or its folder, or write one with "
            "`relevo init FILE.csv --target COLUMN`"
        ) from None
    found = UseCaseFile(file.resolve(), declared, data_set(declared))
    _expect_a_source(found)
    return found


def _expect_a_source(found: UseCaseFile) -> None:
    source = found.declared.source
    if source.http is not None and source.http.url is None and not found.is_demo:
        raise ValueError(
            f"{found.file.name}: expected the address of the data source in source.http, got none: write its url there"
        )
    if source.sql is not None and not any(map(os.environ.get, SQL_URL)):
        raise ValueError(
            f"{found.file.name}: expected the address of the database of source.sql in {' or '.join(SQL_URL)}, neither "
            "is set: set one, to a login that can read alone"
        )
    files = source.files
    if files is not None and files.path.startswith("s3://") and files.secret_name is None:
        raise ValueError(
            f"{found.file.name}: expected a folder in source.files.path, or a secretName beside it, for `relevo run` "
            f"has an S3 of its own, got {files.path}: copy some of its files to a folder, and name that"
        )
