"""The one reader, against servers on real sockets that mean harm: bytes and time are bounded, whatever comes."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relevo_contract.bounded_http import KEEP_NONE, PACKED, TooLong, async_pieces, pieces, stream
from tests.hostile_server import answering, bomb, dribbling, whole

MOST = 100_000


def read(url: str, most: int = MOST, seconds: float = 30) -> bytes:
    with (
        httpx.Client(limits=KEEP_NONE) as client,
        stream(client, "GET", url, seconds=seconds, headers=PACKED) as got,
    ):
        return b"".join(pieces(got, most))


async def read_async(url: str, most: int = MOST) -> bytes:
    async with httpx.AsyncClient() as client, client.stream("GET", url, headers=PACKED) as got:
        return b"".join([piece async for piece in async_pieces(got, most)])


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
@pytest.mark.parametrize("reader", [read, lambda url: asyncio.run(read_async(url))], ids=["sync", "async"])
def test_a_small_answer_that_becomes_a_large_one_costs_little(packing: str, reader: Callable[[str], bytes]) -> None:
    packed = bomb(2**26, packing)
    assert len(packed) < 2**20
    with answering(whole(f"Content-Encoding: {packing}\r\n", packed)) as url:
        tracemalloc.start()
        try:
            with pytest.raises(TooLong, match="at most 100,000 bytes"):
                reader(url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2**22


@pytest.mark.parametrize("length", ["Content-Length: 1000000000\r\n", "", "Transfer-Encoding: chunked\r\n"])
def test_a_plain_answer_without_end_is_left(length: str) -> None:
    chunk = b"x" * 65_536
    framed = b"10000\r\n" + chunk + b"\r\n" if "chunked" in length else chunk

    def answer(connection: socket.socket, ending: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        while not ending.is_set():
            connection.sendall(framed)

    with answering(answer) as url, pytest.raises(TooLong):
        read(url)


@pytest.mark.parametrize(
    "begins",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"],
    ids=["first line", "head", "body without length", "body"],
)
def test_an_answer_that_dribbles_is_given_up_in_time(begins: bytes) -> None:
    with answering(dribbling(begins)) as url, pytest.raises(httpx.ReadTimeout):
        read(url, seconds=0.3)


def test_no_redirect_is_followed() -> None:
    asked = threading.Event()

    def elsewhere(connection: socket.socket, _: threading.Event) -> None:
        asked.set()

    with answering(elsewhere) as other:
        head = f"HTTP/1.1 302 Found\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode()
        with (
            answering(lambda connection, _: connection.sendall(head)) as url,
            httpx.Client(limits=KEEP_NONE, follow_redirects=True) as client,
            stream(client, "GET", url, seconds=30) as got,
        ):
            assert got.status_code == 302
            assert not b"".join(pieces(got, MOST))
    assert not asked.is_set()


@given(st.binary(max_size=3000), st.integers(1, 200), st.sampled_from(["gzip", "x-gzip", "deflate", "identity", ""]))
@settings(max_examples=50)
def test_what_fits_comes_to_the_byte_and_one_byte_more_is_refused(content: bytes, times: int, packing: str) -> None:
    content *= times
    packed = gzip.compress(content) if "gzip" in packing else content
    packed = zlib.compress(content) if packing == "deflate" else packed
    got = httpx.Response(200, headers={"content-encoding": packing} if packing else {}, stream=_Cut(packed))
    assert b"".join(pieces(got, len(content))) == content
    if content:
        got = httpx.Response(200, headers={"content-encoding": packing} if packing else {}, stream=_Cut(packed))
        with pytest.raises(TooLong):
            list(pieces(got, len(content) - 1))


@pytest.mark.parametrize(
    ("packing", "content", "says"),
    [
        ("br", b"x", "plain or as gzip"),
        ("gzip, gzip", b"x", "plain or as gzip"),
        ("gzip", b"no gzip", "expected gzip"),
        ("gzip", gzip.compress(bytes(1000), mtime=0)[:-12], "to its end"),
    ],
)
def test_what_is_packed_in_another_way_is_refused(packing: str, content: bytes, says: str) -> None:
    head = f"Content-Encoding: {packing}\r\n"
    with answering(whole(head, content)) as url, pytest.raises(httpx.DecodingError, match=says):
        read(url)


class _Cut(httpx.SyncByteStream):
    """Bytes in chunks, as a socket gives them."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._content), 1000):
            yield self._content[at : at + 1000]
