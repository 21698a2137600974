"""The one reader of every HTTP client: what another server answers is bounded before anybody holds it.

Two megabytes of gzip can become gigabytes, and a server that dribbles keeps httpx waiting for ever, whose own timeout
is for each read. So decoded bytes are counted while they are unpacked, at most PIECE of them at a time, and the
answer as a whole has to end in time, its head included.

    answer = ask(httpx.Client(limits=KEEP_NONE), "GET", url, seconds=30, most=1_000_000)

`stream` and `pieces` are the same for what nobody should hold whole.

Everything that is raised here is one of httpx's own errors, so that who asks catches `httpx.HTTPError` and no more:

    httpx.HTTPError
    ├── TooLong                more decoded bytes than `most`
    ├── httpx.DecodingError    packed in a way that was not asked for, wrongly, or cut
    └── httpx.ReadTimeout      not whole within `seconds`
"""

from __future__ import annotations

import socket
import threading
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import httpx

PIECE: Final = 65_536
"""Bytes that are unpacked at a time."""
PLAIN: Final = {"Accept-Encoding": "identity"}
"""Asks for an answer as it is: who needs nothing else asks for nothing else."""
PACKED: Final = {"Accept-Encoding": "gzip"}
"""Asks for an answer that may be packed, where it is large and the way is long."""
_PACKINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


class TooLong(httpx.RequestError):
    """An answer has more bytes than it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"expected at most {most:,} bytes, got more")
        self.most = most


class _Unpacking:
    """Unpacks and counts what comes; no piece is longer than PIECE, whatever the bytes would become."""

    def __init__(self, headers: httpx.Headers, most: int) -> None:
        self._most, self._count = most, 0
        packing = headers.get("content-encoding", "identity").strip().lower()
        if packing not in {"", "identity", *_PACKINGS}:
            raise httpx.DecodingError(f"expected it plain or as gzip, got {packing[:40]!r}")
        self._packing = packing
        self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB) if packing in _PACKINGS else None
        with suppress(ValueError):  # what is too long by its own word is not even begun
            if self._unpacker is None and int(headers.get("content-length", "0")) > most:
                raise TooLong(most)

    def add(self, raw: bytes) -> Iterator[bytes]:
        if self._unpacker is None:
            yield self._counted(raw)
            return
        while raw and not self._unpacker.eof:
            try:
                piece = self._unpacker.decompress(raw, PIECE)
            except zlib.error as error:
                raise httpx.DecodingError(f"expected {self._packing}, got: {error}") from None
            raw = self._unpacker.unconsumed_tail
            if piece:
                yield self._counted(piece)

    def end(self) -> Iterator[bytes]:
        """What the unpacker still holds: its output was full just when the input ended."""
        while self._unpacker is not None and not self._unpacker.eof:
            piece = self._unpacker.decompress(b"", PIECE)
            if not piece:
                if self._count:
                    raise httpx.DecodingError(f"expected {self._packing} to its end, got a part of it")
                return  # no body at all, as of a redirect
            yield self._counted(piece)

    def _counted(self, piece: bytes) -> bytes:
        self._count += len(piece)
        if self._count > self._most:
            raise TooLong(self._most)
        return piece


class _Watch:
    """Cuts a connection when its time is over: no other way ends a read of a head that comes byte by byte."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._until

    def seen(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpcore of each step; remembers the sockets that it opens."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self.over:
                self._cut()

    def _cut(self) -> None:
        for each in self._sockets:
            with suppress(OSError):  # closed meanwhile, or taken over by TLS
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # the connection's own; TLS has nothing to say to it

    def close(self) -> None:
        self._timer.cancel()


@contextmanager
def stream(client: httpx.Client, method: str, url: str, *, seconds: float, **content: Any) -> Iterator[httpx.Response]:
    """Ask; the answer has to be read within the block and to end `seconds` after the question. No redirect is followed.

    The client should keep no connection (`KEEP_NONE`): the head on a kept one is bounded for each read alone. Raises
    httpx.HTTPError.
    """
    watch = _Watch(seconds)
    try:
        extensions = {"trace": watch.seen}
        with client.stream(method, url, extensions=extensions, follow_redirects=False, **content) as got:
            yield got
            if watch.over:  # a body without a length ends where its connection is cut
                raise httpx.ReadTimeout("cut")
    except httpx.TransportError as error:
        if watch.over:
            raise httpx.ReadTimeout(f"no whole answer within {seconds:g} s") from error
        raise
    finally:
        watch.close()


KEEP_NONE: Final = httpx.Limits(max_keepalive_connections=0)
"""A connection for each question."""


def pieces(got: httpx.Response, most: int) -> Iterator[bytes]:
    """The answer's bytes, unpacked, at most `most` of them in all. Raises httpx.HTTPError, TooLong among it."""
    unpacking = _Unpacking(got.headers, most)
    for raw in got.iter_raw():
        yield from unpacking.add(raw)
    yield from unpacking.end()


async def async_pieces(got: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """The same within an event loop, where `asyncio.timeout` bounds the whole."""
    unpacking = _Unpacking(got.headers, most)
    async for raw in got.aiter_raw():
        for piece in unpacking.add(raw):
            yield piece
    for piece in unpacking.end():
        yield piece


def ask(client: httpx.Client, method: str, url: str, *, seconds: float, most: int, **content: Any) -> httpx.Response:
    """Ask, and read all of the answer, which has at most `most` bytes. Raises httpx.HTTPError, as stream and pieces."""
    with stream(client, method, url, seconds=seconds, **_plainly(content)) as got:
        return _read(got, b"".join(pieces(got, most)))


async def async_ask(client: httpx.AsyncClient, method: str, url: str, *, most: int, **content: Any) -> httpx.Response:
    """The same within an event loop, where `asyncio.timeout` bounds the whole."""
    async with client.stream(method, url, follow_redirects=False, **_plainly(content)) as got:
        return _read(got, b"".join([piece async for piece in async_pieces(got, most)]))


def _plainly(content: Mapping[str, Any]) -> dict[str, Any]:
    return {**content, "headers": PLAIN | dict(content.get("headers") or {})}


def _read(got: httpx.Response, body: bytes) -> httpx.Response:
    head = [(name, value) for name, value in got.headers.multi_items() if name.lower() not in _FRAMING]
    return httpx.Response(got.status_code, headers=head, content=body, request=got.request, extensions=got.extensions)


_FRAMING: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})
