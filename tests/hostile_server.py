"""A server on a real socket that means harm: it answers bytes of one's own, gzip that grows, or never ends."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answering = Callable[[socket.socket, threading.Event], None]


@contextmanager
def answering(answer: Answering) -> Iterator[str]:
    """A server on 127.0.0.1 that answers each connection so."""
    ending = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while not ending.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.recv(65_536)
                    answer(connection, ending)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ending.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def whole(head: str, body: bytes) -> Answering:
    content = f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    return lambda connection, _: connection.sendall(content)


def dribbling(begins: bytes) -> Answering:
    """A byte now and then, so that no single wait is long."""

    def answer(connection: socket.socket, ending: threading.Event) -> None:
        connection.sendall(begins)
        while not ending.wait(0.05):
            connection.sendall(b"x")

    return answer


def bomb(size: int, packing: str) -> bytes:
    """Zeros, packed a thousand times smaller."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if packing == "gzip" else 15)
    part = bytes(2**20)
    return b"".join(packer.compress(part) for _ in range(size >> 20)) + packer.flush()
