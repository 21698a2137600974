"""One spelling for each address, so that two can be compared before a credential goes to either. Pure.

Whatever two programs may read differently is refused rather than guessed at: who compares and who connects must mean
the same server (Tsai 2017, "A New Era of SSRF"). What is asked is the spelling that was compared, never the one that
came.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import quote, unquote

LONGEST: Final = 2048
_FORM: Final = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>\[[^\]]*\]|[^/:\[\]]*)(?::(?P<port>[0-9]*))?(?P<path>/.*)?"
)
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_PORTS: Final = {"http": 80, "https": 443}
_EXPECTED: Final = "expected an address such as http://mlflow.mlflow.svc:5000 or https://mlflow.example/prefix"


def normal(url: str) -> str:
    """Return the one spelling of an address: scheme and host in small letters, no default port, no slash at its end.

    Raises ValueError, whose sentence repeats nothing of the address, which may hold a password.
    """
    if len(url) > LONGEST:
        raise ValueError(f"{_EXPECTED}, got more than {LONGEST:,} characters: shorten it")
    if "@" in url:
        raise ValueError(f"{_EXPECTED}, got one with an @: keep user and password in a Secret beside the address")
    if re.search(r"[?#\\]", url) or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(
            f"{_EXPECTED}, got one with a query, a fragment, a backslash, a space or a letter that is not ASCII: leave "
            "them out, and write a host of other letters as DNS has it (xn--...)"
        )
    found = _FORM.fullmatch(url)
    if found is None:
        raise ValueError(f"{_EXPECTED}, got something else: write scheme, host and, if need be, port and path")
    scheme = found["scheme"].lower()
    if scheme not in _PORTS:
        raise ValueError(f"{_EXPECTED}, got another scheme: write http:// or https://")
    return f"{scheme}://{_host(found['host'])}{_port(found['port'] or '', scheme)}{_path(found['path'] or '')}"


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            address = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            address = None
        if address is None or address.scope_id is not None:  # a zone is known to this machine alone
            raise ValueError(f"{_EXPECTED}, got no IPv6 address in the brackets: correct it")
        return f"[{address}]"
    host = text.lower()
    if not _HOST.fullmatch(host):
        raise ValueError(f"{_EXPECTED}, got a host that is no name: write letters, digits, hyphens and single dots")
    return host


def _port(text: str, scheme: str) -> str:
    if not text:
        return ""
    port = int(text) if len(text) <= 5 else 0
    if not 0 < port < 65_536:
        raise ValueError(f"{_EXPECTED}, got a port that is none: write one from 1 to 65535")
    return "" if port == _PORTS[scheme] else f":{port}"


def _path(text: str) -> str:
    parts = text.rstrip("/").split("/")[1:]
    return "".join(f"/{_part(part)}" for part in parts)


def _part(text: str) -> str:
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        plain = ""
    if not plain or plain.strip(".") == "" or not plain.isprintable() or re.search(r"[/\\;%]", plain):
        raise ValueError(
            f"{_EXPECTED}, got a path with an empty part, one of dots alone, or one that hides a slash: write the path "
            "as the server has it"
        )
    return quote(plain, safe="!$&'()*+,=:@")
