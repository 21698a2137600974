"""What a connection may cost beside its request's answer: uvicorn's protocol, with the limits that it does not have.

uvicorn reads a request's head of any length, waits for it for ever, waits as long for a client that does not read its
answer, and takes any number of connections. Here each has its bound. When there are too many connections, the one for
whose client this process has waited longest makes room, so that whoever holds connections open, and sends little or
reads nothing, keeps nobody out, the probes included.
"""

from __future__ import annotations

import time
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD: Final = 65_536
"""Bytes of a request's head."""
PROBES: Final = frozenset({b"/healthz", b"/readyz", b"/metrics"})
"""They are answered however many connections there are: a busy process must not be ended for it, and is watched."""
PIPELINED: Final = 16
"""Requests that a client may send before the first is answered."""


def _answer(status: str, said: str) -> bytes:
    body = f'{{"error":"{said}","fields":[]}}'
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n{body}".encode()


TOO_LONG: Final = _answer("431 Request Header Fields Too Large", f"expected a request's head of at most {HEAD} bytes")
TOO_SLOW: Final = _answer("408 Request Timeout", "expected a request's head sooner, it is still arriving")
FULL: Final = _answer("503 Service Unavailable", "too many requests are under way: ask again later")


class Connections:
    """The connections of one process that wait for their client, the one that has waited longest first."""

    def __init__(self, most: int, seconds: float, longest_body: int) -> None:
        """`most` connections there may be; `seconds` is how long a head may take to arrive, an answer to be read."""
        self.most, self._seconds = most, seconds
        self.longest: Final = HEAD + 2 * longest_body
        """Bytes of a request as it is sent: the pieces of a body that comes in pieces have heads of their own."""
        self._waiting: dict[BoundedProtocol, float] = {}
        """Since when, by time.monotonic."""

    def protocol(self, **given: Any) -> BoundedProtocol:
        """One connection, made as uvicorn asks for it."""
        return BoundedProtocol(self, **given)

    def waits(self, connection: BoundedProtocol) -> None:
        """From now on the connection waits for its client."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = time.monotonic()

    def works(self, connection: BoundedProtocol) -> None:
        """From now on its client waits."""
        self._waiting.pop(connection, None)

    def make_room(self) -> None:
        """Close the one that has waited longest, if one waits."""
        if self._waiting:
            next(iter(self._waiting)).refuse(FULL)

    def close_overdue(self) -> None:
        """Close those that have waited too long; the server calls it ten times a second."""
        before = time.monotonic() - self._seconds
        for connection, since in list(self._waiting.items()):
            if since > before:
                break
            if not connection.in_body:  # which BodyLimit refuses
                connection.refuse(TOO_SLOW)


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, bounds: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._bounds, self._received = bounds, 0
        self._in_head = True

    @property
    def in_body(self) -> bool:
        """Whether the application waits for the body."""
        return not self._in_head and not self.cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        """Take the connection, and close another one for it if there are too many."""
        super().connection_made(transport)
        if self._too_many():
            self._bounds.make_room()
        self._bounds.waits(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._bounds.works(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the request becomes too long."""
        self._received += len(data)
        super().data_received(data)
        if self._received > (HEAD if self._in_head else self._bounds.longest):
            self.refuse(TOO_LONG)

    def on_headers_complete(self) -> None:
        """The head is whole. It may have come in one piece with much of the body, so it is measured by itself."""
        if self._received > HEAD and len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers) > HEAD:
            self.refuse(TOO_LONG)
        elif len(self.pipeline) >= PIPELINED or (self._too_many() and self.url.partition(b"?")[0] not in PROBES):
            self.refuse(FULL)
        elif not self.transport.is_closing():
            self._in_head = False
            super().on_headers_complete()

    def _too_many(self) -> bool:
        """Whether too many are open. One that was closed to make room is a connection until its end is told."""
        most = self._bounds.most
        return len(self.connections) > most and sum(not c.transport.is_closing() for c in self.connections) > most

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, if the head was taken."""
        if not self._in_head:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: from here on this process takes its time."""
        if not self._in_head:
            self._received, self._in_head = 0, True
            self._bounds.works(self)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is written: the client may take its time to read it, and to ask again."""
        if not self.pipeline:
            self._bounds.waits(self)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._bounds.waits(self)
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._bounds.works(self)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for a while: close, once the client has read what it was answered."""
        if not self.transport.get_write_buffer_size():
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless it was refused already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def refuse(self, answer: bytes) -> None:
        """Close, and say why if nothing else is being said; what the client does not read is thrown away."""
        self._bounds.works(self)
        if self.transport.get_write_buffer_size() or not self._in_head:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
