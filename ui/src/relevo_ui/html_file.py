"""One HTML file that loads nothing from elsewhere and has no script: what its parts are made of. Pure.

Everything that stands in one is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from relevo_contract.figures import percent
from relevo_ui.language import code_of
from relevo_ui.wording import Wording

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8888; padding-top: 1.5rem; }
div.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .3rem .8rem; border-bottom: 1px solid #8886; text-align: left; }
td.figure { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { width: 55%; } td.bar div { background: #0072B2; height: .8rem; border-radius: 2px; }
small { opacity: .75; }
"""


def document(title: str, body: Iterable[str], say: Wording) -> str:
    """The whole file; `body` are elements."""
    return (
        f'<!doctype html>\n<html lang="{code_of(say.say)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def paragraph(text: str, *, small: bool = False) -> str:
    """A paragraph."""
    return f"<p><small>{escape(text)}</small></p>" if small else f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """What a part is called."""
    return f"<h2>{escape(text)}</h2>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; the first value of a row is what it is of, the others are figures."""
    named = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    lines = [
        f"<tr><td>{escape(str(first))}</td>"
        + "".join(f'<td class="figure">{escape(str(value))}</td>' for value in rest)
        + "</tr>"
        for first, *rest in rows
    ]
    told = "\n".join(lines)
    return f'<div class="wide"><table><thead><tr>{named}</tr></thead><tbody>\n{told}\n</tbody></table></div>'


def bars(heads: tuple[str, str], shares: Iterable[tuple[str, float]]) -> str:
    """Shares of a whole, 0 to 1, as bars with their figures."""
    lines = "\n".join(
        f'<tr><td>{escape(label)}</td><td class="bar"><div style="width:{100 * share:.1f}%"></div></td>'
        f'<td class="figure">{escape(percent(share))}</td></tr>'
        for label, share in shares
    )
    first, last = map(escape, heads)
    named = f'<th scope="col">{first}</th><th scope="col" colspan="2">{last}</th>'
    return f"<table><thead><tr>{named}</tr></thead><tbody>\n{lines}\n</tbody></table>"
