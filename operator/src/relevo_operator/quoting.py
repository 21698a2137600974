"""What may be repeated of an address, or of what a server said, in a message, a log or a status. Pure."""

from __future__ import annotations

from relevo_contract import mlflow_rest
from relevo_contract.texts import legible


def shown(address: str) -> str:
    """The address without what may be a password, even if it is none."""
    try:
        return mlflow_rest.shown(address)
    except ValueError:
        return "an address that cannot be read"


def line(text: str, most: int) -> str:
    """The beginning of what a server said, as one legible line of at most so many characters."""
    return legible(" ".join(text[:1000].split()))[:most]
