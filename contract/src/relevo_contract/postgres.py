"""How long a part waits for PostgreSQL, and what it repeats of its errors; the client is the parts' own."""

from __future__ import annotations

from typing import Any, Final

PATIENCE: Final[dict[str, Any]] = {
    "connect_timeout": 10,
    # A server that vanished without a word is noticed within half a minute, not after two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Parameters of a connection (PostgreSQL's documentation, "Parameter Key Words"); seconds, the last in milliseconds."""


def said(error: BaseException) -> str:
    """What the server said, without the lines that point into the statement."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
