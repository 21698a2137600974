"""A release's section of CHANGELOG.md."""

from __future__ import annotations

import re


class NoSection(Exception):
    """The changelog does not tell of the release."""


def section(changelog: str, version: str) -> str:
    """What it says of the version, without the heading. Raises NoSection."""
    heading = rf"^## \[{re.escape(version)}\][^\n]*\n"
    found = re.search(rf"{heading}(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not (text := found[1].strip()):
        raise NoSection(
            f"expected a section `## [{version}] - DATE` with text in CHANGELOG.md at the tagged commit, found none: "
            "write it, and put the tag onto that commit"
        )
    return text
