"""Who may ask the source: nobody's web page. A GET moves a group's count on, for that is the source's contract.

A page that a person looks at can make the browser ask any address it reaches, this machine's among them: by a link or a
picture (Sec-Fetch-Site and Origin tell), or by a name of its own that it points here meanwhile (Host tells). Programs
send neither of the first, and their Host is the name they were told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from relevo_contract.foreign_pages import host_name, is_other_page, is_own_name

_OUR_OWN: Final = frozenset({"same-origin", "none"})


class Door:
    """Lets a request in whose Host is an address, `localhost` or one of `names`, and that no other page makes."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self._app, self._names = app, {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http" and (why := self._refused(Headers(scope=scope))) is not None:
            await JSONResponse({"detail": why}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refused(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not is_own_name(host_name(host), self._names):
            return "expected a Host that is an address, localhost or a name given by --name, got another"
        if headers.get("sec-fetch-site", "none") not in _OUR_OWN:
            return "expected a program or a page of this server, another page asked"
        origin = headers.get("origin")
        if origin is not None and is_other_page(origin, host):
            return "expected a program or a page of this server, another page asked"
        return None
