"""What is asked of MLflow: which versions aliases mark, the tags on a version, the webhook that tells of moves.

What goes wrong here is an answer, not an exception: it belongs in a condition, and nothing that serves is touched.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from datetime import UTC
from typing import Any, Final

from relevo_contract import names
from relevo_contract.mlflow_rest import TOO_MUCH, AsyncMlflowRest, MlflowError, Trouble
from relevo_contract.texts import line
from relevo_operator.credentials import Access
from relevo_operator.failures import failure
from relevo_operator.values import Absence, Absent, Answer, Found, VersionTag

Marked = tuple[str, str]
"""A registered model and an alias of it."""

OnCall = Callable[[str, str], None]
"""Told of every request: its kind and what came of it, `ok` or a Trouble."""

RESOLVE, POLL, TAG, WEBHOOK, BATCHES = KINDS = ("resolve", "poll", "tag", "webhook", "batches")
"""What `on_call` is told that a request was for."""
PAGE: Final = 1000
"""Models or webhooks in one answer: the most that MLflow gives."""
MOST_PAGES: Final = 100
"""Of one poll; a server that always has another page would be asked forever."""
NEWEST: Final = "latest"
"""The alias, in any case, that MLflow reserves for the highest version and does not list among a model's aliases."""
NEWEST_BATCHES: Final = 20
"""Batch runs in one answer: the newest comparison of challenger and champion is among them, or long past."""
EVENTS: Final = (("MODEL_VERSION_ALIAS", "CREATED"), ("MODEL_VERSION_ALIAS", "DELETED"))
LONGEST_ANSWER: Final = 6 * 2**20
"""Bytes: a page of models has a few million, and what a server sends must not end the operator, whose limit is 256 MiB:
JSON that means harm takes 21 times its length when it is read."""
_ABSENCES: Final = {Trouble.UNREACHABLE: Absence.UNREACHABLE, Trouble.DENIED: Absence.DENIED}


class Registry:
    """One MLflow server. Every request ends within `timeout` seconds; `on_call` is told of each."""

    def __init__(self, access: Access, timeout: float, *, on_call: OnCall | None = None) -> None:
        """Raises CredentialMissing: certificates to believe are none."""
        self._access, self._timeout = access, timeout
        self._api = AsyncMlflowRest(
            access.url,
            timeout=timeout,
            longest=LONGEST_ANSWER,
            authorization=access.authorization,
            verify=access.verify(),
        )
        self._on_call = on_call or (lambda _kind, _outcome: None)
        self._experiments: dict[str, str] = {}
        """By model the id of the experiment of its name."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()

    async def resolve(self, model: str, alias: str) -> Found | Absent:
        """The version an alias marks, by one request."""
        try:
            body = await self._ask(RESOLVE, "GET", "registered-models/alias", {"name": model, "alias": alias})
        except MlflowError as no:
            if no.code == names.MISSING:
                return self._no_model(model)
            # "Invalid" is an alias that is not there as well as one that cannot be: only the sentence tells.
            if no.code in names.ABSENT and no.said.endswith("not found."):
                return self._no_alias(model, alias)
            return self._absent(no)
        return self._version(body.get("model_version"))

    async def resolve_all(self, wanted: Collection[Marked]) -> dict[Marked, Answer]:
        """The versions these aliases mark. If MLflow is away, the answer is the same for all.

        One request, however many are wanted, in a registry of up to 1,000 models; one more for each further 1,000,
        until every model is found.
        """
        models = {model for model, _ in wanted}
        if not models:
            return {}
        try:
            listed = await (self._listed(models) if len(models) > 1 else self._one(*models))
        except MlflowError as no:
            return dict.fromkeys(wanted, self._absent(no))
        return {(model, alias): self._marked(listed.get(model), model, alias) for model, alias in wanted}

    async def tag(self, model: str, tag: VersionTag) -> str | None:
        """Set the version's tags `serving_at` and `serving`, in this order: who sees the second finds the first.

        None, or the sentence that says why not.
        """
        told: dict[str, str] = {names.TAG_SERVING: tag.value}
        if tag.at is not None:
            told = {names.TAG_SERVING_AT: tag.at.astimezone(UTC).isoformat(timespec="seconds"), **told}
        try:
            for key, value in told.items():
                body = {"name": model, "version": str(tag.version), "key": key, "value": value}
                await self._ask(TAG, "POST", "model-versions/set-tag", json=body)
        except MlflowError as no:
            return str(no)
        return None

    async def ensure_webhook(self, url: str, secret: str) -> str | None:
        """See to it that MLflow tells this address of every alias that moves, signed with the secret.

        None if it does, or the sentence that says why not. MLflow delivers by a list that it reads once a minute
        (MLFLOW_WEBHOOK_CACHE_TTL). A webhook that somebody disabled in MLflow stays disabled.
        """
        try:
            return await self._ensure_webhook(url, secret)
        except MlflowError as no:
            told = f"webhook not registered: {no}{_hint(no)}; until then promotions are seen by polling alone"
            return told.replace(secret, "***")  # MLflow may quote what it could not store

    async def newest_batches(self, model: str) -> list[Any]:
        """The runs of the model's newest decided batches, newest first; none if it has none. Raises MlflowError."""
        if model not in self._experiments:
            try:
                body = await self._ask(BATCHES, "GET", "experiments/get-by-name", {"experiment_name": model})
            except MlflowError as no:
                if no.code == names.MISSING:
                    return []
                raise
            self._experiments[model] = str(_mapping(body.get("experiment")).get("experiment_id", ""))
        wanted = {
            "experiment_ids": [self._experiments[model]],
            "filter": f"tags.`{names.TAG_TRAIN}` != ''",
            "order_by": ["attributes.start_time DESC"],
            "max_results": NEWEST_BATCHES,
        }
        runs: list[Any] = []
        try:
            runs = _list((await self._ask(BATCHES, "POST", "runs/search", json=wanted)).get("runs"))
        finally:
            if not runs:  # the experiment may have been deleted, and made anew
                self._experiments.pop(model, None)
        return runs

    async def _ask(
        self, kind: str, method: str, path: str, params: Mapping[str, str] | None = None, *, json: Any = None
    ) -> dict[str, Any]:
        try:
            answer = await self._api.ask(method, path, params, json=json)
        except MlflowError as no:
            self._on_call(kind, no.trouble)
            raise
        self._on_call(kind, "ok")
        return answer

    async def _one(self, model: str) -> dict[str, Mapping[str, Any]]:
        try:
            body = await self._ask(POLL, "GET", "registered-models/get", {"name": model})
        except MlflowError as no:
            if no.code == names.MISSING:
                return {}
            raise
        return {model: _mapping(body.get("registered_model"))}

    async def _listed(self, models: set[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        token = ""
        for _ in range(MOST_PAGES):
            body = await self._ask(POLL, "GET", "registered-models/search", _page(token))
            for entry in map(_mapping, _list(body.get("registered_models"))):
                if (name := entry.get("name")) in models:
                    found[name] = entry
            token = str(body.get("next_page_token", ""))
            if not token or len(found) == len(models):
                return found
        raise _OwnWords(
            Trouble.BAD_ANSWER,
            f"expected {len(models)} registered models among the first {MOST_PAGES * PAGE:,} of MLflow at "
            f"{self._api.shown}, found {len(found)}: correct the names of models that are not there",
        )

    async def _ensure_webhook(self, url: str, secret: str) -> str | None:
        wanted = _webhook(url, secret)
        ours = [hook for hook in await self._webhooks() if hook.get("name") == wanted["name"]]
        if not ours:
            await self._ask(WEBHOOK, "POST", "webhooks", json=wanted | {"secret": secret})
            return None
        # Two that asked at the same time both made one: each keeps the same one.
        ours.sort(key=lambda hook: (str(hook.get("creation_timestamp")), str(hook.get("webhook_id"))))
        kept, *doubles = ours
        for double in doubles:
            await self._delete_webhook(double)
        if any(_comparable(kept.get(key)) != _comparable(value) for key, value in wanted.items()):
            told = wanted | {"secret": secret}
            await self._ask(WEBHOOK, "PATCH", f"webhooks/{kept.get('webhook_id')}", json=told)
        if kept.get("status") == "DISABLED":
            return (
                f"expected the webhook {wanted['name']} in MLflow at {self._api.shown} to be active, somebody disabled "
                "it there: enable it or delete it there; until then promotions are seen by polling alone"
            )
        return None

    async def _webhooks(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        token = ""
        for _ in range(MOST_PAGES):
            body = await self._ask(WEBHOOK, "GET", "webhooks", _page(token))
            found += map(_mapping, _list(body.get("webhooks")))
            token = str(body.get("next_page_token", ""))
            if not token:
                break
        return found

    async def _delete_webhook(self, hook: Mapping[str, Any]) -> None:
        try:
            await self._ask(WEBHOOK, "DELETE", f"webhooks/{hook.get('webhook_id')}")
        except MlflowError as no:
            if no.code != names.MISSING:  # else another operator was faster
                raise

    def _marked(self, entry: Mapping[str, Any] | None, model: str, alias: str) -> Found | Absent:
        if entry is None:
            return self._no_model(model)
        if alias.lower() == NEWEST:
            found = [self._version(each) for each in _list(entry.get("latest_versions"))]
            newest = max((one.version for one in found if isinstance(one, Found)), default=None)
            return self._no_alias(model, alias) if newest is None else Found(newest)
        for each in map(_mapping, _list(entry.get("aliases"))):
            if each.get("alias") == alias:
                return self._version(each)
        return self._no_alias(model, alias)

    def _version(self, entry: Any) -> Found | Absent:
        try:
            return Found(int(_mapping(entry)["version"]))
        except (KeyError, TypeError, ValueError):
            return Absent(
                Absence.BAD_ANSWER,
                f"expected a version from MLflow at {self._api.shown}, got something else: is the address right?",
                line(str(entry), 80),
            )

    def _absent(self, no: MlflowError) -> Absent:
        """What goes into status has our own words alone: whoever may write an address must not read by it."""
        return Absent(_ABSENCES.get(no.trouble, Absence.BAD_ANSWER), self._words(no), no.said)

    def _words(self, no: MlflowError) -> str:
        if isinstance(no, _OwnWords):
            return str(no)
        if no.said == TOO_MUCH:
            came = f"answered more than {LONGEST_ANSWER:,} bytes; is the address right?"
        elif not no.status:
            came = f"gave {failure(no.__cause__, self._timeout)}; is it running, and is the address right?"
        elif no.trouble is Trouble.DENIED:
            came = f"denied with {no.status}; {self._access.denied}"
        elif no.trouble is Trouble.UNREACHABLE:
            came = f"failed with {no.status}; its log says why"
        elif no.trouble is Trouble.REFUSED:
            came = f"refused with {no.status}; correct the names of model and alias"
        else:
            came = f"answered {no.status}, which is not MLflow's API; is the address right?"
        return f"expected an answer from MLflow at {self._api.shown}, it {came}"

    def _no_model(self, model: str) -> Absent:
        return Absent(
            Absence.MODEL_MISSING,
            f"expected a registered model {model!r} in MLflow at {self._api.shown}, it has none: register it, or "
            "correct the model's name",
        )

    def _no_alias(self, model: str, alias: str) -> Absent:
        return Absent(
            Absence.ALIAS_MISSING,
            f"expected the alias {alias!r} on a version of {model!r} in MLflow at {self._api.shown}, none has it: set "
            "it, or correct the alias's name",
        )


class _OwnWords(MlflowError):
    """Its message repeats nothing of what MLflow sent."""


def _webhook(url: str, secret: str) -> dict[str, Any]:
    """A webhook's fields, all of which can be read back.

    The name is the address's, so that operators at different addresses leave each other's alone. The secret cannot be
    read back: the description tells one from another, and gives away no more than any signature does.
    """
    address = hashlib.sha256(url.encode()).hexdigest()[:16]
    mark = hmac.digest(secret.encode(), f"which secret {url} has".encode(), "sha256").hex()[:16]
    return {
        "name": f"relevo-operator-{address}",
        "url": url,
        "description": f"Tells relevo-operator of aliases that move. Signed with the secret {mark}.",
        "events": [{"entity": entity, "action": action} for entity, action in EVENTS],
    }


def _comparable(value: Any) -> Any:
    """A webhook's field; its events come back in any order."""
    return sorted(str(sorted(_mapping(each).items())) for each in value) if isinstance(value, list) else value


def _hint(no: MlflowError) -> str:
    """What most likely is the matter with a server that does not take a webhook."""
    if no.trouble is Trouble.DENIED:
        return "; only an administrator of MLflow may register webhooks"
    if not no.code and no.status in {404, 405}:
        return "; webhooks came with MLflow 3.3"
    if no.code == "INVALID_PARAMETER_VALUE":
        return (
            "; inside a cluster MLflow needs MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https and "
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true"
        )
    if no.status >= 500:
        return (
            "; it has no webhooks if its store is no database, and cannot read them if it was started without "
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY or with another than before"
        )
    return ""


def _page(token: str) -> dict[str, str]:
    return {"max_results": str(PAGE)} | ({"page_token": token} if token else {})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
