"""The one small client of MLflow's REST API (public and versioned, https://mlflow.org/docs/latest/rest-api).

The `mlflow` package's own client takes two CPU seconds and 130 MB to import. `MlflowRest` waits for its answers;
`AsyncMlflowRest` asks the same within an event loop, where a thread for each silent server would soon be one too many.
"""

from __future__ import annotations

import asyncio
import json as json_module
import re
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import httpx

from relevo_contract import bounded_http
from relevo_contract.mlflow_login import login, trust
from relevo_contract.names import ABSENT, MISSING
from relevo_contract.texts import address, line, without_passwords

IDLE_SECONDS: Final = 2.0
"""Idle connections are dropped before MLflow drops them (after 5 s): a question sent just then would fail."""
LONGEST_ANSWER: Final = 16 * 2**20
"""Bytes of an answer that is JSON: a thousand runs with all their tags are a few million. Read, they are up to 21 times
as many."""
LONGEST_NO: Final = 65_536
"""Bytes at least that may say why there is no file, however small that may be."""
FILE_SECONDS: Final = 600.0
"""Longest time for one file in all; within it, each wait for more has the client's own limit."""
HANDED_OUT: Final = "mlflow-artifacts:"
"""How the address of a run's files begins where the server hands them out itself (`--serve-artifacts`)."""
TOO_MUCH: Final = "too much"
"""What MlflowError has as `said` where an answer is longer than was allowed."""
_FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError)
_TAG: Final = re.compile("<[^>]*>")
_FAILED_FILES: Final = "The following failures occurred while downloading"
_NO_FILE: Final = re.compile(r"\(404\)|\b404 GET\b|NoSuchKey|BlobNotFound")
"""How S3, Google and Azure say within MLflow's own sentence that there is no such file."""


class Trouble(StrEnum):
    """Why MLflow did not do what was asked of it."""

    UNREACHABLE = "unreachable"
    """It did not answer, not in time, or failed: asking again can help."""
    DENIED = "denied"
    REFUSED = "refused"
    """It understood and said no: also that there is no such model, version or alias."""
    BAD_ANSWER = "bad_answer"
    """What answered is not MLflow's API, or answered with more than was expected."""


class MlflowError(Exception):
    """MLflow did not do what was asked of it; the message has the address without a password.

    `status` is HTTP's, `code` MLflow's own error code and `said` the words of who failed, where there are any.
    """

    def __init__(self, trouble: Trouble, message: str, *, status: int = 0, code: str = "", said: str = "") -> None:
        super().__init__(message)
        self.trouble, self.status, self.code, self.said = trouble, status, code, said

    @property
    def absent(self) -> bool:
        """Whether MLflow itself says that there is no such thing; a proxy's 404 says nothing about what it has."""
        return self.trouble is Trouble.REFUSED and self.code in ABSENT


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a registered model; `source` is where its files lie, `run_id` empty if no run made it."""

    model: str
    number: int
    run_id: str
    source: str
    tags: Mapping[str, str]


def registered_version(found: Any) -> RegisteredVersion:
    """A version as MLflow spells it. Raises ValueError if it is none."""
    try:
        tags = {str(tag["key"]): str(tag.get("value", "")) for tag in found.get("tags", [])}
        run_id, source = str(found.get("run_id", "")), str(found.get("source", ""))
        return RegisteredVersion(str(found["name"]), int(found["version"]), run_id, source, tags)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"expected a model version, got {line(str(found), 80)!r}") from error


class _Answer:
    """What came, head and body."""

    def __init__(self, got: httpx.Response, body: bytes) -> None:
        self.got, self.body = got, body

    def json(self) -> dict[str, Any] | None:
        try:
            found = json_module.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def is_whole_file(self) -> bool:
        """Whether it is a file that MLflow hands out, to its end: what is cut off has no length to tell it by."""
        head = self.got.headers
        to_its_end = "content-length" in head or head.get("transfer-encoding", "").lower() == "chunked"
        return self.got.is_success and to_its_end and head.get("content-disposition", "").startswith("attachment")

    def is_no_file(self) -> bool:
        """Whether MLflow says that its store has no such file: local files and stores say it differently."""
        said = self.json() or {}
        message = str(said.get("message", ""))
        # Lines of `#####` name the file, which may be called anything.
        reasons = "\n".join(each for each in message.splitlines() if not each.startswith("#####"))
        told = message.startswith(_FAILED_FILES) and bool(_NO_FILE.search(reasons))
        return not self.got.is_success and (told or said.get("error_code") == MISSING)


def _longest(got: httpx.Response, most: int) -> int:
    """Bytes that may come: a refusal of a small file may be longer than that."""
    return most if got.is_success else max(most, LONGEST_NO)


class _Server:
    """One server: addresses, headers, and how its answers are read. It refuses no address: that is told when asked."""

    _kind: type[httpx.Client | httpx.AsyncClient]
    _limits: httpx.Limits
    _client: Any

    def __init__(
        self,
        tracking_uri: str,
        *,
        timeout: float,
        longest: int = LONGEST_ANSWER,
        authorization: Mapping[str, str] | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout` in seconds is for each answer in all, connecting included; one may have `longest` bytes.

        `authorization` is the headers that log in, and `verify` whom to believe; None is MLflow's own variables.
        Neither follows a redirect. Raises ValueError (login, trust).
        """
        self.shown = address(tracking_uri)
        self._root = tracking_uri.rstrip("/")
        self._timeout, self._longest = timeout, longest
        # With each request, which may refuse them; without a coding a body is as long as it says.
        self._headers = {**(login() if authorization is None else authorization), **bounded_http.PLAIN}
        kept = self._limits
        self._client = self._kind(verify=verify or trust(), timeout=timeout, limits=kept, follow_redirects=False)

    def _url(self, path: str) -> str:
        return f"{self._root}/api/2.0/mlflow/{path}"

    def _failed(self, error: Exception, seconds: float) -> MlflowError:
        if isinstance(error, bounded_http.TooLong):
            told = f"expected at most {error.most:,} bytes from MLflow at {self.shown}, got more: is the address right?"
            return MlflowError(Trouble.BAD_ANSWER, told, said=TOO_MUCH)
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            got = f"no answer within {seconds:g} s"
        elif isinstance(error, httpx.LocalProtocolError | UnicodeError):  # their words may hold a password's header
            got = "a request that cannot be sent: MLFLOW_TRACKING_TOKEN and names must be printable, without line ends"
        else:
            got = without_passwords(line(str(error), 200)) or type(error).__name__
        told = f"expected an answer from MLflow at {self.shown}, got: {got}; is it running, and is the address right?"
        return MlflowError(Trouble.UNREACHABLE, told, said=got)

    def _read(self, answer: _Answer) -> dict[str, Any]:
        body = answer.json()
        if answer.got.is_success and body is not None:
            return body
        raise self._no(answer)

    def _no(self, answer: _Answer) -> MlflowError:
        body = answer.json() or {}
        status, code = answer.got.status_code, str(body.get("error_code", ""))
        text = answer.body[:2000].decode(errors="replace")
        said = line(str(body.get("message") or code or _TAG.sub(" ", text)), 200)
        trouble = Trouble.BAD_ANSWER
        if status in {401, 403}:
            trouble = Trouble.DENIED
            came = f"denied with {status}: {said}; check MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"
        elif status >= 500 or status in {408, 429}:
            trouble = Trouble.UNREACHABLE
            came = f"failed with {status}: {said}; its log says why"
        elif code and status >= 400:
            trouble = Trouble.REFUSED
            came = f"refused with {status} {code}: {said}"
        else:
            to = f" to {address(str(answer.got.next_request.url))}" if answer.got.next_request else ""
            came = f"answered {status}{to}, which is not MLflow's API: {said or 'nothing'}; is the address right?"
        message = f"expected an answer from MLflow at {self.shown}, it {came}"
        return MlflowError(trouble, message, status=status, code=code, said=said)


class MlflowRest(_Server):
    """One server, asked and waited for; may be used by several threads. Every method raises MlflowError."""

    _kind = httpx.Client
    _limits = bounded_http.KEEP_NONE
    _client: httpx.Client

    def ask(
        self, method: str, path: str, params: Mapping[str, str] | None = None, *, json: Any = None
    ) -> dict[str, Any]:
        """Ask, or tell; `path` below `/api/2.0/mlflow/`."""
        return self._read(self._send(method, self._url(path), self._longest, self._timeout, params=params, json=json))

    def version_by_alias(self, model: str, alias: str) -> RegisteredVersion:
        """The version that an alias marks."""
        return self._version("registered-models/alias", name=model, alias=alias)

    def version(self, model: str, number: int) -> RegisteredVersion:
        """A version by its number."""
        return self._version("model-versions/get", name=model, version=str(number))

    def version_file(self, version: RegisteredVersion, path: str, most: int) -> bytes | None:
        """A file of a version, of at most `most` bytes, wherever the server keeps it; None if there is no such file.

        The server itself reads its store, with `--serve-artifacts` and without.
        """
        scheme, _, rest = version.source.partition(":/")
        if scheme == "runs":  # a server that hands out its artifacts does not follow this to its own store
            run_id, _, folder = rest.strip("/").partition("/")
            return self.run_file(run_id, f"{folder}/{path}", most)
        where = {"name": version.model, "version": str(version.number), "path": path}
        return self._file("model-versions/get-artifact", where, most)

    def run_file(self, run_id: str, path: str, most: int) -> bytes | None:
        """A file of a run, of at most `most` bytes; None if there is no such file."""
        return self._file("get-artifact", {"run_id": run_id, "path": path}, most)

    def keep(self, artifact_uri: str, path: str, content: bytes) -> None:
        """Write a file of a run, or write it anew; the server has to hand out its artifacts itself."""
        folder = urllib.parse.urlsplit(artifact_uri).path.strip("/")
        where = f"{self._root}/api/2.0/mlflow-artifacts/artifacts/{urllib.parse.quote(f'{folder}/{path}')}"
        answer = self._send("PUT", where, self._longest, FILE_SECONDS, content=content)
        if not answer.got.is_success or answer.body.strip() not in {b"", b"{}"}:  # another server's 200 keeps nothing
            raise self._no(answer)

    def _version(self, path: str, **which: str) -> RegisteredVersion:
        found = self.ask("GET", path, which).get("model_version")
        try:
            return registered_version(found)
        except ValueError as error:
            raise MlflowError(
                Trouble.BAD_ANSWER, f"{error} from MLflow at {self.shown}: is the address right?"
            ) from error

    def _file(self, endpoint: str, where: Mapping[str, str], most: int) -> bytes | None:
        answer = self._send("GET", f"{self._root}/{endpoint}", most, FILE_SECONDS, params=where)
        if answer.is_whole_file():
            return answer.body
        if answer.is_no_file():
            return None
        raise self._no(answer)

    def _send(self, method: str, url: str, most: int, seconds: float, **content: Any) -> _Answer:
        asked = {"headers": self._headers, **content}
        try:
            with bounded_http.stream(self._client, method, url, seconds=seconds, **asked) as got:
                return _Answer(got, b"".join(bounded_http.pieces(got, _longest(got, most))))
        except _FAILURES as error:
            raise self._failed(error, seconds) from error


class AsyncMlflowRest(_Server):
    """One server, asked within an event loop."""

    _kind = httpx.AsyncClient
    _limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
    _client: httpx.AsyncClient

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, params: Mapping[str, str] | None = None, *, json: Any = None
    ) -> dict[str, Any]:
        """Ask, or tell; `path` below `/api/2.0/mlflow/`. Raises MlflowError."""
        most, url = self._longest, self._url(path)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream(method, url, params=params, json=json, headers=self._headers) as got,
            ):
                pieces = bounded_http.async_pieces(got, _longest(got, most))
                answer = _Answer(got, b"".join([piece async for piece in pieces]))
        except _FAILURES as error:
            raise self._failed(error, self._timeout) from error
        return self._read(answer)
