"""Texts of strangers: one form in which they are kept, and one in which they are shown. Pure.

A character that cannot be seen makes two categories of one, and one that turns the direction of writing makes a person
read what is not there (Boucher & Anderson 2021, "Trojan Source"). So neither is kept in a category, and neither
reaches a log, a status or a terminal.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

_FORMATS: Final = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f"
)
"""Unicode's category Cf (directions, zero-width spaces, tags) without the two joiners, which Persian and Hindi need."""
_HALVES: Final = "\ud800-\udfff"
"""Halves of a surrogate pair, which JSON can spell and UTF-8 cannot."""
_UNSEEN: Final = re.compile(f"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f{_FORMATS}{_HALVES}]")
_UNPRINTABLE: Final = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_FORMATS}{_HALVES}]")
_PASSWORD: Final = re.compile(r"(?<=://)[^\s/?#]*@")
_LARGEST_BITS: Final = 3_322
SHOWN: Final = 60
"""Characters of a stranger's text that a message repeats."""


def tidy(text: str) -> str:
    """Return the text as it is kept: composed (Unicode's NFC), without unseen characters, spaces folded to one.

    A tidy text stays as it is.
    """
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    return " ".join(text.split())


def legible(text: str) -> str:
    r"""Return the text as it may be printed: what cannot be seen is spelt as JSON spells it, such as `\u202e`.

    Text without such characters stays as it is, and a line of JSON stays the same JSON.
    """
    return _UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def spelt(came: object) -> str:
    """Return a value that is no text as Python writes it; Python refuses to write a whole number of 4,300 digits."""
    huge = isinstance(came, int) and came.bit_length() > _LARGEST_BITS
    return "a number of more than a thousand digits" if huge else repr(came)


def shown(came: object) -> str:
    """Return what came as a message repeats it: legible, in quotes if it is a text, and cut if it is long."""
    text = came if isinstance(came, str) else spelt(came)
    cut = legible(text[:SHOWN]) + ("…" if len(text) > SHOWN else "")
    return f"'{cut}'" if isinstance(came, str) else cut


def line(text: str, most: int) -> str:
    """Return the beginning of what a server said, as one legible line of at most so many characters."""
    return legible(" ".join(text[:1000].split()))[:most]


def without_passwords(text: str) -> str:
    """Return the text without what stands before the @ of any address in it."""
    return _PASSWORD.sub("", text)


def address(url: str) -> str:
    """Return the address as it may be shown: without a login, and without a query, which may hold a key."""
    return re.split("[?#]", without_passwords(url), maxsplit=1)[0]
