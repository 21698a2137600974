"""What Prometheus is told; docs/serving.md lists each."""

from __future__ import annotations

import time
from collections import Counter as Counts
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from relevo_contract.drift import evidence
from relevo_contract.graph_inputs import columns_of
from relevo_contract.record import ColumnEvidence
from relevo_serving.model import Row
from relevo_serving.predicting import Predicted
from relevo_serving.state import Served, State
from relevo_serving.storing.keeping import Keeper

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PREDICTIONS: Final = (0.0, *(float(f"{digits}e{power}") for power in range(-2, 9) for digits in (1, 2, 5)))
"""Bounds for a target of any unit; the same for every version, so that those of two can be added up."""
WINDOW: Final = 2000
"""Newest rows that are held against the version's profile."""
FEWEST: Final = 100
"""Below this, distances are noise and are not told."""
FALSE_ALARMS: Final = 0.01
EVERY: Final = 30.0
"""Seconds for which a comparison holds: it takes some tens of milliseconds."""
_NUMBERS: Final = frozenset({float, int})

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of its begin


class Metrics(Collector):
    """Counts what requests are answered, and tells everything as Prometheus' text; what others keep is read then."""

    def __init__(self, state: State, keeper: Keeper, model: str) -> None:
        self._state, self._keeper, self._model = state, keeper, model
        self._registry = registry = CollectorRegistry()
        counter = partial(prometheus_client.Counter, registry=registry)
        histogram = partial(prometheus_client.Histogram, registry=registry)
        self._answers = counter("relevo_serving_requests", "Answers", ["route", "status"])
        arriving = "From a request's arrival to its answer"
        self._seconds = histogram("relevo_serving_request_seconds", arriving, ["route"], buckets=SECONDS)
        self._rows = counter("relevo_serving_rows", "Rows predicted")
        unit = "Predictions, in the target's unit"
        self._predictions = histogram("relevo_serving_prediction", unit, buckets=PREDICTIONS)
        never = "Rows whose category of this input the version never saw"
        self._unseen = counter("relevo_serving_inputs_unseen", never, ["input"])
        self._missing = counter("relevo_serving_inputs_missing", "Rows without this input", ["input"])
        self._keys = counter("relevo_serving_keys_used", "Requests by the client whose key they had", ["client"])
        registry.register(self)
        prometheus_client.ProcessCollector(registry=registry)
        self._labelled: Any = cache(lambda metric, *labels: metric.labels(*labels))
        """The labels' own counter, which prometheus_client takes long to find."""
        self._newest: deque[Row] = deque(maxlen=WINDOW)
        self._drift: tuple[Served | None, float, tuple[ColumnEvidence, ...]] = (None, 0.0, ())
        """Of a version, since when, each column's distance to its training data."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._labelled(self._answers, route, status).inc()
        self._labelled(self._seconds, route).observe(seconds)

    def key_used(self, client: str) -> None:
        """Count a request of a client's."""
        self._labelled(self._keys, client).inc()

    def predicted(self, requests: Sequence[Predicted]) -> None:
        """Count what was predicted."""
        predictions = [told for one in requests for told in one.predictions]
        self._newest.extend(row for one in requests for row in one.rows)
        self._rows.inc(len(predictions))
        for told in predictions:
            if type(told["prediction"]) in _NUMBERS:
                self._predictions.observe(told["prediction"])
        for what, counter in (("unseen", self._unseen), ("missing", self._missing)):
            names = [name for told in predictions for name in told[what]]
            for name, times in Counts(names).items() if names else ():
                self._labelled(counter, name).inc(times)

    def text(self) -> bytes:
        """The exposition format."""
        return prometheus_client.generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What others keep, for the registry, which asks for it."""
        served, refused, registry = self._state.served, self._state.refused, self._state.registry
        told = "Model version by role: served, wanted (by the registry), refused"
        versions = GaugeMetricFamily("relevo_serving_version", told, labels=["model", "role"])
        for role, version in (
            ("served", served.target.version if served else None),
            ("wanted", registry.wanted_version),
            ("refused", refused.version if refused else None),
        ):
            if version is not None:
                versions.add_metric([self._model, role], version)
        yield versions
        if registry.reachable is not None:
            told = "1 if MLflow answered last time"
            yield GaugeMetricFamily("relevo_serving_registry_reachable", told, value=int(registry.reachable))
        yield from self._storage()
        told = "How far the newest rows asked for are from the version's training data, 0 to 1"
        distance = GaugeMetricFamily("relevo_serving_live_drift_distance", told, labels=["column"])
        told = "The distance that noise alone stays below"
        noise = GaugeMetricFamily("relevo_serving_live_drift_noise", told, labels=["column"])
        for column in self._evidence(served):
            distance.add_metric([column.column], column.distance)
            noise.add_metric([column.column], column.limit)
        yield distance
        yield noise
        yield GaugeMetricFamily("relevo_serving_live_rows", "Rows that live drift is told of", value=len(self._newest))

    def _storage(self) -> Iterator[Metric]:
        keeper, spool, delivery = self._keeper, self._keeper.spool, self._keeper.delivery
        if spool is None or delivery is None:
            return
        for name, told, count in (
            ("kept", "Rows kept in the spool", keeper.rows),
            ("lost", "Rows predicted and not kept: the spool was full", keeper.lost),
            ("delivered", "Rows written to raw.inferences", delivery.rows),
            ("refused", "Requests that RAW can never take, set aside", delivery.refused),
        ):
            yield CounterMetricFamily(f"relevo_serving_inferences_{name}", told, value=count)
        for name, told, value in (
            ("spool_waiting_bytes", "Bytes that RAW does not have yet", delivery.waiting()),
            ("spool_bytes", "Bytes on disk", spool.size),
            ("spool_limit_bytes", "Most bytes on disk", spool.limit),
            ("store_reachable", "1 if the last delivery to RAW went well", delivery.problem is None),
        ):
            yield GaugeMetricFamily(f"relevo_serving_{name}", told, value=value)

    def _evidence(self, served: Served | None) -> tuple[ColumnEvidence, ...]:
        """Empty without a profile, and for too few rows."""
        of, at, found = self._drift
        if of is not served or time.monotonic() - at > EVERY:
            rows = list(self._newest)  # at one go: nothing is added meanwhile
            model, found = served.model if served else None, ()
            if model and model.data and model.profile and len(rows) >= FEWEST:
                found = evidence(model.profile, columns_of(model.data, rows), FALSE_ALARMS)
            self._drift = served, time.monotonic(), found
        return found
