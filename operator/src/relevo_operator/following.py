"""Following the registries: what each alias marks, by one question a registry and interval, and by webhook in between.

A delivery is a reason to ask, not an answer: deliveries may come late, twice or out of order.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from relevo_contract import texts
from relevo_operator.credentials import Access, Credentials
from relevo_operator.errors import AddressRefused, ClusterAway, UnusableCredential
from relevo_operator.metrics import Metrics
from relevo_operator.registry import Registry
from relevo_operator.signature import Delivery
from relevo_operator.values import Absence, Absent, Answer, NotAsked, RegistryRef, SecretRef, VersionTag
from relevo_operator.workqueue import Key

log = logging.getLogger("relevo.registry")
WEBHOOK_AGAIN: Final = 600.0
"""Seconds after which it is made sure that the webhook still stands."""
WEBHOOK_RETRY: Final = 60.0
"""The same after it was refused."""
AWAY_AGAIN: Final = 15.0
"""Seconds after which a registry that did not answer is asked again, however long the interval."""
GATHER: Final = 0.05
"""Seconds to wait for more marks before asking for those that nobody asked for yet."""
Marked = tuple[str, str]
"""Model and alias."""
Source = tuple[SecretRef | None, str]
"""RegistryRef.source"""


@dataclass
class _Followed:
    """One registry and who follows which mark of it."""

    ref: RegistryRef
    """Of one that follows it: where it is, and the Secret beside; its mark is of no matter."""
    shown: str
    """Its address, once it is known."""
    access: Access | None = None
    registry: Registry | None = None
    """None until it is known as whom to ask, and while that cannot be known."""
    wanted: dict[Key, tuple[Marked, float]] = field(default_factory=dict)
    """By ModelDeployment its mark and its poll interval in seconds."""
    answers: dict[Marked, tuple[int, Answer]] = field(default_factory=dict)
    """By mark the answer, and which question of this registry it came of."""
    questions: int = 0
    first: asyncio.Task[None] | None = None
    """Asks for the marks that nobody asked for yet."""
    sooner: asyncio.Event = field(default_factory=asyncio.Event)
    tagged: dict[tuple[str, int], VersionTag] = field(default_factory=dict)
    """By model and version the tags that the registry is known to hold."""

    def pause(self) -> float:
        """Seconds until it is to be asked again."""
        away = any(
            isinstance(answer, Absent) and answer.reason is Absence.UNREACHABLE for _, answer in self.answers.values()
        )
        return min(self.interval, AWAY_AGAIN) if away else self.interval

    @property
    def interval(self) -> float:
        """Seconds between two questions: the shortest that somebody asks for."""
        return min(seconds for _, seconds in self.wanted.values())

    def marks(self) -> set[Marked]:
        """What somebody follows."""
        return {mark for mark, _ in self.wanted.values()}

    def drop_unwanted(self) -> None:
        """Forget answers that nobody follows any more: unasked they grow old, and may be followed again."""
        wanted = self.marks()
        self.answers = {mark: answer for mark, answer in self.answers.items() if mark in wanted}

    def keys(self, mark: Marked) -> list[Key]:
        """Who follows this mark."""
        return [key for key, (wanted, _) in self.wanted.items() if wanted == mark]


class Following:
    """All registries. `changed` is called with each ModelDeployment whose answer is another than the one before."""

    def __init__(
        self,
        metrics: Metrics,
        changed: Callable[[Key], None],
        credentials: Credentials,
        *,
        timeout: float,
        webhook_url: str = "",
    ) -> None:
        """`webhook_url` is where registries are told to find this operator; empty: they are told nothing."""
        self._metrics, self._changed, self._credentials = metrics, changed, credentials
        self._timeout, self._webhook_url = timeout, webhook_url
        self._followed: dict[Source, _Followed] = {}
        self._where: dict[Key, Source] = {}
        self._tasks: dict[Source, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Stop following."""
        tasks = [*self._tasks.values(), *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for followed in self._followed.values():
            if followed.registry is not None:
                await followed.registry.aclose()

    def watch(self, key: Key, ref: RegistryRef, poll_seconds: float) -> None:
        """A ModelDeployment follows this mark; says it again whenever it is looked at."""
        source = ref.source
        if self._where.get(key, source) != source:
            self.forget(key)
        followed = self._followed.get(source)
        if followed is None:
            shown = "/".join(ref.secret) if ref.secret else texts.address(ref.tracking_uri)
            followed = self._followed[source] = _Followed(ref, shown)
        mark, known = (ref.model, ref.alias), followed.wanted.get(key)
        if known == (mark, poll_seconds):
            return
        before = followed.interval if followed.wanted else float("inf")
        followed.wanted[key] = (mark, poll_seconds)
        if known is not None and known[0] != mark:
            followed.drop_unwanted()
        self._where[key] = source
        if followed.interval < before and before != float("inf"):
            followed.sooner.set()
        if source not in self._tasks:
            self._tasks[source] = asyncio.create_task(self._poll(followed))

    async def _open(self, followed: _Followed) -> Registry | Absent:
        """The registry as its owner lets us in now, or why nobody is asked. Raises ClusterAway.

        A Secret is read before each question: one that was changed or taken back holds at once.
        """
        registry: Registry | None = None
        try:
            access = await self._credentials.registry(followed.ref)
            if access == followed.access and followed.registry is not None:
                return followed.registry
            calls = self._metrics.registry_calls
            registry = Registry(
                access, self._timeout, on_call=lambda kind, outcome: calls.labels(access.url, kind, outcome).inc()
            )
            followed.shown = access.url
        except UnusableCredential as error:
            access = None
            refused = isinstance(error, AddressRefused)
            answer = Absent(Absence.ADDRESS_REFUSED if refused else Absence.CREDENTIAL_MISSING, str(error))
        before, followed.access, followed.registry = followed.registry, access, registry
        if before is not None:
            self._in_background(before.aclose())
        return registry or answer

    def registry_keys(self, ref: RegistryRef) -> tuple[str, ...] | None:
        """What the Secret of a registry holds that pods need; None if there is none, or it cannot be read now."""
        followed = self._followed.get(ref.source)
        return followed.access.keys if ref.secret and followed is not None and followed.access is not None else None

    def secrets(self) -> set[str]:
        """What webhooks may be signed with."""
        opened = (one.access for one in self._followed.values())
        return {access.webhook_secret for access in opened if access is not None} - {""}

    def forget(self, key: Key) -> None:
        """A ModelDeployment is gone; a registry that nobody follows any more is asked no more."""
        source = self._where.pop(key, None)
        if source is None:
            return
        followed = self._followed[source]
        del followed.wanted[key]
        followed.drop_unwanted()
        if not followed.wanted:
            del self._followed[source]
            self._tasks.pop(source).cancel()
            if followed.registry is not None:
                self._in_background(followed.registry.aclose())

    def models(self) -> list[tuple[str, set[str], Registry]]:
        """By registry, how people see its address and the models that are followed there."""
        return [
            (one.shown, {model for model, _ in one.marks()}, one.registry)
            for one in self._followed.values()
            if one.registry is not None
        ]

    async def answer(self, ref: RegistryRef, *, now: bool = False) -> Answer:
        """What the mark says; asked `now`, or if nobody did yet. NotAsked if it is followed no more."""
        followed = self._followed.get(ref.source)
        mark = (ref.model, ref.alias)
        if followed is None:
            return NotAsked()
        if now:
            await self._ask(followed, mark)
        while mark not in followed.answers:
            if mark not in followed.marks():
                return NotAsked()
            if followed.first is None or followed.first.done():
                followed.first = asyncio.create_task(self._ask_missing(followed))
            await asyncio.shield(followed.first)
        return followed.answers[mark][1]

    async def _ask(self, followed: _Followed, *marks: Marked) -> None:
        """Ask for one mark, or for many at once."""
        followed.questions += 1
        question = followed.questions
        registry = await self._open(followed)
        answers: dict[Marked, Answer]
        if isinstance(registry, Absent):
            answers = dict.fromkeys(marks, registry)
        elif len(marks) == 1:
            answers = {marks[0]: await registry.resolve(*marks[0])}
        else:
            answers = await registry.resolve_all(marks)
        self._heard(followed, question, answers)

    async def _ask_missing(self, followed: _Followed) -> None:
        """Ask once for every mark that nobody asked for yet: at start, those of all ModelDeployments."""
        await asyncio.sleep(GATHER)
        missing = followed.marks() - followed.answers.keys()
        if missing:
            await self._ask(followed, *missing)

    def _heard(self, followed: _Followed, question: int, answers: dict[Marked, Answer]) -> None:
        """Keep the answers. A poll of many takes longer than a question for one: what was asked later is newer."""
        wanted = followed.marks()
        for mark, answer in answers.items():
            asked, before = followed.answers.get(mark, (0, NotAsked()))
            if asked > question or mark not in wanted:
                continue
            followed.answers[mark] = (question, answer)
            if answer != before:
                followed.sooner.set()  # it may have gone away, or come back
                log.info(
                    "alias_answer",
                    extra={"registry": followed.shown, "model": mark[0], "alias": mark[1], "answer": str(answer)},
                )
                # A first answer is nobody's news: whoever follows the mark is being looked at, or named already.
                for key in followed.keys(mark) if before != NotAsked() else ():
                    self._changed(key)

    async def _poll(self, followed: _Followed) -> None:
        """Ask once an interval, and keep the webhook standing, until cancelled."""
        asked, webhook_due = time.monotonic(), 0.0
        while True:
            try:
                if not self._webhook_url:
                    webhook_due = float("inf")
                elif time.monotonic() >= webhook_due:
                    webhook_due = time.monotonic() + await self._keep_webhook(followed)
                followed.sooner.clear()
                # A tenth of chance: a hundred operators on one registry do not ask in step.
                due = asked + followed.pause() * random.uniform(0.9, 1.0)  # noqa: S311
                with suppress(TimeoutError):
                    # Python 3.11's wait_for may lose a cancellation.
                    async with asyncio.timeout(min(due, webhook_due) - time.monotonic()):
                        await followed.sooner.wait()
                    continue  # another interval holds now
                if time.monotonic() >= due:
                    asked = time.monotonic()
                    await self._ask(followed, *followed.marks())
            except Exception as error:  # whatever it is, it is tried again
                away = isinstance(error, ClusterAway)
                told = {"registry": followed.shown, "why": str(error)}
                log.warning("poll_failed", extra=told, exc_info=None if away else error)
                await asyncio.sleep(AWAY_AGAIN)

    async def _keep_webhook(self, followed: _Followed) -> float:
        """Register it, where its owner gave a secret for it; returns in how many seconds to look again."""
        registry = await self._open(followed)
        if isinstance(registry, Absent):
            return WEBHOOK_RETRY
        secret = followed.access.webhook_secret if followed.access is not None else ""
        if not secret:
            self._metrics.webhook.labels(followed.shown).set(False)
            return WEBHOOK_AGAIN
        refused = await registry.ensure_webhook(self._webhook_url, secret)
        self._metrics.webhook.labels(followed.shown).set(refused is None)
        if refused is None:
            return WEBHOOK_AGAIN
        log.warning("webhook_refused", extra={"registry": followed.shown, "why": refused, "polling": followed.interval})
        return WEBHOOK_RETRY

    def delivered(self, delivery: Delivery) -> None:
        """A registry says that an alias moved: ask it, if it is followed for it, without making it wait.

        Only those are asked whose webhook has the secret that signed.
        """
        mark = (delivery.name, delivery.alias)
        for followed in self._followed.values():
            secret = followed.access.webhook_secret if followed.access is not None else ""
            if secret == delivery.secret and followed.keys(mark):
                self._in_background(self._ask(followed, mark))

    def tag(self, ref: RegistryRef, tag: VersionTag) -> None:
        """Let a model version say what became of it; what the registry is known to hold is not sent again."""
        followed = self._followed.get(ref.source)
        if followed is not None and followed.tagged.get((ref.model, tag.version)) != tag:
            followed.tagged[ref.model, tag.version] = tag
            self._in_background(self._tag(followed, ref.model, tag))

    async def _tag(self, followed: _Followed, model: str, tag: VersionTag) -> None:
        registry = await self._open(followed)
        refused = registry.message if isinstance(registry, Absent) else await registry.tag(model, tag)
        if refused is not None:
            followed.tagged.pop((model, tag.version), None)  # the next look at the object tries again
            told = {"registry": followed.shown, "model": model, "version": tag.version, "tag": tag.value}
            log.warning("tag_refused", extra=told | {"why": refused})

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(_unless_away(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _unless_away(work: Coroutine[None, None, None]) -> None:
    """Do it; if the API server is away, the next question or look does it."""
    try:
        await work
    except ClusterAway as error:
        log.warning("left_undone", extra={"why": str(error)})
