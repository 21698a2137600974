"""Asking Airflow for runs, and what becomes of them: each by a task of its own, so that no look at an object waits."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from relevo_operator.airflow_api import AWAY, LOOK, MISSING, AirflowApi, No
from relevo_operator.credentials import Credentials
from relevo_operator.errors import ClusterAway, UnusableCredential
from relevo_operator.metrics import Metrics
from relevo_operator.retraining import OVER
from relevo_operator.values import (
    RetrainingRef,
    RunAnswer,
    RunGone,
    RunRefused,
    RunSeen,
    RunState,
    RunUnheard,
    RunWanted,
)
from relevo_operator.workqueue import Key

log = logging.getLogger("relevo.airflow")
FIRST_PAUSE: Final = 1.0
RUNNING_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 30.0
"""Seconds between two questions: of a run that goes on, and the longest of one that waits, or of an Airflow that is
away; these begin with the first and double."""


@dataclass
class _Followed:
    wanted: RunWanted
    task: asyncio.Task[None]
    answer: RunAnswer | None = None


class DagRuns:
    """All runs that are not over. `changed` is called with each ModelDeployment whose answer is another than before."""

    def __init__(self, credentials: Credentials, metrics: Metrics, changed: Callable[[Key], None]) -> None:
        self._credentials, self._metrics, self._changed = credentials, metrics, changed
        self._followed: dict[Key, _Followed] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Ask no more."""
        for key in tuple(self._followed):
            self.see_to(key, None)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def see_to(self, key: Key, wanted: RunWanted | None) -> None:
        """A ModelDeployment wants this run, or none any more; says it again whenever it is looked at."""
        there = self._followed.get(key)
        if there is not None:
            if wanted is not None and (wanted.ref, wanted.run_id) == (there.wanted.ref, there.wanted.run_id):
                return
            del self._followed[key]
            there.task.cancel()
            self._ending.add(there.task)
            there.task.add_done_callback(self._ending.discard)
        if wanted is not None:
            self._followed[key] = _Followed(wanted, asyncio.create_task(self._follow(key, wanted)))

    def answer(self, key: Key, run_id: str) -> RunAnswer | None:
        """What Airflow said last of a run; None if it was not asked yet."""
        there = self._followed.get(key)
        return there.answer if there is not None and there.wanted.run_id == run_id else None

    def _heard(self, key: Key, wanted: RunWanted, answer: RunAnswer) -> bool:
        """Keep an answer; returns whether it is another than before."""
        there = self._followed.get(key)
        if there is None or there.wanted is not wanted or there.answer == answer:
            return False
        there.answer = answer
        said = {"object": "/".join(key), "login": wanted.ref.secret, "run": wanted.run_id}
        log.info("run_answer", extra={**said, "answer": str(answer)})
        self._changed(key)
        return True

    async def _follow(self, key: Key, wanted: RunWanted) -> None:
        """Ask for the run, and about it until it is over."""
        known, same, api = wanted.known, 0, None
        try:
            while True:
                answer: RunAnswer
                try:
                    if api is None:
                        api = await self._api(key[0], wanted.ref)
                    if not known:
                        by = f"ModelDeployment {'/'.join(key)}"
                        conf = {wanted.param: wanted.reason} | ({"include_by": by} if wanted.param == "include" else {})
                        await api.trigger(wanted.ref.dag, wanted.run_id, conf, f"asked for by {by}: {wanted.reason}")
                        known = True
                    answer = await api.run(wanted.ref.dag, wanted.run_id)
                except Exception as error:  # whatever it is, it is told and tried again
                    answer = _failed(error, wanted, known=known)
                    if api is not None:
                        await api.aclose()
                    api = None  # the Secret is read anew: its password may be another now
                same = 0 if self._heard(key, wanted, answer) else same + 1
                if isinstance(answer, RunRefused | RunGone) or (isinstance(answer, RunSeen) and answer.state in OVER):
                    return
                await asyncio.sleep(_pause(answer, same))
        finally:
            if api is not None:
                await api.aclose()

    async def _api(self, namespace: str, ref: RetrainingRef) -> AirflowApi:
        calls = self._metrics.airflow_calls
        url, login = await self._credentials.airflow(namespace, ref)
        return AirflowApi(url, login, on_call=lambda kind, outcome: calls.labels(url, kind, outcome).inc())


def _pause(answer: RunAnswer, same: int) -> float:
    """Seconds until the next question; a tenth of chance, so that many do not ask in step."""
    running = isinstance(answer, RunSeen) and answer.state is RunState.RUNNING
    pause = RUNNING_PAUSE if running else min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(same, 10))
    return pause * random.uniform(0.9, 1.0)  # noqa: S311


def _failed(error: Exception, wanted: RunWanted, *, known: bool) -> RunAnswer:
    """What an attempt that failed says of the run: a refusal is final only while Airflow does not have the run."""
    final = True
    match error:
        case UnusableCredential():
            said = str(error)
        case No():
            said, final = error.message, error.outcome != AWAY
        case ClusterAway():
            said, final = str(error), False
        case _:
            log.error("follow_failed", extra={"run": wanted.run_id}, exc_info=error)
            said, final = f"the operator could not ask ({type(error).__name__}), its log says why", False
    if final and not known:
        return RunRefused(said)
    if known and isinstance(error, No) and error.kind == LOOK and error.outcome == MISSING:
        return RunGone(f"the run was deleted in Airflow, or spec.retraining was changed meanwhile: {said}")
    return RunUnheard(said, known=known)
