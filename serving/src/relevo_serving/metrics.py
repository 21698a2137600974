"""What Prometheus is told; docs/serving.md lists each.

The figures of requests are plain numbers that a request adds to; Prometheus' own classes lock at every step, and a
prediction takes a dozen. They are turned into its text when it asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from relevo_contract.lookup import FEW
from relevo_serving.live import Live
from relevo_serving.state import State
from relevo_serving.storing.keeping import Keeper

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DOLLARS: Final = (25e3, 50e3, 1e5, 1.5e5, 2e5, 3e5, 4e5, 5e5, 7.5e5, 1e6, 1.5e6, 2e6, 3e6, 5e6, 1e7)


class Histogram:
    """Values by bucket."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_all(self, values: Sequence[float]) -> None:
        """Count some."""
        self._sum += sum(values)
        for bucket, times in Counter(np.searchsorted(self._bounds, values).tolist()).items():
            self._counts[bucket] += times

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulated counts by upper bound, as Prometheus has them, and the sum."""
        found, below = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found, self._sum


class Figures:
    """What requests add to, from one thread."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        """By route and status."""
        self.seconds: dict[str, Histogram] = {}
        """By route."""
        self.houses = 0
        self.dollars = Histogram(DOLLARS)
        self.unseen: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        """By input, of the houses priced."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.answers[route, status] += 1
        if (histogram := self.seconds.get(route)) is None:
            histogram = self.seconds[route] = Histogram(SECONDS)
        histogram.add(seconds)

    def priced(self, predictions: Sequence[Mapping[str, Any]]) -> None:
        """Count houses."""
        self.houses += len(predictions)
        if len(predictions) <= FEW:  # counting what is counted takes its time to begin
            for told in predictions:
                self.dollars.add(told["price"])
                for name in told["unseen"]:
                    self.unseen[name] += 1
                for name in told["missing"]:
                    self.missing[name] += 1
            return
        self.dollars.add_all([told["price"] for told in predictions])
        for counts, what in ((self.unseen, "unseen"), (self.missing, "missing")):
            for names, times in Counter([told[what] for told in predictions]).items():
                for name in names:
                    counts[name] += times


class _Collector(Collector):
    """Turns the figures into Prometheus' metrics when it asks."""

    def __init__(self, figures: Figures, state: State, keeper: Keeper, live: Live, model: str) -> None:
        self._figures, self._state, self._keeper, self._live, self._model = figures, state, keeper, live, model

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._houses()
        yield from self._versions()
        yield from self._storage()
        yield from self._drift()

    def _requests(self) -> Iterator[Metric]:
        answers = CounterMetricFamily("relevo_serving_requests", "Answers", labels=["route", "status"])
        for (route, status), count in sorted(self._figures.answers.items()):
            answers.add_metric([route, str(status)], count)
        yield answers
        seconds = HistogramMetricFamily(
            "relevo_serving_request_seconds", "From a request's arrival to its answer", labels=["route"]
        )
        for route, histogram in sorted(self._figures.seconds.items()):
            seconds.add_metric([route], *histogram.buckets())
        yield seconds

    def _houses(self) -> Iterator[Metric]:
        figures = self._figures
        yield CounterMetricFamily("relevo_serving_houses", "Houses priced", value=figures.houses)
        buckets, total = figures.dollars.buckets()
        yield HistogramMetricFamily(
            "relevo_serving_prediction_dollars", "Prices, US dollars", buckets=buckets, sum_value=total
        )
        for name, what, counts in (
            ("unseen", "Houses whose category of this input the version never saw", figures.unseen),
            ("missing", "Houses without this input", figures.missing),
        ):
            family = CounterMetricFamily(f"relevo_serving_inputs_{name}", what, labels=["input"])
            for given, count in sorted(counts.items()):
                family.add_metric([given], count)
            yield family

    def _versions(self) -> Iterator[Metric]:
        served, refused, registry = self._state.served, self._state.refused, self._state.registry
        family = GaugeMetricFamily(
            "relevo_serving_version",
            "Model version by role: served, wanted (by the registry), refused",
            labels=["model", "role"],
        )
        for role, version in (
            ("served", served.target.version if served else None),
            ("wanted", registry.wanted),
            ("refused", refused.target.version if refused else None),
        ):
            if version is not None:
                family.add_metric([self._model, role], version)
        yield family
        if registry.reachable is not None:
            yield GaugeMetricFamily(
                "relevo_serving_registry_reachable", "1 if MLflow answered last time", value=int(registry.reachable)
            )

    def _storage(self) -> Iterator[Metric]:
        keeper, spool, delivery = self._keeper, self._keeper.spool, self._keeper.delivery
        if spool is None or delivery is None:
            return
        yield CounterMetricFamily("relevo_serving_inferences_kept", "Houses kept in the spool", value=keeper.rows)
        yield CounterMetricFamily(
            "relevo_serving_inferences_lost", "Houses priced and not kept: the spool was full", value=keeper.lost
        )
        yield CounterMetricFamily(
            "relevo_serving_inferences_delivered", "Houses written to raw.inferences", value=delivery.rows
        )
        yield CounterMetricFamily(
            "relevo_serving_inferences_refused", "Requests that RAW can never take, set aside", value=delivery.refused
        )
        yield GaugeMetricFamily(
            "relevo_serving_spool_waiting_bytes", "Bytes that RAW does not have yet", value=delivery.waiting()
        )
        yield GaugeMetricFamily("relevo_serving_spool_bytes", "Bytes on disk", value=spool.size)
        yield GaugeMetricFamily("relevo_serving_spool_limit_bytes", "Most bytes on disk", value=spool.limit)
        yield GaugeMetricFamily(
            "relevo_serving_store_reachable", "1 if the last delivery to RAW went well", value=delivery.problem is None
        )

    def _drift(self) -> Iterator[Metric]:
        distance = GaugeMetricFamily(
            "relevo_serving_live_drift_distance",
            "How far the newest houses asked for are from the version's training data, 0 to 1",
            labels=["column"],
        )
        noise = GaugeMetricFamily(
            "relevo_serving_live_drift_noise", "The distance that noise alone stays below", labels=["column"]
        )
        for evidence in self._live.evidence(self._state.served):
            distance.add_metric([evidence.column], evidence.distance)
            noise.add_metric([evidence.column], evidence.limit)
        yield distance
        yield noise
        yield GaugeMetricFamily(
            "relevo_serving_live_houses", "Houses that live drift is told of", value=len(self._live)
        )


class Metrics:
    """Everything Prometheus is told, as its text."""

    def __init__(self, figures: Figures, state: State, keeper: Keeper, live: Live, model: str) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(figures, state, keeper, live, model))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)
