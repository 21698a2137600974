"""Ports of 127.0.0.1 for servers that are told theirs before they start.

A port the kernel picks (bind to 0) lies where it also takes the ports of outgoing connections from: between the choice
and the server's own bind, and whenever the server is stopped to be started again, any client on the machine may get it.
So ports come from below that range, and a choice is kept for its process: TCP and UDP count ports apart, and none of
these servers speaks UDP, so a UDP socket on the same number tells every other process that chooses here to go on.
"""

from __future__ import annotations

import socket
from itertools import chain
from random import SystemRandom

from relevo_demo.servers.process import HOST, ServerError

PORTS = range(20_000, 30_000)
"""Below the ports of outgoing connections (Linux: from 32,768; others: from 49,152) and Kubernetes' NodePorts."""
_kept: list[socket.socket] = []  # until this process ends, however it ends
_random = SystemRandom()  # a test that seeds `random` must not make two processes choose alike


def free_port(among: range = PORTS) -> int:
    """A TCP port that nobody listens on, and that no other call, of any process, is given while this process lives.

    Raises ServerError if there is none.
    """
    first = _random.randrange(len(among))
    for port in chain(among[first:], among[:first]):
        keep = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            keep.bind((HOST, port))
            _bind(port)
        except OSError:
            keep.close()
        else:
            _kept.append(keep)
            return port
    raise ServerError(
        f"expected a free port of {HOST} from {among.start} to {among.stop - 1}, all are taken: "
        "end what listens there (ss -ltun shows it), or name the ports"
    )


def expect_free(port: int, what: str) -> None:
    """Raise ServerError if something listens on the port already."""
    try:
        _bind(port)
    except OSError as error:
        raise ServerError(
            f"expected port {port} of {HOST} to be free for {what}, it cannot be taken ({error.strerror}): "
            "choose another port, or none to get a free one"
        ) from None


def _bind(port: int) -> None:
    """Take the port and let it go. Raises OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
