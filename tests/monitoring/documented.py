"""docs/monitoring.md, as tests read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.monitoring.queries import ROOT

FILE: Final = ROOT / "docs" / "monitoring.md"
PAGE: Final = FILE.read_text()


def section(title: str, page: str = PAGE) -> str:
    """The text below a heading, those of lesser headings in it included."""
    head = re.search(rf"^(#+) {re.escape(title)}$", page, re.MULTILINE)
    assert head is not None, f"expected a heading {title!r}"
    rest = page[head.end() :]
    after = re.search(rf"^#{{1,{len(head[1])}}} ", rest, re.MULTILINE)
    return rest[: after.start()] if after else rest


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of the tables in a text, without their heads."""
    found = [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in text.splitlines() if "|" in line
    ]
    return [row for row in found if not set("".join(row)) <= set("-| ")]


def names_in(title: str, page: str = PAGE) -> set[str]:
    """The metrics that the table of a section lists."""
    return {row[0].strip("`") for row in rows(section(title, page)) if re.fullmatch(r"`[a-z_]+`", row[0])}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
