"""What a step said whose last line got lost: it was killed after its work and before its word, with the demo or alone.

Run again, such a step has nothing to do and nothing to tell; the batch's decision record in MLflow still knows.
"""

from __future__ import annotations

import contextlib
import urllib.parse
from collections.abc import Callable, Mapping
from json import loads
from typing import Any, Final

import httpx
from pydantic import ValidationError

from relevo_contract import bounded_http, names
from relevo_contract.record import DecisionRecord
from relevo_demo.story import Body

SECONDS: Final = 30.0
"""For one answer."""
LONGEST_ANSWER: Final = 2**24
"""Bytes: a record has some hundred thousand."""

Recall = Callable[[str, int], Body | None]
"""Of a step and a batch's number: its last line as far as the row needs it, None if nothing is kept."""


def said(step: str, record: DecisionRecord) -> Body | None:
    """The step's last line, made from the batch's record. Pure."""
    decision, promotion = record.decision, record.promotion
    if step == "decide":
        return {
            "step": step,
            "status": "done" if decision.train else "nothing",
            "batch": record.batch.number,
            "sentence": decision.sentence,
            "train": decision.train,
            "moved": list(decision.moved),
            "champion_version": record.champion_version,
            "error": decision.error and decision.error.now.model_dump(),
        }
    if step == "promote" and promotion is not None:
        return {
            "step": step,
            "status": "done",
            "batch": record.batch.number,
            "sentence": promotion.sentence,
            "version": promotion.challenger_version,
            "promoted": promotion.promoted,
            "criterion": promotion.criterion.value,
            "champion_version": promotion.champion_version,
            "champion_error": promotion.champion.model_dump(),
            "challenger_error": promotion.challenger.model_dump(),
        }
    return None


def from_mlflow(url: str, group: str, model: str) -> Recall:
    """Recall from the MLflow server at `url`. It gives None also if the server does not answer."""

    def recall(step: str, batch: int) -> Body | None:
        with contextlib.suppress(httpx.HTTPError, ValidationError, LookupError, ValueError):
            return said(step, _record(url, model, group, batch))
        return None

    return recall


def _record(url: str, model: str, group: str, batch: int) -> DecisionRecord:
    name = urllib.parse.quote(model)
    experiment = loads(_get(f"{url}/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}"))["experiment"]
    asked = {
        "experiment_ids": [experiment["experiment_id"]],
        "filter": f"tags.`{names.TAG_GROUP}` = '{group}' and tags.`{names.TAG_BATCH}` = '{batch}'",
        "max_results": 1,
    }
    (run,) = loads(_get(f"{url}/api/2.0/mlflow/runs/search", asked))["runs"]
    file = urllib.parse.urlencode({"path": names.RECORD_FILE, "run_uuid": run["info"]["run_id"]})
    return DecisionRecord.model_validate_json(_get(f"{url}/get-artifact?{file}"))


def _get(url: str, body: Mapping[str, Any] | None = None) -> bytes:
    with httpx.Client() as client:
        asked: dict[str, Any] = {} if body is None else {"json": dict(body)}
        method = "GET" if body is None else "POST"
        answer = bounded_http.ask(client, method, url, seconds=SECONDS, most=LONGEST_ANSWER, **asked)
    return answer.raise_for_status().content
