"""Who may ask, decided before a body arrives: by the name that is asked for, the page that asks, and the client's key.

A web page of a stranger must not ask this API by its visitor's browser: relevo_contract/foreign_pages.py says how.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable
from typing import Final

from starlette.types import Scope

from relevo_contract import settings
from relevo_contract.foreign_pages import host_name, is_other_page, is_own_name
from relevo_contract.texts import legible
from relevo_serving.errors import SettingsError
from relevo_serving.problems import Refusal

log = logging.getLogger("relevo.access")
OPEN: Final = frozenset({"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})
"""Routes that need no key: probes have none, and Prometheus is kept off by who lets it in."""
SHORTEST: Final = 16
"""Characters of a key: what is shorter can be guessed."""
EVERY: Final = 5.0
"""Seconds between two looks at the file that RELEVO_API_KEYS_FILE names."""
_CLIENT: Final = re.compile(r"[A-Za-z0-9._-]{1,63}")
REMEMBERED: Final = 256


class AccessControl:
    """The door of one process."""

    def __init__(self, hosts: str | None, keys: str | None, counted: Callable[[str], None]) -> None:
        """`hosts` and `keys` are the settings'; `counted` is told the client of each request that has a key.

        Raises SettingsError if a key is none.
        """
        self._hosts = {name.strip().lower().rstrip(".") for name in (hosts or "").split(",")} - {""}
        self._fine: set[bytes] = set()
        """Host headers that were found right."""
        self._text, self._keys = keys, {} if keys is None else keys_of(keys)
        self._counted, self._looked = counted, time.monotonic()

    def problem(self, scope: Scope) -> Refusal | None:
        """Why a request is not answered; None if it is."""
        host = origin = key = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"authorization" and value[:7].lower() == b"bearer ":
                key = value[7:]
        if host not in self._fine and (refusal := self._of_host(host)):
            return refusal
        foreign = origin and is_other_page(origin.decode("latin-1"), host.decode("latin-1"))
        if foreign and scope["method"] not in {"GET", "HEAD"}:
            return Refusal(403, "expected a request of this API's own pages or of a program, another page sent it")
        return self._of_key(key) if self._text is not None and scope["path"] not in OPEN else None

    def _of_host(self, host: bytes) -> Refusal | None:
        name = host_name(host.decode("latin-1")).rstrip(".")
        if "*" not in self._hosts and not is_own_name(name, self._hosts):
            listed = ", ".join(sorted(self._hosts)) or "none"
            return Refusal(
                421,
                f"expected an address, localhost or a name of RELEVO_ALLOWED_HOSTS ({listed}) as Host, got "
                f"{legible(name[:60])!r}: add it there if clients may ask by it",
            )
        if len(self._fine) >= REMEMBERED:
            self._fine.clear()
        self._fine.add(host)
        return None

    def _of_key(self, key: bytes) -> Refusal | None:
        self._look()
        asked, client = hashlib.sha256(key.strip()).digest(), ""
        for digest, name in self._keys.items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(digest, asked):
                client = name
        if not client:
            refusal = Refusal(
                401, "expected a key of this API in the header Authorization: Bearer KEY, got none of them"
            )
            refusal.response.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        self._counted(client)
        return None

    def _look(self) -> None:
        """Read the file of keys again now and then: they are rotated while the process runs."""
        if time.monotonic() - self._looked < EVERY:
            return
        self._looked = time.monotonic()
        try:
            text = settings.value("RELEVO_API_KEYS")
            if text and text != self._text:
                self._text, self._keys = text, keys_of(text)
        except (SettingsError, ValueError) as error:  # the keys that were right go on being right
            log.warning("keys_unreadable", extra={"problem": str(error)})


def keys_of(text: str) -> dict[bytes, str]:
    """Clients by their keys' SHA-256, of a text such as `ui=KEY,batch=KEY`. Raises SettingsError, repeating no key."""
    found = {}
    for number, pair in enumerate(text.split(","), start=1):
        client, _, key = (part.strip() for part in pair.partition("="))
        if not _CLIENT.fullmatch(client) or len(key) < SHORTEST:
            raise SettingsError(
                f"RELEVO_API_KEYS: expected CLIENT=KEY, apart by commas, each key of at least {SHORTEST} characters, "
                f"the {number}. is none: make a key with `openssl rand -hex 32`"
            )
        found[hashlib.sha256(key.encode()).digest()] = client
    return found
