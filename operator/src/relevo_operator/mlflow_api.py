"""MLflow's REST API, as the operator speaks it: every question ends in time, and what went wrong has a reason."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import httpx

from relevo_contract import mlflow_rest
from relevo_operator.quoting import line, shown
from relevo_operator.values import Absence

OnCall = Callable[[str, str], None]
"""Told of every request: its kind and what came of it, `ok` or one of FAILURES."""
REFUSED: Final = "refused"
"""MLflow itself said no: also that there is no such model or alias."""
_OUTCOMES: Final = {
    Absence.UNREACHABLE: "unreachable",
    Absence.DENIED: "denied",
    Absence.BAD_ANSWER: "bad_answer",
}
_line: Final = partial(line, most=200)
_TAG: Final = re.compile("<[^>]*>")
FAILURES: Final = (REFUSED, *_OUTCOMES.values())
IDLE_SECONDS: Final = 2.0
"""Idle connections are dropped before MLflow drops them (after 5 s): a question sent just then would fail."""


class No(Exception):
    """MLflow did not do what was asked of it.

    `code` is its own error code and `said` its own words, `status` is HTTP's, where there is one.
    """

    def __init__(self, reason: Absence, message: str, *, status: int = 0, code: str = "", said: str = "") -> None:
        super().__init__(message)
        self.reason, self.message, self.status, self.code, self.said = reason, message, status, code, said

    @property
    def refused(self) -> bool:
        """It understood, and said no."""
        return bool(self.code) and self.reason is Absence.BAD_ANSWER


class MlflowApi:
    """One server. The constructor refuses no address: that there is nothing at it is told when asked."""

    def __init__(
        self, tracking_uri: str, timeout: float, transport: httpx.AsyncBaseTransport | None, on_call: OnCall | None
    ) -> None:
        self._base = mlflow_rest.base_url(tracking_uri)
        self.shown = shown(tracking_uri)
        self._login = mlflow_rest.login()
        self._timeout = timeout
        self._on_call = on_call or (lambda _kind, _outcome: None)
        limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
        self._client = httpx.AsyncClient(timeout=timeout, transport=transport, limits=limits)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(
        self, kind: str, method: str, path: str, params: Mapping[str, str] | None = None, *, json: Any = None
    ) -> dict[str, Any]:
        """Ask, or tell; `path` below `mlflow/`. Raises No."""
        try:
            answer = self._read(await self._send(method, path, params, json))
        except No as no:
            self._on_call(kind, REFUSED if no.refused else _OUTCOMES[no.reason])
            raise
        self._on_call(kind, "ok")
        return answer

    async def _send(self, method: str, path: str, params: Mapping[str, str] | None, json: Any) -> httpx.Response:
        url = f"{self._base}mlflow/{path}"
        try:
            async with asyncio.timeout(self._timeout):  # httpx's own is for each read, and a slow server makes many
                return await self._client.request(method, url, params=params, json=json, headers=self._login)
        except TimeoutError:
            got = f"no answer within {self._timeout:g} s"
        except (httpx.LocalProtocolError, UnicodeError):  # their words may hold the header, and with it the password
            got = "a request that cannot be sent: MLFLOW_TRACKING_TOKEN and names must be printable, without line ends"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            got = _line(str(error)) or type(error).__name__
        raise No(
            Absence.UNREACHABLE,
            f"expected an answer from MLflow at {self.shown}, got: {got}; is it running, and is the address right?",
        )

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            body = None
        body = body if isinstance(body, dict) else None
        if answer.is_success and body is not None:
            return body
        code = str((body or {}).get("error_code", ""))
        said = _line(str((body or {}).get("message") or code or _TAG.sub(" ", answer.text)))
        status = answer.status_code
        reason = Absence.BAD_ANSWER
        if status in {401, 403}:
            reason = Absence.DENIED
            got = f"denied with {status}: {said}; check MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"
        elif answer.is_server_error or status in {408, 429}:
            reason = Absence.UNREACHABLE
            got = f"failed with {status}: {said}; its log says why"
        elif code and not answer.is_success:
            got = f"refused with {status} {code}: {said}"
        else:
            to = f" to {shown(str(answer.next_request.url))}" if answer.next_request else ""
            got = f"answered {status}{to}, which is not MLflow's API: {said or 'nothing'}; is the address right?"
        message = f"expected an answer from MLflow at {self.shown}, it {got}"
        raise No(reason, message, status=status, code=code, said=said)
