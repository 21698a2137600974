"""MLflow's own client reads whatever a server sends; here its answers are bounded, by the one place it lets others in.

That is a provider of authentication, a plugin that MLflow finds by the entry point `mlflow.request_auth_provider` and
MLFLOW_TRACKING_AUTH names: it sees each request before it is sent, and so may ask to see the answer. It adds no login.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import requests
from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider

from relevo_contract.graph_check import LARGEST_GRAPH
from relevo_contract.mlflow_rest import LONGEST_ANSWER

NAME: Final = "relevo"
"""What MLFLOW_TRACKING_AUTH has to be for it."""


class _Counted:
    """An answer's bytes, as urllib3 gives them, and no more than `most`."""

    def __init__(self, raw: Any, most: int) -> None:
        self._raw, self._most = raw, most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amount: int, **_: Any) -> Iterator[bytes]:
        count = 0
        for piece in self._raw.stream(amount, decode_content=False):
            count += len(piece)
            if count > self._most:
                raise requests.exceptions.ContentDecodingError(f"expected at most {self._most:,} bytes, got more")
            yield piece


def _bound(answer: requests.Response, *, stream: bool = False, **_: Any) -> None:
    """Let an answer that is JSON have LONGEST_ANSWER bytes, and one that is streamed, a file, LARGEST_GRAPH."""
    packing = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in {"", "identity"}:
        raise requests.exceptions.ContentDecodingError(f"expected an answer that is not packed, got {packing[:40]!r}")
    answer.raw = _Counted(answer.raw, LARGEST_GRAPH if stream else LONGEST_ANSWER)


def _asked(request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Accept-Encoding"] = "identity"
    request.register_hook("response", _bound)
    return request


class Bounds(RequestAuthProvider):
    """The plugin."""

    def get_name(self) -> str:
        """What MLFLOW_TRACKING_AUTH names."""
        return NAME

    def get_auth(self) -> Any:
        """What requests calls with each request."""
        return _asked
